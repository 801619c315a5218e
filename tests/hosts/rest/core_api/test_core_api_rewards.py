"""Rewards over HTTP: the kinds there are."""

from typing import Any

from core.contract.context import Context


def test_the_kinds_that_rules_may_name_come_with_what_they_need(tenant: Context, api: Any) -> None:
    kinds = api.get("/admin/v1/rewards/kinds", token=api.as_staff("rewards.view")).json
    assert {kind["name"] for kind in kinds["rewards"]} == {"points", "growth"}
    asked = {kind["name"]: kind["spec"]["required"] for kind in kinds["conditions"]}
    assert asked["level"] == ["values"]
    assert asked["registered_within_days"] == ["days"]
