"""Refunds: whole or in part, along what paid, once, and what happens when the provider will not."""

from datetime import timedelta

import pytest

from core import members, points
from core.contract.context import Actor
from core.events.models import Job
from core.ids import new_id
from plugins import orders
from plugins.orders import jobs
from plugins.orders.models import OrdersRefund, OrdersRefundPart, OrdersTender
from plugins.orders.refunding import outside
from plugins.orders.staff_schemas import RejectIn
from roost import Conflict, Invalid


@pytest.fixture
def refund(shop):
    """Return a function that refunds as the plugin that placed the order does."""
    count = iter(range(1, 1000))

    def run(order, key=None, **values):
        with shop.transaction():
            return orders.refund(shop, order.id, key=key or f"r{next(count)}", reason="test", **values)

    return run


def parts(ctx):
    rows = OrdersRefundPart.scoped(ctx).select().order_by(OrdersRefundPart.id)
    return [(row.kind, row.state, row.fen, row.points) for row in rows]


def refund_rows(ctx):
    return list(OrdersRefund.scoped(ctx).select().order_by(OrdersRefund.id))


def test_a_whole_refund_takes_everything_back_the_way_it_came(
    rich, place, paid, refund, drain, box, balance, state, ctx, facts
):
    view = rich(held=1000, stored=700)
    order = place(view, price_points=100)
    number = paid(view, order, stored_value_fen=300, points=200)
    refund(order)
    assert state(order) == "refunding"
    assert not facts("order_refunded")
    drain()
    assert state(order) == "refunded"
    assert (balance(view), balance(view, "stored_value")) == ((1000, 0), (700, 0))
    assert box.given_back(number) == 500
    assert len(facts("order_refunded")) == 1
    assert sorted(parts(ctx)) == [
        ("paybox", "done", 500, 0),
        ("points", "done", 0, 100),
        ("points", "done", 200, 200),
        ("stored_value", "done", 300, 0),
    ]


def test_returned_points_live_at_least_seven_days_and_no_shorter_than_they_would_have(
    member, tenant, place, refund, clock, balance, drain
):
    view = member()
    with tenant.transaction():
        for days, amount in ((3, 100), (60, 100)):
            until = clock.now() + timedelta(days=days)
            points.credit(tenant, view.id, "points", amount, key=f"l{days}", reason="test", expires_at=until)
    order = place(view, fen=0, price_points=200)
    clock.advance(days=1)
    refund(order)
    assert balance(view) == (200, 0)
    clock.advance(days=6, hours=23)
    assert balance(view) == (200, 0)
    clock.advance(hours=2)
    assert balance(view) == (100, 0)
    clock.advance(days=60)
    assert balance(view) == (0, 0)


def test_units_of_a_line_go_back_for_what_they_cost_and_the_last_takes_the_rounding(
    rich, place, paid, refund, drain, box, state
):
    view = rich()
    lines = (orders.Line("a", "A", 3, 100), orders.Line("b", "B", 1, 50))
    order = place(view, lines=lines, discounts=(orders.Discount("x", "x", 50, "coupons:1"),))
    number = paid(view, order)
    first, second = order.lines
    got = [refund(order, lines={first.id: 1}).refunded_fen]
    for units in ({first.id: 1}, {first.id: 1}, {second.id: 1}):
        drain()
        assert state(order) == "part_refunded"
        got.append(refund(order, lines=units).refunded_fen)
    drain()
    assert got[-1] == order.money_fen == 300
    assert got == sorted(set(got))
    assert (state(order), box.given_back(number)) == ("refunded", 300)


def test_a_refund_never_passes_what_was_paid(rich, place, paid, refund, drain, box):
    view = rich()
    order = place(view)
    number = paid(view, order)
    refund(order, fen=700)
    drain()
    with pytest.raises(Conflict) as ex:
        refund(order, fen=301)
    assert (ex.value.code, ex.value.details["left_fen"]) == ("refund_exceeds", 300)
    refund(order, fen=300)
    drain()
    with pytest.raises(Conflict):
        refund(order, fen=1)
    assert box.given_back(number) == 1000


def test_the_same_key_refunds_once(rich, place, paid, refund, drain, box):
    view = rich()
    order = place(view)
    number = paid(view, order)
    for _ in range(3):
        refund(order, key="once", fen=400)
        drain()
    assert box.given_back(number) == 400


