"""A member's own endpoints."""

from collections.abc import Callable
from typing import Any

import pytest

from core import identity, members, points, rewards
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api


@pytest.fixture
def me(member: Callable[..., Any]) -> Any:
    """Return a member."""
    return member(phone="13912345678", name="Han Meimei")


@pytest.fixture
def token(api: Api, me: Any) -> str:
    """Return the member's token."""
    return api.as_member(me)


def test_me_shows_profile_and_balances_and_masks_the_phone(api: Api, token: str, tenant: Context, me: Any) -> None:
    with tenant.transaction():
        points.credit(tenant, me.id, "points", 30, key="a", reason="gift")
    reply = api.get("/v1/me", token=token).json
    assert (reply["id"], reply["name"], reply["phone_masked"], reply["class"]) == (
        str(me.id),
        "Han Meimei",
        "139****5678",
        "ordinary",
    )
    assert reply["balances"]["points"]["available"] == 30
    assert "13912345678" not in str(reply)


def test_a_profile_changes_only_where_it_is_told_to(api: Api, token: str) -> None:
    assert api.patch("/v1/me", token=token, json={"gender": "female"}).json["gender"] == "female"
    reply = api.patch("/v1/me", token=token, json={"birthday": "1990-02-28"}).json
    assert (reply["gender"], reply["birthday"], reply["name"]) == ("female", "1990-02-28", "Han Meimei")
    for bad in ({"state": "member"}, {"level": "gold"}, {"gender": "x"}, {"birthday": "2090-01-01"}, {"name": 5}):
        assert api.patch("/v1/me", token=token, json=bad).status_code == 422, bad


def test_the_statement_pages_through_every_movement(api: Api, token: str, tenant: Context, me: Any) -> None:
    with tenant.transaction():
        for n in range(5):
            points.credit(tenant, me.id, "points", n + 1, key=f"k{n}", reason="gift")
    assert api.get("/v1/me/points", token=token).json["balances"]["points"]["available"] == 15
    first = api.get("/v1/me/points/statement", token=token, query_string="limit=3").json
    rest = api.get("/v1/me/points/statement", token=token, query_string=f"limit=3&cursor={first['next_cursor']}").json
    assert [line["amount"] for line in first["items"] + rest["items"]] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    assert api.get("/v1/me/points/statement", token=token, query_string="asset=growth").json["items"] == []
    assert api.get("/v1/me/points/statement", token=token, query_string="asset=gold").status_code == 422


def test_the_code_names_the_member_for_a_minute(
    api: Api, token: str, tenant: Context, me: Any, clock: ManualClock
) -> None:
    code = api.get("/v1/me/code", token=token).json["code"]
    assert members.resolve_member_code(tenant, code) == me.id
    assert code != api.as_member(me)
    clock.advance(seconds=61)
    assert api.get("/v1/me/code", token=token).json["code"] != code


def test_consents_are_given_and_taken_back(api: Api, token: str) -> None:
    given = {"purpose": "marketing", "given": True, "policy_version": "2026-01"}
    assert api.post("/v1/me/consents", token=token, json=given).json["items"][0]["given"] is True
    assert api.post("/v1/me/consents", token=token, json={**given, "given": False}).json["items"][0]["given"] is False
    assert [c["given"] for c in api.get("/v1/me/consents", token=token).json["items"]] == [False]
    assert api.post("/v1/me/consents", token=token, json={"purpose": "marketing", "given": True}).status_code == 422


def test_an_export_holds_what_is_kept(api: Api, token: str, me: Any) -> None:
    data = api.post("/v1/me/export", token=token).json["data"]
    assert data["member"]["phone"] == "+8613912345678"
    assert data["member"]["id"] == str(me.id)


def test_sessions_are_listed_and_ended_at_once(api: Api, token: str, me: Any, member: Callable[..., Any]) -> None:
    second, stranger = api.as_member(me), api.as_member(member())
    listed = api.get("/v1/me/sessions", token=token).json["items"]
    assert sorted(s["current"] for s in listed) == [False, True]
    other = next(s["id"] for s in listed if not s["current"])
    assert api.delete(f"/v1/me/sessions/{other}", token=stranger).status_code == 404
    assert api.delete(f"/v1/me/sessions/{other}", token=token).status_code == 204
    assert api.get("/v1/me", token=second).status_code == 401
    third = api.as_member(me)
    assert api.delete("/v1/me/sessions", token=token).status_code == 204
    assert (api.get("/v1/me", token=third).status_code, api.get("/v1/me", token=token).status_code) == (401, 200)
    assert api.post("/v1/me/logout", token=token).status_code == 204
    assert api.get("/v1/me", token=token).status_code == 401


def test_a_member_leaves_only_when_they_say_so(api: Api, token: str, tenant: Context, me: Any) -> None:
    assert api.delete("/v1/me", token=token).status_code == 422
    assert api.delete("/v1/me", token=token, json={"confirm": "yes"}).status_code == 422
    assert api.get("/v1/me", token=token).status_code == 200
    assert api.delete("/v1/me", token=token, json={"confirm": "erase"}).status_code == 204
    assert api.get("/v1/me", token=token).status_code == 401
    assert members.find_by_phone(tenant, "13912345678") is None
    assert identity.sessions_of(tenant, "member", me.id) == []


def test_why_tells_a_member_in_words_and_nothing_of_others(
    api: Api, token: str, tenant: Context, me: Any, member: Callable[..., Any]
) -> None:
    friend = member()
    five = [rewards.RewardSpec(kind="points", spec={"amount": 5})]
    notes = [
        rewards.Note(me.id, "到店积分 / visit", "visit", {"points": 10, "growth": 1, "settings": {"points": 10}}),
        rewards.Note(me.id, "到店积分 / visit", "not_first_of_day", {"points": 0, "growth": 0}, refused=True),
        rewards.Note(me.id, "推荐 / referral", "known: 手机号已注册", {"invitee": str(friend.id)}, refused=True),
        rewards.Note(friend.id, "到店积分 / visit", "visit", {"points": 10}),
    ]
    with tenant.transaction():
        for note in notes:
            rewards.note(tenant, [note])
        rewards.give(tenant, me.id, five, key="k", reason="周年庆")
    said = api.get("/v1/me/points/why", token=token)
    assert said.status_code == 200, said.text
    told = [(one["subject"], one["outcome"], one["reason"], one["points"]) for one in said.json["items"]]
    assert sorted(told[1:]) == sorted(
        [
            ("推荐", "refused", "", None),
            ("到店积分", "refused", "当日已到店积分", 0),
            ("到店积分", "noted", "到店", 10),
        ]
    )
    assert (told[0][1], said.json["items"][0]["rewards"]) == ("given", ["5 积分"])
    assert str(friend.id) not in said.text
    english = api.get("/v1/me/points/why?lines=4", token=token, headers={"Accept-Language": "en"}).json["items"]
    assert "Not the first visit of the day" in [one["reason"] for one in english]
    assert len(api.get("/v1/me/points/why?lines=1", token=token).json["items"]) == 1
    assert api.get("/v1/me/points/why?lines=0", token=token).status_code == 422
