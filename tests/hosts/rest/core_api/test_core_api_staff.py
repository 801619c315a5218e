"""What staff and integration keys do over REST."""

from collections.abc import Callable
from datetime import UTC, datetime

from core import identity, points, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events import jobs
from core.events.models import Job
from core.members import MemberView
from hosts.testkit.plugin import PASSWORD, Api

Members = Callable[..., MemberView]


def test_staff_sign_in_with_a_password_and_see_who_they_are(api: Api, tenant: Context) -> None:
    with tenant.transaction():
        identity.save_role(tenant, "desk", "Front desk", ["members.view"])
        identity.create_staff(tenant, "anna", PASSWORD, "Anna", ["desk"])
    wrong = api.post("/admin/v1/session", json={"username": "anna", "password": "no"})
    assert (wrong.status_code, wrong.json["code"]) == (401, "bad_credentials")
    reply = api.post("/admin/v1/session", json={"username": "anna", "password": PASSWORD})
    token = reply.json["token"]
    me = api.get("/admin/v1/me", token=token).json
    assert (me["username"], me["permissions"], me["kind"]) == ("anna", ["members.view"], "staff")
    new = "a much longer password"
    assert api.put("/admin/v1/me/password", token=token, json={"old": "no", "new": new}).status_code == 401
    assert api.put("/admin/v1/me/password", token=token, json={"old": PASSWORD, "new": new}).status_code == 204
    assert api.delete("/admin/v1/session", token=token).status_code == 204
    assert api.get("/admin/v1/me", token=token).status_code == 401


def test_wrong_passwords_are_counted_though_the_request_is_refused(api: Api, tenant: Context) -> None:
    with tenant.transaction():
        identity.create_staff(tenant, "anna", PASSWORD, "Anna", [])
    codes = []
    for n in range(6):
        address = f"192.0.2.{n}"
        reply = api.post(
            "/admin/v1/session", json={"username": "anna", "password": "no"}, remote_addr=address, key=f"k{n}"
        )
        codes.append(reply.status_code)
    assert codes == [401, 401, 401, 401, 401, 429]
    again = api.post("/admin/v1/session", json={"username": "anna", "password": "no"}, key="k0")
    assert again.status_code == 429, "a refusal is not kept under its key"


def test_members_are_found_by_phone_last_four_state_and_level(api: Api, member: Members) -> None:
    one, two = member(phone="13912345678"), member(phone="13800005678", state="member")
    token = api.as_staff("members.view")

    def found(query: str) -> list[str]:
        return [m["id"] for m in api.get("/admin/v1/members", token=token, query_string=query).json["items"]]

    assert found("") == [str(two.id), str(one.id)]
    assert found("phone=13912345678") == [str(one.id)]
    assert found("last_four=5678") == [str(two.id), str(one.id)]
    assert found("state=member") == [str(two.id)]
    assert found("level=gold") == []
    page = api.get("/admin/v1/members", token=token, query_string="limit=1").json
    assert [m["id"] for m in page["items"]] == [str(two.id)]
    assert found(f"limit=1&cursor={page['next_cursor']}") == [str(one.id)]
    assert api.get("/admin/v1/members", token=token, query_string="last_four=56").status_code == 422


def test_staff_register_see_and_change_a_member(api: Api) -> None:
    token = api.as_staff("members.view", "members.edit", "members.reveal", "points.view")
    made = api.post("/admin/v1/members", token=token, json={"phone": "13912345678", "name": "Lucy"})
    assert (made.status_code, made.json["created"]) == (201, True)
    again = api.post("/admin/v1/members", token=token, json={"phone": "+86 139 1234 5678"})
    assert (again.json["created"], again.json["id"]) == (False, made.json["id"])
    path = f"/admin/v1/members/{made.json['id']}"
    assert api.patch(path, token=token, json={"gender": "female"}).json["gender"] == "female"
    assert (
        api.put(f"{path}/class", token=token, json={"class": "vip", "reason": "owner's friend"}).json["class"] == "vip"
    )
    assert api.get(path, token=token).json["balances"] == {}
    assert api.post(f"{path}/reveal-phone", token=token, json={}).status_code == 422
    revealed = api.post(f"{path}/reveal-phone", token=token, json={"reason": "call back"})
    assert revealed.json == {"phone": "+8613912345678"}
    trail = api.get(
        "/admin/v1/audit", token=api.as_staff("audit.view"), query_string="action=member.phone_revealed"
    ).json
    assert [row["subject"] for row in trail["items"]] == [made.json["id"]]


