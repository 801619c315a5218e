"""Bad days: each is a story that must end with the money booked once."""

import threading
from collections.abc import Callable
from typing import Any  # a story of the conftest

import pytest

from core import db
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Unavailable
from core.events import jobs
from integrations.fake_server import Failure
from integrations.wechat_pay import charges, inbox, refunds, settling
from integrations.wechat_pay.fake_books import GiveBack, Pay
from integrations.wechat_pay.models import WechatPaySettlement
from integrations.wechat_pay.wire import Transaction


def together(count: int, work: Callable[[int], None]) -> list[Exception]:
    """Run `work` in so many threads at once; return what they raised."""
    begin, raised = threading.Barrier(count), []

    def run(number: int) -> None:
        begin.wait()
        try:
            with db.connection():
                work(number)
        except Exception as ex:  # noqa: BLE001 -- whatever it is, the test looks at it
            raised.append(ex)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_the_callback_comes_before_the_prepay_reply_is_stored(story: Any) -> None:
    """The payer is quicker than our own transaction: the callback is settled while the reply is on its way."""
    deliveries: list[Any] = []

    def pay_at_once(number: str) -> None:
        deliveries.extend(story.fake.pay(number))
        story.drain()

    story.fake.on_prepay = pay_at_once
    prepared = story.ctx.run(lambda: charges.prepare_pay(story.ctx, story.charge()))
    answer = charges.call_pay(prepared)
    assert deliveries == [204]
    assert story.trade().state == "paid"
    story.ctx.run(lambda: charges.complete_pay(story.ctx, prepared, answer))
    assert story.trade().state == "paid"
    assert story.trade().prepay == story.fake.orders["T000001"].prepay
    assert story.told() == [("paid", "T000001", 9900)]


