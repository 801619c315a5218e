"""Two who act on one order at one moment, on the database where they really do; and what the lock is for."""

import threading

import pytest

from core import db
from plugins import orders
from plugins.orders import states
from plugins.orders.counter import till
from plugins.orders.models import OrdersOrder, OrdersRefund, OrdersShift, OrdersTaking, OrdersTender
from plugins.orders.paying import settling, tenders
from plugins.orders.refunding import refunds
from plugins.orders.staff_schemas import ApproveIn, ShiftClose, TakeIn
from roost import Conflict

pytestmark = pytest.mark.engines("postgresql")  # SQLite writes one transaction at a time


def at_once(*works):
    """Run works in threads with a connection each, started together; return results or refusals."""
    start, results = threading.Barrier(len(works)), [None] * len(works)

    def run(n):
        with db.connection():
            start.wait()
            try:
                results[n] = works[n]()
            except Exception as ex:  # noqa: BLE001 -- handed to the test
                results[n] = ex

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def unlocked(monkeypatch):
    """Take the lock away, and hold both back once they have read the order."""

    def take_away(count=2):
        read = threading.Barrier(count)
        once = threading.local()

        def look(ctx, order):
            row = OrdersOrder.scoped(ctx).get(OrdersOrder.id == order)
            if threading.current_thread() is not threading.main_thread() and not getattr(once, "passed", False):
                once.passed = True
                read.wait(timeout=30)
            return row

        monkeypatch.setattr(states, "lock", look)

    return take_away


@pytest.fixture
def charge(ctx, told):
    """Return a function that tells that a charge was paid, in a transaction of its own."""
    return lambda number, fen: lambda: ctx.run(lambda: settling.book_paid(ctx, number, fen))


def booked(ctx, order):
    rows = OrdersTender.scoped(ctx).select().where(OrdersTender.order == order.id)
    return sorted((row.state, row.fen) for row in rows)


def test_two_attempts_that_are_paid_at_one_moment_pay_once_and_one_goes_back(
    rich, place, pay, ctx, charge, drain, box, facts
):
    view = rich()
    order = place(view)
    numbers = [pay(view, order).json["charge"] for _ in range(2)]
    for number in numbers:
        box.charges[number]["state"] = "paid"
    results = at_once(*(charge(number, 1000) for number in numbers))
    assert results == [None, None]
    assert booked(ctx, order) == [("excess", 1000), ("paid", 1000)]
    drain()
    assert sum(box.given_back(number) for number in numbers) == 1000
    assert len(facts("order_paid")) == 1


def test_without_the_lock_the_same_two_payments_are_both_kept(
    rich, place, pay, ctx, charge, unlocked, facts, monkeypatch
):
    """The negative control: both have added up what is paid before either commits."""
    view = rich()
    order = place(view)
    numbers = [pay(view, order).json["charge"] for _ in range(2)]
    unlocked()
    added_up, once, of_order = threading.Barrier(2), threading.local(), tenders.of_order

    def wait(*arguments):
        found = of_order(*arguments)
        if threading.current_thread() is not threading.main_thread() and not getattr(once, "passed", False):
            once.passed = True
            added_up.wait(timeout=30)
        return found

    monkeypatch.setattr(tenders, "of_order", wait)
    at_once(*(charge(number, 1000) for number in numbers))
    assert booked(ctx, order) == [("paid", 1000), ("paid", 1000)]
    assert len(facts("order_paid")) == 2


def test_one_payment_told_by_many_at_once_is_booked_once(rich, place, pay, ctx, charge, facts):
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]
    assert at_once(*[charge(number, 1000)] * 8) == [None] * 8
    assert booked(ctx, order) == [("paid", 1000)]
    assert len(facts("order_paid")) == 1


@pytest.mark.parametrize("attempt", range(4))
def test_a_payment_and_the_close_at_one_moment_leave_one_of_the_two(
    rich, place, ctx, state, balance, facts, attempt, tenant
):
    view = rich(held=100, stored=1000)
    order = place(view, price_points=100)

    def pays():
        def work():
            row = states.lock(ctx, order.id)
            if row.state not in ("placed", "paying"):
                raise states.illegal(row, "paid")
            tenders.choose(ctx, row, stored_value_fen=1000, points_for_money=0)
            settling.settle(ctx, row)

        return ctx.run(work)

    def closes():
        return ctx.run(lambda: orders.cancel(tenant.for_plugin("mall"), order.id))

    results = at_once(pays, closes)
    assert len([one for one in results if isinstance(one, Conflict)]) == 1
    assert len(facts("order_paid")) + len(facts("order_closed")) == 1
    if state(order) == "closed":
        assert (balance(view), balance(view, "stored_value")) == ((100, 0), (1000, 0))
    else:
        assert state(order) == "completed"
        assert (balance(view), balance(view, "stored_value")) == ((0, 0), (0, 0))


