"""Take tracking numbers in from a file: every row stands alone, and a bad one is told with its reason."""

import base64
import binascii
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from plugins.orders.fulfilment import delivery
from plugins.orders.models import OrdersHandover, OrdersImport, OrdersOrder
from plugins.orders.staff_schemas import TrackingFile, TrackingIn
from roost import Context, Invalid, RoostError, savepoint

MOST_ROWS = 5000
MOST_UNPACKED = 30_000_000  # bytes: an Excel file is a zip
_TRACKING = re.compile(r"[A-Za-z0-9-]{5,40}")
_NUMBER = re.compile(r"[0-9]{20}")
HEADERS = ("订单号", "order", "number", "order number", "order_number")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int  # of the line in the file
    cells: list[str]


def import_text(ctx: Context, body: TrackingIn) -> OrdersImport:
    return _import(ctx, body.name, list(_csv(body.text)))


def import_file(ctx: Context, body: TrackingFile) -> OrdersImport:
    """Take in a CSV (UTF-8 or GB18030) or Excel file. Raises Invalid for one that cannot be read as a whole."""
    try:
        data = base64.b64decode(body.content, validate=False)
    except (binascii.Error, ValueError):
        raise _unreadable("the content is not base64", "文件内容不是有效的 base64") from None
    if body.name.endswith(".xlsx"):
        return _import(ctx, body.name, list(_excel(data)))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return _import(ctx, body.name, list(_csv(data.decode(encoding))))
        except UnicodeDecodeError:
            continue
    raise _unreadable("the file is no text in UTF-8 or GB18030", "文件编码须为 UTF-8 或 GBK")


def _unreadable(message: str, message_zh: str) -> Invalid:
    return Invalid(message, message_zh, code="unreadable_file", fields=[{"path": "body.content", "message": message}])


def _csv(text: str) -> Iterator[_Line]:
    separator = max(",;\t", key=text[:2000].replace("，", ",").count)
    reader = csv.reader(io.StringIO(text.replace("，", ",")), delimiter=separator)
    try:
        for cells in reader:
            yield _Line(reader.line_num, [cell.strip().strip("'") for cell in cells])
    except csv.Error as ex:
        raise _unreadable(f"the file is no CSV: {ex}", "文件不是有效的 CSV") from None


def _excel(data: bytes) -> Iterator[_Line]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise _unreadable("the file unpacks to too much", "文件过大")
        # openpyxl takes ten megabytes of a process that may never read such a file.
        book = import_module("openpyxl").load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError):
        raise _unreadable("the file is no Excel file", "文件不是有效的 Excel") from None
    sheet: Any = book.worksheets[0]  # Any: the stubs know no read-only sheet
    for number, row in enumerate(sheet.iter_rows(max_col=10, values_only=True), 1):
        yield _Line(number, [_cell(value) for value in row])
        if number > MOST_ROWS + 1:
            break
    book.close()


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a long number that Excel took for a quantity
    return "" if value is None else str(value).strip()


def _import(ctx: Context, name: str, lines: list[_Line]) -> OrdersImport:
    rows = [line for line in lines if any(line.cells)]
    if rows and rows[0].cells[0].lower() in HEADERS:
        rows = rows[1:]
    if not 1 <= len(rows) <= MOST_ROWS:
        raise _unreadable(f"a file has 1 to {MOST_ROWS} rows, not {len(rows)}", f"文件须有 1 至 {MOST_ROWS} 行")
    counts = {"shipped": 0, "known": 0}
    rejections: list[dict[str, Any]] = []
    for row in rows:
        try:
            with savepoint():
                counts[_row(ctx, row)] += 1
        except RoostError as ex:
            said = ex.message if ctx.locale == "en" else ex.message_zh
            # Further columns of a courier's file are names, phones and addresses: they are not kept.
            rejections.append({"line": row.number, "reason": said, "text": ",".join(row.cells[:3])[:120]})
    made: OrdersImport = OrdersImport.scoped(ctx).create(
        name=name, rejected=len(rejections), rejections=rejections, staff=ctx.actor.id, imported_at=ctx.now(), **counts
    )
    return made


def _row(ctx: Context, row: _Line) -> str:
    cells = [*row.cells, "", "", ""][:3]
    number, carrier, tracking = cells
    if not _NUMBER.fullmatch(number):
        raise Invalid(f"{number[:30]!r} is no order number (20 digits)", f"订单号有误：{number[:30]}")
    if not 1 <= len(carrier) <= 60 or not carrier.isprintable():
        raise Invalid("the carrier is missing", "缺少快递公司")
    if not _TRACKING.fullmatch(tracking):
        raise Invalid(f"{tracking[:45]!r} is no tracking number", f"运单号有误：{tracking[:45]}")
    order = OrdersOrder.scoped(ctx).first(OrdersOrder.number == number)
    if order is None or not ctx.covers(order.venue):
        raise Invalid(f"there is no order {number}", f"没有订单 {number}")
    parcel = OrdersHandover.scoped(ctx).first(
        OrdersHandover.order == order.id, OrdersHandover.kind == "ship", OrdersHandover.tracking == tracking
    )
    if parcel is not None:
        return "known"
    delivery.ship(ctx, order.id, carrier=carrier, tracking=tracking)
    return "shipped"