def test_one_refund_at_a_time(rich, place, paid, refund, drain):
    view = rich()
    order = place(view)
    paid(view, order)
    refund(order, fen=100)
    with pytest.raises(Conflict) as ex:
        refund(order, fen=100)
    assert ex.value.code == "order_state"


@pytest.mark.parametrize("wrong", [{"lines": {}}, {"fen": 0}])
def test_nothing_cannot_be_refunded(rich, place, paid, refund, wrong, shop):
    view = rich()
    order = place(view)
    paid(view, order)
    wrong = {"lines": {order.id: 1}} if "lines" in wrong else wrong
    with pytest.raises(Invalid):
        refund(order, **wrong)


def test_an_order_that_cost_nothing_can_be_undone(rich, place, refund, state, facts):
    order = place(rich(), fen=0)
    refund(order)
    assert state(order) == "refunded"
    assert len(facts("order_refunded")) == 1


def test_postage_goes_back_with_the_last_units_unless_something_was_sent(
    rich, place, paid, refund, enable_plugin, drain, api, box
):
    enable_plugin("orders", postage="flat")
    view = rich()
    unsent, sent = (place(view, fulfilment="ship", quantity=2) for _ in range(2))
    for order in (unsent, sent):
        paid(view, order)
    token = api.as_staff("orders.view", "orders.ship")
    body = {"carrier": "SF", "tracking": "SF1234567", "lines": [{"line": str(sent.lines[0].id), "quantity": 1}]}
    assert api.post(f"/admin/v1/orders/orders/{sent.id}/ship", token=token, key="s", json=body).status_code == 200
    assert refund(unsent, lines={unsent.lines[0].id: 2}).refunded_fen == 3000
    assert refund(sent, lines={sent.lines[0].id: 2}).refunded_fen == 2000


# --- the provider ------------------------------------------------------------------------------------------


