"""A signed-in member changes their phone: on proof of the new one, and of the present one."""

from collections.abc import Callable
from typing import Any

import pytest

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.fake_server import Running
from integrations.sms.fake import TencentFake
from tests.integrations.sms.conftest import PHONE, Story

NEW = "13800002222"


class Mover:
    """A member who wants another phone."""

    def __init__(self, story: Story, fake: TencentFake, view: members.MemberView) -> None:
        self.story, self.fake, self.id = story, fake, view.id
        self.token = story.api.as_member(view)

    def code(self, phone: str | None = None, status: int = 202) -> str:
        """Ask for a code to a new phone, or to the present one, and read it there."""
        body = {} if phone is None else {"phone": phone}
        reply = self.story.api.post("/v1/sms/phone/codes", token=self.token, json=body)
        assert reply.status_code == status, reply.text
        if status != 202:
            return str(reply.json["code"])
        self.story.drain()
        return self.fake.last(phone or PHONE).code

    def move(self, code: str, present: str | None = None, phone: str = NEW, status: int = 200) -> Any:
        body = {"phone": phone, "code": code, **({"present_code": present} if present else {})}
        reply = self.story.api.post("/v1/sms/phone", token=self.token, json=body)
        assert reply.status_code == status, reply.text
        return reply.json


@pytest.fixture
def mover(story: Story, tencent: Running[TencentFake], member: Callable[..., members.MemberView]) -> Mover:
    return Mover(story, tencent.fake, member(phone=PHONE))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_with_both_codes_the_phone_is_another(mover: Mover, tenant: Context) -> None:
    said = mover.move(mover.code(NEW), mover.code())
    assert said == {"phone_masked": "138****2222"}
    found = members.find_by_phone(tenant, NEW)
    assert found is not None
    assert found.id == mover.id
    assert members.find_by_phone(tenant, PHONE) is None


def test_the_new_phone_s_code_alone_is_not_enough(mover: Mover, tenant: Context) -> None:
    """Who found somebody's session open must not take the account over."""
    assert mover.move(mover.code(NEW), status=422)["code"] == "present_code_needed"
    assert members.find_by_phone(tenant, NEW) is None


def test_unless_the_brand_waives_it(mover: Mover, story: Story) -> None:
    story.settings(confirm_old_phone=False)
    assert mover.move(mover.code(NEW))["phone_masked"] == "138****2222"


def test_a_wrong_code_costs_a_try_of_that_code_and_leaves_the_other_good(mover: Mover) -> None:
    new, present = mover.code(NEW), mover.code()
    assert mover.move(new, wrong(present), status=422)["tries_left"] == 4
    assert mover.move(wrong(new), present, status=422)["tries_left"] == 4
    assert mover.move(wrong(new), present, status=422)["tries_left"] == 3
    assert mover.move(new, present)["phone_masked"] == "138****2222"


def test_five_wrong_tries_are_the_end_of_a_code(mover: Mover) -> None:
    new, present = mover.code(NEW), mover.code()
    for _ in range(5):
        mover.move(wrong(new), present, status=422)
    assert mover.move(new, present, status=422)["code"] == "bad_code"


def test_a_code_to_log_in_with_changes_no_phone(mover: Mover, story: Story) -> None:
    story.ask(NEW)
    story.drain()
    login = mover.fake.last(NEW).code
    assert mover.move(login, mover.code(), status=422)["code"] == "bad_code"


def test_a_code_is_the_member_s_who_asked_for_it(
    mover: Mover, story: Story, member: Callable[..., members.MemberView]
) -> None:
    story.settings(confirm_old_phone=False)
    code = mover.code(NEW)
    other = Mover(story, mover.fake, member(phone="13800003333"))
    assert other.move(code, status=422)["code"] == "bad_code"
    assert mover.move(code)["phone_masked"] == "138****2222"


def test_that_a_phone_is_taken_is_told_only_to_who_has_it_in_hand(
    mover: Mover, tenant: Context, member: Callable[..., members.MemberView]
) -> None:
    holder = member(phone=NEW)
    new, present = mover.code(NEW), mover.code()
    assert mover.move(wrong(new), present, status=422)["code"] == "bad_code"
    assert mover.move(new, present, status=409)["code"] == "phone_taken"
    found = members.find_by_phone(tenant, NEW)
    assert found is not None
    assert found.id == holder.id


def test_who_has_no_phone_yet_needs_no_code_of_it(story: Story, tencent: Running[TencentFake], tenant: Context) -> None:
    with tenant.transaction():
        view, _ = members.register(tenant, channel="test")
    mover = Mover(story, tencent.fake, view)
    assert mover.code(None, status=422) == "no_phone"
    assert mover.move(mover.code(NEW))["phone_masked"] == "138****2222"


def test_nobody_changes_a_phone_without_being_signed_in(story: Story, api: Api) -> None:
    assert api.post("/v1/sms/phone", json={"phone": NEW, "code": "123456"}).status_code == 401
    assert api.post("/v1/sms/phone/codes", json={}).status_code == 401


def test_the_message_is_on_the_member_s_list(mover: Mover, story: Story, clock: ManualClock) -> None:
    mover.code(NEW)
    (row,) = story.messages()
    assert (row.member, row.purpose, row.template) == (mover.id, "change_phone", "login"), (
        "it goes by the template there is"
    )
