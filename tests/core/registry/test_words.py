"""Words in two languages are kept apart and read in one; an author who forgets one is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core import members, points, rewards
from core.contract.context import Context
from core.errors import ConfigurationError
from core.members import MemberView
from core.registry.checking import check_words
from core.rewards.models import RewardGrant
from core.words import PARTED, Text, kept, said, said_within
from hosts.console.core_resources import CORE_DESKS
from hosts.testkit.plugin import Api
from tests.core.registry.plugin_writer import load, write

WHY = Text("受邀注册", "was invited")


def test_a_reader_gets_their_half_of_rows_of_now_and_of_before() -> None:
    for stored in (kept(WHY), "受邀注册 / was invited", "was invited · 受邀注册"):
        assert (said(stored, "zh"), said(stored, "en")) == ("受邀注册", "was invited")
    for people in ("周一 / 周二", "swim / gym", "退款", "a/b"):
        assert said(people, "en") == people


def test_what_is_too_long_keeps_both_halves() -> None:
    cut = kept(Text("长" * 300, "x" * 300), 100)
    assert len(cut) <= 100
    assert (said(cut, "zh"), said(cut, "en")) == ("长" * 49, "x" * 49)


def test_values_within_json_are_read_too() -> None:
    assert said_within({"a": [kept(WHY), 1, None], "b": "x"}, "en") == {"a": ["was invited", 1, None], "b": "x"}


def test_words_in_one_language_are_refused() -> None:
    with pytest.raises(ValueError, match="both languages"):
        Text("中文", " ")
    assert Text("", "").in_("zh") == "", "no words at all are no mistake"


def test_a_ledger_line_why_and_the_audit_are_in_the_readers_language(
    tenant: Context, member: Callable[..., MemberView], api: Api
) -> None:
    li = member()
    ctx = tenant.for_plugin("referrals")
    with tenant.transaction():
        reward = rewards.RewardSpec(kind="points", spec={"amount": 5})
        rewards.give(ctx, li.id, [reward], key="k", reason=WHY)
        members.set_class(tenant, li.id, "vip", WHY)
    assert PARTED in RewardGrant.scoped(tenant).get(RewardGrant.key == "k").reason
    staff = api.as_staff("members.view", "points.view", "audit.view", "rewards.view")
    for locale, words in (("zh", "受邀注册"), ("en", "was invited")):
        language = {"Accept-Language": locale}
        seen = [
            api.get("/v1/me/points/statement", token=api.as_member(li), headers=language).text,
            api.get(f"/admin/v1/members/{li.id}/why", token=staff, headers=language).text,
            api.get("/admin/v1/audit", token=staff, headers=language).text,
        ]
        for text in seen:
            assert words in text
            assert PARTED not in text
            assert "\\u001f" not in text
            assert ("was invited" in text) is (locale == "en")


def test_a_key_that_is_repeated_over_the_release_is_the_same(
    tenant: Context, member: Callable[..., MemberView]
) -> None:
    li = member()
    ctx = tenant.for_plugin("referrals")
    reward = rewards.RewardSpec(kind="points", spec={"amount": 5})
    with tenant.transaction():
        first = rewards.give(ctx, li.id, [reward], key="k", reason="受邀注册 / was invited")
    with tenant.transaction():
        assert rewards.give(ctx, li.id, [reward], key="k", reason=WHY).id == first.id
        assert points.balance(tenant, li.id).available == 5


FORM = """
from pydantic import BaseModel, Field
from roost import Action, Column, Contribution, Resource, TenantModel, Text, hookimpl


class OneformThing(TenantModel):
    pass


class Line(BaseModel):
    days: int = Field(3, description="{words}")


class Form(BaseModel):
    lines: list[Line] | None = None


@hookimpl
def contribute():
    title = Text("物", "Things")
    act = Action("stretch", title, lambda ctx, row, body: None, form=Form)
    columns = [Column("id", title)]
    return Contribution(resources=[
        Resource("things", title, OneformThing, columns, "oneform.view", venue_free=True, member=None, actions=[act])
    ])
"""
SETTINGS = """
from pydantic import BaseModel, Field
from roost import Contribution, hookimpl


class Settings(BaseModel):
    days: int = Field(3, description="{words}")


@hookimpl
def contribute():
    return Contribution(settings=Settings)
"""


def test_a_setting_that_is_described_in_one_language_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="onelang: the setting days is described in one language"):
        load({"onelang": write(tmp_path, "onelang", {"hooks.py": SETTINGS.replace("{words}", "天数")})}, strict=True)
    good = SETTINGS.replace("{words}", "天数 · days")
    assert load({"twolang": write(tmp_path, "twolang", {"hooks.py": good})}, strict=True).broken == {}


def test_a_line_of_an_actions_form_that_is_described_in_one_language_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="oneform: the field of the form of stretch days is described in one"):
        load({"oneform": write(tmp_path, "oneform", {"hooks.py": FORM.replace("{words}", "天数")})}, strict=True)


def test_what_staff_fill_in_for_core_is_described_in_both_languages() -> None:
    for desk in CORE_DESKS:
        spec = desk.resource
        for form in (spec.create, spec.edit):
            if form is not None:
                check_words("core", form.model, spec.name)
        for action in spec.actions:
            if action.form is not None:
                check_words("core", action.form, action.name)
