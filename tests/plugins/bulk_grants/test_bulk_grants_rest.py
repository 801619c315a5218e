"""Batches over HTTP: drafted for members or an audience, approved by another, recalled, told by "why"."""

from collections.abc import Callable
from typing import Any

from core import tenants
from core.contract.context import Context
from core.members import MemberView

DRAFTS, BATCHES = "/admin/v1/bulk_grants/drafts", "/admin/v1/bulk_grants/batches"
FIFTY = [{"kind": "points", "spec": {"amount": 50}}]


def test_a_batch_for_an_audience_is_previewed_approved_by_another_and_recalled(
    bulk: Context,
    member: Callable[..., MemberView],
    api: Any,
    available: Callable[[MemberView], int],
    drain: Callable[[], int],
) -> None:
    paying = [member(state="member") for _ in range(2)]
    lead = member()
    maker = api.as_staff("rewards.view", "bulk_grants.view", "bulk_grants.edit", "bulk_grants.approve")
    checker = api.as_staff("bulk_grants.view", "bulk_grants.approve")
    body = {"name": "Sorry", "reason": "the showers were cold", "rewards": FIFTY, "audience": {"state": "member"}}
    drafted = api.post(DRAFTS, json=body, token=maker)
    assert (drafted.status_code, drafted.json["heads"], drafted.json["points"]) == (201, 2, 100)
    path = f"{BATCHES}/{drafted.json['id']}"
    assert api.post(f"{path}/approve", token=maker, key="a0").json["code"] == "second_approver"
    assert api.post(f"{path}/approve", token=checker, key="a1").status_code == 200
    drain()
    assert [available(m) for m in (*paying, lead)] == [50, 50, 0]
    told = api.get(f"/admin/v1/members/{paying[0].id}/why", token=maker).json["items"]
    assert [(row["outcome"], row["reason"], row["rewards"]) for row in told] == [
        ("given", "the showers were cold", ["50 积分"])
    ]
    assert api.post(f"{path}/recall", json={"reason": "twice"}, token=checker, key="r1").status_code == 200
    drain()
    assert api.get(path, token=maker).json["state"] == "recalled"
    heads = api.get(f"/admin/v1/bulk_grants/recipients?batch={drafted.json['id']}&state=taken", token=maker).json[
        "items"
    ]
    assert {head["member"] for head in heads} == {str(m.id) for m in paying}
    assert [available(m) for m in paying] == [0, 0]


def test_a_batch_names_members_or_an_audience_never_both_or_none(
    bulk: Context, member: Callable[..., MemberView], api: Any
) -> None:
    token = api.as_staff("bulk_grants.edit")
    for more in ({}, {"members": [str(member().id)], "audience": {"state": "lead"}}, {"audience": {}}):
        body = {"name": "x", "reason": "because", "rewards": FIFTY, **more}
        assert api.post(DRAFTS, json=body, token=token).status_code == 422


def test_an_account_of_single_venues_gives_to_no_batch(
    bulk: Context, member: Callable[..., MemberView], api: Any
) -> None:
    with bulk.transaction():
        shop = tenants.add_venue(bulk, "001", "Centre")
    body = {"name": "x", "reason": "because", "rewards": FIFTY, "members": [str(member().id)]}
    token = api.as_staff("bulk_grants.edit", venues=(shop.id,))
    assert api.post(DRAFTS, json=body, token=token).status_code == 403
