"""Addresses out of a file, for people who need not be members."""

import csv
import io
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from plugins.notify.mail import NAME as EMAIL
from plugins.notify.models import NotifyCampaign, NotifyMessage
from plugins.notify.schemas import Email
from plugins.notify.staff_schemas import ImportIn
from roost import Conflict, Context, Invalid, blind, insert_rows, normalise_phone, seal

MOST = 50_000  # addresses of a campaign
BATCH = 500
SHOWN = 20  # bad lines that are named
SMS = "sms"
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def receivable(channel: str, address: str) -> str:
    """Return an address in the form that its channel takes. Raises Invalid for what is none."""
    if channel == SMS:
        return normalise_phone(address)
    if channel == EMAIL:
        try:
            name, _, domain = _EMAIL.validate_python(address.strip()).partition("@")
        except ValidationError:
            raise Invalid("this is not an e-mail address", "邮箱格式不正确", code="bad_email") from None
        return f"{name}@{domain.lower()}"
    return address


def import_list(ctx: Context, campaign: UUID, body: ImportIn) -> None:
    """Add the addresses of a list to a campaign that was not started.

    The first column of each line is a phone or an e-mail address; a first line that is neither is a heading. Other bad
    lines are left out and named by number. Raises Invalid when no line is good, Conflict for a started campaign.
    """
    row = NotifyCampaign.scoped(ctx).lock(NotifyCampaign.id == campaign)
    if row.state not in ("draft", "ready"):
        raise Conflict("only a campaign that was not started takes a list", "已开始的群发不能导入", code="wrong_state")
    good, bad = _read(body.csv)
    if not good:
        raise Invalid(
            "no line has a phone or an e-mail address in its first column",
            "没有可用的手机号或邮箱，请检查首列",
            fields=[{"path": "csv", "message": f"bad lines: {', '.join(map(str, bad[:SHOWN]))}"}],
        )
    held = NotifyMessage.scoped(ctx).select().where(NotifyMessage.campaign == row.id).count()
    if held + len(good) > MOST:
        raise Invalid(f"a campaign takes at most {MOST} addresses", f"每次群发最多导入 {MOST} 个地址")
    fresh = 0
    for start in range(0, len(good), BATCH):
        rows = [_message(ctx, row, channel, address) for address, channel in good[start : start + BATCH]]
        fresh += insert_rows(ctx, NotifyMessage, rows, ignore_conflicts=True)
    NotifyCampaign.scoped(ctx).update(
        basis=body.basis,
        imported={"added": fresh, "known": len(good) - fresh, "bad": len(bad), "bad_lines": bad[:SHOWN]},
        state="draft",
        marketing=True,  # what two agreed to was another audience
        exempt_reason="",
    ).where(NotifyCampaign.id == row.id).execute()


def _read(text: str) -> tuple[list[tuple[str, str]], list[int]]:
    """Return (address, channel) pairs, each once, and the numbers of the bad lines."""
    good: dict[tuple[str, str], None] = {}
    bad: list[int] = []
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        for cells in reader:
            given = cells[0].strip() if cells else ""
            if not given:
                continue
            channel = EMAIL if "@" in given else SMS
            try:
                good[(receivable(channel, given), channel)] = None
            except Invalid:
                if reader.line_num > 1:
                    bad.append(reader.line_num)
    except csv.Error:
        bad.append(reader.line_num)
    return list(good), bad


def _message(ctx: Context, row: NotifyCampaign, channel: str, address: str) -> dict[str, object]:
    now, index = ctx.now(), blind(ctx, "address", address)
    return {
        "key": f"campaign:{row.id.hex}:{channel}:{index.hex()}",
        "address": seal(ctx, "address", address),
        "address_blind": index,
        "address_channel": channel,
        "venue": row.venue,
        "campaign": row.id,
        "group": "campaign",
        "notice": row.template or "campaign",
        "marketing": True,
        "channels": row.channels,
        "state": "listed",
        "due_at": now,
        "created_at": now,
    }