def test_staff_of_one_venue_do_not_reach_members_of_another(api: Api, tenant: Context, member: Members) -> None:
    with tenant.transaction():
        mine, other = tenants.add_venue(tenant, "a", "A"), tenants.add_venue(tenant, "b", "B")
    near, far = member(venue=mine.id), member(venue=other.id)
    wide = ("members.view", "members.edit", "points.view", "points.adjust", "venues.view", "members.reveal")
    token = api.as_staff(*wide, venues=(mine.id,))
    assert api.get(f"/admin/v1/members/{near.id}", token=token).status_code == 200
    assert [v["code"] for v in api.get("/admin/v1/venues", token=token).json["items"]] == ["a"]
    body = {"amount": 5, "reason": "gift"}
    for method, tail, sent in (
        ("GET", "", None),
        ("PATCH", "", {"gender": "male"}),
        ("GET", "/points", None),
        ("GET", "/points/statement", None),
        ("POST", "/points", body),
        ("POST", "/points/debit", body),
        ("POST", "/reveal-phone", {"reason": "because"}),
    ):
        reply = api.request(method, f"/admin/v1/members/{far.id}{tail}", token=token, key=f"k{tail}", json=sent)
        assert reply.status_code == 404, (method, tail)


def test_points_are_given_and_taken_once_for_a_key(api: Api, tenant: Context, member: Members) -> None:
    one, token = member(), api.as_key("points.adjust", "points.view")
    path = f"/admin/v1/members/{one.id}/points"
    body = {"amount": 50, "reason": "apology"}
    first = api.post(path, token=token, key="a", json=body)
    assert (first.status_code, first.json["balance"]) == (200, 50)
    assert api.post(path, token=token, key="a", json=body).json == first.json
    assert api.post(f"{path}/debit", token=token, key="a", json={"amount": 20, "reason": "mug"}).json["balance"] == 30
    short = api.post(f"{path}/debit", token=token, key="b", json={"amount": 31, "reason": "mug"})
    assert (short.status_code, short.json["code"], short.json["available"]) == (409, "insufficient_balance", 30)
    assert api.get(path, token=token).json["balances"]["points"]["available"] == 30
    assert [e["amount"] for e in api.get(f"{path}/statement", token=token).json["items"]] == [-20, 50]
    assert points.balance(tenant, one.id).available == 30


def test_what_staff_give_by_hand_adds_up_over_both_doors(api: Api, tenant: Context, member: Members) -> None:
    one, token = member(), api.as_staff("points.adjust", "members.view")
    path, adjust = f"/admin/v1/members/{one.id}/points", f"/admin/v1/core/members/{one.id}/adjust"
    body = {"amount": 400, "reason": "apology"}
    for number in range(2):
        assert api.post(path, token=token, key=f"k{number}", json=body).status_code == 200
    assert api.post(path, token=token, key="k1", json=body).status_code == 200, "the same call again is not counted"
    refused = api.post(path, token=token, key="k2", json=body)
    assert (refused.status_code, refused.json["code"], refused.json["limit"]) == (403, "needs_approval", 1000)
    assert api.post(f"{path}/debit", token=token, key="k3", json=body).status_code == 403, "taking counts as giving"
    waiting = api.post(adjust, token=token, key="k4", json=body)
    assert (waiting.json["state"], points.balance(tenant, one.id).available) == ("pending", 800)
    rest = api.post(adjust, token=token, key="k5", json={**body, "amount": 200})
    assert (rest.json["state"], points.balance(tenant, one.id).available) == ("done", 1000)
    assert api.post(path, token=token, key="k6", json={**body, "amount": 1}).status_code == 403
    growth = api.post(path, token=token, key="k7", json={**body, "asset": "growth"})
    assert growth.status_code == 200, "another asset has a limit of its own"


def test_a_key_was_last_used_on_the_brands_day(api: Api, clock: ManualClock) -> None:
    clock.set(datetime(2026, 11, 22, 16, 30, tzinfo=UTC))  # 00:30 on the 23rd in Shanghai
    api.get("/admin/v1/venues", token=api.as_key("venues.view"))
    (key,) = api.get("/admin/v1/keys", token=api.as_staff("staff.view")).json["items"]
    assert key["seen_on"] == "2026-11-23"


