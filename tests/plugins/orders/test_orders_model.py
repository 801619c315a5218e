"""The money of orders against a plain model, by Hypothesis: whatever happens in whatever order, nothing is lost.

After every step: what pays an order adds up to its price, refunds never pass it, nothing stays held that should not,
the provider holds as much as we believe, and the ledger of the member agrees.
"""

import sys

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import members, points, tenants
from core.events import jobs
from plugins import orders
from plugins.orders import service, states
from plugins.orders.counter import till as counter
from plugins.orders.models import OrdersCharge, OrdersOrder, OrdersRefund, OrdersRefundPart, OrdersTender
from plugins.orders.paying import charging
from plugins.orders.paying.tenders import COUNTER
from plugins.orders.schemas import PayIn
from plugins.orders.staff_schemas import TakeIn
from roost import Actor, RoostError, new_id

STEPS = 30
EXAMPLES = {"sqlite": 40, "postgresql": 8}
REACHED = {"closed", "completed", "refunding", "refunded", "part_refunded", "excess", "told twice", "failed"}
WEALTH = {"points": 3000, "stored_value": 3000}
picks = st.integers(0, 1000)
fens = st.integers(0, 1500)
percents = st.integers(0, 100)
ANSWERS = st.sampled_from(["refunded", "failed", "refunding"])  # what a provider makes of a refund


