"""What runs in the worker: single messages, steps of campaigns, and what the clock brings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from peewee import fn

from plugins.notify import campaigns, keeping, noticing, reminders, sending
from plugins.notify.campaigns import Chunk
from plugins.notify.choosing import Going
from plugins.notify.gathering import Gather, gather
from plugins.notify.models import NotifyCampaign, NotifyMessage
from plugins.notify.posting import Deliver
from plugins.notify.settings import NotifySettings
from plugins.notify.timing import quiet_until
from roost import Context, Job, Next, Remote, Schedule, Sent, Slot

ALONE = "alone"  # the claim of a message that goes by itself: it has one job at a time


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a step is about to do. `follows` is its successor, but for the outcome."""

    going: Sequence[Going] = ()
    claim: str = ""
    follows: Next | None = None
    message: UUID | None = None


class SendOne(Remote):
    """The job `notify.deliver`: one message, channel by channel until one takes it."""

    def prepare(self, ctx: Context, payload: Deliver) -> Prepared:  # type: ignore[override]  # the job's payload
        row = NotifyMessage.scoped(ctx).first(NotifyMessage.id == payload.message)
        if row is not None and row.state == "sending":  # our last try died on the way: nobody knows
            sending.lost(ctx, [row])
        if row is None or row.state != "waiting":
            return Prepared()
        going = sending.prepare(ctx, [row], ALONE) if row.due_at <= ctx.now() else []
        return Prepared(going, ALONE, message=row.id)

    def call(self, prepared: Prepared) -> list[Sent]:
        return sending.call(prepared.going)

    def complete(self, ctx: Context, prepared: Prepared, answer: list[Sent]) -> Next | None:
        """Keep the outcome; come back for the next way, or later."""
        sending.complete(ctx, prepared.going, answer, prepared.claim)
        wait = sending.waiting_until(ctx, prepared.message) if prepared.message is not None else None
        return Next(Deliver(message=prepared.message), wait) if wait is not None and prepared.message else None


class SendChunk(Remote):
    """The job `notify.send`: the next chunk of a campaign. A stop changes the run, and the chain ends here."""

    def prepare(self, ctx: Context, payload: Chunk) -> Prepared:  # type: ignore[override]  # the job's payload
        row: NotifyCampaign = NotifyCampaign.scoped(ctx).lock(NotifyCampaign.id == payload.campaign)
        mine = NotifyMessage.campaign == row.id
        stuck = NotifyMessage.scoped(ctx).select().where(mine, NotifyMessage.state == "sending")
        sending.lost(ctx, list(stuck.where(NotifyMessage.claim == payload.claim)))
        if row.state != "running" or row.run != payload.run:
            _end(ctx, row)
            return Prepared()
        follows = payload.model_copy(update={"step": payload.step + 1})
        morning = _quiet(ctx) if row.marketing else None
        if morning is not None:
            return Prepared(follows=Next(follows, morning - ctx.now()))
        waiting = NotifyMessage.scoped(ctx).select().where(mine, NotifyMessage.state == "waiting")
        due = waiting.where(NotifyMessage.due_at <= ctx.now()).order_by(NotifyMessage.due_at, NotifyMessage.id)
        rows = list(due.limit(ctx.settings(NotifySettings).chunk))
        if rows:
            return Prepared(sending.prepare(ctx, rows, payload.claim), payload.claim, Next(follows))
        return Prepared(follows=_later(ctx, row, follows))

    def call(self, prepared: Prepared) -> list[Sent]:
        return sending.call(prepared.going)

    def complete(self, ctx: Context, prepared: Prepared, answer: list[Sent]) -> Next | None:
        """Keep the outcomes and go on."""
        sending.complete(ctx, prepared.going, answer, prepared.claim)
        return prepared.follows


def _quiet(ctx: Context) -> datetime | None:
    settings = ctx.settings(NotifySettings)
    return quiet_until(ctx.now(), ctx.tenant.zone, settings.quiet_from, settings.quiet_until)


def _later(ctx: Context, row: NotifyCampaign, follows: Chunk) -> Next | None:
    """Return when to come back for messages whose channel said later; None when there are none."""
    waiting = (
        NotifyMessage.scoped(ctx).select().where(NotifyMessage.campaign == row.id, NotifyMessage.state == "waiting")
    )
    first = waiting.order_by(NotifyMessage.due_at).first()
    if first is None:
        _end(ctx, row)
        return None
    return Next(follows, max(first.due_at - ctx.now(), timedelta(seconds=1)))


def _end(ctx: Context, row: NotifyCampaign) -> None:
    """Close a running campaign of which nothing waits and nothing is under way, in any lane."""
    if row.state != "running":
        return
    left = (
        NotifyMessage.scoped(ctx)
        .select(fn.COUNT(NotifyMessage.id))
        .where(NotifyMessage.campaign == row.id, NotifyMessage.state.in_(("waiting", "sending")))
    )
    if not left.scalar():
        campaigns.update(ctx, row, state="done", ended_at=ctx.now())


# --- the clock -------------------------------------------------------------------------------------------------------


def _write_down(ctx: Context, slot: str) -> None:
    noticing.write_down(ctx)


def _remind(ctx: Context, slot: str) -> None:
    reminders.begin(ctx, slot)


def _clean(ctx: Context, slot: str) -> Next | None:
    return Next(Slot(slot=slot)) if keeping.clean(ctx) else None


JOBS: Sequence[Job] = (
    Job("deliver", Deliver, SendOne),
    Job("send", Chunk, SendChunk),
    Job("gather", Gather, gather),
    Job("remind", reminders.Turn, reminders.remind),
)
SCHEDULES: Sequence[Schedule] = (
    Schedule("write_down", _write_down, every=timedelta(minutes=10)),
    Schedule("remind", _remind, daily="10:00"),
    Schedule("clean", _clean, daily="04:40"),
)
