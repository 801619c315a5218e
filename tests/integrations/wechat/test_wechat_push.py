"""What WeChat pushes to us: proved, kept, answered at once, processed once."""

import json
from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Invalid
from core.events.models import Job
from hosts.testkit.plugin import Api
from integrations.wechat.fake import PushTarget, Running, SignedPush, WechatFake
from integrations.wechat.models import WechatPush, WechatSubscription
from tests.integrations.wechat.conftest import AES_KEY, TOKEN

URL = "/callbacks/wechat/acme"


@pytest.fixture(autouse=True)
def _push(change: Callable[..., None]) -> None:
    change(push_token=TOKEN, push_aes_key=AES_KEY)


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


def send(api: Api, push: SignedPush, **changed: str) -> Any:
    query = {**push.query, **changed}
    return api.client.simulate_post(URL, params=query, body=push.body, headers={"Content-Type": push.content_type})


def kept(ctx: Context) -> list[Any]:
    return list(WechatPush.scoped(ctx).select().order_by(WechatPush.id))


def popup(fake: WechatFake, *answers: tuple[str, str], person: str = "alice") -> dict[str, Any]:
    items: list[Any] = [{"TemplateId": t, "SubscribeStatusString": a, "PopupScene": "1"} for t, a in answers]
    listed = items if len(items) > 1 else items[0]
    return fake.event("subscribe_msg_popup_event", fake.openid(person), List=listed)


def remaining(ctx: Context, fake: WechatFake) -> dict[str, int]:
    rows = WechatSubscription.scoped(ctx).select().where(WechatSubscription.openid == fake.openid("alice"))
    return {row.template: row.remaining for row in rows}


class TestAtTheDoor:
    def test_a_handshake_is_answered_its_echo_and_nothing_else(self, api: Api, fake: WechatFake) -> None:
        answer = api.client.simulate_get(URL, params=fake.handshake(TOKEN))
        assert (answer.status_code, answer.text) == (200, "hello")
        assert answer.headers["content-type"].startswith("text/plain")
        assert api.client.simulate_get(URL, params=fake.handshake("guessed")).status_code == 401

    @pytest.mark.parametrize("form", ["json", "xml"])
    def test_a_push_is_kept_and_answered_success_before_anything_is_done(
        self, brand: Context, api: Api, fake: WechatFake, form: Any
    ) -> None:
        target = PushTarget(token=TOKEN, aes_key=AES_KEY, form=form)
        answer = send(api, fake.signed(popup(fake, ("T1", "accept")), target))
        assert (answer.status_code, answer.text) == (200, "success")
        (row,) = kept(brand)
        assert (row.kind, row.state) == ("subscribe_msg_popup_event", "received")
        assert remaining(brand, fake) == {}

    def test_nobody_else_gets_in(self, brand: Context, api: Api, fake: WechatFake, target: PushTarget) -> None:
        event = popup(fake, ("T1", "accept"))
        push = fake.signed(event, target)
        for said in (
            send(api, push, nonce="1"),
            send(api, push, msg_signature="0" * 40),
            send(api, fake.signed(event, PushTarget(token="guessed", aes_key=AES_KEY))),
            send(api, fake.signed(event, PushTarget(token=TOKEN))),
            send(api, WechatFake("wx-other", clock=fake.now).signed(event, target)),
            api.client.simulate_post(URL, body=b"{}"),
        ):
            assert said.status_code == 401, said.text
        assert kept(brand) == []

    def test_a_push_of_long_ago_is_refused(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, clock: ManualClock
    ) -> None:
        push = fake.signed(popup(fake, ("T1", "accept")), target)
        clock.advance(minutes=11)
        assert send(api, push).json["code"] == "outside_window"
        assert kept(brand) == []

    def test_another_brand_takes_none_of_it(
        self, api: Api, fake: WechatFake, target: PushTarget, new_tenant: Callable[..., Context]
    ) -> None:
        new_tenant("other", plugins=("wechat",))
        push = fake.signed(popup(fake, ("T1", "accept")), target)
        said = api.client.simulate_post("/callbacks/wechat/other", params=dict(push.query), body=push.body)
        assert (said.status_code, said.json["code"]) == (401, "not_configured")

    def test_a_brand_without_the_plugin_has_no_such_door(
        self, api: Api, fake: WechatFake, new_tenant: Callable[..., Context]
    ) -> None:
        new_tenant("plain")
        assert api.client.simulate_get("/callbacks/wechat/plain", params=fake.handshake(TOKEN)).status_code == 404

    def test_a_plain_signature_that_was_seen_proves_nothing_else(
        self, brand: Context, api: Api, fake: WechatFake, change: Callable[..., None]
    ) -> None:
        change(push_token=TOKEN, push_aes_key="")
        push = fake.signed(popup(fake, ("T1", "accept")), PushTarget(token=TOKEN))
        assert send(api, push).status_code == 200
        assert send(api, push).status_code == 200, "WeChat asks again when an answer is lost"
        forged = SignedPush(push.query, push.body.replace(b"T1", b"T9"), push.content_type)
        assert send(api, forged).json["code"] == "signature_used"
        assert len(kept(brand)) == 1

    def test_what_was_written_is_sealed(self, brand: Context, api: Api, fake: WechatFake, target: PushTarget) -> None:
        said = {**fake.event("", fake.openid("alice")), "MsgType": "text", "Content": "call 13800001111", "MsgId": 7}
        assert send(api, fake.signed(said, target)).status_code == 200
        (row,) = kept(brand)
        assert row.kind == "message.text"
        assert b"13800001111" not in bytes(row.body)
        assert "13800001111" not in str([job.payload for job in Job.scoped(brand).select()])


