"""Logging in through WeChat, as a mini-program does it, against the fake of WeChat over real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any  # JSON as it came

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event, Job
from core.tenants import TenantPlugin
from hosts.testkit.plugin import Api
from integrations.wechat.fake import APPID, SECRET, Failure, Running, WechatFake, serve

LOGIN = "/v1/wechat/login"


@pytest.fixture
def wechat(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=WechatFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], wechat: Running) -> Context:
    enable_plugin("wechat", appid=APPID, secret=SECRET, base_url=wechat.url)
    return tenant


def login(api: Api, code: str, status: int = 200, **more: Any) -> Any:
    reply = api.post(LOGIN, json={"code": code, **more})
    assert reply.status_code == status, reply.text
    return reply.json


def events(ctx: Context, name: str) -> list[Event]:
    return list(Event.scoped(ctx).select().where(Event.name == name))


class TestOneTap:
    def test_a_new_person_with_a_phone_is_registered_and_signed_in(self, brand: Context, api: Api) -> None:
        said = login(api, "code-alice", phone_code="phone-13800001111", invitation="inv-1")
        assert said["registered"] is True
        assert said["needs_phone"] is False
        assert said["member"]["state"] == "lead"
        assert said["member"]["phone_masked"] == "138****1111"
        me = api.get("/v1/me", token=said["token"])
        assert me.status_code == 200
        assert me.json["id"] == said["member"]["id"]
        (registered,) = events(brand, "member_registered")
        assert '"channel":"wechat"' in registered.body
        assert '"invitation":"inv-1"' in registered.body

    def test_who_is_known_by_open_id_needs_no_phone(self, brand: Context, api: Api) -> None:
        first = login(api, "code-alice", phone_code="phone-13800001111")
        second = login(api, "code-alice#2")
        assert second["member"] == first["member"]
        assert second["registered"] is False
        assert second["token"] != first["token"]
        assert len(events(brand, "member_registered")) == 1

    def test_an_unknown_person_without_a_phone_gets_no_session(self, brand: Context, api: Api) -> None:
        said = login(api, "code-alice")
        assert said == {"token": None, "member": None, "registered": False, "needs_phone": True}
        assert members.find(brand).items == []
        assert login(api, "code-alice#2", phone_code="phone-13800001111")["registered"] is True

    def test_a_phone_that_is_known_gives_its_member_and_ties_the_open_id_to_them(
        self, brand: Context, api: Api, member: Callable[..., Any]
    ) -> None:
        han = member(phone="13800001111", name="Han Mei", state="member")
        said = login(api, "code-han", phone_code="phone-13800001111")
        assert (said["member"]["id"], said["registered"]) == (str(han.id), False)
        assert said["member"]["name"] == "Han Mei"
        assert login(api, "code-han#2")["member"]["id"] == str(han.id)

    def test_a_channel_code_is_kept_and_cannot_pose_as_another_channel(self, brand: Context, api: Api) -> None:
        said = login(api, "code-alice", phone_code="phone-13800001111", channel="saas")
        view = members.get(brand, members.find_by_phone(brand, "13800001111").id)
        assert (str(view.id), view.channel) == (said["member"]["id"], "wechat:saas")

    def test_an_open_id_of_another_app_is_another_person(
        self, brand: Context, api: Api, new_tenant: Callable[..., Context], wechat: Running
    ) -> None:
        login(api, "code-alice", phone_code="phone-13800001111")
        other = new_tenant("other", plugins=("wechat",))
        tenants.save_settings(other, "wechat", {"appid": APPID, "secret": SECRET, "base_url": wechat.url})
        said = api.post(LOGIN, json={"code": "code-alice#2"}, tenant="other").json
        assert said["needs_phone"] is True

    def test_a_bad_phone_code_does_not_keep_out_who_is_known(self, brand: Context, api: Api) -> None:
        login(api, "code-alice", phone_code="phone-13800001111")
        assert login(api, "code-alice#2", phone_code="nonsense")["token"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("failure", "status", "code"),
        [
            (Failure(api="code2session", errcode=40029), 422, "wechat_code_invalid"),
            (Failure(api="code2session", errcode=40163), 422, "wechat_code_invalid"),
            (Failure(api="code2session", errcode=40226), 403, "wechat_high_risk"),
            (Failure(api="code2session", errcode=45011), 429, "wechat_too_often"),
            (Failure(api="code2session", errcode=-1), 503, "wechat_unavailable"),
            (Failure(api="code2session", status=502), 503, "wechat_unavailable"),
            (Failure(api="code2session", errcode=40125), 503, "wechat_misconfigured"),
            (Failure(api="phone_number", errcode=40029), 422, "wechat_phone_code_invalid"),
            (Failure(api="phone_number", errcode=45011), 429, "wechat_too_often"),
            (Failure(api="stable_token", errcode=-1), 503, "wechat_unavailable"),
            (Failure(api="stable_token", errcode=40164), 503, "wechat_misconfigured"),
        ],
    )
    def test_each_failure_has_its_status_and_code_and_leaves_nobody_behind(
        self, brand: Context, api: Api, wechat: Running, failure: Failure, status: int, code: str
    ) -> None:
        wechat.fake.fail(failure.model_copy())
        said = login(api, "code-alice", status, phone_code="phone-13800001111")
        assert said["code"] == code
        assert members.find(brand).items == []
        assert SECRET not in str(said)

    def test_a_code_works_once(self, brand: Context, api: Api) -> None:
        login(api, "code-alice")
        assert login(api, "code-alice", 422)["fields"][0]["path"] == "body.code"

    def test_a_phone_from_abroad_is_refused(self, brand: Context, api: Api) -> None:
        said = login(api, "code-alice", 422, phone_code="phone-852-91234567")
        assert said["code"] == "wechat_phone_abroad"

    def test_an_app_that_is_not_set_up_says_so(
        self, tenant: Context, api: Api, enable_plugin: Callable[..., None]
    ) -> None:
        enable_plugin("wechat")
        assert login(api, "code-alice", 503)["code"] == "wechat_not_configured"

    def test_a_plugin_that_is_off_is_not_there(self, tenant: Context, api: Api) -> None:
        login(api, "code-alice", 404)

    def test_more_than_sixty_a_minute_from_one_address_are_too_many(self, brand: Context, api: Api) -> None:
        for _ in range(60):
            login(api, "bad", 422)
        assert login(api, "bad", 429)["code"] == "too_many_requests"


class TestSecret:
    def test_the_secret_is_sealed_in_its_row_and_opened_for_the_plugin_only(self, brand: Context, api: Api) -> None:
        row = TenantPlugin.scoped(brand).get(TenantPlugin.slug == "wechat")
        assert SECRET not in str(row.settings)
        assert "secret" not in tenants.settings_values(brand, "wechat")
        assert tenants.settings_with_secrets(brand, "wechat")["secret"] == SECRET

    def test_settings_saved_without_the_secret_keep_it_and_an_empty_one_takes_it_away(
        self, brand: Context, wechat: Running
    ) -> None:
        tenants.save_settings(brand, "wechat", {"appid": APPID, "base_url": wechat.url})
        assert tenants.settings_with_secrets(brand, "wechat")["secret"] == SECRET
        tenants.save_settings(brand, "wechat", {"appid": APPID, "secret": ""})
        assert "secret" not in tenants.settings_with_secrets(brand, "wechat")

    def test_no_row_of_the_database_holds_a_phone_or_the_secret(self, brand: Context, api: Api) -> None:
        login(api, "code-alice", phone_code="phone-13800001111")
        for model in (Event, Job):
            for row in model.scoped(brand).select().dicts():
                assert "13800001111" not in str(row)
                assert SECRET not in str(row)


def test_the_plugin_holds_to_the_rules(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("wechat")
