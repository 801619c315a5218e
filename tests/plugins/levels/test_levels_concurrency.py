"""Two deliveries that judge one member side by side, on the database where they really do."""

import threading
from collections.abc import Callable, Sequence

import pytest

from core import db, members, points
from core.contract.context import Context
from core.contract.facts import LevelUp
from core.events.models import Event
from core.members import LevelChange, Member, MemberView
from plugins.levels import rising
from plugins.levels.models import LevelsHistory

pytestmark = pytest.mark.engines("postgresql")  # SQLite writes one transaction at a time
WORKERS = 6


@pytest.fixture
def rich(
    tenant: Context,
    member: Callable[..., MemberView],
    enable_plugin: Callable[..., None],
    drain: Callable[[], int],
) -> MemberView:
    """Return a member on the lowest level whose growth nobody has judged yet."""
    enable_plugin("levels")
    li = member()
    drain()
    with tenant.transaction():
        points.credit(tenant, li.id, "growth", 700, key="k", reason="purchase")
    return li


def judge_side_by_side(ctx: Context, member: MemberView) -> None:
    barrier = threading.Barrier(WORKERS)

    def work() -> None:
        with db.connection():
            barrier.wait()
            ctx.run(lambda: rising.judge(ctx, [member.id]))

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rises(ctx: Context) -> int:
    return int(Event.scoped(ctx).select().where(Event.name == "level_up").count())


def test_a_rise_happens_once_however_many_judge_it(tenant: Context, rich: MemberView) -> None:
    judge_side_by_side(tenant.for_plugin("levels"), rich)
    assert members.get(tenant, rich.id).level == "gold"
    assert (rises(tenant), LevelsHistory.scoped(tenant).select().count()) == (1, 1)


def test_without_lock_and_comparison_the_same_rise_happens_more_than_once(
    tenant: Context, rich: MemberView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: judged by all before anyone sets it, it is set and told by each."""
    judged, real = threading.Barrier(WORKERS), members.levels_of

    def unlocked(ctx: Context, ids: Sequence[object], *, lock: bool = False) -> object:
        return real(ctx, ids)  # type: ignore[arg-type]  # ids, as the real one

    def blind(ctx: Context, changes: Sequence[LevelChange]) -> list[LevelChange]:
        if changes:
            judged.wait()
        for change in changes:
            Member.scoped(ctx).update(level=change.new).where(Member.id == change.member).execute()
            ctx.publish(LevelUp(member=change.member, old=change.old, new=change.new, passed=change.passed))
        return list(changes)

    monkeypatch.setattr(members, "levels_of", unlocked)
    monkeypatch.setattr(members, "set_levels", blind)
    judge_side_by_side(tenant.for_plugin("levels"), rich)
    assert rises(tenant) > 1
