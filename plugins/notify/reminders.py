"""What the clock tells members: points that expire, memberships that end, birthdays. Chains, a page at a time."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from plugins.notify import noticing
from plugins.notify.models import NotifyMessage
from plugins.notify.noticing import Chosen
from plugins.notify.settings import NotifySettings
from roost import Context, Next, Told, local_date, local_midnight, members, points

CHUNK = 100
NOBODY = UUID(int=0)
Kind = Literal["points_expiring", "membership_ending", "birthday"]
STATES = ("lead", "member", "lapsed")


class Turn(BaseModel):
    """What a step carries: which reminder, for which days ahead, and after whose id it begins."""

    kind: Kind
    day: date  # the tenant's
    over: int = 0  # more than so many days ahead: those are the next smaller window's
    days: int = 0  # and at most so many
    after: UUID = NOBODY


def begin(ctx: Context, slot: str) -> None:
    """Start the day's chains. A notice that the tenant has off starts none."""
    settings, day = ctx.settings(NotifySettings), date.fromisoformat(slot)
    turns = [Turn(kind="birthday", day=day)]
    windows: Mapping[Kind, list[int]] = {
        "points_expiring": settings.points_days,
        "membership_ending": settings.membership_days,
    }
    for kind, ahead in windows.items():
        edges = sorted(set(ahead))
        for over, days in zip([-1, *edges], edges, strict=False):
            turns.append(Turn(kind=kind, day=day, over=over, days=days))
    for turn in turns:
        wanted = noticing.chosen(ctx, turn.kind)
        if wanted is not None and wanted.enabled:
            ctx.enqueue("notify.remind", turn, dedupe=f"remind:{turn.kind}:{turn.days}:{slot}")


def remind(ctx: Context, turn: Turn) -> Next | None:
    """Tell the next members: one step of a chain."""
    wanted = noticing.chosen(ctx, turn.kind)
    if wanted is None or not wanted.enabled:
        return None
    step = {"points_expiring": _points, "membership_ending": _memberships, "birthday": _birthdays}[turn.kind]
    last = step(ctx, wanted, turn)
    return Next(turn.model_copy(update={"after": last})) if last is not None else None


def _points(ctx: Context, wanted: Chosen, turn: Turn) -> UUID | None:
    zone = ctx.tenant.zone
    until = local_midnight(turn.day + timedelta(days=turn.days + 1), zone)
    found = points.expiring(ctx, until, after=turn.after, limit=CHUNK)
    mine = [e for e in found if (local_date(e.first_at, zone) - turn.day).days > turn.over]
    views = members.get_many(ctx, [e.member for e in mine])
    lately = _told_lately(ctx, turn, list(views))
    for one in mine:
        view = views.get(one.member)
        if view is None or view.erased or view.id != one.member or view.id in lately:
            continue
        first = local_date(one.first_at, zone).isoformat()
        told = Told(view.id, {"amount": str(one.amount), "date": first, "days": str(turn.days)})
        noticing.tell(ctx, wanted, view, told, key=f"{_prefix(turn)}{view.id.hex}:{turn.day}")
    return found[-1].member if len(found) == CHUNK else None


def _prefix(turn: Turn) -> str:
    return f"{turn.kind}:{turn.days}:"


def _told_lately(ctx: Context, turn: Turn, ids: list[UUID]) -> set[UUID]:
    """Return who was reminded for this window within its days: points that die every day are no daily news."""
    if not ids:
        return set()
    since = ctx.now() - timedelta(days=turn.days)
    rows = (
        NotifyMessage.scoped(ctx)
        .select(NotifyMessage.member)
        .where(
            NotifyMessage.member.in_(ids),
            NotifyMessage.notice == turn.kind,
            NotifyMessage.created_at > since,
            NotifyMessage.key.startswith(_prefix(turn)),
        )
    )
    return {row.member for row in rows}


def _memberships(ctx: Context, wanted: Chosen, turn: Turn) -> UUID | None:
    first, last = turn.day + timedelta(days=turn.over + 1), turn.day + timedelta(days=turn.days)
    found = members.ending(ctx, first, last, after=turn.after, limit=CHUNK)
    for view in found:
        day = view.valid_until
        told = Told(view.id, {"date": str(day), "days": str((day - turn.day).days if day else 0)})
        noticing.tell(ctx, wanted, view, told, key=f"{_prefix(turn)}{view.id.hex}:{day}")
    return found[-1].id if len(found) == CHUNK else None


def _birthdays(ctx: Context, wanted: Chosen, turn: Turn) -> UUID | None:
    found = members.born_on(ctx, _kept_on(turn.day), states=STATES, after=turn.after, limit=CHUNK)
    for view in found:
        noticing.tell(ctx, wanted, view, Told(view.id), key=f"birthday:{turn.day.year}:{view.id.hex}")
    return found[-1].id if len(found) == CHUNK else None


def _kept_on(day: date) -> list[tuple[int, int]]:
    """Return the birthdays kept on a day: 29 February on the 28th of a short year."""
    pair = (day.month, day.day)
    return [pair, (2, 29)] if pair == (2, 28) and (day + timedelta(days=1)).day == 1 else [pair]
