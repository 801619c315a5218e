"""Logging in with a code, as the mini-program does it: the code goes out by a job, over a fake of the provider."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event, Job
from hosts.testkit.plugin import Api
from integrations.fake_server import Running
from integrations.sms.fake import KEY_SECRET, TencentFake
from integrations.sms.models import SmsMessage
from tests.integrations.sms.conftest import PHONE, Story


class TestLogin:
    def test_a_new_person_is_registered_as_a_lead_and_signed_in(
        self, story: Story, api: Api, tencent: Running[TencentFake]
    ) -> None:
        said = story.log_in(story.code(tencent.fake), invitation="inv-1")
        assert set(said) == {"token", "member", "registered"}
        assert (said["registered"], said["member"]["state"]) == (True, "lead")
        assert said["member"]["phone_masked"] == "138****1111"
        me = api.get("/v1/me", token=said["token"])
        assert (me.status_code, me.json["id"]) == (200, said["member"]["id"])
        (registered,) = story.facts("member_registered")
        assert '"channel":"sms"' in registered.body
        assert '"invitation":"inv-1"' in registered.body

    def test_who_is_known_by_the_phone_is_signed_in_as_who_they_are(
        self, story: Story, tencent: Running[TencentFake], member: Callable[..., Any]
    ) -> None:
        han = member(phone=PHONE, name="Han Mei", state="member")
        said = story.log_in(story.code(tencent.fake))
        assert (said["member"]["id"], said["registered"]) == (str(han.id), False)
        assert said["member"]["name"] == "Han Mei"

    def test_a_phone_is_the_same_however_it_is_written(self, story: Story, tencent: Running[TencentFake]) -> None:
        story.ask("+86 138-0000-1111")
        story.drain()
        code = tencent.fake.last(PHONE).code
        assert story.log_in(code, "８６13800001111")["registered"] is True

    def test_a_channel_code_is_kept_and_cannot_pose_as_another_channel(
        self, story: Story, tencent: Running[TencentFake]
    ) -> None:
        story.log_in(story.code(tencent.fake), channel="saas")
        found = members.find_by_phone(story.ctx, PHONE)
        assert found is not None
        assert found.channel == "sms:saas"

    def test_the_message_goes_out_by_the_template_and_the_signature_of_the_settings(
        self, story: Story, tencent: Running[TencentFake]
    ) -> None:
        code = story.code(tencent.fake)
        taken = tencent.fake.last(PHONE)
        assert (taken.sign, taken.template, dict(taken.params)) == ("归巢", "449739", {"1": code})
        assert code.isdigit()
        assert len(code) == 6

    def test_the_reply_tells_nothing_of_who_is_known(self, story: Story, member: Callable[..., Any]) -> None:
        member(phone=PHONE)
        known = story.api.post("/v1/sms/codes", json={"phone": PHONE})
        unknown = story.api.post("/v1/sms/codes", json={"phone": "13800002222"})
        assert (known.status_code, known.json) == (unknown.status_code, unknown.json) == (202, known.json)
        assert known.json == {"expires_in": 300, "again_in": 60}
        again = [story.ask(phone, 429) for phone in (PHONE, "13800002222")]
        for problem in again:
            problem.pop("request_id")
        assert again[0] == again[1]
        wrong = [story.log_in("000000", phone, 422) for phone in (PHONE, "13800002222", "13800003333")]
        assert {(problem["code"], problem["status"]) for problem in wrong} == {("bad_code", 422)}


class TestCodes:
    def test_a_code_works_once(self, story: Story, tencent: Running[TencentFake]) -> None:
        code = story.code(tencent.fake)
        story.log_in(code)
        assert story.log_in(code, status=422)["code"] == "bad_code"

    def test_a_code_has_five_tries_and_then_the_right_one_is_refused_too(
        self, story: Story, tencent: Running[TencentFake]
    ) -> None:
        code = story.code(tencent.fake)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        left = [story.log_in(wrong, status=422)["tries_left"] for _ in range(5)]
        assert left == [4, 3, 2, 1, 0]
        assert story.log_in(code, status=422)["code"] == "bad_code"
        assert members.find(story.ctx).items == []

    def test_four_wrong_tries_do_not_spoil_the_fifth(self, story: Story, tencent: Running[TencentFake]) -> None:
        code = story.code(tencent.fake)
        for _ in range(4):
            story.log_in(f"{(int(code) + 1) % 1_000_000:06d}", status=422)
        assert story.log_in(code)["token"]

    def test_a_code_is_good_for_five_minutes(
        self, story: Story, tencent: Running[TencentFake], clock: ManualClock
    ) -> None:
        code = story.code(tencent.fake)
        clock.advance(seconds=300)
        assert story.log_in(code, status=422)["code"] == "bad_code"
        code = story.code(tencent.fake)
        clock.advance(seconds=299)
        assert story.log_in(code)["token"]

    def test_a_new_code_kills_the_one_before(
        self, story: Story, tencent: Running[TencentFake], clock: ManualClock
    ) -> None:
        first = story.code(tencent.fake)
        clock.advance(seconds=61)
        second = story.code(tencent.fake)
        if first != second:
            story.log_in(first, status=422)
        assert story.log_in(second)["token"]

    def test_a_code_is_for_its_phone_and_its_brand(
        self, story: Story, tencent: Running[TencentFake], new_tenant: Callable[..., Context]
    ) -> None:
        code = story.code(tencent.fake)
        story.log_in(code, "13800002222", 422)
        new_tenant("other", plugins=("sms",))
        reply = story.api.post("/v1/sms/login", json={"phone": PHONE, "code": code}, tenant="other")
        assert (reply.status_code, reply.json["code"]) == (422, "bad_code")
        assert story.log_in(code)["token"]


class TestRefusals:
    @pytest.mark.parametrize("phone", ["12800001111", "+852 91234567 8", "1380000111a"])
    def test_a_phone_that_is_none_is_refused_at_its_field(self, story: Story, phone: str) -> None:
        assert story.ask(phone, 422)["fields"][0]["path"] == "body.phone"
        assert story.log_in("123456", phone, 422)["fields"][0]["path"] == "body.phone"

    def test_a_brand_without_a_provider_says_so(
        self, tenant: Context, api: Api, enable_plugin: Callable[..., None]
    ) -> None:
        enable_plugin("sms")
        reply = api.post("/v1/sms/codes", json={"phone": PHONE})
        assert (reply.status_code, reply.json["code"]) == (503, "sms_not_configured")
        assert SmsMessage.scoped(tenant).select().count() == 0

    def test_a_brand_without_the_template_says_so(self, story: Story) -> None:
        story.settings(templates={})
        assert story.ask(status=503)["code"] == "sms_not_configured"

    def test_a_plugin_that_is_off_is_not_there(self, tenant: Context, api: Api) -> None:
        assert api.post("/v1/sms/codes", json={"phone": PHONE}).status_code == 404


class TestSecrets:
    def test_no_row_holds_the_phone_the_code_or_the_address_in_clear(
        self, story: Story, tencent: Running[TencentFake]
    ) -> None:
        story.ask(remote_addr="192.0.2.77")
        for ended in (False, True):
            if ended:
                story.drain()
            for model in (SmsMessage, Event, Job):
                for row in model.scoped(story.ctx).select().dicts():
                    told = " ".join(v.hex() if isinstance(v, bytes) else str(v) for v in row.values())
                    assert PHONE not in told
                    assert "192.0.2.77" not in told
                    assert PHONE.encode().hex() not in told
        (message,) = story.messages()
        assert message.content is None, "the code is gone as soon as it is sent"

    def test_nothing_that_is_logged_holds_the_phone_the_code_or_the_secret(
        self, story: Story, tencent: Running[TencentFake], capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        code = story.code(tencent.fake)
        story.log_in(code)
        story.log_in("000000", status=422)
        out = capfd.readouterr()
        logged = out.out + out.err + caplog.text
        for secret in (PHONE, code, KEY_SECRET):
            assert secret not in logged

    def test_the_credentials_are_sealed_and_not_read_back(self, story: Story) -> None:
        assert "tencent_key_secret" not in tenants.settings_values(story.ctx, "sms")
        assert "callback_key" not in tenants.settings_values(story.ctx, "sms")


def test_a_message_is_the_member_s_once_they_have_proved_the_phone(
    story: Story, tencent: Running[TencentFake], clock: ManualClock
) -> None:
    code = story.code(tencent.fake)
    assert story.messages()[0].member is None
    said = story.log_in(code)
    assert str(story.messages()[0].member) == said["member"]["id"]


def test_a_code_that_waited_too_long_is_not_sent_any_more(
    story: Story, tencent: Running[TencentFake], clock: ManualClock
) -> None:
    story.ask()
    clock.advance(minutes=5)
    story.drain()
    assert tencent.fake.sent == []
    assert story.states() == ["expired"]
    assert story.spent() == (0, 0)


def test_longer_lasting_codes_are_a_setting(story: Story, tencent: Running[TencentFake], clock: ManualClock) -> None:
    story.settings(
        code_minutes=10, templates={"login": {"tencent": "T9", "params": ["code", "minutes"]}}, fail_over=False
    )
    code = story.code(tencent.fake)
    assert dict(tencent.fake.last(PHONE).params) == {"1": code, "2": "10"}
    clock.advance(seconds=timedelta(minutes=10).total_seconds() - 1)
    assert story.log_in(code)["token"]


def test_the_plugin_holds_to_the_rules(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("sms")
