"""Send messages, a batch at a time: choose each one's channel, call without a transaction, keep what came of it.

Before the call every row says `sending`, committed. A step that finds such rows of its own again has lost the answer
(the process died): they become `unknown`, and nothing sends them again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.notify import allowing, choosing
from plugins.notify.choosing import Going, Round
from plugins.notify.hookspecs import MessageFailed, MessageSent
from plugins.notify.models import NotifyMessage
from plugins.notify.settings import NotifySettings
from plugins.notify.timing import quiet_until
from roost import Context, Fact, RoostError, Sent

FIRST_RETRY = 60  # seconds, doubling, where a channel does not say when
LONGEST_RETRY = 3600
OVER = ("sent", "failed", "unknown", "skipped")


def prepare(ctx: Context, rows: Sequence[NotifyMessage], claim: str) -> list[Going]:
    """Return the calls to make for messages that wait; each row is marked before. In a transaction."""
    ready = _awake(ctx, rows)
    round_ = Round(ctx, ready)
    steps = [(row, choosing.choose(round_, row)) for row in sorted(ready, key=choosing.subject_of)]
    round_.write()
    _update(ctx, [(row, {"claim": claim, **step.changes}) for row, step in steps])
    _tell(ctx, [row for row in ready if row.state in OVER])
    return [step.going for _, step in steps if step.going is not None]


def _awake(ctx: Context, rows: Sequence[NotifyMessage]) -> list[NotifyMessage]:
    """Put marketing off to the end of the quiet hours; return the rest."""
    settings = ctx.settings(NotifySettings)
    end = quiet_until(ctx.now(), ctx.tenant.zone, settings.quiet_from, settings.quiet_until)
    if end is None:
        return list(rows)
    _update(ctx, [(row, {"due_at": end}) for row in rows if row.marketing])
    return [row for row in rows if not row.marketing]


def call(going: Sequence[Going]) -> list[Sent]:
    """Send them, one after another; no transaction is open."""
    return [_ask(one) for one in going]


def _ask(one: Going) -> Sent:
    try:
        sent: Sent = one.send.call(one.prepared)
    except RoostError as ex:  # by contract: it certainly did not happen
        return Sent("later", ex.code, retry_after=ex.retry_after)
    return sent


def lost(ctx: Context, rows: Sequence[NotifyMessage]) -> None:
    """Note that nobody will ever know what became of messages that were being sent."""
    _update(ctx, [(row, {"state": "unknown", "code": "unknown", "ended_at": ctx.now()}) for row in rows])
    _tell(ctx, rows)


# --- what came of it -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Fate:
    """What becomes of one row."""

    row: NotifyMessage
    changes: dict[str, Any] = field(default_factory=dict)
    uncounted: bool = False


def complete(ctx: Context, going: Sequence[Going], answers: Sequence[Sent], claim: str) -> None:
    """Keep what channels answered. A row that was erased or merged away meanwhile is left as it is."""
    fates = [fate for one, sent in zip(going, answers, strict=True) if (fate := _fate(ctx, one, sent, claim))]
    allowing.give_back(
        ctx, [(choosing.subject_of(f.row), f.row.counted_on) for f in fates if f.uncounted and f.row.counted_on]
    )
    _update(ctx, [(fate.row, fate.changes) for fate in fates])
    _tell(ctx, [fate.row for fate in fates if fate.row.state in OVER])


def _fate(ctx: Context, one: Going, sent: Sent, claim: str) -> _Fate | None:
    kept = one.send.complete(ctx.for_plugin(one.slug), one.prepared, sent)
    sent = kept if isinstance(kept, Sent) else sent
    row = NotifyMessage.scoped(ctx).first(
        NotifyMessage.id == one.message, NotifyMessage.state == "sending", NotifyMessage.claim == claim
    )
    if row is None:
        return None
    settings, now = ctx.settings(NotifySettings), ctx.now()
    if sent.state == "sent":
        done = {"state": "sent", "code": "", "receipt": sent.receipt[:100], "ended_at": now}
        return _Fate(row, done)
    if sent.state == "unknown":
        return _Fate(row, {"state": "unknown", "code": (sent.code or "unknown")[:60], "ended_at": now})
    if sent.state == "later" and row.tries + 1 < settings.tries:
        wait = sent.retry_after or min(FIRST_RETRY * 2**row.tries, LONGEST_RETRY)
        due = now + timedelta(seconds=max(wait, 1))
        return _Fate(row, {"state": "waiting", "tries": row.tries + 1, "due_at": due, "code": sent.code[:60]})
    trail = [*row.trail, [row.channel, sent.code[:60] or sent.state, sent.detail[:100]]]
    after = {"step": row.step + 1, "tries": 0, "trail": trail, "code": sent.code[:60] or sent.state}
    if any(name != allowing.INBOX for name in row.channels[row.step + 1 :]):
        return _Fate(row, {**after, "state": "waiting", "due_at": now})
    if row.shown:
        return _Fate(row, {**after, "state": "sent", "channel": allowing.INBOX, "ended_at": now})
    return _Fate(row, {**after, "state": "failed", "counted_on": None, "ended_at": now}, uncounted=True)


def _update(ctx: Context, changes: Sequence[tuple[NotifyMessage, dict[str, Any]]]) -> None:
    """Write what changed of some rows: rows that change alike in one statement."""
    alike: dict[str, tuple[dict[str, Any], list[UUID]]] = {}
    for row, values in changes:
        alike.setdefault(repr(sorted(values.items())), (values, []))[1].append(row.id)
        for name, value in values.items():
            setattr(row, name, value)
    for values, ids in alike.values():
        NotifyMessage.scoped(ctx).update(**values).where(NotifyMessage.id.in_(ids)).execute()


def _tell(ctx: Context, rows: Sequence[NotifyMessage]) -> None:
    """Publish what became of messages that are over. What a member did not want is nobody's news."""
    facts: list[Fact] = []
    for row in rows:
        about: dict[str, Any] = {
            "message": row.id,
            "member": row.member,
            "channel": row.channel,
            "notice": row.notice,
            "campaign": row.campaign,
        }
        if row.state == "sent":
            facts.append(MessageSent(**about))
        elif row.state in ("failed", "unknown"):
            facts.append(MessageFailed(code=row.code, **about))
    if facts:
        ctx.publish(*facts)


def waiting_until(ctx: Context, message: UUID) -> timedelta | None:
    """Return how long a message still waits, or None when it is over."""
    row = NotifyMessage.scoped(ctx).first(NotifyMessage.id == message, NotifyMessage.state == "waiting")
    return None if row is None else max(row.due_at - ctx.now(), timedelta(0))
