"""What becomes of a message on bad days: fail-over, unknown outcomes, processes that die, providers left in peace."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.events import jobs
from integrations.fake_server import Failure, Running
from integrations.sms import messages, routing, sending
from integrations.sms.aliyun import AliyunSms
from integrations.sms.fake import AliyunFake, Rules, TencentFake
from integrations.sms.models import SmsMessage
from integrations.sms.providers import Accepted, Order, Refused, Unknown
from integrations.sms.routing import FAILURES, PEACE, Breaker, Route, deliver
from integrations.sms.schemas import SendJob
from tests.integrations.sms.conftest import PHONE, Story

Tencent = Running[TencentFake]
Aliyun = Running[AliyunFake]


def nowhere() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def sent(tencent: Tencent, aliyun: Aliyun) -> tuple[int, int]:
    return len(tencent.fake.sent), len(aliyun.fake.sent)


class TestFailOver:
    @pytest.mark.parametrize(
        "failure",
        [
            Failure(errcode="FailedOperation.InsufficientBalanceInSmsPackage"),
            Failure(errcode="FailedOperation.TemplateIncorrectOrUnapproved"),
            Failure(errcode="FailedOperation.SignatureIncorrectOrUnapproved"),
            Failure(errcode="AuthFailure.SecretIdNotFound"),
            Failure(errcode="RequestLimitExceeded"),
            Failure(errcode="SomethingNew"),
            Failure(status=429),
        ],
    )
    def test_what_the_first_refused_goes_by_the_other(
        self, story: Story, tencent: Tencent, aliyun: Aliyun, failure: Failure
    ) -> None:
        tencent.fake.fail(failure.model_copy())
        story.ask()
        story.drain()
        assert sent(tencent, aliyun) == (0, 1)
        taken = aliyun.fake.last(PHONE)
        assert (taken.sign, taken.template, set(taken.params)) == ("归巢健身", "SMS_1001", {"code"})
        (row,) = story.messages()
        assert (row.state, row.provider, row.cost_fen) == ("sent", "aliyun", 4)
        assert story.spent() == (1, 4)
        assert story.log_in(taken.code)["token"]

    def test_when_nobody_is_there_the_other_is_asked(self, story: Story, tencent: Tencent, aliyun: Aliyun) -> None:
        story.settings(tencent_url=nowhere())
        story.ask()
        story.drain()
        assert sent(tencent, aliyun) == (0, 1)

    @pytest.mark.parametrize(
        "failure",
        [
            Failure(status=500, after=True),
            Failure(status=502),  # nobody can tell it from the one above
            Failure(body="<html>", after=True),
            Failure(errcode="InternalError.Timeout", after=True),
            Failure(errcode="InternalError.SendAndRecvFail"),
        ],
    )
    def test_after_an_unknown_outcome_nobody_is_asked_again(
        self, story: Story, tencent: Tencent, aliyun: Aliyun, clock: ManualClock, failure: Failure
    ) -> None:
        tencent.fake.fail(failure.model_copy())
        story.ask()
        story.drain()
        clock.advance(minutes=1)
        story.drain()
        assert len(tencent.fake.log) == 1
        assert aliyun.fake.log == []
        (row,) = story.messages()
        assert (row.state, row.content) == ("unknown", None)

    def test_a_code_whose_outcome_was_unknown_still_works(self, story: Story, tencent: Tencent) -> None:
        tencent.fake.fail(Failure(status=500, after=True))
        code = story.code(tencent.fake)
        assert story.log_in(code)["token"]

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            ("LimitExceeded.PhoneNumberDailyLimit", "too_often"),
            ("FailedOperation.PhoneNumberInBlacklist", "blocked"),
            ("InvalidParameterValue.IncorrectPhoneNumber", "bad_number"),
            ("FailedOperation.ContainSensitiveWord", "bad_content"),
        ],
    )
    def test_what_lies_in_the_message_is_not_tried_elsewhere(
        self, story: Story, tencent: Tencent, aliyun: Aliyun, code: str, reason: str
    ) -> None:
        tencent.fake.fail(Failure(errcode=code))
        story.ask()
        story.drain()
        assert aliyun.fake.log == []
        (row,) = story.messages()
        assert (row.state, row.reason, row.code) == ("refused", reason, code)

    def test_a_brand_may_do_without(self, story: Story, tencent: Tencent, aliyun: Aliyun) -> None:
        story.settings(fail_over=False)
        tencent.fake.rules = Rules(balance=0)
        story.ask()
        story.drain()
        assert aliyun.fake.log == []
        assert [row.reason for row in story.messages()] == ["balance"]

    def test_the_other_way_round(self, story: Story, tencent: Tencent, aliyun: Aliyun) -> None:
        story.settings(provider="aliyun")
        aliyun.fake.rules = Rules(balance=0)
        story.ask()
        story.drain()
        assert sent(tencent, aliyun) == (1, 0)

    def test_a_provider_without_the_template_is_passed_over(
        self, story: Story, tencent: Tencent, aliyun: Aliyun
    ) -> None:
        story.settings(templates={"login": {"aliyun": "SMS_1"}})
        story.ask()
        story.drain()
        assert sent(tencent, aliyun) == (0, 1)
        assert set(aliyun.fake.last(PHONE).params) == {"code", "minutes"}, "without names all values go"


class TestOnce:
    def test_a_process_that_dies_after_the_provider_had_it_sends_nothing_again(
        self, story: Story, tencent: Tencent, aliyun: Aliyun, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.ask()

        def die(*arguments: Any) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(sending.SendMessage, "complete", die)
            story.drain()
        assert sent(tencent, aliyun) == (1, 0)
        assert story.states() == ["sending"]
        clock.advance(minutes=2)
        story.drain()
        assert sent(tencent, aliyun) == (1, 0)
        assert story.states() == ["unknown"]

    def test_a_job_that_is_put_twice_sends_once(self, story: Story, tencent: Tencent, aliyun: Aliyun) -> None:
        story.ask()
        (row,) = story.messages()
        with story.ctx.transaction():
            story.ctx.enqueue("sms.send", SendJob(message=row.id))
        story.drain()
        assert sent(tencent, aliyun) == (1, 0)
        assert story.states() == ["sent"]

    def test_two_workers_with_one_message_send_once(
        self, story: Story, tencent: Tencent, aliyun: Aliyun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lease ran out while the first was still calling: the second must not call too."""
        story.ask()
        (row,) = story.messages()
        real = routing.deliver

        def and_meanwhile(*arguments: Any) -> Any:
            with monkeypatch.context() as patch:
                patch.setattr(routing, "deliver", real)
                with story.ctx.transaction():
                    second = messages.begin(story.ctx, row.id)
                assert messages.send(second) is None
            return real(*arguments)

        monkeypatch.setattr(routing, "deliver", and_meanwhile)
        story.drain()
        assert sent(tencent, aliyun) == (1, 0)
        assert story.states() == ["sent"], "the first one's answer is worth more than the second one's guess"

    def test_what_certainly_was_not_sent_is_tried_again_while_the_code_is_good(
        self, story: Story, tencent: Tencent, clock: ManualClock
    ) -> None:
        story.settings(fail_over=False)
        tencent.fake.fail(Failure(status=429, times=2))
        story.ask()
        story.drain()
        assert story.states() == ["queued"]
        clock.advance(seconds=5)
        story.drain()
        clock.advance(seconds=10)
        story.drain()
        assert story.states() == ["sent"]
        assert len(tencent.fake.sent) == 1
        assert story.spent() == (1, 5)

    def test_and_given_up_after_some_tries(self, story: Story, tencent: Tencent, clock: ManualClock) -> None:
        story.settings(fail_over=False)
        tencent.fake.fail(Failure(status=429, times=99))
        story.ask()
        for _ in range(10):
            story.drain()
            clock.advance(seconds=25)
        assert story.states() == ["refused"]
        assert len(tencent.fake.log) == sending.MOST_TRIES
        assert story.spent() == (0, 0)


