"""How much may be sent: to a phone, for an address, to a member, for the brand; and what a day may cost.

Each limit is counted in the messages themselves, over a window that ends now. Whoever counts has locked the phone, the
address and the member first, and the brand's day last, until their own message is committed: so that of a thousand
requests at once not one more than the limit gets through.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import EXCLUDED

from integrations.sms.models import SmsDay, SmsMessage, SmsMeter
from integrations.sms.schemas import SmsSettings
from roost import Context, TooManyRequests, blinds, delete_some, local_midnight

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SUBNET = 64  # bits of an IPv6 address that one household or server has to itself
METERS_KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a message is counted."""

    phones: Sequence[bytes]  # the blind indexes of the phone, by every key in use
    addresses: Sequence[bytes] = ()
    member: UUID | None = None


def same_client(address: str) -> str:
    """Return the address that a client is counted by: without a port, and of IPv6 the /64.

    What is no address stays as it is: then all whose address cannot be told share one limit.
    """
    text = address.strip()[:60]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, SUBNET), strict=False))
    return str(found)


def asker_of(ctx: Context, phone: str, address: str, member: UUID | None = None) -> Asker:
    """Return who is counted for a code to a phone (E.164) that was asked for from an address."""
    return Asker(blinds(ctx, "phone", phone), blinds(ctx, "address", same_client(address)), member)


def pass_code(ctx: Context, settings: SmsSettings, asker: Asker) -> None:
    """Let one more code through. Raises TooManyRequests (`sms_too_often`), with the seconds to wait.

    Who asks is told the same for a phone that is known and one that is not.
    """
    _lock(ctx, asker)
    codes = SmsMessage.kind == "code"
    mine = SmsMessage.phone_blind.in_(asker.phones) & codes
    _check(ctx, mine, settings.phone_minute, MINUTE)
    _check(ctx, mine, settings.phone_hour, HOUR)
    _check(ctx, mine, settings.phone_day, DAY)
    if asker.addresses:
        _check(ctx, SmsMessage.address_blind.in_(asker.addresses) & codes, settings.address_hour, HOUR)
    if asker.member is not None:
        _check(ctx, SmsMessage.member == asker.member, settings.member_day, DAY)
    _lock_day(ctx, ctx.today())
    _check(ctx, codes, settings.tenant_hour, HOUR)


def wait_for_member(ctx: Context, settings: SmsSettings, member: UUID) -> int:
    """Return how many seconds a message to a member has to wait; 0: none.

    The day is locked, which `book` does anyway: several messages may be prepared in one transaction, and would lock
    their members in any order.
    """
    _lock_day(ctx, ctx.today())
    return _wait(ctx, SmsMessage.member == member, settings.member_day, DAY)


def book(ctx: Context, settings: SmsSettings, price: int) -> date | None:
    """Count one message and its price for today; return the day, or None when the day's limit is used up."""
    day = ctx.today()
    row = _lock_day(ctx, day)
    if row.messages + 1 > settings.tenant_day or row.cost_fen + price > settings.daily_spend_fen:
        return None
    _move(ctx, day, 1, price)
    return day


def correct(ctx: Context, day: date, messages: int, fen: int) -> None:
    """Add what a message turned out to be more than was booked; take back what it was less."""
    if messages or fen:
        _lock_day(ctx, day)
        _move(ctx, day, messages, fen)


def used_up(ctx: Context) -> TooManyRequests:
    """Return the refusal when the brand may send no more today."""
    wait = until_tomorrow(ctx)
    return TooManyRequests(
        "this brand has sent all the messages it may send today", "今日短信发送已达上限，请稍后再试",
        code="sms_used_up", retry_after=wait,
    )  # fmt: skip


def until_tomorrow(ctx: Context) -> int:
    """Return the seconds until the tenant's next day begins."""
    tomorrow = local_midnight(ctx.today() + DAY, ctx.tenant.zone)
    return max(1, int((tomorrow - ctx.now()).total_seconds()) + 1)


def forget(ctx: Context) -> bool:
    """Delete some locks that nobody has needed for days; tell whether more may be left."""
    return delete_some(ctx, SmsMeter, SmsMeter.touched_at < ctx.now() - METERS_KEPT)


# --- the locks --------------------------------------------------------------------------------------------------------


def _lock(ctx: Context, asker: Asker) -> None:
    """Lock the phone, the address and the member, in this order. While keys are rotated the least index names one."""
    if asker.phones:
        _lock_one(ctx, "phone", min(asker.phones))
    if asker.addresses:
        _lock_one(ctx, "address", min(asker.addresses))
    if asker.member is not None:
        _lock_one(ctx, "member", asker.member.bytes)


def _lock_one(ctx: Context, kind: str, subject: bytes) -> None:
    SmsMeter.scoped(ctx).insert(kind=kind, subject=subject, touched_at=ctx.now()).on_conflict(
        conflict_target=[SmsMeter.tenant, SmsMeter.kind, SmsMeter.subject],
        update={SmsMeter.touched_at: EXCLUDED.touched_at},
    ).execute()


def _lock_day(ctx: Context, day: date) -> SmsDay:
    SmsDay.scoped(ctx).insert(day=day).on_conflict_ignore().execute()
    return SmsDay.scoped(ctx).lock(SmsDay.day == day)  # type: ignore[no-any-return]  # peewee


def _move(ctx: Context, day: date, messages: int, fen: int) -> None:
    SmsDay.scoped(ctx).update(messages=SmsDay.messages + messages, cost_fen=SmsDay.cost_fen + fen).where(
        SmsDay.day == day
    ).execute()


# --- the counts -------------------------------------------------------------------------------------------------------


def _check(ctx: Context, where: Any, most: int, window: timedelta) -> None:  # Any: a peewee expression
    wait = _wait(ctx, where, most, window)
    if wait:
        raise TooManyRequests(
            f"too many codes were asked for: try again in {wait} s", f"获取验证码过于频繁，请 {wait} 秒后再试",
            code="sms_too_often", retry_after=wait,
        )  # fmt: skip


def _wait(ctx: Context, where: Any, most: int, window: timedelta) -> int:
    """Return the seconds until fewer than `most` messages lie in the window; 0 when it is so now."""
    now = ctx.now()
    held = (
        SmsMessage.scoped(ctx)
        .select(SmsMessage.created_at)
        .where(where, SmsMessage.created_at > now - window)
        .order_by(SmsMessage.created_at.desc())
        .offset(most - 1)
        .limit(1)
        .first()
    )
    if held is None:
        return 0
    since: datetime = held.created_at
    return max(1, int((since + window - now).total_seconds()) + 1)
