"""Fetch what pushes missed: each kind's list from where it was left, page by page, and then what waits once
more.

A run of a kind is a chain of jobs. A page, its cursor and the next step are committed together, so that a
run which is killed goes on where it stopped; a run that is started anew takes over from one that is still
at work.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from integrations.qinniao import leads, service
from integrations.qinniao.client import PullPage, QinniaoClient, QinniaoError
from integrations.qinniao.models import QinniaoCursor, QinniaoObject
from integrations.qinniao.schemas import PullJob, QinniaoSettings, SweepJob
from integrations.qinniao.wire import Kind
from roost import Conflict, Context, Next, Remote, new_id

KINDS: tuple[Kind, ...] = ("members", "cards", "orders", "refunds", "checkins")
MOST_TRIES = 10  # of one page: about three hours; then the next night goes on
SWEEP = 200


def start_due(ctx: Context) -> bool:
    """Start the night's run once its hour has come, once a day of the tenant's; return whether it did."""
    settings = ctx.settings(QinniaoSettings)
    hour = ctx.now().astimezone(ZoneInfo(ctx.tenant.zone)).hour
    if not settings.connected or not settings.reconcile or hour < settings.reconcile_hour:
        return False
    first = _locked(ctx, KINDS[0])
    if first.started_on == ctx.today():
        return False
    start(ctx)
    return True


def start(ctx: Context) -> None:
    """Start a run of every kind now. Raises Conflict when nothing is connected."""
    ctx = ctx.for_plugin(service.SLUG)
    if not ctx.settings(QinniaoSettings).connected:
        raise Conflict(
            "no SaaS is connected: set base_url, app_id and secret first",
            "尚未配置 SaaS 接口",
            code="not_configured",
        )
    for kind in KINDS:
        row, run = _locked(ctx, kind), new_id()
        _set(
            ctx,
            row,
            run=run,
            state="running",
            started_on=ctx.today(),
            items=0,
            found=0,
            rejected=0,
            tries=0,
            error="",
        )
        ctx.enqueue("qinniao.pull", PullJob(kind=kind, run=run))


def _locked(ctx: Context, kind: str) -> Any:
    cursors = QinniaoCursor.scoped(ctx)
    cursors.insert(kind=kind).on_conflict_ignore().execute()
    return cursors.lock(QinniaoCursor.kind == kind)


def _set(ctx: Context, row: Any, **values: object) -> None:
    QinniaoCursor.scoped(ctx).update(**values).where(QinniaoCursor.id == row.id).execute()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The page to fetch."""

    kind: Kind
    run: UUID
    cursor: str | None
    limit: int
    client: QinniaoClient = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page, or why there is none."""

    page: PullPage | None = None
    failure: str = ""
    retryable: bool = False


class Pull(Remote):
    """The job `qinniao.pull`: one page of one kind."""

    def prepare(self, ctx: Context, payload: PullJob) -> Prepared | None:  # type: ignore[override]  # the payload
        """Read where the list was left; None when another run has taken over."""
        settings = ctx.settings(QinniaoSettings)
        row = QinniaoCursor.scoped(ctx).first(QinniaoCursor.kind == payload.kind)
        if row is None or row.run != payload.run or not settings.connected:
            return None
        return Prepared(payload.kind, payload.run, row.cursor, settings.page, leads.client_of(ctx))

    def call(self, prepared: Prepared | None) -> Fetched:
        """Fetch the page."""
        if prepared is None:
            return Fetched()
        try:
            return Fetched(prepared.client.pull(prepared.kind, prepared.cursor, prepared.limit))
        except QinniaoError as ex:
            return Fetched(failure=str(ex), retryable=ex.retryable)

    def complete(self, ctx: Context, prepared: Prepared | None, answer: Fetched) -> Next | None:
        """Take the page over and go on; on a failure come back later, to the same page."""
        if prepared is None:
            return None
        row = _locked(ctx, prepared.kind)
        if row.run != prepared.run or row.cursor != prepared.cursor:
            return None
        again = PullJob(kind=prepared.kind, run=prepared.run)
        if answer.page is None:
            return _later(ctx, row, answer, again)
        found = take(ctx, prepared.kind, answer.page)
        ended = not answer.page.has_more
        _set(
            ctx, row, cursor=answer.page.next_cursor, items=row.items + len(answer.page.items),
            found=row.found + found, rejected=row.rejected + len(answer.page.rejected), tries=0, error="",
            state="idle" if ended else "running", finished_at=ctx.now() if ended else row.finished_at,
        )  # fmt: skip
        return None if ended else Next(again)


def _later(ctx: Context, row: Any, answer: Fetched, again: PullJob) -> Next | None:
    tries, error = row.tries + 1, answer.failure[: service.NOTE_LENGTH]
    if not answer.retryable or tries >= MOST_TRIES:
        _set(ctx, row, state="failed", tries=tries, error=error)
        return None
    _set(ctx, row, tries=tries, error=error)
    return Next(again, after=leads.backoff(tries))


def take(ctx: Context, kind: Kind, page: PullPage) -> int:
    """Take a page over; return how many of its items were news."""
    found = sum(service.apply(ctx, kind, item, via="pull").state == "applied" for item in page.items)
    for rejected in page.rejected:
        if rejected.id is not None:
            service.note_unreadable(ctx, kind, rejected.id, rejected.reason)
    return found


def sweep(ctx: Context, payload: SweepJob) -> Next | None:
    """Try once more what waits: people by their phone, and what waits for something else than its person."""
    rows = QinniaoObject.scoped(ctx).select().where(
        QinniaoObject.state == "waiting", (QinniaoObject.kind == "members") | (QinniaoObject.note != "member")
    )  # fmt: skip
    if payload.after is not None:
        rows = rows.where(QinniaoObject.id > payload.after)
    found = list(rows.order_by(QinniaoObject.id).limit(SWEEP))
    for row in found:
        service.resume(ctx, row)
    return Next(SweepJob(after=found[-1].id)) if len(found) == SWEEP else None


# --- the desk ---------------------------------------------------------------------------------------------


def states(ctx: Context) -> list[tuple[str, str, datetime | None, str]]:
    """Return (kind, state, when a run last came to the end, error) of each kind."""
    rows = {row.kind: row for row in QinniaoCursor.scoped(ctx).select()}
    return [
        (kind, rows[kind].state, rows[kind].finished_at, rows[kind].error) if kind in rows else (kind, "idle", None, "")
        for kind in KINDS
    ]
