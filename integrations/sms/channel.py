"""The channel `sms`: how other plugins send text messages without knowing this one."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, Literal
from uuid import UUID

from integrations.sms import limits, messages, routing
from integrations.sms.messages import SLUG, New, Ready
from integrations.sms.models import SmsMessage
from integrations.sms.routing import Outcome
from integrations.sms.schemas import SmsSettings
from roost import Channel, Context, Invalid, Outgoing, Sent, Steps, Text, local_instant, local_time, normalise_phone

State = Literal["sent", "refused", "later", "unknown"]
SOON, LATER = 60, 3600  # seconds
CODES = {"bad_number": "invalid_address", "credentials": "not_configured"}  # of ours in the channel's words
WAIT = {"busy": SOON, "unreachable": SOON, "too_often": LATER, "balance": LATER}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message of somebody's, ready to be sent; or `done`, when there is nothing to send."""

    ready: Ready | None = None
    done: Sent | None = None
    until_open: int = LATER


@dataclass(frozen=True, slots=True)
class Carried(Sent):
    """What became of a message, with what `complete` keeps."""

    outcome: Outcome | None = None


def address(ctx: Context, member: UUID) -> str | None:
    """Return a member's phone, None for none."""
    return messages.phone_of(ctx, member) or None


def prepare(ctx: Context, outgoing: Outgoing) -> Prepared:
    """Write the message down and take it for sending; the same key again is the same message."""
    key = f"{ctx.plugin}:{outgoing.key}"
    ctx = ctx.for_plugin(SLUG)
    settings = ctx.settings(SmsSettings)
    held = SmsMessage.scoped(ctx).first(SmsMessage.key == key)
    if held is not None and held.state != "queued":
        messages.begin(ctx, held.id)  # one that was interrupted is unknown from now on
        return Prepared(done=_as_sent(SmsMessage.scoped(ctx).get(SmsMessage.id == held.id)))
    if held is not None:
        held = SmsMessage.scoped(ctx).lock(SmsMessage.id == held.id)  # before the day, as everywhere
    refused = _refusal(ctx, settings, outgoing, waiting=held is not None)
    if refused is not None:
        return Prepared(done=refused)
    price = _price(ctx, settings, outgoing)
    if held is None or held.day != ctx.today():
        day = limits.book(ctx, settings, price)
        if day is None:
            return Prepared(
                done=Sent("later", "used_up", "the brand's limit of the day", retry_after=limits.until_tomorrow(ctx))
            )
        if held is None:
            held = messages.write(ctx, _new(outgoing, key), day, price)
        else:
            messages.move(ctx, held, day, price)
    return Prepared(messages.begin(ctx, held.id), until_open=_until_open(ctx, settings))


def _refusal(ctx: Context, settings: SmsSettings, outgoing: Outgoing, *, waiting: bool) -> Sent | None:
    """Return why a message is not sent now, or at all; None when nothing is in its way."""
    try:
        phone = normalise_phone(outgoing.address)
    except Invalid:
        return Sent("refused", "invalid_address", "not a mainland mobile number")
    if not routing.routes_of(ctx, settings, outgoing.template, outgoing.params):
        return Sent("refused", "not_configured", f"no provider is set up for the template {outgoing.template[:60]!r}")
    if outgoing.marketing:
        if messages.opted_out(ctx, phone):
            return Sent("refused", "blocked", "this phone wants no marketing")
        closed = _closed_for(ctx, settings)
        if closed:
            return Sent("later", "closed_hours", "outside the hours for marketing", retry_after=closed)
    wait = 0
    if outgoing.member is not None and not waiting:
        wait = limits.wait_for_member(ctx, settings, outgoing.member)
    return Sent("later", "too_often", "enough messages for one member", retry_after=wait) if wait else None


def _price(ctx: Context, settings: SmsSettings, outgoing: Outgoing) -> int:
    return max(route.price for route in routing.routes_of(ctx, settings, outgoing.template, outgoing.params))


def _new(outgoing: Outgoing, key: str) -> New:
    return New(
        key=key,
        kind="message",
        purpose=outgoing.template,
        phone=normalise_phone(outgoing.address),
        template=outgoing.template,
        params=outgoing.params,
        member=outgoing.member,
        marketing=outgoing.marketing,
    )


def call(prepared: Prepared) -> Sent:
    """Hand the message to a provider. No transaction is open."""
    if prepared.ready is None:
        assert prepared.done is not None  # one or the other
        return prepared.done
    outcome = messages.send(prepared.ready)
    receipt = prepared.ready.message.hex
    if outcome is None:  # erased meanwhile
        return Sent("refused", "invalid_address", prepared.ready.state, receipt)
    state, code, wait = _in_words(outcome.state, outcome.reason, prepared.until_open)
    detail = f"{outcome.provider} {outcome.detail}".strip()
    return Carried(state, code, detail, receipt, wait, outcome)


def complete(ctx: Context, prepared: Prepared, sent: Sent) -> Sent:
    if prepared.ready is not None and isinstance(sent, Carried):
        messages.end(ctx, prepared.ready, sent.outcome, again=sent.state == "later")
    return sent


def _as_sent(row: SmsMessage) -> Sent:
    """Return how a message that was dealt with before stands, in the words of the port."""
    kept: Any = row  # peewee's columns
    known = {"delivered": "sent", "failed": "sent", "sending": "unknown", "expired": "refused"}
    state, code, wait = _in_words(known.get(kept.state, kept.state), kept.reason, LATER)
    return Sent(state, code, kept.note, kept.id.hex, wait)


def _in_words(state: str, reason: str, until_open: int) -> tuple[State, str, int | None]:
    """Return a state, our code and the seconds to wait as the port has them: what may pass is `later`."""
    code = CODES.get(reason, reason)
    if state in ("refused", "later") and reason in WAIT:
        return "later", code, WAIT[reason]
    if state == "refused" and reason == "closed_hours":
        return "later", code, until_open
    if state == "sent":
        return "sent", code, None
    return ("unknown" if state == "unknown" else "refused"), code, None


def _closed_for(ctx: Context, settings: SmsSettings) -> int:
    """Return the seconds until marketing may be sent; 0 when it may be now."""
    hour = local_time(ctx.now(), ctx.tenant.zone).hour
    return 0 if settings.marketing_from <= hour < settings.marketing_to else _until_open(ctx, settings)


def _until_open(ctx: Context, settings: SmsSettings) -> int:
    now, at, zone = ctx.now(), time(settings.marketing_from), ctx.tenant.zone
    opens = local_instant(ctx.today(), at, zone)
    if opens <= now:
        opens = local_instant(ctx.today() + timedelta(days=1), at, zone)
    return max(1, int((opens - now).total_seconds()) + 1)


channel = Channel("sms", Text("短信", "Text message"), address, Steps(prepare, call, complete), templates=True)
