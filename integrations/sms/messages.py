"""A message's life: written, taken for sending, ended, settled by its receipt. Each step is in a transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from integrations.sms import limits, routing
from integrations.sms.models import SmsMessage, SmsOptOut
from integrations.sms.providers import printable
from integrations.sms.routing import Outcome, Route
from integrations.sms.schemas import SmsSettings
from roost import Actor, Context, blind, blinds, members, seal, unseal

SLUG = "sms"
UNDER_WAY = ("queued", "sending")
CRASHED = "its sending was interrupted: it may have gone out, and is not sent again"


@dataclass(frozen=True, slots=True)
class New:
    """A message to write."""

    key: str
    kind: Literal["code", "message"]
    purpose: str
    phone: str = field(repr=False)
    template: str = ""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    member: UUID | None = None
    address: str = field(default="", repr=False)
    marketing: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that is about to be sent, or that needs no sending: then `state` says why."""

    message: UUID
    state: str  # sending; or the state that it is in
    routes: tuple[Route, ...] = ()
    phone: str = field(default="", repr=False)


def write(ctx: Context, new: New, day: date, price: int) -> SmsMessage:
    """Write a message that was booked for a day. Its key must be new."""
    made: SmsMessage = SmsMessage.scoped(ctx).create(
        key=new.key,
        kind=new.kind,
        purpose=new.purpose[:40],
        marketing=new.marketing,
        phone=seal(ctx, "phone", new.phone),
        phone_blind=blind(ctx, "phone", new.phone),
        address=seal(ctx, "address", client) if (client := limits.same_client(new.address)) else None,
        address_blind=blind(ctx, "address", client) if client else None,
        member=new.member,
        venue=venue_of(ctx, new.member),
        template=new.template[:60],
        content=seal(ctx, "content", json.dumps(dict(new.params), ensure_ascii=False)),
        cost_fen=price,
        day=day,
        created_at=ctx.now(),
        expires_at=new.expires_at,
    )
    return made


def move(ctx: Context, row: SmsMessage, day: date, price: int) -> None:
    """Count a message that has waited over midnight for the day that it was now booked for."""
    limits.correct(ctx, row.day, -1, -row.cost_fen)
    _set(ctx, row, day=day, cost_fen=price)


def begin(ctx: Context, message_id: UUID) -> Ready:
    """Take a message for sending: from here on nobody else does.

    One that was taken before and never came back is `unknown`: the process died, perhaps after the provider had it.
    """
    ctx = ctx.for_plugin(SLUG)
    row = SmsMessage.scoped(ctx).lock(SmsMessage.id == message_id)
    if row.state == "sending":
        _set(ctx, row, state="unknown", note=CRASHED, content=None)
        return Ready(row.id, "unknown")
    if row.state != "queued":
        return Ready(row.id, row.state)
    if row.phone is None or row.content is None:
        _give_back(ctx, row, "refused", reason="bad_number", note="the member was erased meanwhile")
        return Ready(row.id, "refused")
    if row.expires_at is not None and row.expires_at <= ctx.now():
        _give_back(ctx, row, "expired")
        return Ready(row.id, "expired")
    settings = ctx.settings(SmsSettings)
    params = json.loads(unseal(ctx, "content", row.content))
    routes = routing.routes_of(ctx, settings, row.template, params)
    _set(ctx, row, state="sending")
    return Ready(row.id, "sending", routes, unseal(ctx, "phone", row.phone))


def send(ready: Ready) -> Outcome | None:
    """Hand a message that is ready to a provider; None when there is nothing to send. No transaction is open."""
    if ready.state != "sending":
        return None
    return routing.deliver(ready.routes, ready.message.hex, ready.phone)


def end(ctx: Context, ready: Ready, outcome: Outcome | None, *, again: bool) -> SmsMessage:
    """Write how sending went; return the row. With `again` one that was not sent waits, and keeps what was booked.

    The receipt may have come first: then only the price is added.
    """
    ctx = ctx.for_plugin(SLUG)
    row = SmsMessage.scoped(ctx).lock(SmsMessage.id == ready.message)
    if outcome is None or row.state not in ("sending", "unknown", "delivered", "failed"):
        return row  # type: ignore[no-any-return]  # peewee
    told: dict[str, Any] = {
        "provider": outcome.provider,
        "reason": outcome.reason,
        "code": outcome.code,
        "note": outcome.detail,
        "receipt": printable(outcome.receipt)[:100],
    }
    if outcome.state == "sent":
        cost = outcome.price * outcome.segments
        limits.correct(ctx, row.day, 0, cost - row.cost_fen)
        told |= {"segments": outcome.segments, "cost_fen": cost, "sent_at": ctx.now(), "content": None}
        if row.state in ("sending", "unknown"):
            told |= {"state": "sent"}
        _set(ctx, row, **told)
    elif outcome.state == "unknown":
        _set(ctx, row, **told, content=None, **({"state": "unknown"} if row.state == "sending" else {}))
    elif again:
        _set(ctx, row, state="queued", **told)
    else:
        _give_back(ctx, row, "refused", **told)
        if outcome.reason == "blocked" and row.phone is not None:
            opt_out(ctx, unseal(ctx, "phone", row.phone), row.member, how="provider")
    return SmsMessage.scoped(ctx).get(SmsMessage.id == row.id)  # type: ignore[no-any-return]  # peewee


def _give_back(ctx: Context, row: SmsMessage, state: str, **values: Any) -> None:
    """End a message that was certainly not sent: it costs nothing and does not count for the day."""
    limits.correct(ctx, row.day, -1, -row.cost_fen)
    _set(ctx, row, state=state, cost_fen=0, content=None, **values)


def _set(ctx: Context, row: SmsMessage, **values: Any) -> None:
    SmsMessage.scoped(ctx).update(**values).where(SmsMessage.id == row.id).execute()


# --- whose it is ------------------------------------------------------------------------------------------------------


def venue_of(ctx: Context, member: UUID | None) -> UUID | None:
    """Return a member's home venue: staff of a venue see the messages of its members."""
    return members.get(ctx, member).venue if member is not None else None


def claim(ctx: Context, phone: str, member: UUID) -> None:
    """Note whose the messages to a phone were, now that its owner has proved it."""
    SmsMessage.scoped(ctx).update(member=member, venue=venue_of(ctx, member)).where(
        SmsMessage.phone_blind.in_(blinds(ctx, "phone", phone)), SmsMessage.member.is_null()
    ).execute()


def phone_of(ctx: Context, member: UUID) -> str:
    """Return a member's phone in E.164, "" for none: for sending only."""
    return members.phone_of(ctx.acting(Actor("system", reason=SLUG)), member)


# --- who wants no marketing -------------------------------------------------------------------------------------------


def opted_out(ctx: Context, phone: str) -> bool:
    """Tell whether the owner of a phone wants no marketing."""
    return (
        SmsOptOut.scoped(ctx).select(SmsOptOut.id).where(SmsOptOut.phone_blind.in_(blinds(ctx, "phone", phone))).first()
        is not None
    )


def opt_out(ctx: Context, phone: str, member: UUID | None, *, how: Literal["reply", "provider"]) -> None:
    """Send no more marketing to a phone; twice changes nothing."""
    if opted_out(ctx, phone):
        return
    SmsOptOut.scoped(ctx).insert(
        phone=seal(ctx, "phone", phone),
        phone_blind=blind(ctx, "phone", phone),
        member=member,
        venue=venue_of(ctx, member),
        since=ctx.now(),
        how=how,
    ).on_conflict_ignore().execute()
