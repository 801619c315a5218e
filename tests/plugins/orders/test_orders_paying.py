"""Orders being paid: by one means or several, once, whoever tells it first."""

from datetime import timedelta

import pytest

from plugins import orders
from plugins.orders import OrderPaymentReturned
from plugins.orders.models import OrdersCharge, OrdersOrder, OrdersTender
from roost import Conflict, InsufficientBalance, Invalid, KeyReused, Notice, tenants


def tenders(ctx, order):
    rows = OrdersTender.scoped(ctx).select().where(OrdersTender.order == order.id).order_by(OrdersTender.id)
    return [(row.kind, row.state, row.fen, row.points) for row in rows]


def test_an_order_is_charged_outside_and_paid_when_the_provider_says_so(rich, place, pay, told, state, ctx, facts):
    view = rich()
    order = place(view)
    reply = pay(view, order)
    assert reply.status_code == 200, reply.text
    assert reply.json["params"] == {"token": reply.json["charge"]}
    assert reply.json["order"]["state"] == "paying"
    assert ("orders", True) in told("paid", reply.json["charge"], 1000)
    assert state(order) == "completed"
    assert tenders(ctx, order) == [("paybox", "paid", 1000, 0)]
    assert len(facts("order_paid")) == 1


def test_points_of_the_price_are_held_at_once_and_spent_when_the_money_came(rich, place, paid, balance):
    view = rich(held=500)
    order = place(view, price_points=300)
    assert balance(view) == (200, 300)
    paid(view, order)
    assert balance(view) == (200, 0)


def test_too_few_points_place_nothing(rich, place, ctx):
    with pytest.raises(InsufficientBalance):
        place(rich(held=10), price_points=300)
    assert OrdersOrder.scoped(ctx).select().count() == 0


def test_an_order_of_points_alone_is_paid_at_once(rich, place, balance, state):
    view = rich(held=500)
    order = place(view, fen=0, price_points=300)
    assert (order.state, state(order)) == ("completed", "completed")
    assert balance(view) == (200, 0)


def test_stored_value_points_and_the_provider_share_one_price(rich, place, paid, balance, ctx, state):
    view = rich(held=500, stored=700)
    order = place(view, fen=1000)
    number = paid(view, order, stored_value_fen=300, points=200)  # 200 points pay 2 yuan
    assert tenders(ctx, order) == [
        ("stored_value", "paid", 300, 0),
        ("points", "paid", 200, 200),
        ("paybox", "paid", 500, 0),
    ]
    assert OrdersCharge.scoped(ctx).get(OrdersCharge.number == number).fen == 500
    assert (balance(view), balance(view, "stored_value")) == ((300, 0), (400, 0))
    assert state(order) == "completed"


def test_own_means_alone_need_no_provider(rich, place, pay, box, balance):
    view = rich(stored=1500)
    reply = pay(view, place(view), method="", stored_value_fen=1000)
    assert (reply.json["order"]["state"], reply.json["charge"], reply.json["params"]) == ("completed", None, {})
    assert balance(view, "stored_value") == (500, 0)
    assert box.calls == []


def test_what_is_not_covered_asks_for_a_method_and_holds_nothing(rich, place, pay, balance):
    view = rich(stored=400)
    reply = pay(view, place(view), method="", stored_value_fen=400)
    assert (reply.status_code, reply.json["code"], reply.json["due_fen"]) == (409, "not_covered", 600)
    assert balance(view, "stored_value") == (400, 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"stored_value_fen": 1001}, "too_much"),
        ({"stored_value_fen": 999_999}, "insufficient_balance"),
        ({"points": 1001}, "too_many_points"),
        ({"method": "nobody"}, "method_unavailable"),
        ({"method": "sms"}, "method_unavailable"),
    ],
)
def test_means_that_do_not_fit_are_refused_and_nothing_is_held(rich, place, pay, balance, body, code):
    view = rich()
    reply = pay(view, place(view), **body)
    assert (reply.status_code, reply.json["code"]) == (409, code)
    assert (balance(view)[1], balance(view, "stored_value")[1]) == (0, 0)


def test_an_order_may_name_the_means_that_pay_it(rich, place, pay):
    view = rich()
    order = place(view, tenders=("paybox",))
    assert pay(view, order, stored_value_fen=100).json["code"] == "tender_not_allowed"
    assert pay(view, order).status_code == 200
    assert pay(view, place(view, tenders=("stored_value",))).json["code"] == "tender_not_allowed"


