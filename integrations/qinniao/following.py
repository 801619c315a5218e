"""Follow lists: each from where it was left, page by page, once, whatever the other side answers.

A run of a list is a chain of jobs. A page, its cursor and the next step are committed together, so that a run which is
killed goes on where it stopped; a run that is started anew takes over from one that is still at work.

The other side may be wrong. A cursor that it does not take any more is dropped, once a run, and the list read from the
day before it was last read to its end. A list that goes in circles is left: by Brent's way one page is remembered, a
later one as the run grows, and meeting it again proves the circle, however long.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from integrations.qinniao import circuit
from integrations.qinniao.answers import PullPage, QinniaoError
from integrations.qinniao.connection import ServerSettings, require
from integrations.qinniao.protocol import ProtocolClient
from integrations.qinniao.schemas import PullJob
from roost import Context, Next, Remote, TenantModel, local_time, new_id

MOST_TRIES = 10  # of one page: about three hours; then the next night goes on
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(hours=1)
MOST_PAGES = 20_000  # of one run: millions of items, or a list without an end
OVERLAP = timedelta(days=1)
NOTE_LENGTH = 300


def backoff(tries: int) -> timedelta:
    """Return how long to wait after so many failures."""
    return min(FIRST_RETRY * (1 << min(tries - 1, 20)), LONGEST_RETRY)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The page to fetch; with `held` nobody is asked for so long."""

    kind: str
    run: UUID
    target: str
    cursor: str | None
    since: datetime | None
    limit: int
    client: ProtocolClient = field(repr=False)
    held: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page, or why there is none."""

    page: PullPage[Any] | None = None
    failure: QinniaoError | None = None


class Following(Remote):
    """The job that fetches one page of one list; a plugin says which lists it has, and what becomes of a page."""

    slug: ClassVar[str]
    job: ClassVar[str]
    lists: ClassVar[Sequence[str]]
    cursors: ClassVar[type[TenantModel]]  # a table like qinniao_cursor

    @classmethod
    def settings(cls, ctx: Context) -> ServerSettings:
        raise NotImplementedError

    @classmethod
    def client(cls, ctx: Context) -> ProtocolClient:
        raise NotImplementedError

    @classmethod
    def fetch(cls, asked: Prepared) -> PullPage[Any]:
        raise NotImplementedError

    @classmethod
    def take(cls, ctx: Context, kind: str, page: PullPage[Any]) -> int:
        """Take a page over; return how many of its items were news."""
        raise NotImplementedError

    # when

    @classmethod
    def start_due(cls, ctx: Context, slot: str) -> None:
        """Start the night's run once its hour has come, once a day of the tenant's."""
        settings = cls.settings(ctx)
        hour = local_time(ctx.now(), ctx.tenant.zone).hour
        if not settings.connected or not settings.reconcile or hour < settings.reconcile_hour:
            return
        if cls.row(ctx, cls.lists[0]).started_on != ctx.today():
            cls.start(ctx)

    @classmethod
    def start(cls, ctx: Context, kinds: Sequence[str] | None = None) -> None:
        """Start a run of some lists, or all, now. Raises Conflict when nothing is connected."""
        ctx = ctx.for_plugin(cls.slug)
        require(cls.settings(ctx))
        for kind in kinds or cls.lists:
            row, run = cls.row(ctx, kind), new_id()
            cls._set(
                ctx, row, run=run, state="running", started_on=ctx.today(), items=0, found=0, rejected=0, tries=0,
                error="", pages=0, mark="", restarted=False,
            )  # fmt: skip
            ctx.enqueue(cls.job, PullJob(kind=kind, run=run))

    @classmethod
    def row(cls, ctx: Context, kind: str) -> Any:
        """Return a list's row, locked; it is made when there is none."""
        cursors = cls.cursors.scoped(ctx)
        cursors.insert(kind=kind).on_conflict_ignore().execute()
        return cursors.lock(cls.cursors.kind == kind)  # type: ignore[attr-defined]  # a table like qinniao_cursor

    @classmethod
    def _set(cls, ctx: Context, row: Any, **values: object) -> None:
        cls.cursors.scoped(ctx).update(**values).where(cls.cursors.id == row.id).execute()  # type: ignore[attr-defined]

    @classmethod
    def states(cls, ctx: Context) -> list[tuple[str, str, datetime | None, str]]:
        """Return (list, state, when a run last came to the end, error) of each."""
        rows: dict[str, Any] = {row.kind: row for row in cls.cursors.scoped(ctx).select()}
        return [
            (kind, rows[kind].state, rows[kind].finished_at, rows[kind].error)
            if kind in rows
            else (kind, "idle", None, "")
            for kind in cls.lists
        ]

    # one page

    def prepare(self, ctx: Context, payload: PullJob) -> Prepared | None:  # type: ignore[override]  # the payload
        """Read where the list was left; None when another run has taken over."""
        settings = self.settings(ctx)
        cursors = self.cursors.scoped(ctx)
        row: Any = cursors.first(self.cursors.kind == payload.kind)  # type: ignore[attr-defined]
        if row is None or row.run != payload.run or row.state != "running" or not settings.connected:
            return None
        return Prepared(
            payload.kind, payload.run, settings.base_url, row.cursor, row.since if row.cursor is None else None,
            settings.page, self.client(ctx), circuit.pause(ctx, settings.base_url),
        )  # fmt: skip

    def call(self, prepared: Prepared | None) -> Fetched:
        if prepared is None or prepared.held is not None:
            return Fetched()
        try:
            return Fetched(self.fetch(prepared))
        except QinniaoError as ex:
            return Fetched(failure=ex)

    def complete(self, ctx: Context, prepared: Prepared | None, answer: Fetched) -> Next | None:
        """Take the page over and go on; on a failure come back later, to the same page."""
        if prepared is None:
            return None
        again = PullJob(kind=prepared.kind, run=prepared.run)
        if prepared.held is not None:
            return Next(again, after=prepared.held)
        circuit.note(ctx, prepared.target, answer.failure)
        row = self.row(ctx, prepared.kind)
        if row.run != prepared.run or row.cursor != prepared.cursor:
            return None
        if answer.page is None:
            return self._later(ctx, row, answer.failure, again)
        return self._go_on(ctx, row, answer.page, again)

    def _go_on(self, ctx: Context, row: Any, page: PullPage[Any], again: PullJob) -> Next | None:
        pages, print_ = row.pages + 1, _fingerprint(page)
        if page.has_more and (print_ == row.mark or pages >= MOST_PAGES):
            why = "was there before: the list goes in circles" if print_ == row.mark else "has no end in sight"
            self._set(
                ctx, row, cursor=None, since=_day_before(row.finished_at), state="failed", error=f"page {pages} {why}"
            )
            return None
        found = self.take(ctx, row.kind, page)
        ended = not page.has_more
        self._set(
            ctx, row, cursor=page.next_cursor, items=row.items + len(page.items),
            found=row.found + found, rejected=row.rejected + len(page.rejected), tries=0, error="",
            pages=pages, mark=print_ if pages & (pages - 1) == 0 else row.mark,
            state="idle" if ended else "running", finished_at=ctx.now() if ended else row.finished_at,
            since=None if ended else row.since,
        )  # fmt: skip
        return None if ended else Next(again)

    def _later(self, ctx: Context, row: Any, failure: QinniaoError | None, again: PullJob) -> Next | None:
        assert failure is not None
        tries, error = row.tries + 1, str(failure)[:NOTE_LENGTH]
        if failure.about_the_cursor and row.cursor is not None:
            since = _day_before(row.finished_at)
            self._set(ctx, row, cursor=None, since=since, restarted=True, error=error, pages=0, mark="")
            if not row.restarted:
                return Next(again)
        over = not failure.retryable or tries >= MOST_TRIES
        self._set(ctx, row, state="failed" if over else "running", tries=tries, error=error)
        return None if over else Next(again, after=backoff(tries))


def _day_before(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant - OVERLAP


def _fingerprint(page: PullPage[Any]) -> str:
    """Return what tells a page from another, whatever its cursor is called."""
    held = [f"{item.id}\n{item.version}" for item in page.items] + [f"{bad.id}\n!" for bad in page.rejected]
    return hashlib.sha256("\0".join(held or ["", page.next_cursor or ""]).encode()).hexdigest()
