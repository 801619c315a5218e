"""Inventory against a plain-Python model, by Hypothesis: 3,500 steps on SQLite, 500 on PostgreSQL."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core import db, inventory
from core.errors import Conflict, KeyReused, LimitReached, SoldOut
from core.ids import new_id
from core.inventory import Counts, Limit

STEPS = 50
EXAMPLES = {"sqlite": 80, "postgresql": 12}
LEAST_STEPS = {"sqlite": 3500, "postgresql": 500}
ITEMS = ("shoe", "hat")

items = st.sampled_from(ITEMS)
picks = st.integers(0, 1000)


class Stock(RuleBasedStateMachine):
    """Calls inventory and the model alike, and compares all counts after each step."""

    make_tenant: object = None  # given by the test
    clock: object = None
    steps = 0

    @initialize(first=st.integers(0, 30), second=st.integers(0, 30), buckets=st.integers(1, 6))
    def start(self, first, second, buckets):
        self.ctx = type(self).make_tenant().for_plugin("mall")
        self.total = dict(zip(ITEMS, (first, second), strict=True))
        self.open: dict = {}  # reservation -> (item, quantity, member or None, deadline)
        self.confirmed: dict = {}
        self.released: set = set()
        self.calls: list = []
        self.used = {}
        self.members = [new_id(), new_id()]
        self.number = 0
        with self.ctx.transaction():
            for item, quantity in self.total.items():
                inventory.define(self.ctx, item, quantity, buckets=buckets)

    def key(self):
        self.number += 1
        return f"k{self.number}"

    def left(self, item):
        out = (*self.open.values(), *self.confirmed.values())
        return self.total[item] - sum(quantity for of, quantity, *_ in out if of == item)

    @rule(
        item=items,
        quantity=st.integers(1, 9),
        who=st.none() | st.integers(0, 1),
        minutes=st.none() | st.integers(1, 99),
    )
    def reserve(self, item, quantity, who, minutes):
        key, member = self.key(), None if who is None else self.members[who]
        limits = [] if member is None else [Limit("day", 5), Limit("month", 9)]
        deadline = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)

        def call():
            return inventory.reserve(self.ctx, item, quantity, key=key, member=member, deadline=deadline, limits=limits)

        error = None
        if self.left(item) < quantity:
            error = SoldOut
        elif any(self.used.get((member, limit.name), 0) + quantity > limit.most for limit in limits):
            error = LimitReached
        with self.ctx.transaction():
            if error is not None:  # the caller commits all the same
                with pytest.raises(error):
                    call()
                return
            made = call()
        assert (made.item, made.quantity, made.state, made.deadline) == (item, quantity, "open", deadline)
        self.open[made.id] = (item, quantity, member, deadline)
        for limit in limits:
            self.used[(member, limit.name)] = self.used.get((member, limit.name), 0) + quantity
        self.calls.append((call, made.id, key))

    def gone(self, reservation, *, limits=True):
        _, quantity, member, _ = self.open.pop(reservation, None) or self.confirmed.pop(reservation)
        self.released.add(reservation)
        if member is not None and limits:
            for name in ("day", "month"):
                self.used[(member, name)] -= quantity

    @rule(pick=picks)
    def confirm(self, pick):
        every = [*self.open, *self.confirmed, *sorted(self.released)]
        if not every:
            return
        reservation = every[pick % len(every)]
        with self.ctx.transaction():
            if reservation in self.released:
                with pytest.raises(Conflict):
                    inventory.confirm(self.ctx, reservation)
                return
            inventory.confirm(self.ctx, reservation)
        if reservation in self.open:
            self.confirmed[reservation] = self.open.pop(reservation)

    @rule(pick=picks, limits=st.booleans())
    def release(self, pick, limits):
        every = [*self.open, *self.confirmed, *sorted(self.released)]
        if every:
            reservation = every[pick % len(every)]
            with self.ctx.transaction():
                inventory.release(self.ctx, reservation, restock_limit=limits)
            if reservation not in self.released:
                self.gone(reservation, limits=limits)

    @rule(item=items, quantity=st.integers(1, 9))
    def restock(self, item, quantity):
        key = self.key()
        for _ in range(2):
            with self.ctx.transaction():
                inventory.restock(self.ctx, item, quantity, key=key)
        self.total[item] += quantity

    @rule(pick=picks)
    def repeat(self, pick):
        if self.calls:
            call, reservation, key = self.calls[pick % len(self.calls)]
            with self.ctx.transaction():
                assert call() == inventory.get(self.ctx, reservation)
            with self.ctx.transaction(), pytest.raises(KeyReused):
                inventory.reserve(self.ctx, "shoe", 99, key=key)

    @invariant()
    def both_say_the_same(self):
        if not hasattr(self, "ctx"):
            return
        type(self).steps += 1
        for item in ITEMS:
            reserved = sum(quantity for of, quantity, *_ in self.open.values() if of == item)
            confirmed = sum(quantity for of, quantity, *_ in self.confirmed.values() if of == item)
            expected = Counts(self.total[item], self.left(item), reserved, confirmed)
            assert inventory.counts(self.ctx, item) == expected
        text = "SELECT member, name, used FROM inventory_limit WHERE tenant = %s AND used > 0"
        rows = db.fetch_all(self.ctx.scope, db.Sql(text), (self.ctx.tenant.id,))
        used = {(str(member).replace("-", ""), name): n for (member, name), n in self.used.items() if n}
        assert {(str(m).replace("-", ""), name): n for m, name, n in rows} == used


def test_inventory_and_the_model_agree_after_any_steps(new_tenant, clock, engine):
    numbers = iter(range(10_000))

    class Bound(Stock):
        make_tenant = staticmethod(lambda: new_tenant(f"t{next(numbers)}"))

    Bound.clock = clock
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=EXAMPLES[engine.name], stateful_step_count=STEPS, deadline=None, database=None,
            derandomize=True, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Bound.steps >= LEAST_STEPS[engine.name]
