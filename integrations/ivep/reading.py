"""Read IVEP: its two lists at night or when staff ask, and one member's relations as soon as they matter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations import qinniao
from integrations.ivep import service, wire
from integrations.ivep.client import IvepClient
from integrations.ivep.models import IvepCursor, IvepRelation
from integrations.ivep.schemas import AskJob, IvepSettings, NewRun, SweepJob
from roost import Conflict, Context, Next, Remote

MOST_TRIES = 8  # of asking for one member: half an hour; then the night reads them all
SWEEP = 200


def client_of(ctx: Context) -> IvepClient:
    return qinniao.connect(ctx, ctx.settings(IvepSettings), IvepClient)


class Pull(qinniao.Following):
    """The job `ivep.pull`: one page of the coaches or the relations."""

    slug = service.SLUG
    job = "ivep.pull"
    lists = wire.LISTS
    cursors = IvepCursor

    @classmethod
    def settings(cls, ctx: Context) -> IvepSettings:
        return ctx.settings(IvepSettings)

    @classmethod
    def client(cls, ctx: Context) -> IvepClient:
        return client_of(ctx)

    @classmethod
    def fetch(cls, asked: qinniao.Prepared) -> qinniao.PullPage[Any]:
        assert isinstance(asked.client, IvepClient)
        if asked.kind == "coaches":
            return asked.client.coaches(asked.cursor, asked.limit, asked.since)
        return asked.client.relations(asked.cursor, asked.limit, asked.since)

    @classmethod
    def take(cls, ctx: Context, kind: str, page: qinniao.PullPage[Any]) -> int:
        """Take a page over; return how many of its items were news."""
        if kind == "coaches":
            return sum(service.take_coach(ctx, item).state == "done" for item in page.items)
        for rejected in page.rejected:
            if rejected.id is not None:
                service.note_unreadable(ctx, rejected.id, rejected.reason)
        return sum(service.take_relation(ctx, item, "ivep").state == "done" for item in page.items)


def start(ctx: Context, kinds: Sequence[str] | None = None) -> None:
    """Read a list, or both, now. Raises Conflict when nothing is connected."""
    Pull.start(ctx, kinds)


def name_coaches(ctx: Context) -> None:
    """Read the coaches when a relation names one whom nobody has told of, unless that is under way."""
    if ctx.settings(IvepSettings).connected and Pull.row(ctx, "coaches").state != "running":
        Pull.start(ctx, ["coaches"])


def run(ctx: Context, row_id: UUID, body: None = None) -> None:
    start(ctx, [IvepCursor.scoped(ctx).get(IvepCursor.id == row_id).kind])


def begin(ctx: Context, body: NewRun) -> Any:
    """Read a list now, or both, for staff; return the row of the (first) list."""
    kinds = list(wire.LISTS) if body.kind == "all" else [body.kind]
    start(ctx, kinds)
    return IvepCursor.scoped(ctx).get(IvepCursor.kind == kinds[0])


# --- one member -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whom to ask for; with `held` nobody is asked for so long."""

    number: str
    tries: int
    target: str
    client: IvepClient = field(repr=False)
    held: timedelta | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What IVEP answered."""

    relations: tuple[wire.IvepRelation, ...] = ()
    failure: qinniao.QinniaoError | None = None


class Ask(Remote):
    """The job `ivep.ask`: take over the relations of one member as IVEP has them now."""

    def prepare(self, ctx: Context, payload: AskJob) -> Prepared | None:  # type: ignore[override]  # the payload
        """Return whom to ask for; None when IVEP is not connected any more."""
        settings = ctx.settings(IvepSettings)
        if not settings.connected:
            return None
        held = qinniao.pause(ctx, settings.base_url)
        return Prepared(payload.number, payload.tries, settings.base_url, client_of(ctx), held)

    def call(self, prepared: Prepared | None) -> Asked:
        if prepared is None or prepared.held is not None:
            return Asked()
        try:
            return Asked(tuple(prepared.client.relations_of(prepared.number)))
        except qinniao.QinniaoError as ex:
            return Asked(failure=ex)

    def complete(self, ctx: Context, prepared: Prepared | None, answer: Asked) -> Next | None:
        """Take the relations over; on a failure that may pass, come back later."""
        if prepared is None:
            return None
        if prepared.held is not None:
            return Next(AskJob(number=prepared.number, tries=prepared.tries), after=prepared.held)
        qinniao.note(ctx, prepared.target, answer.failure)
        if answer.failure is not None:
            tries = prepared.tries + 1
            if not answer.failure.retryable or tries >= MOST_TRIES:
                return None  # the night's run asks for everybody
            return Next(AskJob(number=prepared.number, tries=tries), after=qinniao.backoff(tries))
        taken = [service.take_relation(ctx, relation, "ivep") for relation in answer.relations]
        if any(outcome.unnamed for outcome in taken):
            name_coaches(ctx)
        return None


def heard_of(ctx: Context, told: qinniao.CoachRelationTold) -> None:
    """Act on what the SaaS said of a relation: ask IVEP, which knows; without IVEP take the SaaS's word."""
    settings = ctx.settings(IvepSettings)
    if settings.connected:
        ctx.enqueue("ivep.ask", AskJob(number=told.number))
    elif settings.saas_relations:
        item = wire.IvepRelation(
            id=told.relation, version=told.version, updated_at=told.updated_at, member_id=told.number,
            coach_id=told.coach, status=told.status, since=told.since,
        )  # fmt: skip
        service.take_relation(ctx, item, "saas")


def linked(ctx: Context, number: str) -> None:
    """Act on a member whom the SaaS's number was linked with just now: what waited is theirs, and IVEP may know more.

    An import links thousands: then the night's run asks for all of them at once.
    """
    service.resolve(ctx, number)
    if ctx.origin == "live" and ctx.settings(IvepSettings).connected:
        ctx.enqueue("ivep.ask", AskJob(number=number))


def sweep(ctx: Context, payload: SweepJob) -> Next | None:
    """Look again for the members of relations that wait."""
    rows = IvepRelation.scoped(ctx).select().where(IvepRelation.state == "waiting")
    if payload.after is not None:
        rows = rows.where(IvepRelation.id > payload.after)
    found = list(rows.order_by(IvepRelation.id).limit(SWEEP))
    for number in sorted({row.member_number for row in found}):
        service.resolve(ctx, number)
    return Next(SweepJob(after=found[-1].id)) if len(found) == SWEEP else None


def retry(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Look again for a relation's member, for staff, and ask IVEP once more.

    Raises Conflict (`still_waiting`) when the SaaS's number is nobody's and there is no IVEP to ask.
    """
    row = IvepRelation.scoped(ctx).get(IvepRelation.id == row_id)
    found = service.resolve(ctx, row.member_number) if row.member_number else 0
    connected = ctx.settings(IvepSettings).connected
    if connected and row.member_number:
        ctx.enqueue("ivep.ask", AskJob(number=row.member_number))
    elif connected:
        start(ctx, ["relations"])
    elif not found:
        raise Conflict(
            f"the SaaS's number {row.member_number or '?'} is linked with no member yet",
            "该 SaaS 会员号尚未匹配到会员",
            code="still_waiting",
        )