class Money(RuleBasedStateMachine):
    """Places, pays, closes, refunds; the provider answers, forgets, is late, and tells twice."""

    make_shop: object = None  # given by the test
    box: object = None
    clock: object = None
    runtime: object = None
    reached: set = set()  # kinds of things that happened, over all runs

    @initialize()
    def start(self):
        self.shop, self.venue = type(self).make_shop()
        self.ctx = self.shop.for_plugin("orders")
        with self.shop.transaction():
            self.member, _ = members.register(self.shop, channel="test", phone=f"139{new_id().int % 10**8:08d}")
            for asset, amount in WEALTH.items():
                points.credit(self.shop, self.member.id, asset, amount, key=f"w:{asset}", reason="test")
        self.mine = self.ctx.acting(Actor("member", self.member.id))
        self.orders = []
        self.number = 0
        self.box.__dict__.update(type(self.box)().__dict__)
        self.new_order(1000, 90, 2, 100)

    def pick(self, n, among=None):
        found = self.orders if among is None else among
        return found[n % len(found)] if found else None

    def states(self, *wanted):
        rows = OrdersOrder.scoped(self.ctx).select(OrdersOrder.id).where(OrdersOrder.state.in_(wanted))
        return [row.id for row in rows.order_by(OrdersOrder.id)]

    def unpaid(self):
        return self.states("placed", "paying")

    def refundable(self):
        return self.states("completed", "part_refunded")

    def attempt(self, work):
        """Do what may be refused; a refusal changes nothing."""
        try:
            return self.ctx.run(work)
        except RoostError:
            return None

    def new_order(self, fen, price, lines, less):
        self.number += 1
        wanted = tuple(orders.Line(f"l{n}", "x", n + 1, fen // (n + 1), price // 3) for n in range(lines))
        goods = sum(line.quantity * line.unit_fen for line in wanted)
        discounts = (orders.Discount("c", "c", less, "coupons:1"),) if 0 < less <= goods else ()
        draft = orders.Draft(self.member.id, f"o{self.number}", wanted, discounts=discounts)
        made = self.attempt(lambda: orders.place(self.shop, draft))
        if made is not None:
            self.orders.append(made.id)

    @precondition(lambda self: len(self.orders) < 3)
    @rule(fen=fens, price=st.integers(0, 300), lines=st.integers(1, 3), less=st.integers(0, 200))
    def place(self, fen, price, lines, less):
        self.new_order(fen, price, lines, less)

    @precondition(lambda self: self.unpaid())
    @rule(n=picks, stored=percents, spent=percents, way=st.sampled_from(["paid", "through", "away", "lost", "unheard"]))
    def pay(self, n, stored, spent, way):
        order = self.pick(n, self.unpaid())
        steps, fen = charging.Pay(), orders.get(self.shop, order).money_fen
        body = PayIn(method="paybox", stored_value_fen=fen * stored // 200, points=fen * spent // 200)
        prepared = self.attempt(lambda: steps.prepare(self.mine, order_id=order, body=body))
        if prepared is None:
            return
        self.box.away.update({"pay"} if way == "away" else ())
        self.box.lost.update({"pay"} if way == "lost" else ())
        try:
            answer = steps.call(prepared)
        except RoostError:
            return
        finally:
            self.box.away.clear()
            self.box.lost.clear()
        if way in ("through", "paid"):
            self.attempt(lambda: steps.complete(self.mine, prepared, answer))
        if way == "paid" and prepared.number is not None:
            self.box.charges[prepared.number]["state"] = "paid"
            self.tell("paid", prepared.number)

    def charge(self, n):
        numbers = sorted(self.box.charges)
        return numbers[n % len(numbers)] if numbers else None

    @precondition(lambda self: self.box.charges)
    @rule(n=picks, told=st.integers(0, 2))
    def somebody_pays(self, n, told):
        number = self.charge(n)
        if number is None or self.box.charges[number]["state"] == "closed":
            return
        self.box.charges[number]["state"] = "paid"
        for _ in range(told):
            self.tell("paid", number)
        if told == 2:
            self.reached.add("told twice")

    @precondition(lambda self: any(one["state"] == "closed" for one in self.box.charges.values()))
    @rule(n=picks)
    def the_provider_lied_about_closing(self, n):
        closed = sorted(number for number, one in self.box.charges.items() if one["state"] == "closed")
        number = self.pick(n, closed)
        self.box.charges[number]["state"] = "paid"
        self.tell("paid", number)

    def tell(self, kind, number):
        fen = self.box.charges[number]["amount"]
        self.ctx.run(lambda: sys.modules["paybox.hooks"].tell(self.ctx, kind, number, fen))

    @precondition(lambda self: self.unpaid())
    @rule(n=picks, cash=percents, card=percents)
    def at_the_counter(self, n, cash, card):
        order = self.pick(n, self.unpaid())
        if order is not None:
            due = orders.get(self.shop, order).money_fen
            body = TakeIn(venue=self.venue, cash_fen=due * cash // 200, card_fen=due * card // 200)
            self.attempt(lambda: counter.take(self.ctx, order, body))

    @precondition(lambda self: len(self.orders) == 3 and self.number % 2)  # seldom: it ends what the others need
    @rule(n=picks)
    def cancel(self, n):
        order = self.pick(n)
        if order is not None:
            self.attempt(lambda: service.cancel_own(self.ctx, states.lock(self.ctx, order)))

    @precondition(lambda self: self.refundable())
    @rule(n=picks, part=st.none() | percents, state=ANSWERS)
    def refund(self, n, part, state):
        order = self.pick(n, self.refundable())
        self.number += 1
        self.box.refund_state, key, view = state, f"r{self.number}", orders.get(self.shop, order)
        fen = None if part is None else (view.paid_fen - view.refunded_fen) * part // 100
        points_back = None if part is None else (view.points - view.refunded_points) * part // 100
        self.attempt(lambda: orders.refund(self.shop, order, key=key, reason="x", fen=fen, points=points_back))

    @precondition(lambda self: self.refundable())
    @rule(n=picks)
    def refund_a_unit(self, n):
        order = self.pick(n, self.refundable())
        self.number += 1
        left = [line for line in orders.get(self.shop, order).lines if line.quantity > line.refunded]
        if left:
            lines = {left[n % len(left)].id: 1}
            key = f"r{self.number}"
            self.attempt(lambda: orders.refund(self.shop, order, key=key, reason="x", lines=lines))

    @rule(minutes=st.sampled_from([1, 5, 31]), away=st.booleans(), lost=st.booleans())
    def time_passes(self, minutes, away, lost):
        if away:
            self.box.away.update(("close", "refund", "query_refund"))
        if lost:
            self.box.lost.update(("close", "refund"))
        self.clock.advance(minutes=minutes)
        jobs.drain(self.runtime)
        self.box.away.clear()
        self.box.lost.clear()

    # what must hold

    @invariant()
    def money_adds_up(self):
        if not hasattr(self, "ctx"):
            return
        held_points = held_value = spent_points = spent_value = 0
        for order in OrdersOrder.scoped(self.ctx).select():
            rows = list(OrdersTender.scoped(self.ctx).select().where(OrdersTender.order == order.id))
            live = [row for row in rows if row.state in ("held", "paid")]
            self.reached.update((order.state, *(row.state for row in rows)))
            covered = sum(row.fen for row in live)
            if order.paid_at is not None:
                assert covered == order.money_fen == order.paid_fen
                assert not [row for row in live if row.state == "held"]
                assert sum(row.refunded_fen for row in live) == order.refunded_fen <= order.paid_fen
                assert sum(row.refunded_points for row in live if not row.fen) == order.refunded_points <= order.points
            elif order.state == "closed":
                assert not live
            else:
                assert covered <= order.money_fen
            for row in rows:
                amount = row.points if row.kind == "points" else row.fen
                back = row.refunded_points if row.kind == "points" else row.refunded_fen
                if row.kind == "points":
                    held_points += amount * (row.state == "held")
                    spent_points += (amount - back) * (row.state == "paid")
                elif row.kind == "stored_value":
                    held_value += amount * (row.state == "held")
                    spent_value += (amount - back) * (row.state == "paid")
        for asset, held, spent in (("points", held_points, spent_points), ("stored_value", held_value, spent_value)):
            found = points.balance(self.shop, self.member.id, asset)
            earned = 0 if asset == "stored_value" else self.earned()
            assert found.held == held
            assert found.available - found.owed == WEALTH[asset] + earned - held - spent

    def earned(self):
        rows = points.statement(self.shop, self.member.id, "points", limit=100, cursor="").items
        return (
            sum(row.amount for row in rows if row.reason.startswith("purchase"))
            - points.balance(self.shop, self.member.id).owed
        )

    @invariant()
    def the_provider_holds_what_we_believe(self):
        if not hasattr(self, "ctx"):
            return
        for number, charge in self.box.charges.items():
            ours = OrdersCharge.scoped(self.ctx).get(OrdersCharge.number == number)
            assert self.box.given_back(number) <= charge["amount"]
            rows = OrdersTender.scoped(self.ctx).select().where(OrdersTender.charge == number)
            assert sum(row.fen for row in rows) == (charge["amount"] if ours.state == "paid" else 0)

    def teardown(self):
        """Everything ends: nothing closing, no refund running, and what is not wanted has gone back."""
        if not hasattr(self, "ctx"):
            return
        for _ in range(12):
            for row in self.box.refunds.values():  # the provider ends what it was asked for, also in the last hour
                row["state"] = "refunded" if row["state"] == "refunding" else row["state"]
            self.clock.advance(hours=1)
            jobs.drain(self.runtime)
        live = OrdersOrder.scoped(self.ctx).select().where(OrdersOrder.state.in_(states.UNPAID)).count()
        assert live == 0
        waiting = (
            OrdersRefundPart.scoped(self.ctx)
            .select()
            .where(OrdersRefundPart.state.in_(("pending", "accepted")), OrdersRefundPart.kind.not_in(COUNTER))
        )
        assert waiting.count() == 0
        for refund in OrdersRefund.scoped(self.ctx).select().where(OrdersRefund.state == "done"):
            parts = OrdersRefundPart.scoped(self.ctx).select().where(OrdersRefundPart.refund == refund.id)
            assert sum(part.fen for part in parts) == refund.fen
        for number in self.box.charges:
            failed = (
                OrdersRefundPart.scoped(self.ctx)
                .select()
                .where(OrdersRefundPart.charge == number, OrdersRefundPart.state == "failed")
            )
            rows = OrdersTender.scoped(self.ctx).select().where(OrdersTender.charge == number)
            due = sum(row.refunded_fen for row in rows) - sum(part.fen for part in failed)
            assert self.box.given_back(number) == due
        self.reached.update(row.state for row in OrdersRefund.scoped(self.ctx).select())
        self.money_adds_up()


def test_whatever_happens_no_money_is_lost_or_made(runtime, new_tenant, engine, box, clock):
    count = iter(range(1, 10_000))

    def make_shop():
        made = new_tenant(f"m{next(count)}", plugins=("purchases", "orders", "paybox"))
        with made.transaction():
            venue = tenants.add_venue(made, "001", "静安").id
        return made.for_plugin("mall"), venue

    Money.make_shop, Money.box, Money.clock, Money.runtime = staticmethod(make_shop), box, clock, runtime
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=EXAMPLES[engine.name],
            database=None,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    for answer in ("refunded", "failed"):  # what chance may pass by
        walk = Money()
        walk.start()
        walk.place(fen=990, less=0, lines=1, price=0)
        walk.pay(n=0, spent=0, stored=0, way="paid")
        walk.refund(n=0, part=None, state=answer)
        walk.teardown()
    assert Money.reached >= REACHED, f"never reached: {REACHED - Money.reached}"
