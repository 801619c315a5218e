"""Purchases as members, staff and integrations meet them over HTTP."""

import pytest

from core import tenants
from core.ids import new_id
from roost import points

WRITE = ("purchases.view", "purchases.record", "purchases.refund")


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("purchases")


@pytest.fixture
def venue(tenant):
    with tenant.transaction():
        return tenants.add_venue(tenant, "001", "Riverside").id


def available(ctx, member) -> int:
    with ctx.transaction():
        return points.balance(ctx, member).available


def test_a_counter_records_a_purchase_and_the_member_sees_it(tenant, api, member, venue):
    buyer = member()
    body = {"member": str(buyer.id), "venue": str(venue), "amount_fen": 8800, "receipt": "S-1"}
    reply = api.post("/admin/v1/purchases", json=body, token=api.as_staff(*WRITE), key="k1")
    assert reply.status_code == 200, reply.text
    assert (reply.json["points"], reply.json["source"], reply.json["source_key"]) == (88, "staff", "S-1")
    assert available(tenant, buyer.id) == 88
    mine = api.get("/v1/purchases", token=api.as_member(buyer)).json
    assert [row["amount_fen"] for row in mine["items"]] == [8800]
    assert mine["next_cursor"] is None
    assert api.get("/v1/purchases", token=api.as_member(member())).json["items"] == []


def test_the_same_request_and_the_same_receipt_count_once(tenant, api, member):
    buyer = member()
    staff, key = api.as_staff(*WRITE), api.as_key(*WRITE)
    body = {"member": str(buyer.id), "amount_fen": 8800, "receipt": "S-1"}
    for name in ("k1", "k1", "k2"):
        assert api.post("/admin/v1/purchases", json=body, token=staff, key=name).status_code == 200
    assert available(tenant, buyer.id) == 88
    other = api.post("/admin/v1/purchases", json={**body, "amount_fen": 1}, token=staff, key="k3")
    assert (other.status_code, other.json["code"]) == (422, "key_reused")
    assert api.post("/admin/v1/purchases", json=body, token=key, key="k4").json["source"] == "api"
    assert api.post("/admin/v1/purchases", json=body, token=staff).status_code == 400


def test_members_read_their_purchases_in_pages(tenant, api, member):
    buyer, staff = member(), api.as_staff(*WRITE)
    for n in range(5):
        body = {"member": str(buyer.id), "amount_fen": 100 * n}
        api.post("/admin/v1/purchases", json=body, token=staff, key=f"k{n}")
    token, seen, cursor = api.as_member(buyer), [], ""
    while cursor is not None:
        page = api.get("/v1/purchases", token=token, params={"limit": "2", "cursor": cursor}).json
        seen += [row["amount_fen"] for row in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [400, 300, 200, 100, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_fen": -1},
        {"amount_fen": "8800"},
        {"amount_fen": 10**20},
        {"amount_fen": 100, "items": -1},
        {"amount_fen": 100, "kind": "gift"},
        {"amount_fen": 100, "occurred_at": "2026-11-22T10:00:00"},
        {"amount_fen": 100, "occurred_at": "0001-01-01T00:00:00+14:00"},
        {"amount_fen": 100, "occurred_at": "2031-01-01T00:00:00Z"},
        {"amount_fen": 100, "receipt": "a\x00b"},
        {"amount_fen": 100, "what": 1},
        {"amount_fen": 100, "member": str(new_id())},
        {"amount_fen": 100, "venue": str(new_id())},
        {},
    ],
)
def test_what_cannot_be_is_answered_with_a_problem(api, wrong):
    reply = api.post("/admin/v1/purchases", json=wrong, token=api.as_staff(*WRITE), key="k")
    assert 400 <= reply.status_code < 500, reply.text
    assert reply.json["code"]