class TestBreaker:
    def test_a_provider_that_does_not_answer_is_left_in_peace_and_the_other_takes_over(
        self, story: Story, tencent: Tencent, aliyun: Aliyun
    ) -> None:
        tencent.fake.fail(Failure(status=500, times=99))
        for number in range(FAILURES + 3):
            story.ask(f"1370000000{number}")
            story.drain()
        assert len(tencent.fake.log) == FAILURES
        assert len(aliyun.fake.sent) == 3
        assert story.states() == ["unknown"] * FAILURES + ["sent"] * 3

    def test_refusals_are_answers(self, story: Story, tencent: Tencent) -> None:
        tencent.fake.fail(Failure(errcode="FailedOperation.OtherError", times=99))
        for number in range(FAILURES + 2):
            story.ask(f"1370000000{number}")
            story.drain()
        assert len(tencent.fake.log) == FAILURES + 2

    def test_it_is_tried_again_after_a_while_and_one_answer_is_enough(self) -> None:
        breaker = Breaker("x")
        for _ in range(FAILURES):
            assert not breaker.open
            breaker.note(failed=True)
        assert breaker.open
        breaker._storage.opened_at = datetime.now(UTC) - PEACE - timedelta(seconds=1)
        assert not breaker.open
        breaker.note(failed=True)
        assert breaker.open, "the trial failed"
        breaker._storage.opened_at = datetime.now(UTC) - PEACE - timedelta(seconds=1)
        breaker.note(failed=False)
        assert not breaker.open
        breaker.note(failed=True)
        assert not breaker.open, "it counts from the beginning again"

    def test_a_refused_number_now_and_then_does_not_keep_it_closed(self) -> None:
        asked = []
        for number in range(2 * FAILURES):
            error = Refused("bad_number", "", "no") if number % 5 == 0 else Unknown("", "lost")
            first = _Scripted("now and then", error)
            deliver((_route(first),), f"k{number}", "+8613800001111")
            asked.append(first.calls)
        assert asked == [1] * 7 + [0] * 3, "the fifth time-out is the seventh call"

    def test_a_refusal_after_the_peace_shows_that_it_is_back(self) -> None:
        breaker = Breaker("x")
        for _ in range(FAILURES):
            breaker.note(failed=True)
        breaker.note(failed=False, refused=True)
        assert breaker.open, "a call that was on its way"
        breaker._storage.opened_at = datetime.now(UTC) - PEACE - timedelta(seconds=1)
        breaker.note(failed=False, refused=True)
        breaker.note(failed=True)
        assert not breaker.open

    def test_the_call_that_trips_it_is_unknown_all_the_same(self) -> None:
        """pybreaker can raise an error of its own for it, which would read as `certainly not sent`."""
        second = _Scripted("second")
        states = [
            deliver((_route(_Scripted("first", Unknown("", "lost"))), _route(second)), "k", "+8613800001111").state
            for _ in range(FAILURES)
        ]
        assert states == ["unknown"] * FAILURES
        assert second.calls == 0

    def test_a_slow_answer_does_not_hold_up_others(self) -> None:
        """The breaker's lock is not held over a call: a call within a call would otherwise wait for itself."""
        inner = _Scripted("same")
        outer = _Scripted("same", inside=lambda: deliver((_route(inner),), "k2", "+8613800002222"))
        assert deliver((_route(outer),), "k1", "+8613800001111").state == "sent"
        assert (outer.calls, inner.calls) == (1, 1)