def test_the_credit_call_takes_few_statements(api: Api, member: Members, statements: list[str]) -> None:
    one, token = member(), api.as_key("points.adjust")
    path = f"/admin/v1/members/{one.id}/points"
    api.post(path, token=token, key="a", json={"amount": 50, "reason": "apology"})
    statements.clear()
    assert api.post(path, token=token, key="b", json={"amount": 50, "reason": "apology"}).status_code == 200
    ours = [s for s in statements if "idempotency" in s or "access_key" in s or '"member"' in s]
    assert len(ours) <= 4, statements


def test_two_records_of_one_person_are_merged_and_parted(api: Api, tenant: Context, member: Members) -> None:
    one, two = member(), member()
    with tenant.transaction():
        points.credit(tenant, two.id, "points", 9, key="a", reason="gift")
    token = api.as_staff("members.merge", "members.view")
    path = f"/admin/v1/members/{one.id}"
    preview = api.get(f"{path}/merge-preview", token=token, query_string=f"merged={two.id}").json
    assert (preview["assets"], preview["blockers"]) == ({"points": 9}, [])
    body = {"merged": str(two.id), "reason": "same person"}
    assert api.post(f"{path}/merge", token=token, key="a", json=body).json["id"] == str(one.id)
    assert api.get(f"/admin/v1/members/{two.id}", token=token).json["id"] == str(one.id)
    undone = api.post(f"/admin/v1/members/{two.id}/unmerge", token=token, key="b", json={"reason": "was wrong"})
    assert undone.json["returned"] == {"points": 9}
    assert api.get(f"/admin/v1/members/{two.id}", token=token).json["id"] == str(two.id)


def test_members_are_exported_and_erased_by_who_may(api: Api, member: Members) -> None:
    one = member()
    token = api.as_staff("members.export", "members.erase")
    path = f"/admin/v1/members/{one.id}"
    assert api.post(f"{path}/export", token=token).json["data"]["member"]["id"] == str(one.id)
    assert api.post(f"{path}/erase", token=token, key="a", json={"reason": "asked by letter"}).status_code == 204
    assert api.get("/v1/me", token=api.as_member(one)).status_code == 401


def test_venues_are_listed_whole_added_and_changed_with_the_consoles_audit(api: Api, tenant: Context) -> None:
    token = api.as_staff("venues.view", "venues.edit")
    made = api.post("/admin/v1/venues", token=token, json={"code": "sh1", "name": "Shanghai 1"})
    assert made.status_code == 201
    assert api.post("/admin/v1/venues", token=token, json={"code": "sh1", "name": "x"}).status_code == 409
    assert api.get("/admin/v1/venues", token=token).json == {"items": [made.json]}
    path = f"/admin/v1/venues/{made.json['id']}"
    changed = api.patch(path, token=token, json={"name": "Shanghai One", "region": "east", "open": False})
    assert changed.json == {**made.json, "name": "Shanghai One", "region": "east", "open": False}
    assert api.get(path, token=token).json == changed.json
    assert api.patch(path, token=api.as_staff("venues.view"), json={"name": "x"}).status_code == 403
    trail = api.get("/admin/v1/audit", token=api.as_staff("audit.view"), query_string="action=core.venues.*").json
    assert [(row["action"], row["subject"]) for row in trail["items"]] == [
        ("core.venues.edited", made.json["id"]), ("core.venues.created", made.json["id"]),
    ]  # fmt: skip
    with tenant.transaction():
        for number in range(120):
            tenants.add_venue(tenant, f"v{number:03d}", "One of many")
    assert [row["code"] for row in api.get("/admin/v1/venues", token=token).json["items"]] == [
        "sh1", *(f"v{number:03d}" for number in range(120)),
    ]  # fmt: skip
    open_ones = api.get("/admin/v1/venues", token=token, query_string="open=false").json["items"]
    assert [row["code"] for row in open_ones] == ["sh1"]


