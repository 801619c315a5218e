"""WeChat's machine for content: what it lets through, holds and refuses, and what it cannot look at."""

from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.contract.ports import ContentCheck, MediaAsked, TextAsked, Verdict
from core.registry.dispatcher import Dispatcher
from hosts.testkit.plugin import Api
from integrations.wechat import checks
from integrations.wechat.fake import Failure, PushTarget, Running, WechatFake
from integrations.wechat.models import WechatCheck, WechatPush
from roost import hooks
from tests.integrations.wechat.conftest import AES_KEY, TOKEN

PICTURE = "https://pictures.example/1.jpg"


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Collect the verdicts that are told to plugins."""
    told: list[tuple[str, str, str]] = []
    lifecycle = Dispatcher.lifecycle

    def hear(self: Dispatcher, ctx: Context, hook: Callable[..., Any], values: dict[str, Any], *more: Any) -> Any:
        if hook is hooks.content_judged:
            told.append((values["trace"], values["verdict"].state, values["verdict"].label))
        return lifecycle(self, ctx, hook, values, *more)

    monkeypatch.setattr(Dispatcher, "lifecycle", hear)
    return told


class TestTexts:
    @pytest.fixture
    def say(self, brand: Context, person: Callable[[str], UUID], run_steps: Callable[..., Any]) -> Any:
        def go(text: str, **more: Any) -> Verdict:
            verdict: Verdict = run_steps(checks.check.text, TextAsked(person("alice"), text, **more))
            return verdict

        return go

    def test_it_is_offered(self, brand: Context) -> None:
        assert [o[1].name for o in brand.providers(ContentCheck) if o[0] == "wechat"] == ["wechat"]

    @pytest.mark.parametrize(
        ("text", "state", "label"),
        [("练完很舒服", "pass", ""), ("加我看广告", "review", "10001"), ("违规内容", "risky", "20001")],
    )
    def test_each_suggestion_is_a_verdict(self, say: Any, text: str, state: str, label: str) -> None:
        verdict = say(text)
        assert (verdict.state, verdict.label) == (state, label)

    @pytest.mark.parametrize(("scene", "number"), [("profile", 1), ("comment", 2), ("forum", 3), ("social", 4)])
    def test_it_is_told_what_the_text_is_for(self, say: Any, fake: WechatFake, scene: str, number: int) -> None:
        say("练完很舒服", scene=scene)
        body: Any = fake.calls("check_text")[0]["body"]
        assert (body["scene"], body["version"], body["openid"]) == (number, 2, fake.openid("alice"))

    def test_who_was_not_there_within_two_hours_is_looked_at_by_people(
        self, brand: Context, person: Callable[[str], UUID], run_steps: Callable[..., Any], clock: ManualClock
    ) -> None:
        alice = person("alice")
        clock.advance(hours=2, seconds=1)
        assert run_steps(checks.check.text, TextAsked(alice, "违规")) == Verdict("unknown", "not_seen")

    def test_who_never_came_by_wechat_is_looked_at_by_people(
        self, brand: Context, member: Callable[..., Any], run_steps: Callable[..., Any], fake: WechatFake
    ) -> None:
        assert run_steps(checks.check.text, TextAsked(member().id, "x")) == Verdict("unknown", "no_openid")
        assert fake.calls("check_text") == []

    @pytest.mark.parametrize(
        ("failure", "state", "label"),
        [
            (Failure(api="check_text", status=502), "unknown", "unavailable"),
            (Failure(api="check_text", body="{}"), "unknown", "unavailable"),
            (Failure(api="check_text", errcode=45009), "unknown", "45009"),
            (Failure(api="check_text", errcode=48001), "unknown", "48001"),
            (Failure(api="check_text", errcode=87014), "risky", "87014"),
            (Failure(api="check_text", errcode=42001), "pass", ""),
        ],
    )
    def test_a_machine_that_cannot_look_lets_nothing_through_and_stops_nothing(
        self, say: Any, fake: WechatFake, failure: Failure, state: str, label: str
    ) -> None:
        fake.fail(failure.model_copy())
        verdict = say("练完很舒服")
        assert (verdict.state, verdict.label) == (state, label)

    def test_a_long_text_is_looked_at_to_its_end_and_across_the_cuts(self, say: Any, fake: WechatFake) -> None:
        assert say("好" * 2499 + "违规").state == "risky", "the word lies across the cut"
        assert say("好" * 5000 + "广告").state == "review"
        assert say("好" * 5000).state == "pass"
        assert all(len(call["body"]["content"]) <= 2500 for call in fake.calls("check_text"))  # type: ignore[index,call-overload,arg-type]  # JSON
        assert say("好" * 100_000).state == "unknown"

    def test_nothing_needs_no_look(self, say: Any, fake: WechatFake) -> None:
        assert say("  ").state == "pass"
        assert fake.calls("check_text") == []

    def test_a_program_that_is_not_set_up_is_no_machine(self, say: Any, change: Callable[..., None]) -> None:
        change(secret="")
        assert say("x") == Verdict("unknown", "not_configured")


class TestPictures:
    @pytest.fixture
    def show(
        self, brand: Context, person: Callable[[str], UUID], run_steps: Callable[..., Any],
        change: Callable[..., None],
    ) -> Any:  # fmt: skip
        change(push_token=TOKEN, push_aes_key=AES_KEY)

        def go(**more: Any) -> Verdict:
            verdict: Verdict = run_steps(checks.check.media, MediaAsked(person("alice"), PICTURE, **more))
            return verdict

        return go

    @pytest.fixture
    def push(self, api: Api, fake: WechatFake, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Any:
        """Have the fake push its verdict to us."""
        fake.push_to(PushTarget(url="http://brand.example", token=TOKEN, aes_key=AES_KEY))

        def deliver(content: Any) -> None:
            signed = fake.signed(content)
            said = api.client.simulate_post("/callbacks/wechat/acme", params=dict(signed.query), body=signed.body)
            assert said.text == "success"

        monkeypatch.setattr(fake, "push", deliver)

        def go(trace: str, **more: Any) -> None:
            fake.judge(trace, **more)
            drain()

        return go

    @pytest.mark.parametrize(
        ("pushed", "state", "label"),
        [
            ({"suggest": "pass"}, "pass", "100"),
            ({"suggest": "review", "label": 20002}, "review", "20002"),
            ({"suggest": "risky", "label": 20001}, "risky", "20001"),
            ({"errcode": -1008}, "unknown", "-1008"),
        ],
    )
    def test_the_verdict_comes_by_push_and_is_told_once(
        self, brand: Context, show: Any, push: Any, judged: list[Any], pushed: dict[str, Any], state: str, label: str
    ) -> None:
        pending = show()
        assert pending.state == "pending"
        assert judged == []
        for _ in range(2):
            push(pending.trace, **pushed)
        assert judged == [(pending.trace, state, label)]
        assert WechatCheck.scoped(brand).get().state == state

    def test_a_second_verdict_does_not_overturn_the_first(self, show: Any, push: Any, judged: list[Any]) -> None:
        trace = show().trace
        push(trace, suggest="risky", label=20001)
        push(trace, suggest="pass")
        assert [state for _, state, _ in judged] == ["risky"]

    def test_a_verdict_quicker_than_our_own_transaction_waits_for_it(
        self, brand: Context, fake: WechatFake, show: Any, push: Any, judged: list[Any],
        person: Callable[[str], UUID], clock: ManualClock, drain: Callable[[], int],
    ) -> None:  # fmt: skip
        alice = person("alice")
        steps = checks.check.media
        assert steps is not None
        asked = MediaAsked(alice, PICTURE)
        prepared = brand.run(lambda: steps.prepare(brand, asked))
        verdict = steps.call(prepared)
        push(verdict.trace, suggest="risky", label=20001)  # before `complete` has committed
        assert judged == []
        assert WechatPush.scoped(brand).get().state == "waiting"
        brand.run(lambda: steps.complete(brand, prepared, verdict))
        clock.advance(minutes=1)
        drain()
        assert [state for _, state, _ in judged] == ["risky"]

    def test_a_verdict_nobody_asked_for_is_given_up(
        self, brand: Context, show: Any, push: Any, judged: list[Any], clock: ManualClock, drain: Callable[[], int]
    ) -> None:
        push("made-up", suggest="pass")
        for _ in range(8):
            clock.advance(minutes=10)
            drain()
        assert WechatPush.scoped(brand).get().state == "ignored"
        assert judged == []

    def test_a_verdict_that_never_comes_is_for_people_and_a_late_one_still_counts(
        self, show: Any, push: Any, judged: list[Any], clock: ManualClock, tick: Callable[[], int]
    ) -> None:
        trace = show().trace
        tick()
        clock.advance(minutes=40)
        tick()
        assert judged == []
        clock.advance(minutes=15)
        tick()
        assert judged == [(trace, "unknown", "no_answer")]
        push(trace, suggest="risky", label=20001)
        assert [state for _, state, _ in judged] == ["unknown", "risky"]

    def test_sounds_are_looked_at_too(self, show: Any, fake: WechatFake) -> None:
        show(kind="audio")
        body: Any = fake.calls("check_media")[0]["body"]
        assert (body["media_type"], body["media_url"], body["scene"]) == (1, PICTURE, 4)

    def test_a_picture_that_cannot_be_shown_to_wechat_is_for_people(self, show: Any, fake: WechatFake) -> None:
        fake.fail(Failure(api="check_media", errcode=61010))
        assert show() == Verdict("unknown", "not_seen")
