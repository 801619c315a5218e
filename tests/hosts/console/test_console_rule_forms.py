"""Rules are written with a form that their kinds describe: rows come and go, and a sentence says what it means."""

import re
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from core import tenants
from core.choices import options
from core.contract.context import Context
from core.rewards import ConditionSpec, RewardSpec
from hosts.console.forms import FormError, edited, form_of, form_words, read
from tests.hosts.console.browser import words


class Rule(BaseModel):
    """A rule as a plugin's form has one."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, description="名称 / name")
    rewards: list[RewardSpec] = Field(min_length=1, description="奖励 / rewards")
    conditions: list[ConditionSpec] = Field([], description="条件 / conditions")


SENT = {
    "name": ["春节"],
    "rewards.0.kind": ["points"],
    "rewards.0.spec.amount": ["200"],
    "rewards.1.kind": ["growth"],
    "rewards.1.spec.amount": ["5"],
    "conditions.0.kind": ["state"],
    "conditions.0.spec.values": ["lead", "lapsed"],
    "conditions.0.negate": ["true"],
}


def test_a_rule_is_read_from_its_rows(tenant: Context) -> None:
    made = read(tenant, Rule, SENT)
    assert made.rewards == [
        RewardSpec(kind="points", spec={"amount": 200}),
        RewardSpec(kind="growth", spec={"amount": 5}),
    ]
    assert made.conditions == [ConditionSpec(kind="state", spec={"values": ["lead", "lapsed"]}, negate=True)]


def test_rows_are_added_and_removed_without_losing_what_was_typed(tenant: Context) -> None:
    more = edited(tenant, Rule, {**SENT, "_do": ["add:rewards"], "rewards:add": ["points"]})
    assert more is not None
    assert [row.kind for row in more.values["rewards"]] == ["points", "growth", "points"]
    assert more.values["rewards.1.spec.amount"] == "5"
    fewer = edited(tenant, Rule, {**SENT, "_do": ["remove:rewards.0"]})
    assert fewer is not None
    assert [row.kind for row in fewer.values["rewards"]] == ["growth"]
    assert fewer.values["rewards.0.spec.amount"] == "5"
    assert edited(tenant, Rule, SENT) is None


@pytest.mark.parametrize(("locale", "expected"), [("zh", "200 积分"), ("en", "200 points")])
def test_a_row_says_in_words_what_it_means(tenant: Context, locale: str, expected: str) -> None:
    view = form_of(replace(tenant, locale=locale), Rule, read(tenant, Rule, SENT))
    assert view.values["rewards"][0].sentence == expected
    said = view.values["conditions"][0].sentence
    assert said == ("不满足“会员状态为潜客、已过期”" if locale == "zh" else "not (State: Lead, Lapsed)")


def test_a_wrong_value_is_told_beside_its_input(tenant: Context) -> None:
    with pytest.raises(FormError) as caught:
        read(tenant, Rule, {**SENT, "rewards.1.spec.amount": ["0"]})
    assert caught.value.errors == {"rewards.1.spec.amount": "不能小于 1"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"conditions.0.spec.values": ["gone"]}, "conditions.0.spec.values"),
        ({"conditions.0.kind": ["nothing"]}, "conditions"),
    ],
)
def test_only_what_the_form_offers_is_taken(tenant: Context, change: dict[str, Any], path: str) -> None:
    with pytest.raises(FormError) as caught:
        read(tenant, Rule, {**SENT, **change})
    assert path in caught.value.errors


def test_venues_are_picked_and_told_by_name(tenant: Context) -> None:
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "east", "东门店")
    assert (str(venue.id), "东门店") in options(tenant, "venues")
    rule = Rule(
        name="x",
        rewards=[RewardSpec(kind="points", spec={"amount": 1})],
        conditions=[ConditionSpec(kind="venue", spec={"values": [str(venue.id)]})],
    )
    said = dict(form_words(tenant, Rule, rule.model_dump(mode="json")))
    assert said["条件"] == "所属门店为东门店"


def test_a_mapping_is_rows_too_and_survives_a_button(staff: Any, market: Any) -> None:
    browser = staff("plugins.view", "plugins.edit")
    form = {
        "days": "30", "deposit_fen": "50.00", "mode": "lot", "weekdays": "6\n7", "limits.per_member": "2",
        "prices.0.row": "1", "prices.0.key": "tea", "prices.0.value": "5", "_do": "add:prices",
    }  # fmt: skip
    page = browser.post("/console/core/plugins/stalls", form).text
    assert re.search(r'name="prices.0.key" value="tea"', page)
    assert 'name="prices.1.key"' in page
    assert "移除" in words(page)
