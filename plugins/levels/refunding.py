"""Levels that stood on growth which was refunded: taken back, without waiting for the period's end."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from plugins.levels.hookspecs import LevelRevoked
from plugins.levels.ladder import Ladder
from plugins.levels.models import LevelsHistory, LevelsStanding
from plugins.levels.schemas import LevelSettings
from plugins.levels.standing import INSTANT, Judgement, earned_of, growth_of, keep, ladder_of
from roost import Context, add_months, local_date, local_midnight, members

RISES = ("growth", "requalified", "manual_ended")  # judgements that give a level by growth


def take_back(ctx: Context, ids: Iterable[UUID]) -> int:
    """Lower members to what holds without the refund; return how many fell.

    A level is taken back when it was reached within `refund_days`, growth no longer reaches it, and would not have
    reached it then without what was refunded since. Anything else that lowers growth (it grew old) waits for the
    period's end. A level by hand stands on no growth, and stays.
    """
    settings, ladder = ladder_of(ctx)
    held = members.levels_of(ctx, ids) if settings.refund_days else {}
    suspects = _below(ladder, held, growth_of(ctx, settings, held))
    if not suspects:
        return 0
    held = members.levels_of(ctx, suspects, lock=True)  # what others did meanwhile is seen from here on
    growth = growth_of(ctx, settings, held)
    judged: list[Judgement] = []
    for member in sorted(_below(ladder, held, growth) - _by_hand(ctx, held)):
        new, since = _left(ctx, settings, ladder, member, held[member], growth[member])
        if new != held[member]:
            judged.append(Judgement(member, held[member], new, "refunded", growth[member], since=since))
    moved = members.set_levels(ctx, [members.LevelChange(j.member, j.old, j.new, up=False) for j in judged])
    done = {change.member for change in moved}
    keep(ctx, [j for j in judged if j.member in done])
    for change in moved:
        revoked = ladder.passed(change.new, change.old)
        ctx.publish(LevelRevoked(member=change.member, old=change.old, new=change.new, revoked=revoked))
    return len(moved)


def _below(ladder: Ladder, held: dict[UUID, str], growth: dict[UUID, int]) -> set[UUID]:
    return {m for m, level in held.items() if ladder.rank(level) > ladder.rank(ladder.reached_by(growth[m]).code)}


def _by_hand(ctx: Context, held: Iterable[UUID]) -> set[UUID]:
    query = LevelsStanding.scoped(ctx).select(LevelsStanding.member)
    return {
        row.member
        for row in query.where(LevelsStanding.member.in_(list(held)), LevelsStanding.manual_until.is_null(False))
    }


def _left(
    ctx: Context, settings: LevelSettings, ladder: Ladder, member: UUID, level: str, growth: int
) -> tuple[str, datetime | None]:
    """Return the level that is left, and when its period began."""
    rows = list(
        LevelsHistory.scoped(ctx)
        .select()
        .where(LevelsHistory.member == member)
        .order_by(LevelsHistory.at.desc(), LevelsHistory.id.desc())
    )
    oldest = ctx.now() - timedelta(days=settings.refund_days)
    rank = ladder.rank(level)
    while rank > 0 and growth < ladder.levels[rank].threshold:
        at = _reached(ladder, rows, rank)
        if at is None or at < oldest or _then(ctx, settings, member, at) >= ladder.levels[rank].threshold:
            break
        rank -= 1
    return ladder.levels[max(rank, 0)].code, _begun(ladder, rows, rank)


def _reached(ladder: Ladder, rows: Sequence[LevelsHistory], rank: int) -> datetime | None:
    """Return when growth last brought a member to a rank, from the newest judgement back."""
    for row in rows:
        anew = row.reason == "manual_ended" or ladder.rank(row.old) < rank
        if anew and row.reason in RISES and ladder.rank(row.new) >= rank:
            return row.at  # type: ignore[no-any-return]  # peewee
    return None


def _begun(ladder: Ladder, rows: Sequence[LevelsHistory], rank: int) -> datetime | None:
    """Return when the period of a rank began that is left: at its last judgement, or when it was passed."""
    for row in rows:
        if row.reason != "manual" and ladder.rank(row.new) == rank:
            return row.at  # type: ignore[no-any-return]  # peewee
    return _reached(ladder, rows, rank)


def _then(ctx: Context, settings: LevelSettings, member: UUID, at: datetime) -> int:
    """Return the growth that counted at an instant, less what was reversed of it since."""
    first = add_months(local_date(at, ctx.tenant.zone), -settings.qualification_months)
    window = earned_of(ctx, [member], "growth", local_midnight(first, ctx.tenant.zone))[member]
    return window - earned_of(ctx, [member], "growth", at + INSTANT)[member]
