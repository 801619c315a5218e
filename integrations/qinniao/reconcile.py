"""Fetch what pushes missed: each of the SaaS's lists from where it was left, and then what waits once more."""

from typing import Any, cast

from integrations.qinniao import leads, service
from integrations.qinniao.answers import PullPage
from integrations.qinniao.client import QinniaoClient
from integrations.qinniao.following import Following, Prepared
from integrations.qinniao.models import QinniaoCursor, QinniaoObject
from integrations.qinniao.schemas import NewRun, QinniaoSettings, SweepJob
from integrations.qinniao.wire import Kind
from roost import Context, Next

# Whom things belong to before the things, where they happened before what happened there.
KINDS: tuple[Kind, ...] = (
    "members", "stores", "staff", "classes", "cards", "orders", "refunds", "checkins", "bookings",
)  # fmt: skip
SWEEP = 200


class Pull(Following):
    """The job `qinniao.pull`."""

    slug = service.SLUG
    job = "qinniao.pull"
    lists = KINDS
    cursors = QinniaoCursor

    @classmethod
    def settings(cls, ctx: Context) -> QinniaoSettings:
        return ctx.settings(QinniaoSettings)

    @classmethod
    def client(cls, ctx: Context) -> QinniaoClient:
        return leads.client_of(ctx)

    @classmethod
    def fetch(cls, asked: Prepared) -> PullPage[Any]:
        assert isinstance(asked.client, QinniaoClient)
        return asked.client.pull(cast(Kind, asked.kind), asked.cursor, asked.limit, asked.since)

    @classmethod
    def take(cls, ctx: Context, kind: str, page: PullPage[Any]) -> int:
        """Take a page over; return how many of its items were news."""
        listed = cast(Kind, kind)
        found = sum(service.apply(ctx, listed, item, via="pull").state == "applied" for item in page.items)
        for rejected in page.rejected:
            if rejected.id is not None:
                service.note_unreadable(ctx, listed, rejected.id, rejected.reason)
        return found


def sweep(ctx: Context, payload: SweepJob) -> Next | None:
    """Try once more what waits: people by their phone, and what waits for something else than its person."""
    rows = QinniaoObject.scoped(ctx).select().where(
        QinniaoObject.state == "waiting",
        QinniaoObject.kind.in_(("members", "leads")) | (QinniaoObject.note != "member"),
    )  # fmt: skip
    if payload.after is not None:
        rows = rows.where(QinniaoObject.id > payload.after)
    found = list(rows.order_by(QinniaoObject.id).limit(SWEEP))
    for row in found:
        service.resume(ctx, row)
    return Next(SweepJob(after=found[-1].id)) if len(found) == SWEEP else None


# --- the desk ---------------------------------------------------------------------------------------------


def run(ctx: Context, row_id: object, body: None = None) -> None:
    """Fetch one list now, for staff."""
    Pull.start(ctx, [QinniaoCursor.scoped(ctx).get(QinniaoCursor.id == row_id).kind])


def begin(ctx: Context, body: NewRun) -> Any:
    """Fetch a list now, or all, for staff; return the row of the (first) list."""
    kinds = list(KINDS) if body.kind == "all" else [body.kind]
    Pull.start(ctx, kinds)
    return QinniaoCursor.scoped(ctx).get(QinniaoCursor.kind == kinds[0])
