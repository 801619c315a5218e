"""Subscribe messages: who may be sent one, how often, and what WeChat's refusals mean."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any  # what a step gives
from uuid import UUID

import pytest

from core import db
from core.contract.context import Context
from core.contract.ports import Channel, Outgoing, Sent
from hosts.testkit.plugin import Api
from integrations.wechat import connection, messages, subscriptions
from integrations.wechat.client import WechatClient
from integrations.wechat.fake import APPID, SECRET, Failure, Running, WechatFake
from integrations.wechat.models import WechatSubscription
from integrations.wechat.schemas import TemplateForm

MINE = "/v1/wechat/subscriptions"


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def template(brand: Context) -> Callable[..., None]:
    def make(name: str = "T1", **more: Any) -> None:
        fields = more.pop("fields", ["thing1={venue}", "character_string2={number}"])
        with brand.transaction():
            subscriptions.add_template(brand, TemplateForm(template=name, title="Booked", fields=fields, **more))

    return make


@pytest.fixture
def agree(brand: Context, fake: WechatFake) -> Callable[..., None]:
    """Say yes at WeChat, and have us know it."""

    def say(person: str, template: str = "T1", times: int = 1) -> None:
        fake.agree(person, template, times)
        with brand.transaction():
            for _ in range(times):
                subscriptions.accepted(brand, fake.openid(person), template)

    return say


@pytest.fixture
def send(brand: Context, fake: WechatFake, run_steps: Callable[..., Any]) -> Callable[..., Sent]:
    def go(person: str = "alice", **more: Any) -> Sent:
        given = {"venue": "静安", "number": "A1"} | more.pop("params", {})
        message = Outgoing("k1", None, fake.openid(person), more.pop("template", "T1"), given, **more)
        sent: Sent = run_steps(messages.channel.send, message)
        return sent

    return go


def quota(ctx: Context) -> tuple[int, str, str]:
    (row,) = WechatSubscription.scoped(ctx).select()
    return row.remaining, row.state, row.last_code


class TestTheChannel:
    def test_it_is_offered_and_reaches_a_member_where_they_logged_in(
        self, brand: Context, person: Callable[[str], UUID], member: Callable[..., Any], fake: WechatFake
    ) -> None:
        ((slug, channel),) = [o for o in brand.providers(Channel) if o[1].name == "wechat"]
        assert (slug, channel.templates) == ("wechat", True)
        assert channel.address(brand, person("alice")) == fake.openid("alice")
        assert channel.address(brand, member().id) is None

    def test_a_message_goes_out_as_the_template_says(
        self, template: Callable[..., None], agree: Callable[..., None], person: Callable[[str], UUID],
        send: Callable[..., Sent], fake: WechatFake,
    ) -> None:  # fmt: skip
        template(page="pages/booking")
        person("alice")
        agree("alice")
        sent = send(locale="en", params={"venue": "一二三四五六七八九十一二三四五六七八九十二"})
        assert (sent.state, bool(sent.receipt)) == ("sent", True)
        assert fake.messages == [
            {
                "touser": fake.openid("alice"),
                "template_id": "T1",
                "page": "pages/booking",
                "miniprogram_state": "formal",
                "lang": "en_US",
                "data": {
                    "thing1": {"value": "一二三四五六七八九十一二三四五六七八九…"},
                    "character_string2": {"value": "A1"},
                },
            }
        ]

    def test_chinese_goes_out_as_it_is_written(
        self, wechat: Running, fake: WechatFake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bodies: list[bytes] = []
        noted = WechatFake.noted
        monkeypatch.setattr(WechatFake, "noted", lambda self, call: bodies.append(call.body) or noted(self, call))
        fake.agree("alice", "T1")
        client = WechatClient(wechat.url, APPID, SECRET, _Tokens(), clock=fake.now)
        client.send_subscribed(fake.openid("alice"), "T1", {"thing1": "静安"})
        assert "静安".encode() in bodies[-1]

    def test_values_by_keyword_need_no_lines(
        self, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent], fake: WechatFake
    ) -> None:
        template(fields=[])
        agree("alice")
        assert send(params={"thing3": "静安"}).code == "invalid_field", "venue and number are no keywords"
        assert fake.agreed("alice", "T1") == 1

    def test_the_version_of_the_program_is_the_settings(
        self, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent], fake: WechatFake,
        change: Callable[..., None],
    ) -> None:  # fmt: skip
        change(program_state="trial")
        template()
        agree("alice")
        assert send().state == "sent"
        assert fake.messages[0]["miniprogram_state"] == "trial"  # type: ignore[index,call-overload]  # JSON


class _Tokens:
    """A store that keeps nothing."""

    def get(self, appid: str) -> None:
        return None

    def fetch_once(self, appid: str, fetch: Callable[[], Any], stale: str | None) -> Any:
        return fetch()


class TestQuota:
    def test_each_yes_is_one_message(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        fake: WechatFake,
    ) -> None:  # fmt: skip
        template()
        agree("alice", times=2)
        assert [send().state for _ in range(2)] == ["sent", "sent"]
        refused = send()
        assert (refused.state, refused.code) == ("refused", "no_quota")
        assert len(fake.calls("send")) == 2, "WeChat is not asked for what it would refuse"
        assert quota(brand) == (0, "open", "")

    def test_one_yes_to_a_long_term_template_is_for_every_message(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        fake: WechatFake,
    ) -> None:  # fmt: skip
        template(lasting=True)
        agree("alice")
        fake.agree("alice", "T1", 5)  # so it is at WeChat
        assert [send().state for _ in range(4)] == ["sent"] * 4
        assert quota(brand)[0] == 1

    def test_wechat_knows_better_when_it_says_that_nothing_is_left(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        fake: WechatFake,
    ) -> None:  # fmt: skip
        template()
        agree("alice", times=3)
        fake.take_back("alice", "T1")
        refused = send()
        assert (refused.state, refused.code) == ("refused", "no_quota")
        assert quota(brand) == (0, "refused", "no_quota")
        assert send().code == "no_quota"
        assert len(fake.calls("send")) == 1
        agree("alice")
        assert send().state == "sent", "a new yes counts again"

    def test_somebody_whom_wechat_bars_is_blocked(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        fake: WechatFake,
    ) -> None:  # fmt: skip
        template()
        agree("alice", times=3)
        fake.blocked.add(fake.openid("alice"))
        assert send().code == "blocked"
        assert quota(brand) == (0, "blocked", "blocked")

    @pytest.mark.parametrize(
        ("failure", "state", "code"),
        [
            (Failure(api="send", errcode=43108), "later", "too_often"),
            (Failure(api="send", errcode=45009), "later", "too_often"),
            (Failure(api="send", errcode=45011), "later", "too_often"),
            (Failure(api="send", errcode=-1), "later", "unavailable"),
            (Failure(api="send", errcode=45168), "refused", "sensitive_words"),
            (Failure(api="send", errcode=47003), "refused", "invalid_field"),
            (Failure(api="send", errcode=40003), "refused", "invalid_address"),
            (Failure(api="send", errcode=40037), "refused", "invalid_template"),
            (Failure(api="send", errcode=41030), "refused", "invalid_page"),
            (Failure(api="send", errcode=48001), "refused", "not_configured"),
            (Failure(api="send", errcode=99999), "refused", "99999"),
            (Failure(api="send", errcode=42001, times=2), "later", "unavailable"),
            (Failure(api="stable_token", status=502), "later", "unavailable"),
        ],
    )
    def test_what_surely_did_not_go_out_is_counted_back(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        wechat: Running, failure: Failure, state: str, code: str,
    ) -> None:  # fmt: skip
        template()
        agree("alice")
        wechat.fake.fail(failure.model_copy())
        sent = send()
        assert (sent.state, sent.code) == (state, code)
        assert (sent.retry_after is not None) == (state == "later")
        assert quota(brand) == (1, "open", code)
        assert send().state == "sent"

    @pytest.mark.parametrize("after", [True, False])
    def test_a_lost_answer_is_unknown_and_uses_the_yes_up(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        fake: WechatFake, after: bool,
    ) -> None:  # fmt: skip
        template()
        agree("alice")
        fake.fail(Failure(api="send", status=502, after=after))
        assert send().state == "unknown"
        assert quota(brand)[0] == 0
        assert len(fake.messages) == int(after)

    def test_a_server_that_is_not_there_surely_got_nothing(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        wechat: Running, change: Callable[..., None],
    ) -> None:  # fmt: skip
        template()
        agree("alice")
        connection.client_of(brand).access_token()
        wechat.close()
        assert send().state == "later"
        assert quota(brand)[0] == 1

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"template": "T9"}, "invalid_template"),
            ({"params": {"number": "订单"}}, "invalid_field"),
            ({"params": {"venue": ""}}, "invalid_field"),
        ],
    )
    def test_what_wechat_would_refuse_is_not_asked(
        self, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent], fake: WechatFake,
        more: dict[str, Any], code: str,
    ) -> None:  # fmt: skip
        template()
        agree("alice")
        assert send(**more).code == code
        assert fake.calls("send") == []

    def test_a_template_that_is_off_and_a_program_that_is_not_set_up_send_nothing(
        self, template: Callable[..., None], agree: Callable[..., None], send: Callable[..., Sent],
        change: Callable[..., None],
    ) -> None:  # fmt: skip
        template(active=False)
        agree("alice")
        assert send().code == "invalid_template"
        change(secret="")
        assert send().code == "not_configured"

    def test_the_last_yes_is_not_spent_twice_by_two_at_once(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], fake: WechatFake
    ) -> None:
        template()
        agree("alice")
        assert _taken_by_eight(brand, fake) == 1

    @pytest.mark.engines("postgresql")  # SQLite lets one writer in at a time, lock or none
    def test_without_its_lock_it_would_be(
        self, brand: Context, template: Callable[..., None], agree: Callable[..., None], fake: WechatFake,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        template()
        agree("alice")
        together = threading.Barrier(8)

        def unlocked(ctx: Context, openid: str, template: str, member: UUID | None) -> Any:
            row = WechatSubscription.scoped(ctx).get(WechatSubscription.openid == openid)
            together.wait(10)
            return row

        monkeypatch.setattr(subscriptions, "_locked", unlocked)
        assert _taken_by_eight(brand, fake) > 1


def _taken_by_eight(ctx: Context, fake: WechatFake) -> int:
    def take(_: int) -> bool:
        def work() -> Any:
            return subscriptions.take(ctx, fake.openid("alice"), "T1", lasting=False)

        with db.connection():
            return ctx.run(work) is not None

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(take, range(8)))


class TestMembers:
    def test_a_member_reports_what_they_answered_and_sees_where_they_stand(
        self, brand: Context, api: Api, template: Callable[..., None], person: Callable[[str], UUID]
    ) -> None:
        template()
        template("T2")
        token = api.as_member(person("alice"))
        said = api.post(MINE, token=token, json={"results": {"T1": "accept", "T2": "reject", "T9": "accept"}})
        assert said.status_code == 200, said.text
        assert [(s["template"], s["remaining"], s["state"]) for s in said.json["subscriptions"]] == [
            ("T1", 1, "open"),
            ("T2", 0, "refused"),
        ]
        assert api.get(MINE, token=token).json == said.json
        assert WechatSubscription.scoped(brand).select().where(WechatSubscription.template == "T9").count() == 0

    def test_where_wechat_pushes_the_answers_a_report_is_not_counted_beside_them(
        self, api: Api, template: Callable[..., None], person: Callable[[str], UUID], change: Callable[..., None]
    ) -> None:
        change(push_token="t")
        template()
        token = api.as_member(person("alice"))
        said = api.post(MINE, token=token, json={"results": {"T1": "accept"}}).json
        assert said["subscriptions"][0]["remaining"] == 0

    def test_who_never_came_by_wechat_has_nothing_to_report(self, brand: Context, api: Api, member: Any) -> None:
        said = api.post(MINE, token=api.as_member(member()), json={"results": {"T1": "accept"}})
        assert (said.status_code, said.json["code"]) == (409, "wechat_not_linked")

    def test_a_program_that_lies_gets_no_further_than_a_hundred(
        self, brand: Context, fake: WechatFake, person: Callable[[str], UUID]
    ) -> None:
        person("alice")
        with brand.transaction():
            for _ in range(105):
                subscriptions.accepted(brand, fake.openid("alice"), "T1")
        assert quota(brand)[0] == 100


class TestStaff:
    def test_templates_are_kept_over_rest_and_quotas_are_seen(
        self, brand: Context, api: Api, agree: Callable[..., None], person: Callable[[str], UUID]
    ) -> None:
        staff = api.as_staff("wechat.view", "wechat.edit")
        body = {"template": "T1", "title": "Booked", "fields": ["thing1={venue}"]}
        made = api.post("/admin/v1/wechat/templates", token=staff, json=body)
        assert made.status_code == 201, made.text
        assert api.post("/admin/v1/wechat/templates", token=staff, json=body).json["code"] == "template_exists"
        wrong = api.post("/admin/v1/wechat/templates", token=staff, json={**body, "template": "T2", "fields": ["x=y"]})
        assert wrong.status_code == 422
        path = f"/admin/v1/wechat/templates/{made.json['id']}"
        changed = api.patch(path, token=staff, json={**body, "active": False})
        assert (changed.status_code, changed.json["active"]) == (200, False)
        alice = person("alice")
        agree("alice")
        (row,) = api.get("/admin/v1/wechat/quotas", token=staff).json["items"]
        assert (row["member"], row["remaining"]) == (str(alice), 1)
        assert "openid" not in row


@pytest.fixture(autouse=True)
def _closed_once(wechat: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test stop the fake before its fixture does."""
    close, done = wechat.close, [False]

    def once() -> None:
        if not done[0]:
            done[0] = True
            close()

    monkeypatch.setattr(wechat, "close", once)
    yield
    once()
