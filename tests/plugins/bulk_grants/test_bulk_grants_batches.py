"""Giving the same to many: drafted, approved by a second person, run in chunks, recalled."""

from collections.abc import Callable
from uuid import UUID

import pytest

from core import members, points, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict, Forbidden, Invalid
from core.ids import new_id
from core.members import MemberView
from core.rewards import RewardSpec
from core.words import said
from plugins.bulk_grants import service
from plugins.bulk_grants.audience import Audience, members_of
from plugins.bulk_grants.models import BulkGrantsBatch, BulkGrantsRecipient

Make = Callable[..., MemberView]
Somebody = Callable[[], Context]
Available = Callable[[MemberView], int]
FIFTY = [RewardSpec(kind="points", spec={"amount": 50})]


def draft(ctx: Context, people: list[MemberView], specs: list[RewardSpec] = FIFTY) -> UUID:
    made = service.draft(ctx, name="Sorry", members=[m.id for m in people], rewards_=specs, reason="outage")
    return made.id


def batch(ctx: Context, batch_id: UUID) -> BulkGrantsBatch:
    return BulkGrantsBatch.scoped(ctx).get(BulkGrantsBatch.id == batch_id)


def in_state(ctx: Context, state: str) -> list[BulkGrantsRecipient]:
    return list(BulkGrantsRecipient.scoped(ctx).select().where(BulkGrantsRecipient.state == state))


def test_a_draft_tells_heads_and_cost_and_gives_nothing(somebody: Somebody, member: Make, available: Available) -> None:
    people, ctx = [member() for _ in range(3)], somebody()
    drafted = batch(ctx, draft(ctx, [*people, people[0]]))
    assert (drafted.state, drafted.heads, drafted.points) == ("draft", 3, 150)
    assert available(people[0]) == 0


def test_only_somebody_else_may_approve_and_once(somebody: Somebody, member: Make) -> None:
    maker = somebody()
    made = draft(maker, [member()])
    with pytest.raises(Forbidden) as caught:
        service.approve(maker, made)
    assert caught.value.code == "second_approver"
    service.approve(somebody(), made)
    with pytest.raises(Conflict):
        service.approve(somebody(), made)


def test_an_approved_batch_reaches_every_head_once_in_chunks(
    somebody: Somebody, member: Make, available: Available, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK", 2)
    people, ctx = [member() for _ in range(5)], somebody()
    made = draft(ctx, people)
    service.approve(somebody(), made)
    drain()
    assert [available(m) for m in people] == [50] * 5
    done = batch(ctx, made)
    assert (done.state, done.given, done.failed) == ("done", 5, 0)


def test_a_head_that_cannot_be_given_to_is_marked_and_the_others_go_on(
    somebody: Somebody, member: Make, available: Available, drain: Callable[[], int]
) -> None:
    li, ctx = member(), somebody()
    made = service.draft(ctx, name="x", members=[new_id(), li.id], rewards_=FIFTY, reason="why").id
    service.approve(somebody(), made)
    drain()
    assert available(li) == 50
    assert (batch(ctx, made).given, batch(ctx, made).failed) == (1, 1)
    [failed] = in_state(ctx, "failed")
    assert (said(failed.remark, "zh"), said(failed.remark, "en")) == ("找不到会员", "no such member")


def test_a_recall_takes_the_unspent_back_and_lists_the_spent(
    tenant: Context, somebody: Somebody, member: Make, available: Available, drain: Callable[[], int]
) -> None:
    thrifty, spender, ctx = member(), member(), somebody()
    made = draft(ctx, [thrifty, spender])
    service.approve(somebody(), made)
    drain()
    with tenant.transaction():
        points.debit(tenant, spender.id, "points", 20, key="tea", reason="tea")
    service.recall(ctx, made, "wrong list")
    drain()
    after = batch(ctx, made)
    assert (after.state, after.taken) == ("recalled", 1)
    assert available(thrifty) == available(spender) == 0
    [spent] = in_state(ctx, "spent")
    assert spent.member == spender.id
    assert "20" in spent.remark


def test_a_recall_stops_a_batch_that_still_runs(
    somebody: Somebody, member: Make, available: Available, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK", 1)
    people, ctx = [member() for _ in range(3)], somebody()
    made = draft(ctx, people)
    service.approve(somebody(), made)
    with ctx.transaction():
        service.run(ctx, service.Step(batch=made))
        service.recall(ctx, made, "stop")
    drain()
    assert [available(m) for m in people] == [0, 0, 0]
    after = batch(ctx, made)
    assert (after.state, after.given, after.taken) == ("recalled", 1, 1)


def test_a_draft_can_be_dropped_and_then_not_approved(somebody: Somebody, member: Make) -> None:
    ctx = somebody()
    made = draft(ctx, [member()])
    service.drop(ctx, made)
    with pytest.raises(Conflict):
        service.approve(somebody(), made)


def test_a_batch_needs_members_and_rewards(somebody: Somebody, member: Make) -> None:
    with pytest.raises(Invalid):
        draft(somebody(), [])
    with pytest.raises(Invalid):
        draft(somebody(), [member()], [])


def test_it_is_not_switched_off_while_a_batch_runs(
    tenant: Context, somebody: Somebody, member: Make, drain: Callable[[], int]
) -> None:
    made = draft(somebody(), [member()])
    service.approve(somebody(), made)
    with pytest.raises(Conflict):
        tenants.disable_plugin(tenant, "bulk_grants")
    drain()
    tenants.disable_plugin(tenant, "bulk_grants")


def test_an_audience_goes_by_the_state_of_today(bulk: Context, member: Make, clock: ManualClock) -> None:
    lead, paying, over = member(), member(state="member"), member()
    with bulk.transaction():
        members.set_membership(bulk, over.id, state="member", valid_until=bulk.today())
    clock.advance(days=1)
    assert members_of(bulk, Audience(state="lead")) == [lead.id]
    assert members_of(bulk, Audience(state="member")) == [paying.id]
    assert members_of(bulk, Audience(state="lapsed")) == [over.id]
    with pytest.raises(Invalid) as caught:
        members_of(bulk, Audience())
    assert caught.value.code == "audience_needed"