def test_who_may_not_is_refused(tenant, api, member, venue):
    buyer = member()
    body = {"member": str(buyer.id), "amount_fen": 100}
    assert api.post("/admin/v1/purchases", json=body, key="k").status_code == 401
    assert api.post("/admin/v1/purchases", json=body, token=api.as_member(buyer), key="k").status_code in (
        401,
        403,
    )
    assert api.post("/admin/v1/purchases", json=body, token=api.as_staff("purchases.view"), key="k").status_code == 403
    with tenant.transaction():
        elsewhere = tenants.add_venue(tenant, "002", "Hillside").id
    scoped = api.as_staff(*WRITE, venues=(venue,))
    foreign = api.post("/admin/v1/purchases", json={**body, "venue": str(elsewhere)}, token=scoped, key="k")
    assert foreign.status_code == 403
    own = api.post("/admin/v1/purchases", json=body, token=scoped, key="k2")
    assert own.json["venue"] == str(venue)
    tenants.disable_plugin(tenant, "purchases")
    assert api.get("/v1/purchases", token=api.as_member(buyer)).status_code == 404


def test_staff_list_filter_and_refund_and_see_only_their_venue(tenant, api, member, venue):
    buyer, staff = member(), api.as_staff(*WRITE)
    for n, place in enumerate((str(venue), None)):
        body = {"member": str(buyer.id), "amount_fen": 5000 + n, "venue": place}
        api.post("/admin/v1/purchases", json=body, token=staff, key=f"k{n}")
    listed = api.get("/admin/v1/purchases/records", token=staff, params={"member": str(buyer.id)}).json["items"]
    assert [row["amount_fen"] for row in listed] == [5001, 5000]
    scoped = api.as_staff(*WRITE, venues=(venue,))
    assert [row["amount_fen"] for row in api.get("/admin/v1/purchases/records", token=scoped).json["items"]] == [5000]
    path = f"/admin/v1/purchases/records/{listed[0]['id']}/refund"
    assert api.post(path, json={"reason": "returned"}, token=scoped, key="r").status_code == 404
    done = api.post(path, json={"amount_fen": 2001, "reason": "returned"}, token=staff, key="r")
    assert done.status_code == 200, done.text
    assert done.json["item"]["refunded_fen"] == 2001
    assert available(tenant, buyer.id) == 80
    again = api.post(path, json={"amount_fen": 2001, "reason": "returned"}, token=staff, key="r")
    assert again.status_code == 200
    assert available(tenant, buyer.id) == 80
    whole = api.post(path, json={"reason": "all of it"}, token=staff, key="r2")
    assert whole.json["item"]["refunded_fen"] == 5001
    assert api.post(path, json={"reason": "more"}, token=staff, key="r3").status_code == 409


def test_the_console_form_with_the_same_receipt_is_one_purchase(tenant, api, member):
    buyer, staff = member(), api.as_staff(*WRITE)
    body = {"member": str(buyer.id), "amount_fen": 700, "receipt": "P-1"}
    first, second = (api.post("/admin/v1/purchases/records", json=body, token=staff) for _ in range(2))
    assert first.json["id"] == second.json["id"]
    assert available(tenant, buyer.id) == 7


def test_a_venues_staff_never_see_another_venues_receipt(tenant, api, member, venue, enable_plugin):
    with tenant.transaction():
        elsewhere = tenants.add_venue(tenant, "002", "Hillside").id
    first, second = member(), member()
    here, there = (api.as_staff(*WRITE, venues=(one,)) for one in (venue, elsewhere))
    sale = {"amount_fen": 199_00, "receipt": "0001"}
    for buyer, token in ((first, here), (second, there)):
        reply = api.post("/admin/v1/purchases", json={**sale, "member": str(buyer.id)}, token=token, key="k1")
        assert (reply.status_code, reply.json["member"]) == (200, str(buyer.id))
        assert available(tenant, buyer.id) == 199
    enable_plugin("purchases", number_scope="brand")
    api.post("/admin/v1/purchases", json={**sale, "receipt": "B"}, token=here, key="k2")
    refused = api.post("/admin/v1/purchases", json={**sale, "receipt": "B", "amount_fen": 1}, token=there, key="k3")
    assert (refused.status_code, refused.json["code"], "fields" in refused.json) == (422, "key_reused", False)
    assert "19900" not in refused.text
