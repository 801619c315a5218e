"""Giving the same to many: previewed, approved by a second person, run in chunks, recalled."""

from collections.abc import Callable

import pytest

from core import points, rewards
from core.contract.context import Context
from core.errors import Conflict, Forbidden, Invalid
from core.ids import new_id
from core.members import MemberView
from core.rewards import RewardSpec, batching

Make = Callable[..., MemberView]
Staff = Callable[..., Context]
FIFTY = [RewardSpec(kind="points", spec={"amount": 50})]


def available(ctx: Context, member: MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def preview(ctx: Context, people: list[MemberView], specs: list[RewardSpec] = FIFTY) -> rewards.BatchView:
    with ctx.transaction():
        return rewards.preview_batch(ctx, name="Sorry", members=[m.id for m in people], rewards=specs, reason="outage")


def approve(ctx: Context, batch: rewards.BatchView) -> None:
    with ctx.transaction():
        rewards.approve_batch(ctx, batch.id)


def test_a_preview_tells_heads_and_cost_and_gives_nothing(tenant: Context, member: Make, staff: Staff) -> None:
    people = [member() for _ in range(3)]
    batch = preview(staff("rewards.edit"), [*people, people[0]])
    assert (batch.state, batch.heads, batch.points, batch.what) == ("draft", 3, 150, ("50 积分",))
    assert available(tenant, people[0]) == 0


def test_only_somebody_else_may_approve(tenant: Context, member: Make, staff: Staff) -> None:
    maker = staff("rewards.edit", "rewards.approve")
    batch = preview(maker, [member()])
    with pytest.raises(Forbidden) as caught:
        approve(maker, batch)
    assert caught.value.code == "second_approver"
    with pytest.raises(Forbidden):
        approve(staff("rewards.edit"), batch)
    approve(staff("rewards.approve"), batch)
    with pytest.raises(Conflict):
        approve(staff("rewards.approve"), batch)


def test_an_approved_batch_reaches_every_head_once_in_chunks(
    tenant: Context, member: Make, staff: Staff, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "CHUNK", 2)
    people = [member() for _ in range(5)]
    batch = preview(staff("rewards.edit"), people)
    approve(staff("rewards.approve"), batch)
    drain()
    assert [available(tenant, m) for m in people] == [50] * 5
    done = rewards.batch(tenant, batch.id)
    assert (done.state, done.given, done.failed) == ("done", 5, 0)


def test_a_head_that_cannot_be_given_to_is_marked_and_the_others_go_on(
    tenant: Context, member: Make, staff: Staff, drain: Callable[[], int]
) -> None:
    maker, li = staff("rewards.edit"), member()
    with tenant.transaction():
        batch = rewards.preview_batch(maker, name="x", members=[new_id(), li.id], rewards=FIFTY, reason="y")
    approve(staff("rewards.approve"), batch)
    drain()
    assert available(tenant, li) == 50
    assert (rewards.batch(tenant, batch.id).given, rewards.batch(tenant, batch.id).failed) == (1, 1)
    [(_, _, _, remark)] = rewards.batch_heads(tenant, batch.id, state="failed")
    assert remark.startswith("not_found")


def test_a_recall_takes_the_unspent_back_and_lists_the_spent(
    tenant: Context, member: Make, staff: Staff, drain: Callable[[], int]
) -> None:
    thrifty, spender = member(), member()
    batch = preview(staff("rewards.edit"), [thrifty, spender])
    approve(staff("rewards.approve"), batch)
    drain()
    with tenant.transaction():
        points.debit(tenant, spender.id, "points", 20, key="tea", reason="tea")
        rewards.recall_batch(staff("rewards.approve"), batch.id, reason="wrong list")
    drain()
    after = rewards.batch(tenant, batch.id)
    assert (after.state, after.taken) == ("recalled", 1)
    assert available(tenant, thrifty) == available(tenant, spender) == 0
    [(_, who, _, remark)] = rewards.batch_heads(tenant, batch.id, state="spent")
    assert who == spender.id
    assert "20" in remark


def test_a_recall_stops_a_batch_that_still_runs(
    tenant: Context, member: Make, staff: Staff, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "CHUNK", 1)
    people = [member() for _ in range(3)]
    batch = preview(staff("rewards.edit"), people)
    approve(staff("rewards.approve"), batch)
    with tenant.transaction():
        batching.run_batch(tenant, {"batch": str(batch.id), "place": 0})
        rewards.recall_batch(staff("rewards.approve"), batch.id, reason="stop")
    drain()
    assert [available(tenant, m) for m in people] == [0, 0, 0]
    after = rewards.batch(tenant, batch.id)
    assert (after.state, after.given, after.taken) == ("recalled", 1, 1)


def test_a_draft_can_be_dropped_and_then_not_approved(tenant: Context, member: Make, staff: Staff) -> None:
    batch = preview(staff("rewards.edit"), [member()])
    with tenant.transaction():
        rewards.drop_batch(staff("rewards.edit"), batch.id)
    with pytest.raises(Conflict):
        approve(staff("rewards.approve"), batch)


def test_a_batch_needs_members_rewards_a_reason_and_the_permission(tenant: Context, member: Make, staff: Staff) -> None:
    maker, li = staff("rewards.edit"), member()
    with pytest.raises(Invalid):
        preview(maker, [])
    with pytest.raises(Invalid):
        preview(maker, [li], [])
    with pytest.raises(Forbidden):
        preview(staff("members.view"), [li])
    with pytest.raises(Invalid), tenant.transaction():
        rewards.preview_batch(maker, name="x", members=[li.id], rewards=FIFTY, reason=" ")
