"""The counter: cash and cards, the member's own means by their code, refunds paid out, shifts counted."""

import pytest

from core import identity, tenants
from plugins import orders
from plugins.orders.counter import till
from plugins.orders.models import OrdersShift, OrdersTaking, OrdersTender


@pytest.fixture
def staff(api):
    return api.as_staff("orders.view", "orders.take", "orders.refund", "orders.shifts", "orders.invoices")


@pytest.fixture
def take(api, staff, venue):
    """Return a function that takes a payment at the counter."""
    count = iter(range(1, 1000))

    def send(order, token=None, **body):
        path = f"/admin/v1/orders/orders/{order.id}/take"
        return api.post(path, token=token or staff, key=f"t{next(count)}", json={"venue": str(venue), **body})

    return send


def test_cash_card_stored_value_and_points_pay_one_order_together(
    rich, place, take, tenant, state, balance, ctx, facts
):
    view = rich(held=500, stored=900)
    order = place(view)
    with tenant.transaction():
        code = identity.member_code(tenant, view.id)
    assert take(order, cash_fen=200).status_code == 200
    assert state(order) == "paying"
    reply = take(order, card_fen=300, stored_value_fen=400, points=100, member_code=code)
    assert reply.status_code == 200, reply.text
    rows = OrdersTender.scoped(ctx).select().where(OrdersTender.state == "paid")
    assert {(row.kind, row.fen) for row in rows} == {
        ("cash", 200),
        ("card", 300),
        ("stored_value", 400),
        ("points", 100),
    }
    assert state(order) == "completed"
    assert (balance(view)[0], balance(view, "stored_value")[0]) == (400, 500)
    assert len(facts("order_paid")) == 1


def test_what_is_the_members_is_spent_with_their_own_code_only(rich, place, take, tenant, balance):
    view, other = rich(), rich()
    order = place(view)
    with tenant.transaction():
        theirs = identity.member_code(tenant, other.id)
    for code in ("", theirs):
        reply = take(order, stored_value_fen=1000, member_code=code)
        assert (reply.status_code, reply.json["code"]) == (403, "code_needed")
    assert balance(view, "stored_value") == (100_000, 0)


@pytest.mark.parametrize(("body", "code"), [({"cash_fen": 1001}, "too_much"), ({}, "nothing_paid")])
def test_the_till_takes_no_more_than_is_due_and_not_nothing(rich, place, take, body, code, ctx):
    assert take(place(rich()), **body).json["code"] == code
    assert OrdersTaking.scoped(ctx).select().count() == 0


def test_staff_take_money_in_their_own_venues(rich, place, take, api, shop):
    with shop.transaction():
        elsewhere = tenants.add_venue(shop, "002", "徐汇").id
    token = api.as_staff("orders.view", "orders.take", venues=(elsewhere,))
    assert take(place(rich()), token=token, cash_fen=1000).status_code in (403, 404)


def test_a_charge_that_is_paid_after_the_cash_goes_back(rich, place, pay, take, told, drain, box, state):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    assert take(order, cash_fen=1000).status_code == 200
    box.charges[number]["state"] = "paid"
    told("paid", number, 1000)
    drain()
    assert state(order) == "completed"
    assert box.given_back(number) == 1000


def test_a_refund_of_cash_waits_until_it_is_paid_out(rich, place, take, api, staff, venue, shop, state, ctx):
    order = place(rich())
    take(order, cash_fen=600, card_fen=400)
    with shop.transaction():
        orders.refund(shop, order.id, key="r", reason="torn", fen=500)
    assert state(order) == "refunding"
    (row,) = api.get("/admin/v1/orders/refunds", token=staff).json["items"]
    assert sorted((part["kind"], part["fen"], part["state"]) for part in row["parts"]) == [
        ("card", 200, "pending"),
        ("cash", 300, "pending"),
    ]
    path = f"/admin/v1/orders/refunds/{row['id']}/pay_out"
    assert api.post(path, token=staff, key="o", json={"venue": str(venue)}).status_code == 200
    assert state(order) == "part_refunded"
    assert api.post(path, token=staff, key="o2", json={"venue": str(venue)}).status_code == 409
    assert sorted(row.fen for row in OrdersTaking.scoped(ctx).select()) == [-300, -200, 400, 600]


def test_part_of_the_price_in_cash_is_handed_back_when_the_order_closes(
    rich, place, take, api, staff, venue, clock, drain, state
):
    order = place(rich())
    take(order, cash_fen=300)
    clock.advance(minutes=31)
    drain()
    assert state(order) == "closed"
    (row,) = api.get("/admin/v1/orders/refunds", token=staff).json["items"]
    assert (row["source"], row["fen"], row["state"]) == ("late", 300, "running")
    path = f"/admin/v1/orders/refunds/{row['id']}/pay_out"
    assert api.post(path, token=staff, key="o", json={"venue": str(venue)}).json["item"]["state"] == "done"


