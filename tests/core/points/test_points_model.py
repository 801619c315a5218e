"""The ledger against a plain-Python model, by Hypothesis: whatever the order of doors, both say the same.

6,000 steps: 5,000 on SQLite, 1,000 on PostgreSQL; inventory's model takes 4,000 more.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core import points
from core.errors import Conflict, InsufficientBalance, Invalid, KeyReused
from core.ids import new_id

STEPS = 50
EXAMPLES = {"sqlite": 125, "postgresql": 26}
LEAST_STEPS = {"sqlite": 5000, "postgresql": 1000}
MEMBERS = 3

amounts = st.integers(1, 60)
members = st.integers(0, MEMBERS - 1)
lives = st.none() | st.integers(-1, 12)  # days; -1 is dead on arrival
picks = st.integers(0, 1000)


# --- the model: lots in lists, everything expired the moment it dies -------------------------------------------------


@dataclass(eq=False)
class Lot:
    expires: datetime | None
    left: int
    expired: int = 0


@dataclass
class Account:
    lots: list[Lot] = field(default_factory=list)
    held: int = 0
    debt: int = 0

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots)

    def order(self) -> list[Lot]:
        return sorted(self.lots, key=lambda lot: (lot.expires is None, lot.expires))

    def take(self, amount: int, first: Lot | None = None) -> list[tuple[Lot, int]]:
        parts = []
        for lot in sorted(self.order(), key=lambda lot: lot is not first):
            part = min(lot.left, amount)
            if part:
                lot.left -= part
                amount -= part
                parts.append((lot, part))
        assert amount == 0
        return parts

    def settle(self, now: datetime) -> None:
        for lot in self.lots:
            if lot.expires is not None and lot.expires <= now:
                lot.expired += lot.left
                lot.left = 0
        repaid = min(self.debt, self.balance)
        self.take(repaid)
        self.debt -= repaid


@dataclass
class Done:
    """A credit or a debit, as far as reversing it needs."""

    operation: points.Operation
    account: Account
    amount: int
    parts: list[tuple[Lot, int]]
    credit: bool
    reversed: int = 0
    forgiven: int = 0


@dataclass
class Held:
    view: points.HoldView
    account: Account
    parts: list[tuple[Lot, int]]


def spent_last_first(parts: list[tuple[Lot, int]], every: list[Lot]) -> list[tuple[Lot, int]]:
    """Order a debit's parts as a reversal gives them back: the last to die, and of those the newest, first."""
    far = datetime.max.replace(tzinfo=parts[0][0].expires.tzinfo if parts[0][0].expires else None)
    return sorted(
        parts,
        key=lambda p: (p[0].expires is None, (p[0].expires or far).replace(tzinfo=None), every.index(p[0])),
        reverse=True,
    )


# --- the machine -----------------------------------------------------------------------------------------------------