def test_points_pay_no_more_than_the_share_of_the_settings(rich, place, pay, enable_plugin, api):
    enable_plugin("orders", points_share=50)
    view = rich()
    order = place(view)
    assert pay(view, order, points=501).json["code"] == "too_many_points"
    offer = api.get(f"/v1/orders/{order.id}/methods", token=api.as_member(view)).json
    assert (offer["points"], offer["points_fen"]) == (500, 500)
    assert [method["name"] for method in offer["methods"]] == ["paybox"]


def test_the_same_key_starts_one_charge(rich, place, pay, charges):
    view = rich()
    order = place(view)
    first, again = pay(view, order, "same"), pay(view, order, "same")
    assert first.json == again.json
    assert len(charges(order)) == 1


def test_each_attempt_has_a_number_of_its_own_and_the_one_before_is_closed(rich, place, pay, charges, drain, box):
    view = rich()
    order = place(view)
    first, second = pay(view, order).json["charge"], pay(view, order).json["charge"]
    assert first != second
    drain()
    assert [(row.number, row.state) for row in charges(order)] == [(first, "closed"), (second, "open")]
    assert box.charges[first]["state"] == "closed"


def test_changing_ones_mind_about_the_mix_releases_what_was_held_before(rich, place, pay, balance, charges):
    view = rich(stored=800)
    order = place(view)
    pay(view, order, stored_value_fen=800)
    pay(view, order, points=400)
    assert (balance(view, "stored_value"), balance(view)) == ((800, 0), (4600, 400))
    assert [row.fen for row in charges(order)] == [200, 600]


# --- who tells first -------------------------------------------------------------------------------------------------


def test_the_callback_before_the_answer_to_the_prepayment_is_not_lost(rich, place, pay, told, box, state, charges):
    view = rich()
    order = place(view)
    box.before_answer = lambda number: told("paid", number, 1000)
    reply = pay(view, order)
    assert reply.status_code == 200
    assert reply.json["order"]["state"] == "completed"
    assert [row.state for row in charges(order)] == ["paid"]


def test_ten_callbacks_pay_once(rich, place, pay, told, facts, ctx):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    for _ in range(10):
        told("paid", number, 1000)
    assert len(facts("order_paid")) == 1
    assert tenders(ctx, order) == [("paybox", "paid", 1000, 0)]


def test_a_payment_whose_booking_died_before_the_commit_is_booked_the_next_time(
    rich, place, pay, told, state, facts, tenant, balance
):
    view = rich()
    order = place(view, price_points=100)
    number = pay(view, order).json["charge"]

    class Killed(BaseException):
        pass

    def dies():
        told("paid", number, 1000)
        raise Killed

    with pytest.raises(Killed), tenant.transaction():
        dies()
    assert state(order) == "paying"
    assert balance(view) == (4900, 100)
    told("paid", number, 1000)
    assert state(order) == "completed"
    assert len(facts("order_paid")) == 1
    assert balance(view) == (4900, 0)


def test_an_answer_that_was_lost_after_the_work_leaves_the_charge_to_be_found_paid(
    rich, place, pay, box, state, clock, drain, charges
):
    view = rich()
    order = place(view)
    box.lost.add("pay")
    assert pay(view, order).status_code == 503
    box.lost.clear()
    (charge,) = charges(order)
    assert charge.state == "starting"
    box.charges[charge.number]["state"] = "paid"  # somebody paid it all the same, and no callback came
    clock.advance(minutes=31)
    drain()
    assert state(order) == "completed"


def test_the_member_can_have_the_provider_asked_at_once(rich, place, pay, box, api):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    refresh = f"/v1/orders/{order.id}/refresh"
    assert api.post(refresh, token=api.as_member(view)).json["state"] == "paying"
    box.charges[number]["state"] = "paid"
    assert api.post(refresh, token=api.as_member(view)).json["state"] == "completed"


def test_a_number_that_is_not_ours_is_left_to_others(told, shop):
    assert dict(told("paid", "f" * 32, 1000))["orders"] is None


# --- the end of the time to pay ------------------------------------------------------------------------------------


def test_an_order_that_nobody_pays_closes_and_gives_back_what_it_held(rich, place, clock, drain, state, balance, facts):
    view = rich(held=500)
    order = place(view, price_points=300)
    clock.advance(minutes=29)
    drain()
    assert state(order) == "placed"
    clock.advance(minutes=2)
    drain()
    assert state(order) == "closed"
    assert balance(view) == (500, 0)
    assert len(facts("order_closed")) == 1