# --- shifts ----------------------------------------------------------------------------------------------------------


def close(api, token, venue, counted, **more):
    body = {"venue": str(venue), "counted_fen": counted, **more}
    return api.post("/admin/v1/orders/shifts", token=token, json=body)


def test_a_shift_counts_every_taking_once_and_shows_what_is_missing(
    rich, place, take, api, staff, venue, shop, clock, ctx
):
    first, second, third = (place(rich()) for _ in range(3))
    take(first, cash_fen=1000)
    take(second, card_fen=1000)
    with shop.transaction():
        orders.refund(shop, first.id, key="r", reason="torn", fen=250)
    (row,) = api.get("/admin/v1/orders/refunds", token=staff).json["items"]
    api.post(f"/admin/v1/orders/refunds/{row['id']}/pay_out", token=staff, key="o", json={"venue": str(venue)})
    open_till = till.shift_page(ctx, {})["venues"]
    assert [(one["name"], one["cash"]) for one in open_till] == [("静安", 750)]
    closed = close(api, staff, venue, 700, note="5 角找不到")
    assert closed.status_code == 201, closed.text
    assert (closed.json["expected_fen"], closed.json["difference_fen"], closed.json["takings"]) == (750, -50, 3)
    assert closed.json["figures"] == [
        {"day": "2026-11-22", "kind": "card", "in_fen": 1000, "back_fen": 0, "net_fen": 1000, "count": 1},
        {"day": "2026-11-22", "kind": "cash", "in_fen": 1000, "back_fen": 250, "net_fen": 750, "count": 2},
    ]
    assert close(api, staff, venue, 0).json["code"] == "empty_shift"
    take(third, cash_fen=1000)
    assert close(api, staff, venue, 1000).json["difference_fen"] == 0
    shifts = list(OrdersShift.scoped(ctx).select())
    assert sum(one.takings for one in shifts) == OrdersTaking.scoped(ctx).select().count() == 4


def test_a_shift_is_closed_by_staff_of_its_venue(rich, place, take, api, venue, shop):
    with shop.transaction():
        elsewhere = tenants.add_venue(shop, "002", "徐汇").id
    take(place(rich()), cash_fen=1000)
    assert close(api, api.as_staff("orders.shifts", venues=(elsewhere,)), venue, 1000).status_code == 403
    assert close(api, api.as_staff("orders.shifts", venues=(venue,)), venue, 1000).status_code == 201


# --- invoices --------------------------------------------------------------------------------------------------------


def ask(api, view, order, **body):
    values = {"kind": "company", "title": "归巢健身有限公司", "tax_number": "91310000MA1FL00000", **body}
    return api.post(f"/v1/orders/{order.id}/invoice", token=api.as_member(view), json=values)


def test_an_invoice_states_what_was_paid_in_money_and_is_voided_after_a_refund(
    rich, place, paid, api, staff, shop, drain, ctx
):
    view = rich()
    order = place(view)
    paid(view, order, stored_value_fen=300, points=100)
    made = ask(api, view, order, email="li@example.com")
    assert (made.status_code, made.json["fen"], made.json["state"]) == (201, 600, "requested")
    assert ask(api, view, order).json["code"] == "invoice_open"
    (row,) = api.get("/admin/v1/orders/invoices", token=staff).json["items"]
    assert (row["title"], row["email"]) == ("归巢健身有限公司", "li@example.com")
    path = f"/admin/v1/orders/invoices/{row['id']}"
    body = {"invoice_number": "12345678", "link": "https://example.com/1.pdf"}
    assert api.post(f"{path}/issue", token=staff, json=body).status_code == 200
    with shop.transaction():
        orders.refund(shop, order.id, key="r", reason="torn")
    drain()
    mine = api.get(f"/v1/orders/{order.id}/invoices", token=api.as_member(view)).json["items"]
    assert [one["state"] for one in mine] == ["void_due"]
    assert api.post(f"{path}/void", token=staff, json={"reason": "red one 87654321"}).status_code == 200


def test_an_invoice_that_was_refused_may_be_asked_for_again(rich, place, paid, api, staff):
    view = rich()
    order = place(view)
    paid(view, order)
    made = ask(api, view, order)
    path = f"/admin/v1/orders/invoices/{made.json['id']}/reject"
    assert api.post(path, token=staff, json={"reason": "no such company"}).status_code == 200
    assert ask(api, view, order, kind="personal", title="李雷", tax_number="").status_code == 201


def test_a_companys_invoice_needs_a_tax_number_and_points_alone_have_none(rich, place, paid, api):
    view = rich()
    order, gift = place(view), place(view, fen=0, price_points=10)
    paid(view, order)
    assert ask(api, view, order, tax_number="").status_code == 422
    assert ask(api, view, gift).json["code"] == "nothing_to_invoice"