class Ledger(RuleBasedStateMachine):
    """Calls a door and the model alike, and compares every member's balance after each step."""

    make_tenant: object = None  # given by the test
    clock: object = None
    steps = 0

    @initialize()
    def start(self):
        self.ctx = type(self).make_tenant()
        self.ids = [new_id() for _ in range(MEMBERS)]
        self.accounts = [Account() for _ in range(MEMBERS)]
        self.done: list[Done] = []
        self.holds: list[Held] = []
        self.calls: list[tuple[object, object]] = []
        self.number = 0

    def key(self) -> str:
        self.number += 1
        return f"k{self.number}"

    def ok(self, call):
        """Call a door that must succeed, and remember it, so that it can be repeated."""
        with self.ctx.transaction():
            result = call()
        self.calls.append((call, result))
        return result

    def refused(self, error, call):
        """Call a door that must refuse; the caller commits all the same."""
        with self.ctx.transaction(), pytest.raises(error):
            call()

    def expiry(self, life):
        return None if life is None else self.clock.now() + timedelta(days=life)

    @rule(who=members, amount=amounts, life=lives)
    def credit(self, who, amount, life):
        account, expires, key = self.accounts[who], self.expiry(life), self.key()
        lot = Lot(expires, amount)
        account.lots.append(lot)
        account.settle(self.clock.now())
        done = self.ok(
            lambda: points.credit(self.ctx, self.ids[who], "points", amount, key=key, reason="r", expires_at=expires)
        )
        assert (done.amount, done.balance) == (amount, account.balance)
        self.done.append(Done(done, account, amount, [(lot, amount)], credit=True))

    @rule(batch=st.lists(st.tuples(members, amounts, lives), min_size=1, max_size=5))
    def credit_many(self, batch):
        credits, lots = [], []
        expected = []
        for who, amount, life in batch:
            lot = Lot(self.expiry(life), amount)
            credits.append(points.Credit(self.ids[who], "points", amount, self.key(), "r", expires_at=lot.expires))
            lots.append(lot)
            self.accounts[who].lots.append(lot)
            self.accounts[who].settle(self.clock.now())
            expected.append(self.accounts[who].balance)
        done = self.ok(lambda: points.credit_many(self.ctx, credits))
        assert [operation.balance for operation in done] == expected
        for (who, amount, _), lot, operation in zip(batch, lots, done, strict=True):
            self.done.append(Done(operation, self.accounts[who], amount, [(lot, amount)], credit=True))

    @rule(who=members, amount=amounts)
    def debit(self, who, amount):
        account, key = self.accounts[who], self.key()

        def call():
            return points.debit(self.ctx, self.ids[who], "points", amount, key=key, reason="r")

        if account.balance < amount:
            self.refused(InsufficientBalance, call)
            return
        parts = account.take(amount)
        done = self.ok(call)
        assert done.balance == account.balance
        self.done.append(Done(done, account, amount, parts, credit=False))

    @rule(giver=members, taker=members, amount=amounts)
    def transfer(self, giver, taker, amount):
        key = self.key()

        def call():
            return points.transfer(self.ctx, self.ids[giver], self.ids[taker], "points", amount, key=key, reason="r")

        if giver == taker or self.accounts[giver].balance < amount:
            self.refused(Invalid if giver == taker else InsufficientBalance, call)
            return
        by_expiry: dict[datetime | None, int] = {}
        for lot, part in self.accounts[giver].take(amount):
            by_expiry[lot.expires] = by_expiry.get(lot.expires, 0) + part
        self.accounts[taker].lots += [Lot(expires, part) for expires, part in by_expiry.items()]
        self.accounts[taker].settle(self.clock.now())
        assert self.ok(call).balance == self.accounts[giver].balance

    @rule(who=members, amount=amounts, minutes=st.integers(1, 60 * 24 * 5))
    def hold(self, who, amount, minutes):
        account, key = self.accounts[who], self.key()
        deadline = self.clock.now() + timedelta(minutes=minutes)

        def call():
            return points.hold(self.ctx, self.ids[who], "points", amount, key=key, deadline=deadline, reason="r")

        if account.balance < amount:
            self.refused(InsufficientBalance, call)
            return
        parts = account.take(amount)
        account.held += amount
        with self.ctx.transaction():
            self.holds.append(Held(call(), account, parts))

    def give_back(self, held: Held, parts: list[tuple[Lot, int]]):
        held.account.held -= held.view.amount
        for lot, part in parts:
            lot.left += part
        held.account.settle(self.clock.now())
        self.holds.remove(held)

    @rule(pick=picks, share=st.sampled_from([None, 1, 2, 3]))
    def capture(self, pick, share):
        if not self.holds:
            return
        held, key = self.holds[pick % len(self.holds)], self.key()
        amount = held.view.amount if share is None else max(1, held.view.amount // share)
        spent, rest, left = [], [], amount
        for lot, part in held.parts:
            used = min(part, left)
            left -= used
            spent += [(lot, used)] if used else []
            rest += [(lot, part - used)] if part > used else []
        self.give_back(held, rest)
        asked = None if share is None else amount
        done = self.ok(lambda: points.capture(self.ctx, held.view.id, key=key, amount=asked))
        assert (done.amount, done.balance) == (amount, held.account.balance)
        self.done.append(Done(done, held.account, amount, spent, credit=False))
        self.refused(Conflict, lambda: points.release(self.ctx, held.view.id, key=key + "again"))

    @rule(pick=picks)
    def release(self, pick):
        if self.holds:
            held, key = self.holds[pick % len(self.holds)], self.key()
            self.give_back(held, held.parts)
            self.ok(lambda: points.release(self.ctx, held.view.id, key=key))

    @rule(pick=picks, share=st.sampled_from([None, 1, 2, 3]), grace=st.sampled_from([0, 7]))
    def reverse(self, pick, share, grace):
        if not self.done:
            return
        done, key = self.done[pick % len(self.done)], self.key()
        left = done.amount - done.reversed
        amount = left if share is None else max(1, done.amount // share)

        def call():
            asked = None if share is None else amount
            return points.reverse(self.ctx, done.operation.id, key=key, amount=asked, reason="r", grace_days=grace)

        if not 0 < amount <= left:
            self.refused(Conflict, call)
            return
        account, now = done.account, self.clock.now()
        if done.credit:
            [(lot, _)] = done.parts
            expired = min(amount - min(amount, lot.left), lot.expired - done.forgiven)
            taken = min(amount - expired, account.balance)
            account.take(taken, first=lot)
            account.debt += amount - expired - taken
            done.forgiven += expired
            expected = (taken, taken, amount - expired - taken, expired)
        else:
            skip, back, grace_lot = done.reversed, amount, Lot(now + timedelta(days=grace), 0)
            for lot, part in spent_last_first(done.parts, account.lots):
                skipped = min(skip, part)
                skip -= skipped
                given = min(part - skipped, back)
                back -= given
                dying = lot.expires is not None and lot.expires <= grace_lot.expires
                (grace_lot if dying else lot).left += given
            account.lots += [grace_lot] if grace_lot.left else []
            account.settle(now)
            expected = (amount, 0, 0, 0)
        done.reversed += amount
        result = self.ok(call)
        assert (result.operation.amount, result.taken, result.shortfall, result.expired) == expected
        assert result.operation.balance == account.balance

    @rule(pick=picks)
    def repeat(self, pick):
        """Whatever was done before, again: the same answer and no effect."""
        if self.calls:
            call, result = self.calls[pick % len(self.calls)]
            with self.ctx.transaction():
                assert call() == result

    @rule(pick=picks, amount=amounts)
    def reuse_a_key(self, pick, amount):
        if self.number:
            key = f"k{pick % self.number + 1}"
            with self.ctx.transaction():
                try:
                    points.debit(self.ctx, new_id(), "points", amount, key=key, reason="another")
                except (KeyReused, InsufficientBalance):  # the second where that operation was refused
                    pass
                else:
                    raise AssertionError("a key counted twice")

    @rule(hours=st.integers(1, 24 * 6))
    def time_passes(self, hours):
        self.clock.advance(hours=hours)
        for account in self.accounts:
            account.settle(self.clock.now())

    @rule()
    def expire(self):
        with self.ctx.transaction():
            points.expire(self.ctx)
            assert points.expire(self.ctx) == 0

    @invariant()
    def both_say_the_same(self):
        if not hasattr(self, "ctx"):
            return
        type(self).steps += 1
        total = 0
        for member, account in zip(self.ids, self.accounts, strict=True):
            dated = [lot for lot in account.order() if lot.left and lot.expires]
            first = dated[0].expires if dated else None
            expiring = sum(lot.left for lot in dated if lot.expires == first)
            expected = points.Balance(account.balance, account.held, first, expiring, account.debt)
            assert points.balance(self.ctx, member) == expected
            total += account.balance + account.held
        assert points.outstanding(self.ctx) == total

    def teardown(self):
        if hasattr(self, "ctx"):
            assert points.verify(self.ctx) == []


def test_the_ledger_and_the_model_agree_after_any_steps(runtime, new_tenant, clock, engine):
    numbers = iter(range(10_000))

    class Bound(Ledger):
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