class TestTenTimesAtOnce:
    def test_the_callback_is_stored_and_settled_once(self, story: Any) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        (told,) = story.fake.notifications
        statuses: list[Any] = []
        assert together(10, lambda n: statuses.extend(story.fake.notify(told))) == []
        assert statuses == [204] * 10
        together(4, lambda n: story.drain() and None)
        assert story.pushes() == [("TRANSACTION.SUCCESS", "done")]
        assert story.told() == [("paid", "T000001", 9900)]

    @pytest.mark.engines("postgresql")  # SQLite has one writer
    def test_ten_notifications_of_one_payment_are_booked_once(self, story: Any, brand: Context) -> None:
        """As by callback, query and reply all at once: whatever tells it, one books it."""
        assert self._settled_at_once(story, brand) == [("paid", "T000001", 9900)]

    @pytest.mark.engines("postgresql")
    def test_without_the_fence_it_would_be_booked_more_than_once(
        self, story: Any, brand: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: no unique settlement, no lock, and the same race."""
        reading = threading.Barrier(10)

        def unlocked(ctx: Context, number: str) -> Any:
            found = settling.WechatPayTrade.scoped(ctx).first(settling.WechatPayTrade.number == number)
            reading.wait(10)
            return found

        monkeypatch.setattr(settling, "_locked_trade", unlocked)
        monkeypatch.setattr(settling, "_fence", lambda ctx, row, heard, settled: row.id)
        assert len(self._settled_at_once(story, brand)) == 10

    @staticmethod
    def _settled_at_once(story: Any, brand: Context) -> Any:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        told = Transaction.model_validate(story.fake._told(story.fake.orders["T000001"]))

        def settle(number: int) -> None:
            brand.run(lambda: settling.charge_told(brand, told, "push"))

        assert together(10, settle) == []
        return story.told()


def test_the_refund_callback_comes_before_the_payment_callback(story: Any) -> None:
    story.ask()
    story.fake.pay(Pay(number="T000001", lost=True))
    late = next(iter(story.fake.notifications))
    assert story.fake.give_back(GiveBack(number="HAND000001", charge="T000001", amount=9900)) == [204]
    story.drain()
    assert story.told() == [("paid", "T000001", 9900), ("refunded", "HAND000001", 9900)]
    assert story.fake.notify(late) == [204]
    story.drain()
    assert story.pushes() == [("REFUND.SUCCESS", "done"), ("TRANSACTION.SUCCESS", "done")]
    assert len(story.told()) == 2


def test_the_refund_waits_while_nobody_can_say_that_it_was_paid(story: Any, clock: ManualClock, tick: Any) -> None:
    story.ask()
    story.fake.pay(Pay(number="T000001", lost=True))
    story.fake.fail(Failure(api="query", status=502, times=3))
    story.fake.give_back(GiveBack(number="HAND000001", charge="T000001", amount=9900))
    story.drain()
    assert story.pushes() == [("REFUND.SUCCESS", "waiting")]
    assert story.told() == []
    clock.advance(minutes=10)
    tick()
    assert story.told() == [("paid", "T000001", 9900), ("refunded", "HAND000001", 9900)]
    assert story.pushes() == [("REFUND.SUCCESS", "done")]


class TestOurProcessDies:
    def test_before_the_callback_is_stored_and_the_reconciliation_finds_it(
        self, story: Any, clock: ManualClock, tick: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.ask()

        def die(*given: Any) -> None:
            raise RuntimeError("killed before the commit")

        with monkeypatch.context() as patch:
            patch.setattr(inbox, "PushJob", die)
            assert story.fake.pay("T000001") == [500]
        assert story.pushes() == []
        clock.advance(minutes=5)
        tick()
        assert story.told() == [("paid", "T000001", 9900)]

    def test_in_the_middle_of_the_settlement_and_nothing_is_half_done(self, story: Any, clock: ManualClock) -> None:
        from till import hooks as till

        story.ask()
        story.fake.pay("T000001")

        def die() -> None:
            raise RuntimeError("killed in the middle")

        till.before_noting.append(die)
        try:
            story.drain()
        finally:
            till.before_noting.clear()
        assert story.trade().state == "open"
        assert story.booked() == story.told() == []
        clock.advance(minutes=5)
        story.drain()
        assert story.told() == [("paid", "T000001", 9900)]

    def test_holding_the_job_and_another_worker_takes_it(self, story: Any, clock: ManualClock) -> None:
        story.ask()
        story.fake.pay("T000001")
        (claimed,) = jobs.claim(story.ctx.services, 10, only=["wechat_pay.push"])
        assert story.drain() == 0
        clock.advance(seconds=story.ctx.services.settings.lease_seconds + 1)
        story.drain()
        assert story.told() == [("paid", "T000001", 9900)]
        assert jobs.run(story.ctx.services, claimed) == "lost"  # it was only slow
        assert len(story.told()) == 1

    def test_after_the_prepay_was_asked_for_and_the_next_try_goes_on(self, story: Any) -> None:
        prepared = story.ctx.run(lambda: charges.prepare_pay(story.ctx, story.charge()))
        charges.call_pay(prepared)
        assert story.trade().state == "asked"
        assert story.ask()["package"]
        assert len(story.fake.orders) == 1
        assert story.trade().state == "open"

    def test_after_the_refund_was_asked_for_and_the_reconciliation_goes_on(
        self, story: Any, clock: ManualClock, tick: Any
    ) -> None:
        story.paid()
        asked = refunds.Refund("R000001", "T000001", 500, 9900)
        prepared = story.ctx.run(lambda: refunds.prepare_refund(story.ctx, asked))
        refunds.call_refund(prepared)
        story.fake.give_back(GiveBack(number="R000001", lost=True))
        clock.advance(minutes=5)
        tick()
        assert story.told()[1:] == [("refunded", "R000001", 500)]

    def test_before_the_refund_was_asked_for_and_it_is_made_all_the_same(
        self, story: Any, clock: ManualClock, tick: Any
    ) -> None:
        story.paid()
        asked = refunds.Refund("R000001", "T000001", 500, 9900)
        story.ctx.run(lambda: refunds.prepare_refund(story.ctx, asked))
        story.fake.refunds = "SUCCESS"
        clock.advance(minutes=5)
        tick()
        assert story.told()[1:] == [("refunded", "R000001", 500)]
        assert len(story.fake.given) == 1


class TestHttp500AfterTheWorkWasDone:
    def test_of_a_prepay(self, story: Any) -> None:
        story.fake.fail(Failure(api="prepay", errcode="SYSTEM_ERROR", after=True))
        assert story.ask()["package"]
        assert len(story.fake.orders) == 1

    def test_of_a_close(self, story: Any) -> None:
        story.ask()
        story.fake.fail(Failure(api="close", errcode="SYSTEM_ERROR", after=True))
        assert story.close().state == "closed"

    def test_of_a_refund_it_is_given_once(self, story: Any) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="SYSTEM_ERROR", after=True))
        assert story.refund(amount=500).state == "refunding"
        assert [g.asked.amount.refund for g in story.fake.given.values()] == [500]

    def test_of_a_refund_again_and_again_it_is_unknown_and_found_later(
        self, story: Any, clock: ManualClock, tick: Any
    ) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="SYSTEM_ERROR", after=True, times=3))
        assert story.refund(amount=500).state == "unknown"
        assert story.told()[1:] == []
        story.fake.give_back(GiveBack(number="R000001", lost=True))
        clock.advance(minutes=10)
        tick()
        assert story.told()[1:] == [("refunded", "R000001", 500)]
        assert len(story.fake.given) == 1


def test_a_prepay_that_nobody_answers_lets_the_payer_try_again(story: Any) -> None:
    story.fake.fail(Failure(api="prepay", status=502, times=3))
    with pytest.raises(Unavailable) as caught:
        story.ask()
    assert caught.value.retry_after
    assert story.ask()["package"]


def test_paid_after_it_was_closed_here_is_booked_as_paid(story: Any, brand: Context) -> None:
    """What is told as paid is paid, also when we had taken it for closed: its owner gives it back."""
    story.ask()
    told = story.fake.orders["T000001"]
    assert story.close().state == "closed"
    told.state = "NOTPAY"  # the close and the payment crossed at WeChat Pay
    assert story.fake.pay("T000001") == [204]
    story.drain()
    assert story.told() == [("closed", "T000001", 0), ("paid", "T000001", 9900)]
    assert story.refund().state == "refunding"
    (kept,) = WechatPaySettlement.scoped(brand).select().where(WechatPaySettlement.kind == "paid")
    assert kept.claimed_by == "till"
