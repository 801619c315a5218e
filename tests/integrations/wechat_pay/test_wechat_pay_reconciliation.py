"""The reconciliation: what callbacks missed is found within one round, and nothing stays open for ever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any  # a story of the conftest

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from integrations.fake_server import Failure
from integrations.wechat_pay import charges, jobs, numbers, payments, reconcile, settling
from integrations.wechat_pay.fake_books import GiveBack, Pay
from integrations.wechat_pay.models import WechatPayPush, WechatPayTrade

ROUND = reconcile.EVERY.total_seconds()


@pytest.fixture
def next_round(clock: ManualClock, tick: Callable[[], int]) -> Callable[[], None]:
    """Return a function that lets one round pass."""
    tick()

    def run() -> None:
        clock.advance(seconds=ROUND)
        tick()

    return run


def test_a_payment_whose_callback_is_lost_is_found_in_one_round(story: Any, next_round: Callable[[], None]) -> None:
    story.ask()
    story.fake.pay(Pay(number="T000001", lost=True))
    next_round()
    assert story.told() == [("paid", "T000001", 9900)]
    assert story.trade().transaction == story.fake.orders["T000001"].transaction


def test_it_is_found_however_many_rounds_found_it_open(story: Any, next_round: Callable[[], None]) -> None:
    story.steps(payments.METHOD.pay, story.charge(minutes=100))
    for _ in range(6):
        next_round()
    assert story.told() == []
    story.fake.pay(Pay(number="T000001", lost=True))
    next_round()
    assert story.told() == [("paid", "T000001", 9900)]


def test_a_charge_whose_time_is_over_is_closed_there_and_settled_here(
    story: Any, next_round: Callable[[], None]
) -> None:
    story.steps(payments.METHOD.pay, story.charge(minutes=9))
    story.fake.orders["T000001"].asked = story.fake.orders["T000001"].asked.model_copy(update={"time_expire": None})
    next_round()
    assert story.told() == []
    next_round()
    assert story.fake.orders["T000001"].state == "CLOSED"
    assert story.told() == [("closed", "T000001", 0)]


def test_what_wechat_pay_closed_by_itself_is_settled(story: Any, next_round: Callable[[], None]) -> None:
    story.steps(payments.METHOD.pay, story.charge(minutes=3))
    next_round()
    assert story.told() == [("closed", "T000001", 0)]
    assert story.fake.calls("close") == []


def test_a_charge_that_never_arrived_is_closed_when_its_time_is_over(
    story: Any, next_round: Callable[[], None]
) -> None:
    story.ctx.run(lambda: charges.prepare_pay(story.ctx, story.charge(minutes=7)))
    next_round()
    assert story.trade().state == "asked"
    next_round()
    assert story.told() == [("closed", "T000001", 0)]


def test_what_is_settled_is_not_asked_about(story: Any, next_round: Callable[[], None]) -> None:
    story.paid()
    story.ask("T000002")
    story.close("T000002")
    before = len(story.fake.log)
    next_round()
    next_round()
    assert len(story.fake.log) == before


def test_while_wechat_pay_is_away_it_is_asked_less_and_then_found(
    story: Any, next_round: Callable[[], None], clock: ManualClock
) -> None:
    story.ask(minutes=600)
    story.fake.pay(Pay(number="T000001", lost=True))
    story.fake.fail(Failure(api="query", status=502, times=1000))
    for _ in range(12):
        next_round()
    assert story.trade().tries in range(2, 9)  # of twelve rounds
    assert story.trade().state == "open"
    story.fake._failures.clear()
    clock.advance(seconds=numbers.LONGEST_BACKOFF.total_seconds())
    next_round()
    assert story.told() == [("paid", "T000001", 9900)]


def test_one_that_cannot_be_asked_about_holds_up_no_other(story: Any, next_round: Callable[[], None]) -> None:
    for number in ("T000001", "T000002", "T000003"):
        story.ask(number)
        story.fake.pay(Pay(number=number, lost=True))
    story.fake.fail(Failure(api="query", status=502, times=3))  # all tries of whichever comes first
    next_round()
    assert len(story.told()) == 2
    next_round()
    assert len(story.told()) == 3


def test_a_refund_that_works_is_asked_about_until_it_is_done(story: Any, next_round: Callable[[], None]) -> None:
    story.paid()
    story.refund(amount=100)
    next_round()
    next_round()
    assert story.told()[1:] == []
    story.fake.give_back(GiveBack(number="R000001", lost=True))
    for _ in range(3):
        next_round()
    assert story.told()[1:] == [("refunded", "R000001", 100)]


def test_a_refund_that_works_for_days_is_asked_about_less_and_less(
    story: Any, next_round: Callable[[], None], clock: ManualClock
) -> None:
    story.paid()
    story.refund()
    for _ in range(12):
        next_round()
    asked = len(story.fake.calls("query_refund"))
    assert asked in range(2, 9)
    clock.advance(days=4)
    next_round()
    assert story.refund_row().check_at - clock.now() == settling.LAST_LOOK


def test_a_round_goes_on_until_nothing_is_due(
    story: Any, next_round: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 2)
    for number in range(5):
        story.ask(f"T00000{number}")
        story.fake.pay(Pay(number=f"T00000{number}", lost=True))
    next_round()
    assert len(story.told()) == 5
    assert len(story.fake.calls("query")) == 5


def test_while_nothing_is_set_up_a_round_does_nothing(story: Any, tenant: Context, tick: Any) -> None:
    from core import tenants

    story.ask()
    tenants.forget_settings(tenant, "wechat_pay")
    fresh = tenant.services.system(tenants.by_id(tenant.tenant.id), "test")
    assert fresh.run(lambda: reconcile.run_round(fresh, "2026-11-22T02:00")) is None
    assert story.jobs("wechat_pay.trade") == 0


def test_a_brands_round_is_its_own(story: Any, new_tenant: Callable[..., Context], next_round: Any) -> None:
    other = new_tenant("other", plugins=("wechat", "wechat_pay", "till"))
    now = other.now()
    with other.transaction():
        WechatPayTrade.scoped(other).create(
            number="T000009", member=story.payer.id, amount=1, title="x", appid="a", mchid="1", expires_at=now,
            created_at=now, changed_at=now, check_at=now,
        )  # fmt: skip
    story.ask()
    next_round()
    assert [call["target"].split("?")[0][-7:] for call in story.fake.calls("query")] == ["T000001"]
    assert WechatPayTrade.scoped(other).get().state == "asked"


def test_old_callbacks_go_and_the_book_stays(story: Any, clock: ManualClock, tick: Any) -> None:
    story.paid()
    clock.advance(days=181)
    tick()
    assert WechatPayPush.scoped(story.ctx).select().count() == 0
    assert story.booked() == [("paid", "T000001", 9900)]


def test_the_schedule_runs_every_five_minutes() -> None:
    (every, nightly) = jobs.SCHEDULES
    assert (every.every, nightly.daily) == (timedelta(minutes=5), "04:20")
