"""POST /admin/v1/points/credits: many credits, each once for its own key, each with its own outcome."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import members, points
from core.contract.context import Context
from core.ids import new_id
from core.members import MemberView
from hosts.testkit.plugin import Api

Members = Callable[..., MemberView]
PATH = "/admin/v1/points/credits"


def item(member: Any, key: str, amount: int = 5, **more: Any) -> dict[str, Any]:
    return {"key": key, "member": str(getattr(member, "id", member)), "amount": amount, "reason": "gift", **more}


def give(api: Api, token: str, *items: dict[str, Any], **more: Any) -> list[tuple[str, Any]]:
    reply = api.post(PATH, token=token, json={"items": items}, **more)
    assert reply.status_code == 200, reply.json
    assert [one["key"] for one in reply.json["items"]] == [one["key"] for one in items]
    return [
        (one["outcome"], one["operation"]["balance"] if one["operation"] else one["problem"]["code"])
        for one in reply.json["items"]
    ]


def test_each_credit_has_its_outcome_and_one_that_fails_keeps_none_back(
    api: Api, tenant: Context, member: Members
) -> None:
    one, two = member(), member()
    token = api.as_key("points.adjust")
    wanted = [
        item(one, "a"),
        item(new_id(), "b"),
        item(two, "c", asset="growth", expires_at="2030-01-01T00:00:00+08:00"),
        item(two, "d", 7),
        item(one, "a"),
        item(one, "a", 6),
        item(one, "e", 1),
    ]
    assert give(api, token, *wanted) == [
        ("created", 5),
        ("rejected", "not_found"),
        ("rejected", "invalid"),
        ("created", 7),
        ("repeated", 5),
        ("conflict", "key_reused"),
        ("created", 6),
    ]
    again = [("repeated" if outcome == "created" else outcome, told) for outcome, told in give(api, token, *wanted)]
    assert again == give(api, token, *wanted)
    assert points.balance(tenant, one.id).available == 6
    assert points.balance(tenant, two.id).available == 7
    assert points.verify(tenant) == []


def test_points_end_as_the_brand_says_unless_the_credit_says_otherwise(
    api: Api, tenant: Context, member: Members
) -> None:
    by_policy, never, at, alone = (member() for _ in range(4))
    token = api.as_key("points.adjust")
    give(
        api, token, item(by_policy, "p"), item(never, "n", expires_at=None),
        item(at, "a", expires_at="2030-01-01T00:00:00Z"),
    )  # fmt: skip
    body = {"asset": "points", "amount": 5, "reason": "gift"}
    assert api.post(f"/admin/v1/members/{alone.id}/points", token=token, json=body, key="alone-0001").status_code == 200
    ends = [points.balance(tenant, one.id).next_expiry for one in (by_policy, alone, never, at)]
    assert ends[0] == ends[1] is not None, "one policy, at both doors"
    assert (ends[2], str(ends[3])) == (None, "2030-01-01 00:00:00+00:00")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 6},
        {"reason": "other"},
        {"asset": "stored_value"},
        {"expires_at": "2030-01-01T00:00:00Z"},
        {"venue": "0193e4a0-0000-7000-8000-000000000000"},
        {"member": None},
    ],
)
def test_a_repeat_that_differs_in_anything_is_a_conflict(api: Api, member: Members, change: dict[str, Any]) -> None:
    token, someone = api.as_key("points.adjust"), member()
    if "member" in change:
        change = {"member": str(member().id)}
    assert give(api, token, item(someone, "k")) == [("created", 5)]
    assert give(api, token, {**item(someone, "k"), **change}) == [("conflict", "key_reused")]
    assert give(api, token, item(someone, "k")) == [("repeated", 5)]


def test_a_key_is_the_integrations_own(api: Api, tenant: Context, member: Members) -> None:
    someone = member()
    assert give(api, api.as_key("points.adjust"), item(someone, "k")) == [("created", 5)]
    assert give(api, api.as_key("points.adjust"), item(someone, "k")) == [("created", 10)]


def test_a_merged_members_credit_reaches_the_survivor_and_a_repeat_is_known(
    api: Api, tenant: Context, member: Members
) -> None:
    token, stays, goes = api.as_key("points.adjust"), member(), member()
    assert give(api, token, item(goes, "before")) == [("created", 5)]
    with tenant.transaction():
        members.merge(tenant, stays.id, goes.id, "the same person")
    assert give(api, token, item(goes, "before"), item(goes, "after")) == [("repeated", 5), ("created", 10)]
    assert points.balance(tenant, stays.id).available == 10


def test_a_body_that_is_not_valid_is_refused_whole(api: Api, tenant: Context, member: Members) -> None:
    token, someone = api.as_key("points.adjust"), member()
    for wrong in (item(someone, "b", 0), item(someone, ""), item(someone, "é"), {"key": "b"}, item("nobody", "b")):
        reply = api.post(PATH, token=token, json={"items": [item(someone, "a"), wrong]})
        assert (reply.status_code, reply.json["code"]) == (422, "invalid")
        assert reply.json["fields"][0]["path"].startswith("body.items.1.")
    for count in (0, 1001):
        reply = api.post(PATH, token=token, json={"items": [item(someone, str(n)) for n in range(count)]})
        assert reply.status_code == 422
    assert points.balances(tenant, someone.id) == {}


def test_it_needs_the_permission_and_staff_stay_within_their_limit(api: Api, tenant: Context, member: Members) -> None:
    someone, limit = member(), api.runtime.settings.adjust_limit
    for token in (api.as_key("points.view"), api.as_member(someone)):
        assert api.post(PATH, token=token, json={"items": [item(someone, "a")]}).status_code == 403
    staff = api.as_staff("points.adjust")
    wanted = [item(someone, "a", limit), item(someone, "b", 1)]
    refused = ("rejected", "needs_approval")
    assert give(api, staff, *wanted) == [("created", limit), refused]
    assert give(api, staff, *wanted) == [("repeated", limit), refused], "a repeat takes nothing of the limit"
    assert points.balance(tenant, someone.id).available == limit
    other = member()
    twice = [item(other, "c", limit), item(other, "c", limit)]
    assert give(api, staff, *twice) == [("created", limit), ("repeated", limit)], "nor one within the same call"


def test_a_thousand_at_once_and_the_same_by_two_callers_count_once(api: Api, tenant: Context, member: Members) -> None:
    token, some = api.as_key("points.adjust"), [member() for _ in range(20)]
    wanted = [item(some[n % 20], f"k{n}", 1) for n in range(1000)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda order: give(api, token, *order), (wanted, wanted[::-1])))
    outcomes = [outcome for given in found for outcome, _ in given]
    assert (outcomes.count("created"), outcomes.count("repeated")) == (1000, 1000)
    assert {points.balance(tenant, one.id).available for one in some} == {50}
    assert points.verify(tenant) == []