def test_nothing_is_released_before_the_provider_confirms_that_the_charge_is_closed(
    rich, place, pay, clock, drain, state, balance, box, facts
):
    view = rich(held=500)
    order = place(view, price_points=300)
    number = pay(view, order).json["charge"]
    box.away.add("close")
    clock.advance(minutes=31)
    drain()
    assert (state(order), balance(view)) == ("closing", (200, 300))
    assert not facts("order_closed")
    box.away.clear()
    clock.advance(minutes=31)
    drain()
    assert (state(order), balance(view)) == ("closed", (500, 0))
    assert box.charges[number]["state"] == "closed"
    assert len(facts("order_closed")) == 1


def test_a_close_whose_answer_is_lost_is_asked_again(rich, place, pay, clock, drain, state, box):
    view = rich()
    order = place(view)
    pay(view, order)
    box.lost.add("close")
    clock.advance(minutes=31)
    drain()
    assert state(order) == "closing"
    box.lost.clear()
    clock.advance(minutes=31)
    drain()
    assert state(order) == "closed"


def test_money_that_came_just_before_the_close_pays_the_order(rich, place, pay, clock, drain, state, box):
    view = rich()
    order = place(view)
    box.charges[pay(view, order).json["charge"]]["state"] = "paid"
    clock.advance(minutes=31)
    drain()
    assert state(order) == "completed"


def test_a_charge_that_the_provider_never_heard_of_counts_as_closed_only_when_it_cannot_arrive_any_more(
    rich, place, pay, clock, drain, state, box, api
):
    view = rich()
    order = place(view)
    box.away.add("pay")
    assert pay(view, order).status_code == 503
    reply = api.post(f"/v1/orders/{order.id}/cancel", token=api.as_member(view), key="c")
    assert reply.json["state"] == "closing"
    drain()
    assert state(order) == "closing"
    for _ in range(6):
        clock.advance(seconds=50)
        drain()
    assert state(order) == "closed"


def test_paid_after_it_was_released_goes_back_by_itself_and_the_member_is_told(
    rich, place, pay, told, clock, drain, state, box, facts, balance, ctx
):
    view = rich(held=500)
    order = place(view, price_points=300)
    number = pay(view, order).json["charge"]
    clock.advance(minutes=31)
    drain()
    assert (state(order), balance(view)) == ("closed", (500, 0))
    box.charges[number]["state"] = "paid"
    told("paid", number, 1000)
    told("paid", number, 1000)
    drain()
    assert box.given_back(number) == 1000
    assert state(order) == "closed"
    (event,) = facts("order_payment_returned")
    notice = next(one for _, one in ctx.providers(Notice) if one.fact == "order_payment_returned")
    words = notice.read(ctx, OrderPaymentReturned.model_validate_json(event.body))
    assert words.member == view.id
    assert "¥10.00" in notice.text.in_("zh").format(**words.values)
    assert balance(view) == (500, 0)
    assert tenders(ctx, order)[-1] == ("paybox", "excess", 1000, 0)
    assert not facts("order_paid")
    assert not facts("order_refunded")


def test_paid_twice_on_two_attempts_pays_once_and_the_second_goes_back(rich, place, pay, told, drain, box, ctx, facts):
    view = rich()
    order = place(view)
    first, second = pay(view, order).json["charge"], pay(view, order).json["charge"]
    for number in (first, second):
        box.charges[number]["state"] = "paid"
        told("paid", number, 1000)
    drain()
    assert tenders(ctx, order) == [("paybox", "paid", 1000, 0), ("paybox", "excess", 1000, 0)]
    assert (box.given_back(first), box.given_back(second)) == (0, 1000)
    assert len(facts("order_paid")) == len(facts("order_payment_returned")) == 1


def test_an_older_attempt_that_is_paid_too_makes_own_means_give_way_first(rich, place, pay, told, ctx, balance, drain):
    view = rich(stored=800)
    order = place(view)
    first = pay(view, order, stored_value_fen=600).json["charge"]  # 400 outside
    second = pay(view, order, stored_value_fen=800).json["charge"]  # 200 outside
    told("paid", first, 400)  # 400 + 800 held: enough, so 200 of the stored value are not needed
    assert tenders(ctx, order)[1:] == [("stored_value", "paid", 600, 0), ("paybox", "paid", 400, 0)]
    assert balance(view, "stored_value") == (200, 0)
    told("paid", second, 200)
    assert tenders(ctx, order)[-1] == ("paybox", "excess", 200, 0)