class TestOnce:
    def test_the_same_event_three_times_counts_once(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        event = popup(fake, ("T1", "accept"))
        for _ in range(3):  # encrypted anew each time, as WeChat does
            assert send(api, fake.signed(event, target)).text == "success"
            drain()
        assert len(kept(brand)) == 1
        assert remaining(brand, fake) == {"T1": 1}

    def test_two_yeses_in_one_second_for_two_templates_both_count(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        for template in ("T1", "T2"):
            send(api, fake.signed(popup(fake, (template, "accept")), target))
        drain()
        assert remaining(brand, fake) == {"T1": 1, "T2": 1}

    def test_a_message_is_known_by_its_number(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget
    ) -> None:
        for number, content in ((1, "hi"), (1, "hi "), (2, "hi")):
            said = {**fake.event("", "o1"), "MsgType": "text", "Content": content, "MsgId": number}
            assert send(api, fake.signed(said, target)).status_code == 200
        assert len(kept(brand)) == 2


class TestSubscriptions:
    @pytest.mark.parametrize("form", ["json", "xml"])
    def test_several_answers_in_one_event_count_each(
        self, brand: Context, api: Api, fake: WechatFake, form: Any, drain: Callable[[], int]
    ) -> None:
        event = popup(fake, ("T1", "accept"), ("T2", "reject"), ("T3", "accept"))
        send(api, fake.signed(event, PushTarget(token=TOKEN, aes_key=AES_KEY, form=form)))
        drain()
        assert remaining(brand, fake) == {"T1": 1, "T2": 0, "T3": 1}

    def test_taking_it_back_in_wechats_settings_ends_it(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        send(api, fake.signed(popup(fake, ("T1", "accept")), target))
        item: Any = {"TemplateId": "T1", "SubscribeStatusString": "reject"}
        change = fake.event("subscribe_msg_change_event", fake.openid("alice"), List=item)
        drain()
        send(api, fake.signed(change, target))
        drain()
        (row,) = WechatSubscription.scoped(brand).select()
        assert (row.remaining, row.state) == (0, "refused")

    def test_a_message_that_failed_afterwards_is_noted(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        send(api, fake.signed(popup(fake, ("T1", "accept")), target))
        item: Any = {"TemplateId": "T1", "MsgID": "1", "ErrorCode": "20003", "ErrorStatus": "failed:system failed"}
        drain()
        send(api, fake.signed(fake.event("subscribe_msg_sent_event", fake.openid("alice"), List=item), target))
        drain()
        (row,) = WechatSubscription.scoped(brand).select()
        assert row.last_code == "20003"

    def test_a_yes_from_somebody_unknown_is_theirs_once_they_log_in(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        send(api, fake.signed(popup(fake, ("T1", "accept")), target))
        drain()
        said = api.post("/v1/wechat/login", json={"code": "code-alice", "phone_code": "phone-13800001111"}).json
        (row,) = WechatSubscription.scoped(brand).select()
        assert row.member == UUID(said["member"]["id"])

    def test_over_real_http_the_fakes_dialogue_reaches_us(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[SignedPush] = []
        monkeypatch.setattr(fake, "push", lambda content: sent.append(fake.signed(content)))
        fake.push_to(target.model_copy(update={"url": "http://brand.example"}))
        fake.agree("alice", "T1", times=2)
        fake.take_back("alice", "T1")
        assert len(sent) == 3
        assert all(send(api, push).text == "success" for push in sent)


class TestTheLog:
    def test_an_event_nobody_acts_on_is_kept_and_one_that_is_done_is_not_done_again(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, drain: Callable[[], int]
    ) -> None:
        send(api, fake.signed(fake.event("user_info_modified", "o1", note="\x00"), target))
        drain()
        (row,) = kept(brand)
        assert row.state == "stored"
        staff = api.as_staff("wechat.view", "wechat.edit")
        listed = api.get("/admin/v1/wechat/pushes", token=staff).json["items"]
        assert [item["kind"] for item in listed] == ["user_info_modified"]
        assert "body" not in json.dumps(listed)
        assert api.post(f"/admin/v1/wechat/pushes/{row.id}/retry", token=staff).status_code == 409

    def test_pushes_are_forgotten_after_their_days(
        self, brand: Context, api: Api, fake: WechatFake, target: PushTarget, clock: ManualClock,
        tick: Callable[[], int],
    ) -> None:  # fmt: skip
        send(api, fake.signed(popup(fake, ("T1", "accept")), target))
        tick()
        clock.advance(days=31)
        tick()
        assert kept(brand) == []
        assert remaining(brand, fake) == {"T1": 1}


def test_a_key_that_is_none_is_refused_when_it_is_saved(change: Callable[..., None]) -> None:
    with pytest.raises(Invalid) as refused:
        change(push_token=TOKEN, push_aes_key="short")
    assert "push_aes_key" in str(refused.value.fields)
