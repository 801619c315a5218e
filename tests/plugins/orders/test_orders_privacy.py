"""Addresses, and what happens to orders when a member leaves, merges or asks for a copy."""

import pytest

from core.members import erase, export, merge
from plugins.orders import privacy
from plugins.orders.models import OrdersAddress, OrdersInvoice, OrdersOrder
from roost import Conflict

BODY = {"name": "李雷", "phone": "13800000001", "province": "上海市", "city": "上海市", "detail": "南京西路1号"}


def test_an_address_book_has_one_default_and_an_end(rich, api, enable_plugin, shop):
    enable_plugin("orders", addresses_most=3)
    token = api.as_member(rich())
    ids = [
        api.post("/v1/orders/addresses", token=token, json={**BODY, "detail": str(n), "is_default": n == 2}).json["id"]
        for n in range(3)
    ]
    book = api.get("/v1/orders/addresses", token=token).json["items"]
    assert [(one["id"], one["is_default"]) for one in book] == [(ids[2], True), (ids[1], False), (ids[0], False)]
    full = api.post("/v1/orders/addresses", token=token, json=BODY)
    assert full.json["code"] == "too_many_addresses"
    path = f"/v1/orders/addresses/{ids[0]}"
    changed = api.put(path, token=token, json={**BODY, "detail": "new", "is_default": True})
    assert (changed.json["detail"], changed.json["is_default"]) == ("new", True)
    assert api.delete(path, token=token).status_code == 204
    book = api.get("/v1/orders/addresses", token=token).json["items"]
    assert [(one["id"], one["is_default"]) for one in book] == [(ids[2], True), (ids[1], False)]


def test_addresses_are_sealed_and_nobody_elses(rich, api, ctx, place):
    owner, other = rich(), rich()
    made = api.post("/v1/orders/addresses", token=api.as_member(owner), json=BODY).json["id"]
    stored = bytes(OrdersAddress.scoped(ctx).first().content)
    assert "南京西路".encode() not in stored
    assert b"13800000001" not in stored
    token = api.as_member(other)
    assert api.get("/v1/orders/addresses", token=token).json["items"] == []
    for call in (api.put, api.delete):
        more = {"json": BODY} if call == api.put else {}
        assert call(f"/v1/orders/addresses/{made}", token=token, **more).status_code == 404
    with pytest.raises(Exception, match="no such address"):
        place(other, fulfilment="ship", address=OrdersAddress.scoped(ctx).first().id)
    order = place(owner, fulfilment="ship", address=OrdersAddress.scoped(ctx).first().id)
    api.delete(f"/v1/orders/addresses/{made}", token=api.as_member(owner))
    assert api.get(f"/v1/orders/{order.id}", token=api.as_member(owner)).json["address"]["detail"] == "南京西路1号"


def test_nobody_is_erased_while_something_is_owed_to_them(rich, place, paid, tenant):
    view = rich()
    paid(view, place(view, fulfilment="ship"))
    with pytest.raises(Conflict, match="not delivered"), tenant.transaction():
        erase(tenant, view.id, "asked")


def test_erasing_forgets_people_and_keeps_the_sale(rich, place, paid, api, tenant, ctx):
    view = rich(held=100)
    token = api.as_member(view)
    api.post("/v1/orders/addresses", token=token, json=BODY)
    done = place(view, note="ring twice")
    paid(view, done)
    api.post(f"/v1/orders/{done.id}/invoice", token=token, json={"title": "李雷"})
    waiting = place(view)
    with tenant.transaction():
        erase(tenant, view.id, "asked")
    assert OrdersAddress.scoped(ctx).select().count() == 0
    rows = {row.id: row for row in OrdersOrder.scoped(ctx).select()}
    assert (rows[done.id].note, rows[done.id].paid_fen, rows[waiting.id].state) == ("", 1000, "closed")
    assert OrdersInvoice.scoped(ctx).first().title is None


def test_merged_members_share_orders_and_addresses(rich, place, paid, api, tenant):
    view, other = rich(), rich()
    for one in (view, other):
        api.post("/v1/orders/addresses", token=api.as_member(one), json=BODY)
    order = place(other)
    paid(other, order)
    with tenant.transaction():
        merge(tenant, view.id, other.id, "one person")
    token = api.as_member(view)
    assert [row["id"] for row in api.get("/v1/orders", token=token).json["items"]] == [str(order.id)]
    book = api.get("/v1/orders/addresses", token=token).json["items"]
    assert [one["is_default"] for one in book] == [True, False]


def test_a_copy_of_a_members_data_has_orders_and_addresses(rich, place, api, tenant):
    view = rich()
    api.post("/v1/orders/addresses", token=api.as_member(view), json=BODY)
    order = place(view, fulfilment="ship")
    with tenant.transaction():
        kept = export(tenant, view.id)["plugins"]["orders"]
    assert [row["number"] for row in kept["orders"]] == [order.number]
    assert kept["orders"][0]["address"]["name"] == "李雷"
    assert kept["addresses"][0]["detail"] == "南京西路1号"


def test_addresses_of_ended_orders_are_forgotten_after_their_days(rich, place, paid, ctx, clock, tick, shop, drain):
    view = rich()
    gone, waiting = place(view, fulfilment="ship"), place(view, fulfilment="ship")
    paid(view, waiting)
    clock.advance(minutes=31)
    drain()  # the other closes unpaid
    clock.advance(days=91)
    with ctx.transaction():
        privacy.forget_addresses(ctx, "")
    rows = {row.id: row.address for row in OrdersOrder.scoped(ctx).select()}
    assert rows[gone.id] is None
    assert rows[waiting.id] is not None


def test_what_waits_is_shown_with_the_member(rich, place, paid, api):
    view = rich()
    place(view)
    paid(view, place(view, fulfilment="ship"))
    shown = api.get("/v1/me", token=api.as_member(view)).json
    assert shown["summary"]["orders"] == {"unpaid": 1, "on_the_way": 1}


def test_conforms(assert_plugin_conforms):
    assert_plugin_conforms("orders")