def test_a_refund_whose_answer_is_lost_is_asked_for_again_with_the_same_number(
    rich, place, paid, refund, drain, box, state, clock
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.lost.add("refund")
    refund(order)
    drain()
    assert state(order) == "refunding"
    box.lost.clear()
    for _ in range(3):
        clock.advance(minutes=5)
        drain()
    asked = {n for verb, n in box.calls if verb == "refund"}
    assert len(asked) == 1
    assert (state(order), box.given_back(number)) == ("refunded", 1000)


def test_a_refund_that_takes_its_time_is_asked_about_until_it_is_done(
    rich, place, paid, refund, drain, box, state, clock
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.refund_state = "refunding"
    refund(order)
    drain()
    clock.advance(minutes=1)
    drain()
    assert state(order) == "refunding"
    for row in box.refunds.values():
        row["state"] = "refunded"
    clock.advance(minutes=5)
    drain()
    assert (state(order), box.given_back(number)) == ("refunded", 1000)
    assert [verb for verb, _ in box.calls].count("refund") == 1


def test_a_refund_the_provider_was_away_for_is_made_when_it_is_back(
    rich, place, paid, refund, drain, box, state, clock
):
    view = rich()
    order = place(view)
    paid(view, order)
    box.away.add("refund")
    refund(order)
    drain()
    box.away.clear()
    clock.advance(minutes=5)
    drain()
    assert state(order) == "refunded"


def test_ten_refund_callbacks_refund_once(rich, place, paid, refund, drain, box, told, facts, ctx):
    view = rich()
    order = place(view)
    number = paid(view, order)
    refund(order)
    drain()
    (mine,) = box.refunds
    for _ in range(10):
        told("refunded", number, 1000, mine)
    assert len(facts("order_refunded")) == 1
    assert len(refund_rows(ctx)) == 1


def test_a_refund_that_fails_waits_for_staff_who_try_again_with_the_same_number(
    rich, place, paid, refund, drain, box, state, facts, ctx, api
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.refund_state = "failed"
    refund(order)
    drain()
    (row,) = refund_rows(ctx)
    assert (row.state, state(order), len(facts("order_refund_failed"))) == ("failed", "refunding", 1)
    (mine,) = box.refunds
    box.refunds[mine]["state"] = "refunded"
    path = f"/admin/v1/orders/refunds/{row.id}/retry"
    reply = api.post(path, token=api.as_staff("orders.view", "orders.refund"), key="again")
    assert reply.status_code == 200, reply.text
    drain()
    assert (state(order), box.given_back(number), list(box.refunds)) == ("refunded", 1000, [mine])


def test_a_refund_that_fails_may_be_paid_back_another_way(rich, place, paid, refund, drain, box, state, ctx, api):
    view = rich()
    order = place(view)
    paid(view, order)
    box.refund_state = "failed"
    refund(order)
    drain()
    (row,) = refund_rows(ctx)
    path = f"/admin/v1/orders/refunds/{row.id}/by_hand"
    token = api.as_staff("orders.view", "orders.refund")
    assert api.post(path, token=token, key="k", json={"reason": "bank transfer 42"}).status_code == 200
    assert state(order) == "refunded"
    part = OrdersRefundPart.scoped(ctx).first()
    assert "bank transfer 42" in part.detail
    assert box.withdrawn == {part.number}, "the provider is asked for it no more"


def test_what_the_provider_has_after_all_is_not_paid_back_another_way(
    rich, place, paid, refund, drain, box, state, clock, ctx, api
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.lost.add("refund")
    refund(order)
    drain()
    box.away.update(("refund", "query_refund"))
    for _ in range(25):
        clock.advance(hours=1, minutes=1)
        drain()
    (row,) = refund_rows(ctx)
    assert row.state == "failed"
    path = f"/admin/v1/orders/refunds/{row.id}/by_hand"
    refused = api.post(
        path, token=api.as_staff("orders.view", "orders.refund"), key="k", json={"reason": "bank transfer"}
    )
    assert (refused.status_code, refused.json["code"]) == (409, "paybox_moving")
    assert (state(order), box.given_back(number)) == ("refunding", 1000)


def test_a_refund_that_the_provider_says_has_failed_is_told_too(rich, place, paid, refund, drain, box, told, facts):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.refund_state = "refunding"
    refund(order)
    drain()
    (mine,) = box.refunds
    told("refund_failed", number, 1000, mine)
    assert len(facts("order_refund_failed")) == 1


def test_no_answer_for_long_enough_waits_for_staff_too(rich, place, paid, refund, drain, box, clock, facts):
    view = rich()
    order = place(view)
    paid(view, order)
    box.away.add("refund")
    refund(order)
    for _ in range(25):
        drain()
        clock.advance(hours=1, minutes=1)
    assert len(facts("order_refund_failed")) == 1


# --- refunds that others made ---------------------------------------------------------------------------------------


def test_the_refund_callback_before_the_payment_callback_books_both(rich, place, pay, told, state, box, facts, ctx):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    told("refunded", number, 1000, "made-in-their-console")
    assert state(order) == "refunded"
    told("paid", number, 1000)
    told("refunded", number, 1000, "made-in-their-console")
    assert state(order) == "refunded"
    assert (len(facts("order_paid")), len(facts("order_refunded"))) == (1, 1)
    assert [verb for verb, _ in box.calls] == ["pay"]  # nothing goes back a second time
    assert [row.source for row in refund_rows(ctx)] == ["outside"]


def test_a_part_that_was_refunded_in_the_providers_console_counts(rich, place, paid, told, state, refund, drain, box):
    view = rich(stored=400)
    order = place(view)
    number = paid(view, order, stored_value_fen=400)
    told("refunded", number, 250, "theirs")
    assert state(order) == "part_refunded"
    refund(order)
    drain()
    assert state(order) == "refunded"
    assert box.given_back(number) == 350


def test_a_late_payment_that_was_refunded_in_the_providers_console_is_not_refunded_again(
    rich, place, pay, told, clock, drain, box, state, ctx
):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    clock.advance(minutes=31)
    drain()
    told("paid", number, 1000)
    told("refunded", number, 1000, "theirs")
    drain()
    assert state(order) == "closed"
    assert box.given_back(number) == 0
    assert {row.state for row in refund_rows(ctx)} == {"done"}


# --- members and staff -----------------------------------------------------------------------------------------------


def test_a_member_cancels_what_was_paid_before_anything_went_out(rich, place, paid, api, drain, state, box):
    view = rich()
    order = place(view, fulfilment="ship")
    number = paid(view, order)
    token = api.as_member(view)
    reply = api.post(f"/v1/orders/{order.id}/cancel", token=token, key="c")
    assert reply.json["state"] == "refunding"
    assert api.post(f"/v1/orders/{order.id}/cancel", token=token, key="c2").json["state"] == "refunding"
    drain()
    assert (state(order), box.given_back(number)) == ("refunded", 1000)


def test_what_was_sent_or_may_not_be_cancelled_is_asked_for(rich, place, paid, api, ctx):
    view = rich()
    sent, bound = place(view, fulfilment="ship"), place(view, fulfilment="ship", cancellable=False)
    token, staff = api.as_member(view), api.as_staff("orders.view", "orders.ship")
    for order in (sent, bound):
        paid(view, order)
    body = {"carrier": "SF", "tracking": "SF1234567"}
    api.post(f"/admin/v1/orders/orders/{sent.id}/ship", token=staff, key="s", json=body)
    for order in (sent, bound):
        reply = api.post(f"/v1/orders/{order.id}/cancel", token=token, key=f"c{order.id}")
        assert (reply.status_code, reply.json["code"]) == (409, "not_cancellable")
    asked = api.post(f"/v1/orders/{sent.id}/refunds", token=token, key="r", json={"reason": "torn"})
    assert (asked.status_code, asked.json["state"], asked.json["fen"]) == (201, "requested", 1000)
    again = api.post(f"/v1/orders/{sent.id}/refunds", token=token, key="r2", json={"reason": "torn"})
    assert again.json["code"] == "refund_open"


def test_staff_grant_a_part_of_what_was_asked_or_refuse_with_words(rich, place, paid, api, drain, state, ctx, box):
    view = rich()
    token, staff = api.as_member(view), api.as_staff("orders.view", "orders.refund")
    granted, refused = place(view), place(view)
    number = paid(view, granted)
    paid(view, refused)
    ids = [
        api.post(f"/v1/orders/{order.id}/refunds", token=token, key=str(order.id), json={"reason": "torn"}).json["id"]
        for order in (granted, refused)
    ]
    path = "/admin/v1/orders/refunds/{}/{}"
    reply = api.post(path.format(ids[0], "approve"), token=staff, key="a", json={"fen": 600, "points": 0})
    assert reply.json["state"] == "done", reply.text
    drain()
    assert (state(granted), box.given_back(number)) == ("part_refunded", 600)
    assert api.post(path.format(ids[1], "reject"), token=staff, json={"reason": "worn"}).status_code == 200
    mine = api.get(f"/v1/orders/{refused.id}", token=token).json["refunds"]
    assert [(row["state"], row["reply"]) for row in mine] == [("rejected", "worn")]
    assert api.post(path.format(ids[1], "approve"), token=staff, key="b", json={"fen": 1}).status_code == 409


def test_a_large_refund_needs_a_second_person(rich, place, paid, api, drain, state, enable_plugin):
    enable_plugin("orders", refund_limit_fen=500)
    view = rich()
    order = place(view)
    paid(view, order)
    first, second = (api.as_staff("orders.view", "orders.refund") for _ in range(2))
    path = f"/admin/v1/orders/orders/{order.id}/refund"
    asked = api.post(path, token=first, key="a", json={"fen": 1000, "reason": "torn"})
    assert asked.json["state"] == "pending"
    assert state(order) == "completed"
    decide = f"{path}/approvals/{asked.json['approval']}/approve"
    assert api.post(decide, token=first, key="self").status_code >= 400
    assert api.post(decide, token=second, key="other").status_code == 200
    drain()
    assert state(order) == "refunded"


def test_after_the_days_for_it_a_refund_is_too_late(rich, place, paid, api, clock):
    view = rich()
    order = place(view)
    paid(view, order)
    clock.advance(days=7, seconds=1)
    reply = api.post(f"/v1/orders/{order.id}/refunds", token=api.as_member(view), key="r", json={"reason": "torn"})
    assert reply.json["code"] == "too_late"


def test_the_owner_may_say_that_it_cannot_go_back(rich, place, paid, api, monkeypatch, runtime):
    view = rich()
    order = place(view, fulfilment="ship")
    paid(view, order)
    check = runtime.dispatcher.check

    def refuse(ctx, hook, values, only=None):
        if hook.__name__ == "may_return_order":
            assert (values["owner"], values["reference"]) == ("mall", order.reference)
            raise Conflict("used", code="voucher_used")
        check(ctx, hook, values, only)

    monkeypatch.setattr(runtime.dispatcher, "check", refuse)
    token = api.as_member(view)
    assert api.post(f"/v1/orders/{order.id}/cancel", token=token, key="c").json["code"] == "voucher_used"
    reply = api.post(f"/v1/orders/{order.id}/refunds", token=token, key="r", json={"reason": "torn"})
    assert reply.json["code"] == "voucher_used"


# --- what it had earned ----------------------------------------------------------------------------------------------


def test_money_that_was_paid_earns_and_what_goes_back_takes_that_back(rich, place, paid, refund, drain, balance):
    view = rich(held=1000)
    order = place(view, fen=10_000)
    paid(view, order, points=500)  # 5 yuan of the hundred: points earn nothing
    drain()
    assert balance(view)[0] == 500 + 95
    refund(order, fen=5000)
    drain()
    assert balance(view)[0] == 500 + 250 + 95 - 48
    refund(order)
    drain()
    assert balance(view)[0] == 1000


def test_the_switch_for_earning_holds(rich, place, paid, drain, balance, enable_plugin):
    enable_plugin("orders", earns=False)
    view = rich(held=1)
    paid(view, place(view, fen=10_000))
    drain()
    assert balance(view)[0] == 1


def test_the_sum_of_what_pays_is_the_price_and_the_shares_of_a_refund_add_up(rich, place, paid, ctx, refund, drain):
    view = rich(held=5000, stored=5000)
    order = place(view, fen=997)
    paid(view, order, stored_value_fen=333, points=101)
    rows = list(OrdersTender.scoped(ctx).select().where(OrdersTender.state == "paid"))
    assert sum(row.fen for row in rows) == 997
    for fen in (1, 2, 331, 500):
        refund(order, fen=fen)
        drain()
    assert sum(part[2] for part in parts(ctx)) == 834
    refund(order)
    drain()
    rows = list(OrdersTender.scoped(ctx).select())
    assert all(row.refunded_fen == row.fen and row.refunded_points == row.points for row in rows)


# --- the odd days ----------------------------------------------------------------------------------------------------


def test_an_old_attempt_that_is_paid_last_while_the_order_closes_goes_back(
    rich, place, pay, told, clock, drain, box, state, balance
):
    view = rich(stored=400)
    order = place(view)
    box.away.add("close")
    old = pay(view, order, stored_value_fen=400).json["charge"]
    new = pay(view, order).json["charge"]
    clock.advance(minutes=31)
    drain()
    assert state(order) == "closing"
    told("closed", new)
    box.charges[old]["state"] = "paid"
    told("paid", old, 600)
    drain()
    assert (state(order), box.given_back(old), balance(view, "stored_value")) == ("closed", 600, (400, 0))


def test_one_refund_in_the_providers_console_stands_for_one_of_ours_not_for_each(
    rich, place, pay, told, paid, refund, drain, box, ctx
):
    view = rich(stored=400)
    order = place(view)
    old = pay(view, order, stored_value_fen=400).json["charge"]
    number = pay(view, order).json["charge"]
    for charge, fen in ((old, 600), (number, 1000)):
        box.charges[charge]["state"] = "paid"
        told("paid", charge, fen)  # 1600 for 1000: 600 of the newer charge go back by themselves
    box.refund_state = "refunding"
    refund(order, fen=500)
    told("refunded", number, 600, "theirs")
    for row in box.refunds.values():
        row["state"] = "refunded"
    box.refund_state = "refunded"
    drain()
    assert box.given_back(number) + box.given_back(old) == 500  # with the 600 of their console all that is owed


def test_a_refund_that_takes_days_at_the_provider_does_not_fail(
    rich, place, paid, refund, drain, box, state, clock, facts
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.refund_state = "refunding"
    refund(order)
    for _ in range(40):
        drain()
        clock.advance(hours=1, minutes=1)
    assert (state(order), facts("order_refund_failed")) == ("refunding", [])
    for row in box.refunds.values():
        row["state"] = "refunded"
    drain()
    assert (state(order), box.given_back(number)) == ("refunded", 1000)


def test_what_was_paid_by_a_member_who_was_merged_since_returns_to_the_one_that_is_left(
    rich, place, pay, refund, tenant, balance, state
):
    view, other = rich(held=0 + 100, stored=1000), rich(held=1, stored=1)
    order = place(view, price_points=100)
    assert pay(view, order, stored_value_fen=1000, method="").status_code == 200
    staff = tenant.acting(Actor("staff", new_id(), permissions=frozenset(["members.merge"])))
    with staff.transaction():
        members.merge(staff, other.id, view.id, "the same person")
    refund(order)
    assert state(order) == "refunded"
    assert (balance(other), balance(other, "stored_value")) == ((101, 0), (1001, 0))


def test_each_refund_takes_back_what_it_had_earned_though_the_last_is_smaller_than_the_first(
    rich, place, paid, refund, drain, balance, tenant
):
    view = rich(held=1)
    order = place(view, fen=10_000)
    paid(view, order)
    drain()
    assert balance(view)[0] == 101
    refund(order, fen=6000)
    drain()
    refund(order)
    drain()
    assert balance(view)[0] == 1
    assert not list(Job.scoped(tenant).select().where(Job.state != "done", Job.failures > 0))


def test_a_refund_that_went_out_after_staff_had_paid_it_by_hand_is_seen(
    rich, place, paid, refund, drain, box, state, clock, ctx, told
):
    view = rich()
    order = place(view)
    number = paid(view, order)
    box.away.add("refund")
    refund(order)
    for _ in range(25):
        drain()
        clock.advance(hours=1, minutes=1)
    (row,) = refund_rows(ctx)
    with ctx.transaction():
        outside.by_hand(ctx, row.id, RejectIn(reason="bank transfer"))
    (part,) = OrdersRefundPart.scoped(ctx).select()
    for _ in range(2):
        told("refunded", number, 1000, part.number)
    assert [(one.source, one.state, one.fen) for one in refund_rows(ctx)] == [
        ("plugin", "done", 1000),
        ("outside", "done", 1000),
    ]


def test_a_part_of_the_price_that_went_back_at_the_provider_is_to_be_paid_again(
    rich, place, pay, told, drain, box, state, api
):
    view = rich(stored=400)
    order = place(view)
    old = pay(view, order, stored_value_fen=400).json["charge"]
    pay(view, order)
    told("paid", old, 600)
    for _ in range(2):
        told("refunded", old, 600, "theirs")
    assert api.get(f"/v1/orders/{order.id}", token=api.as_member(view)).json["due_fen"] == 1000
    drain()
    assert (state(order), box.given_back(old)) == ("paying", 0)


@pytest.fixture
def a_day(drain, box, clock, ctx):
    """Return a function that lets a day pass, and says how often the provider was called."""

    def pass_by():
        before = len(box.calls)
        for hour in range(24):
            drain()
            with ctx.transaction():
                jobs._unstick(ctx, f"{clock.now()}{hour}")
            clock.advance(hours=1, minutes=1)
        return len(box.calls) - before

    return pass_by


def test_a_refund_that_takes_days_is_asked_about_by_one_job_and_one_whose_job_died_by_another(
    rich, place, paid, refund, box, tenant, state, a_day
):
    view = rich()
    order = place(view)
    paid(view, order)
    box.refund_state = "refunding"
    refund(order)

    a_day()
    assert a_day() <= 24
    Job.scoped(tenant).update(state="dead").where(Job.state == "queued", Job.kind == "orders.refund_part").execute()
    for row in box.refunds.values():
        row["state"] = "refunded"
    a_day()
    assert state(order) == "refunded"


def test_a_close_without_an_answer_is_asked_by_one_job_and_one_whose_job_died_by_another(
    rich, place, pay, box, clock, tenant, state, a_day
):
    view = rich()
    order = place(view)
    pay(view, order)
    box.away.add("close")
    clock.advance(minutes=31)

    a_day()
    assert a_day() <= 24
    Job.scoped(tenant).update(state="dead").where(Job.state == "queued", Job.kind == "orders.close_charge").execute()
    box.away.clear()
    assert state(order) == "closing"
    a_day()
    assert state(order) == "closed"
