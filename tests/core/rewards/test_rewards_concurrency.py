"""Limits under concurrency, on the database where transactions really run side by side."""

import threading
from collections.abc import Callable

import pytest

from core import db, points, rewards
from core.contract.context import Context
from core.members import MemberView
from core.rewards import Limits, RewardSpec, RuleSpec, limits
from core.rewards.models import RewardCounter

pytestmark = pytest.mark.engines("postgresql")  # SQLite writes one transaction at a time
Make = Callable[..., MemberView]
WORKERS = 8


def side_by_side(work: Callable[[int], bool]) -> int:
    """Run `work` in as many threads, together; return how many said yes."""
    barrier, said = threading.Barrier(WORKERS), []

    def run(number: int) -> None:
        with db.connection():
            barrier.wait()
            said.append(work(number))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == WORKERS
    return sum(said)


def rule_with(ctx: Context, most: Limits) -> rewards.RuleView:
    reward = RewardSpec(kind="points", spec={"amount": 10})
    with ctx.transaction():
        return rewards.save_rule(ctx, RuleSpec(name="Rush", trigger="t", rewards=[reward], limits=most))


def test_a_total_is_never_passed_by_workers_side_by_side(tenant: Context, member: Make) -> None:
    people, rule = [member() for _ in range(WORKERS)], rule_with(tenant, Limits(total=3))
    given = side_by_side(
        lambda n: tenant.run(lambda: rewards.grant(tenant, rule, people[n].id, key=f"k{n}")) is not None
    )
    assert given == 3
    with tenant.transaction():
        assert sum(points.balance(tenant, m.id).available for m in people) == 30


def test_a_total_is_passed_when_the_condition_of_the_update_is_taken_away(
    tenant: Context, member: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: reading first and counting after lets too many through."""
    read_by_all = threading.Barrier(WORKERS)

    def take(ctx: Context, rule: object, name: str, amount: int, most: int) -> bool:
        seen = limits.used(ctx, rule, name)  # type: ignore[arg-type]  # as the real one
        read_by_all.wait()
        if seen + amount > most:
            return False
        door = RewardCounter.scoped(ctx)
        door.insert(rule=rule, name=name, used=0).on_conflict_ignore().execute()
        door.update(used=RewardCounter.used + amount).where(RewardCounter.rule == rule).execute()
        return True

    monkeypatch.setattr(limits, "take", take)
    people, rule = [member() for _ in range(WORKERS)], rule_with(tenant, Limits(total=3))
    given = side_by_side(
        lambda n: tenant.run(lambda: rewards.grant(tenant, rule, people[n].id, key=f"k{n}")) is not None
    )
    assert given > 3


def test_a_members_turn_is_never_taken_twice(tenant: Context, member: Make) -> None:
    li, rule = member(), rule_with(tenant, Limits(per_member=1))
    given = side_by_side(lambda n: tenant.run(lambda: rewards.grant(tenant, rule, li.id, key=f"k{n}")) is not None)
    assert given == 1
    with tenant.transaction():
        assert points.balance(tenant, li.id).available == 10


def test_one_key_side_by_side_gives_once(tenant: Context, member: Make) -> None:
    li, rule = member(), rule_with(tenant, Limits(total=5))
    given = side_by_side(lambda n: tenant.run(lambda: rewards.grant(tenant, rule, li.id, key="same")) is not None)
    assert given == WORKERS  # all see the one grant
    with tenant.transaction():
        assert points.balance(tenant, li.id).available == 10
        assert limits.used(tenant, rule.id, "total") == 1
