"""Bring a brand's members in from a CSV file: the way in where the SaaS has no API."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice

from pydantic import ValidationError

from integrations.qinniao import service
from integrations.qinniao.models import QinniaoObject
from integrations.qinniao.wire import SaasMember, wrong_fields
from roost import Context, Invalid, members

CHUNK = 200  # rows committed together
MOST_ERRORS = 100
CHANNEL = "saas"
COLUMNS = {  # heading: field
    "id": "id", "会员号": "id", "会员编号": "id",
    "phone": "phone", "手机": "phone", "手机号": "phone",
    "name": "name", "姓名": "name",
    "status": "status", "状态": "status", "会籍状态": "status",
    "joined_on": "joined_on", "入会日期": "joined_on",
    "ends_on": "ends_on", "valid_until": "ends_on", "到期日": "ends_on", "到期日期": "ends_on",
    "store_id": "store_id", "门店": "store_id", "门店编号": "store_id",
}  # fmt: skip
STATUSES = {
    "有效": "active",
    "正常": "active",
    "停卡": "frozen",
    "冻结": "frozen",
    "过期": "expired",
    "到期": "expired",
    "退卡": "refunded",
}
REQUIRED = ("id", "phone", "status")


@dataclass(slots=True)
class ImportReport:
    """What became of a file's rows. `errors` are (line, what is wrong), the first hundred."""

    rows: int = 0
    applied: int = 0  # taken over for a member that we know
    waiting: int = 0  # nobody here has the phone: taken over once they register
    unchanged: int = 0
    failed: int = 0
    registered: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, why: str) -> None:
        """Count a row that could not be used."""
        self.failed += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append((line, why))


def import_csv(
    ctx: Context, lines: Iterable[str], *, register: bool = False, as_of: datetime | None = None
) -> ImportReport:
    """Take over the members of a CSV file, chunk by chunk in transactions of its own; safe to run again.

    Headings are `id, phone, status` and optionally `name, joined_on, ends_on, store_id`, in English or
    Chinese; `status` is active, frozen, expired, refunded or cancelled, or 有效, 停卡, 过期, 退卡. `as_of`
    is when the file was written (None: now): a row does not undo later news. With `register` unknown people
    become leads of the channel `saas`; otherwise they wait until they register. Facts are of the origin
    import. Raises Invalid for missing headings; a bad row is in the report.
    """
    ctx = ctx.for_plugin(service.SLUG).imported()
    reader = csv.DictReader(lines)
    fields = {
        heading: COLUMNS.get((heading or "").strip().lstrip("\ufeff").lower()) for heading in reader.fieldnames or ()
    }
    missing = [name for name in REQUIRED if name not in fields.values()]
    if missing:
        raise Invalid(
            f"the file has no column {', '.join(missing)}",
            f"文件缺少列：{', '.join(missing)}",
            code="bad_file",
        )
    report = ImportReport()
    told_at = min(as_of or ctx.now(), ctx.now())
    numbered = _rows(reader, fields)
    while chunk := list(islice(numbered, CHUNK)):
        report = ctx.run(partial(_take, ctx, chunk, told_at, register, report))
    return report


def _rows(reader: "csv.DictReader[str]", fields: dict[str, str | None]) -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        values = {name: (row.get(heading) or "").strip() for heading, name in fields.items() if name}
        yield reader.line_num, {name: value for name, value in values.items() if value}


def _take(
    ctx: Context,
    chunk: list[tuple[int, dict[str, str]]],
    told_at: datetime,
    register: bool,
    before: ImportReport,
) -> ImportReport:
    """Take one chunk; the report is a new one, because the transaction may be run again."""
    report = ImportReport(
        before.rows,
        before.applied,
        before.waiting,
        before.unchanged,
        before.failed,
        before.registered,
        list(before.errors),
    )
    for line, values in chunk:
        report.rows += 1
        try:
            item = _item(ctx, values, told_at)
        except ValidationError as ex:
            report.refuse(line, wrong_fields(ex))
            continue
        if register and not item.deleted:
            try:
                _, new = members.register(ctx, channel=CHANNEL, phone=item.phone, name=item.name)
            except Invalid as ex:
                report.refuse(line, ex.message)
                continue
            report.registered += new
        outcome = service.apply(ctx, "members", item, via="csv")
        if outcome.state == "failed":
            report.refuse(line, outcome.note)
        elif outcome.state == "applied":
            report.applied += 1
        elif outcome.state == "waiting":
            report.waiting += 1
        else:
            report.unchanged += 1
    return report


def _item(ctx: Context, values: dict[str, str], told_at: datetime) -> SaasMember:
    """Return a row as an item.

    A file knows no versions: it stands beside the version that is here, at its own time.
    """
    held = QinniaoObject.scoped(ctx).first(
        QinniaoObject.kind == "members", QinniaoObject.saas_id == values.get("id", "")
    )
    known = {**values, "status": STATUSES.get(values.get("status", ""), values.get("status", ""))}
    version = max(held.version, 0) if held is not None else 0
    return SaasMember.model_validate({**known, "version": version, "updated_at": told_at})