def test_plugins_are_switched_and_set_at_once(api: Api, member: Members) -> None:
    token, me = api.as_staff("plugins.view", "plugins.edit"), api.as_member(member())
    assert [(p["slug"], p["enabled"]) for p in api.get("/admin/v1/plugins", token=token).json["items"]] == [
        ("probe", False)
    ]
    assert api.post("/v1/probe/bare", token=me).status_code == 404
    assert api.post("/admin/v1/plugins/probe/enable", token=token).json["enabled"] is True
    assert api.post("/v1/probe/bare", token=me).status_code == 204
    assert api.get("/admin/v1/plugins/probe", token=token).json["enabled"] is True
    assert api.get("/admin/v1/plugins/probe/settings", token=token).json["values"] == {}
    saved = api.put("/admin/v1/plugins/probe/settings", token=token, json={"values": {}})
    assert (saved.status_code, saved.json["values"]) == (200, {})
    assert api.post("/admin/v1/plugins/probe/disable", token=token).json["enabled"] is False
    assert api.post("/v1/probe/bare", token=me).status_code == 404
    assert api.get("/admin/v1/plugins/nothing", token=token).status_code == 404


def test_nobody_gives_what_they_do_not_have(api: Api) -> None:
    token = api.as_staff("staff.view", "staff.edit", "members.view")
    role = api.put("/admin/v1/roles/desk", token=token, json={"name": "Desk", "permissions": ["members.view"]})
    assert role.json == {"code": "desk", "name": "Desk", "permissions": ["members.view"]}
    more = api.put("/admin/v1/roles/boss", token=token, json={"name": "Boss", "permissions": ["members.erase"]})
    assert (more.status_code, more.json["code"]) == (403, "not_yours_to_give")
    made = api.post(
        "/admin/v1/staff",
        token=token,
        json={"username": "anna", "password": PASSWORD, "name": "Anna", "roles": ["desk"]},
    )
    assert (made.status_code, made.json["permissions"]) == (201, ["members.view"])
    path = f"/admin/v1/staff/{made.json['id']}"
    signed = api.post("/admin/v1/session", json={"username": "anna", "password": PASSWORD}).json["token"]
    assert api.patch(path, token=token, json={"active": False}).json["active"] is False
    assert api.get("/admin/v1/me", token=signed).status_code == 401
    assert api.patch(path, token=token, json={"active": True, "roles": []}).json["roles"] == []
    assert api.put(f"{path}/password", token=token, json={"password": "another fine password"}).status_code == 204
    assert api.get(path, token=token).json["username"] == "anna"
    assert "anna" in [s["username"] for s in api.get("/admin/v1/staff", token=token).json["items"]]
    roles = api.get("/admin/v1/roles", token=token).json
    assert "desk" in [r["code"] for r in roles["items"]]
    assert "members.view" in roles["permissions"]


def test_keys_are_made_used_and_revoked(api: Api) -> None:
    token = api.as_staff("staff.view", "staff.edit", "members.view")
    made = api.post("/admin/v1/keys", token=token, json={"name": "till", "permissions": ["members.view"]})
    assert made.status_code == 201
    key = made.json["token"]
    assert api.get("/admin/v1/members", token=key).status_code == 200
    assert api.get("/admin/v1/me", token=key).json["kind"] == "key"
    listed = api.get("/admin/v1/keys", token=token)
    assert key not in listed.text
    assert api.delete(f"/admin/v1/keys/{made.json['id']}", token=token).status_code == 204
    assert api.get("/admin/v1/members", token=key).status_code == 401


def test_dead_letters_are_listed_and_sent_again(api: Api, tenant: Context) -> None:
    token = api.as_staff("jobs.view", "jobs.replay")
    now = tenant.now()
    with tenant.transaction():
        Job.scoped(tenant).insert(
            plugin="probe",
            kind="probe.x",
            payload="{}",
            state="dead",
            due_at=now,
            created_at=now,
            error="it broke",
            finished_at=now,
        ).execute()
    (dead,) = api.get("/admin/v1/jobs/dead", token=token).json["items"]
    assert dead["error"] == "it broke"
    assert api.post(f"/admin/v1/jobs/dead/{dead['id']}/replay", token=token).status_code == 204
    assert api.post(f"/admin/v1/jobs/dead/{dead['id']}/replay", token=token).status_code == 404
    assert api.get("/admin/v1/jobs/dead", token=token).json["items"] == []
    assert jobs.waiting(api.runtime) == 1
