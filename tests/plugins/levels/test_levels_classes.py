"""Classes: another thing than the level, with rules of their own."""

from collections.abc import Callable
from typing import Any

import pytest

from core import members, points, rewards, tenants
from core.contract.context import Context
from core.ids import new_id
from core.members import MemberView
from tests.plugins.levels.rest_requests import CLASS_RULE

Make = Callable[..., MemberView]
Drain = Callable[[], int]
RULES = "/admin/v1/levels/class_rules"


@pytest.fixture(autouse=True)
def _on(enable_plugin: Callable[..., None]) -> None:
    enable_plugin("levels")


def earn(ctx: Context, member: MemberView, amount: int, asset: str = "growth") -> points.Operation:
    with ctx.transaction():
        return points.credit(ctx, member.id, asset, amount, key=str(new_id()), reason="purchase")


def class_of(ctx: Context, member: MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, member.id).class_


def test_a_class_changes_by_points_earned_only_where_the_tenant_says_so(
    tenant: Context, member: Make, drain: Drain, enable_plugin: Callable[..., None]
) -> None:
    li, han = member(), member()
    earn(tenant, li, 1000, "points")
    drain()
    with tenant.transaction():
        assert members.get(tenant, li.id).class_ == "ordinary"
    enable_plugin("levels", class_change=True)
    earn(tenant, li, 1, "points")
    earn(tenant, han, 999, "points")
    drain()
    with tenant.transaction():
        assert members.get(tenant, li.id).class_ == "discount"
        assert members.get(tenant, han.id).class_ == "ordinary"


def test_members_move_between_classes_by_the_rules_of_staff_one_move_at_a_time(
    tenant: Context, member: Make, drain: Drain, api: Any
) -> None:
    token = api.as_staff("levels.edit")
    vip = {**CLASS_RULE, "name": "vip", "from_class": "discount", "to_class": "vip"}
    wanted = {"kind": "state", "spec": {"values": ["member"]}}
    for rule in (CLASS_RULE, {**vip, "conditions": [wanted]}):
        assert api.post(RULES, json=rule, token=token).status_code == 201
    li, staff = member(), member()
    with tenant.transaction():
        members.set_class(tenant, staff.id, "staff", "works here")
    for one in (li, staff):
        earn(tenant, one, 999, "points")
    drain()
    assert class_of(tenant, li) == "ordinary"
    for one in (li, staff):
        earn(tenant, one, 1, "points")
    drain()
    assert (class_of(tenant, li), class_of(tenant, staff)) == ("discount", "staff")
    why = rewards.why(tenant, li.id, 1)[0]
    assert (why.reason, why.evidence["conditions"][0]["value"]) == ("ordinary → discount: 1,000 points", 1000)
    with tenant.transaction():
        members.set_membership(tenant, li.id, state="member")
    drain()
    assert class_of(tenant, li) == "vip"


def test_a_rule_that_is_off_moves_nobody(tenant: Context, member: Make, drain: Drain, api: Any) -> None:
    token = api.as_staff("levels.edit")
    made = api.post(RULES, json=CLASS_RULE, token=token).json
    assert api.patch(f"{RULES}/{made['id']}", json={**CLASS_RULE, "active": False}, token=token).status_code == 200
    li = member()
    earn(tenant, li, 1000, "points")
    drain()
    assert class_of(tenant, li) == "ordinary"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"conditions": [{"kind": "nothing", "spec": {}}]}, 409),
        ({"conditions": [{"kind": "points_earned", "spec": {"least": 0}}]}, 422),
        ({"conditions": []}, 422),
        ({"to_class": "ordinary"}, 422),
    ],
)
def test_a_rule_that_cannot_be_asked_is_refused(tenant: Context, api: Any, change: Any, status: int) -> None:
    token = api.as_staff("levels.edit")
    assert api.post(RULES, json={**CLASS_RULE, **change}, token=token).status_code == status
    assert api.get(RULES, token=token).json["items"] == []


def test_a_condition_whose_plugin_is_off_holds_up_neither_levels_nor_other_rules(
    tenant: Context, member: Make, drain: Drain, api: Any, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("purchases")
    token = api.as_staff("levels.edit")
    bought = {**CLASS_RULE, "name": "buyers", "conditions": [{"kind": "purchase_count", "spec": {}}]}
    for rule in (bought, {**CLASS_RULE, "position": 2}):
        assert api.post(RULES, json=rule, token=token).status_code == 201
    tenants.disable_plugin(tenant, "purchases")
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    li = member()
    earn(tenant, li, 150)
    earn(tenant, li, 1000, "points")
    drain()
    with tenant.transaction():
        now = members.get(tenant, li.id)
    assert (now.level, now.class_) == ("silver", "discount")