class _Scripted:
    """A provider that does as it is told."""

    def __init__(
        self, name: str, error: Refused | Unknown | None = None, inside: Callable[[], object] | None = None
    ) -> None:
        self.name, self.base_url = name, "http://scripted"
        self.error, self.inside, self.calls = error, inside, 0

    def send(self, order: Order) -> Accepted:
        self.calls += 1
        if self.inside is not None:
            self.inside()
        if self.error is not None:
            raise self.error
        return Accepted("1")


def _route(provider: _Scripted) -> Route:
    return Route(provider, "sign", "template", {}, 5)


def test_no_provider_is_a_refusal() -> None:
    outcome = deliver((), "k", "+8613800001111")
    assert (outcome.state, outcome.reason) == ("refused", "credentials")


def test_jobs_carry_ids_only(story: Story) -> None:
    story.ask()
    (claimed,) = jobs.claim(story.ctx.services, 10)
    (row,) = story.messages()
    assert claimed.payload == f'{{"message":"{row.id}","tries":0}}'


def test_a_client_is_not_shown_with_its_secret() -> None:
    assert "secret" not in repr(AliyunSms("id", "secret"))


def test_a_message_erased_meanwhile_is_not_sent(story: Story, tencent: Tencent) -> None:
    story.ask()
    SmsMessage.scoped(story.ctx).update(phone=None, phone_blind=None, content=None).execute()
    story.drain()
    assert tencent.fake.sent == []
    assert story.states() == ["refused"]
