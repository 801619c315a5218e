"""Rewards over HTTP: "why" for a member, and a batch from preview to recall."""

from collections.abc import Callable
from typing import Any

from core import points
from core.contract.context import Context
from core.members import MemberView

FIFTY = [{"kind": "points", "spec": {"amount": 50}}]


def available(ctx: Context, member: MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def test_a_batch_for_an_audience_is_previewed_approved_by_another_and_recalled(
    tenant: Context, member: Callable[..., MemberView], api: Any, drain: Callable[[], int]
) -> None:
    paying = [member(state="member") for _ in range(2)]
    lead = member()
    maker = api.as_staff("rewards.view", "rewards.edit", "rewards.approve")
    checker = api.as_staff("rewards.view", "rewards.approve")
    body = {"name": "Sorry", "reason": "the showers were cold", "rewards": FIFTY, "audience": {"state": "member"}}
    drafted = api.post("/admin/v1/rewards/batches", json=body, token=maker)
    assert (drafted.status_code, drafted.json["heads"], drafted.json["points"]) == (201, 2, 100)
    path = f"/admin/v1/rewards/batches/{drafted.json['id']}"
    assert api.post(f"{path}/approve", token=maker, key="a0").json["code"] == "second_approver"
    assert api.post(f"{path}/approve", token=checker, key="a1").status_code == 200
    drain()
    assert [available(tenant, m) for m in (*paying, lead)] == [50, 50, 0]
    told = api.get(f"/admin/v1/members/{paying[0].id}/why", token=maker).json["items"]
    assert [(row["outcome"], row["reason"], row["rewards"]) for row in told] == [
        ("given", "the showers were cold", ["50 积分"])
    ]
    assert api.post(f"{path}/recall", json={"reason": "twice"}, token=checker, key="r1").status_code == 200
    drain()
    assert api.get(path, token=maker).json["state"] == "recalled"
    heads = api.get(f"{path}/heads?state=taken", token=maker).json["items"]
    assert {head["member"] for head in heads} == {str(m.id) for m in paying}
    assert [available(tenant, m) for m in paying] == [0, 0]


def test_a_batch_names_members_or_an_audience_never_both_or_none(
    tenant: Context, member: Callable[..., MemberView], api: Any
) -> None:
    token = api.as_staff("rewards.edit")
    for more in ({}, {"members": [str(member().id)], "audience": {"state": "lead"}}, {"audience": {}}):
        body = {"name": "x", "reason": "because", "rewards": FIFTY, **more}
        assert api.post("/admin/v1/rewards/batches", json=body, token=token).status_code == 422


def test_an_account_of_single_venues_gives_to_no_batch(
    tenant: Context, member: Callable[..., MemberView], api: Any
) -> None:
    from core import tenants

    with tenant.transaction():
        shop = tenants.add_venue(tenant, "001", "Centre")
    body = {"name": "x", "reason": "because", "rewards": FIFTY, "members": [str(member().id)]}
    token = api.as_staff("rewards.edit", venues=(shop.id,))
    assert api.post("/admin/v1/rewards/batches", json=body, token=token).status_code == 403


def test_the_kinds_that_rules_may_name_come_with_what_they_need(tenant: Context, api: Any) -> None:
    kinds = api.get("/admin/v1/rewards/kinds", token=api.as_staff("rewards.view")).json
    assert {kind["name"] for kind in kinds["rewards"]} == {"points", "growth"}
    asked = {kind["name"]: kind["spec"]["required"] for kind in kinds["conditions"]}
    assert asked["level"] == ["values"]
    assert asked["registered_within_days"] == ["days"]