def test_what_was_paid_in_part_goes_back_when_the_order_closes(rich, place, pay, told, clock, drain, box, ctx, state):
    view = rich(stored=600)
    order = place(view)
    first = pay(view, order, stored_value_fen=600).json["charge"]
    pay(view, order)  # the whole price outside, instead
    box.charges[first]["state"] = "paid"
    told("paid", first, 400)
    assert state(order) == "paying"
    clock.advance(minutes=31)
    drain()
    assert state(order) == "closed"
    assert box.given_back(first) == 400


# --- placing ---------------------------------------------------------------------------------------------------------


def test_a_reference_names_one_order(rich, shop, place, ctx):
    view = rich()
    one = place(view)
    line = orders.Line("sku-1", "毛巾", 1, 1000)
    draft = orders.Draft(view.id, one.reference, (line,))
    with shop.transaction():
        assert orders.place(shop, draft).id == one.id
        with pytest.raises(KeyReused):
            orders.place(shop, orders.Draft(view.id, one.reference, (orders.Line("sku-1", "毛巾", 2, 1000),)))
        other = orders.place(shop.for_plugin("races"), draft)
    assert other.id != one.id
    assert orders.find(shop, one.reference).id == one.id


def test_a_discount_says_by_what_right_and_is_shared_over_the_lines(rich, place):
    lines = (orders.Line("a", "A", 1, 100), orders.Line("b", "B", 1, 101), orders.Line("c", "C", 1, 102))
    order = place(rich(), lines=lines, discounts=(orders.Discount("C10", "满减", 100, "coupons:1"),))
    assert (order.goods_fen, order.discount_fen, order.money_fen) == (303, 100, 203)
    assert sum(line.net_fen for line in order.lines) == 203
    with pytest.raises(Invalid, match="by what right"):
        place(rich(), lines=lines, discounts=(orders.Discount("C10", "满减", 100, ""),))
    with pytest.raises(Invalid):
        place(rich(), lines=lines, discounts=(orders.Discount("C10", "满减", 304, "coupons:1"),))


@pytest.mark.parametrize(
    ("rules", "province", "fen"),
    [
        ({}, "上海市", 0),
        ({"postage": "flat"}, "上海市", 1000),
        ({"postage": "flat"}, "新疆维吾尔自治区", 2000),
        ({}, "西藏自治区", 1000),
        ({"remote_fen": 0}, "西藏自治区", 0),
    ],
)
def test_postage_is_free_or_flat_and_more_where_it_is_far(rich, place, enable_plugin, address, rules, province, fen):
    enable_plugin("orders", **rules)
    order = place(rich(), fulfilment="ship", address=address.model_copy(update={"province": province}))
    assert (order.postage_fen, order.money_fen) == (fen, 1000 + fen)


def test_what_is_sent_needs_an_address_and_what_is_picked_up_an_open_venue(rich, place, venue, shop):
    with pytest.raises(Invalid) as ex:
        place(rich(), fulfilment="ship", address=None)
    assert ex.value.code == "address_needed"
    with pytest.raises(Invalid) as ex:
        place(rich(), fulfilment="pickup")
    assert ex.value.code == "venue_needed"
    assert place(rich(), fulfilment="pickup", venue=venue).venue == venue


def test_after_the_deadline_no_attempt_starts(rich, place, pay, clock, shop):
    view = rich()
    order = place(view, deadline=shop.now() + timedelta(minutes=10))
    clock.advance(minutes=10)
    assert pay(view, order).json["code"] == "too_late_to_pay"


def test_orders_stay_on_while_one_is_open(rich, place, ctx, clock, drain):
    place(rich())
    with pytest.raises(Conflict, match="not at their end"), ctx.transaction():
        tenants.disable_plugin(ctx, "orders")
    clock.advance(minutes=31)
    drain()
    with ctx.transaction():
        tenants.disable_plugin(ctx, "orders")


def test_nobody_sees_or_touches_the_order_of_another(rich, place, pay, api):
    owner, other = rich(), rich()
    order = place(owner)
    token = api.as_member(other)
    assert pay(other, order).status_code == 404
    assert api.get(f"/v1/orders/{order.id}", token=token).status_code == 404
    for act in ("cancel", "receive", "refresh"):
        assert api.post(f"/v1/orders/{order.id}/{act}", token=token, key=act).status_code == 404