def test_without_the_lock_an_order_is_paid_and_closed(rich, place, pay, ctx, charge, unlocked, facts):
    """The negative control."""
    view = rich()
    order = place(view)
    number = pay(view, order).json["charge"]

    def closes():
        return ctx.run(lambda: settling._closed(ctx, states.lock(ctx, order.id)))

    unlocked()
    assert at_once(charge(number, 1000), closes) == [None, None]
    assert (len(facts("order_paid")), len(facts("order_closed"))) == (1, 1)


def test_many_refunds_at_one_moment_never_pass_what_was_paid(rich, place, paid, ctx, shop, drain, box):
    view = rich()
    order = place(view)
    number = paid(view, order)

    def back(n):
        return lambda: shop.run(lambda: orders.refund(shop, order.id, key=f"r{n}", reason="test", fen=600))

    results = at_once(*(back(n) for n in range(6)))
    assert len([one for one in results if isinstance(one, Conflict)]) == 5
    drain()
    assert box.given_back(number) == 600


def test_without_the_lock_and_the_tables_checks_more_goes_back_than_was_paid(
    rich, place, paid, ctx, shop, drain, box, unlocked, monkeypatch
):
    """The negative control: two refunds that both see nothing refunded."""
    view = rich()
    order = place(view)
    number = paid(view, order)
    unlocked()

    def back(n):
        return lambda: shop.run(lambda: orders.refund(shop, order.id, key=f"r{n}", reason="test", fen=500))

    assert not [one for one in at_once(back(1), back(2)) if isinstance(one, Conflict)]
    drain()
    assert OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id).refunded_fen == 500  # the order knows of one
    assert box.given_back(number) == 1000


def test_two_who_place_the_same_thing_place_one(rich, shop, ctx):
    view = rich(held=1000)
    draft = orders.Draft(view.id, "one", (orders.Line("sku", "毛巾", 1, 1000, 100),))
    results = at_once(*[lambda: shop.run(lambda: orders.place(shop, draft).id)] * 6)
    assert len(set(results)) == 1
    assert OrdersOrder.scoped(ctx).select().count() == 1


def test_two_who_approve_one_request_refund_once(rich, place, paid, api, ctx, drain, box):
    view = rich()
    order = place(view)
    number = paid(view, order)
    path = f"/v1/orders/{order.id}/refunds"
    asked = api.post(path, token=api.as_member(view), key="r", json={"reason": "torn"}).json["id"]
    row = OrdersRefund.scoped(ctx).get(OrdersRefund.id == asked)
    results = at_once(*[lambda: ctx.run(lambda: refunds.approve(ctx, row.id, ApproveIn(fen=400)))] * 4)
    assert len([one for one in results if isinstance(one, Conflict)]) == 3
    drain()
    assert box.given_back(number) == 400


def test_two_tills_take_no_more_than_is_due(rich, place, ctx, venue):
    order = place(rich())

    def takes():
        return ctx.run(lambda: till.take(ctx, order.id, TakeIn(venue=venue, cash_fen=600)))

    results = at_once(takes, takes)
    assert len([one for one in results if isinstance(one, Conflict)]) == 1
    assert sum(row.fen for row in OrdersTaking.scoped(ctx).select()) == 600


def test_two_who_close_a_shift_count_each_taking_once(rich, place, ctx, venue):
    for _ in range(5):
        order = place(rich())
        with ctx.transaction():
            till.take(ctx, order.id, TakeIn(venue=venue, cash_fen=1000))

    def closes():
        return ctx.run(lambda: till.close_shift(ctx, ShiftClose(venue=venue, counted_fen=5000)))

    at_once(closes, closes, closes)
    assert [row.takings for row in OrdersShift.scoped(ctx).select()] == [5]
