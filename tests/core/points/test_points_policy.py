"""How long points live: one policy of the tenant, by who gives them, at every door."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import core
from core import db, points, rewards, tenants
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.errors import Invalid, KeyReused
from core.ids import new_id
from core.members import MemberView
from core.rewards import RewardSpec
from hosts.testkit.plugin import Api

Make = Callable[..., MemberView]
YEARS_2 = datetime(2028, 11, 30, 16, tzinfo=UTC)  # the tests' clock begins on 22 November 2026, in Shanghai


def months(ctx: Context, default: int, **by_source: int) -> None:
    sources = [{"source": name, "months": count} for name, count in by_source.items()]
    tenants.save_settings(ctx, "core", {"months": default, "sources": sources})
    object.__setattr__(ctx, "tenant", tenants.by_id(ctx.tenant.id))


def ends(ctx: Context, member: MemberView) -> list[str]:
    rows = db.fetch_all(
        db.EVERY_TENANT,
        db.Sql(
            "SELECT l.expires_at FROM lot l JOIN account a ON a.id = l.account"
            " WHERE a.member = %s AND a.asset = 'points' ORDER BY l.id"
        ),
        [member.id],
    )
    return [str(one)[:7] if one is not None else "never" for (one,) in rows]


def give(ctx: Context, member: MemberView, key: str = "", **more: Any) -> None:
    ctx.run(lambda: points.credit(ctx, member.id, "points", 5, key=key or new_id().hex, reason="r", **more))


def test_the_last_day_of_a_month_in_the_tenants_zone_ends_them() -> None:
    credited = datetime(2026, 11, 30, 17, 0, tzinfo=UTC)  # already 1 December in Shanghai
    assert points.month_end(credited, "Asia/Shanghai", 24) == datetime(2028, 12, 31, 16, 0, tzinfo=UTC)
    assert points.month_end(credited, "UTC", 3) == datetime(2027, 3, 1, tzinfo=UTC)  # a February of 28 days
    assert points.month_end(credited, "UTC", 0) is None


def test_every_door_goes_by_the_default_of_two_years(tenant: Context, member: Make) -> None:
    one = member()
    give(tenant, one)
    with tenant.transaction():
        points.credit_many(tenant, [points.Credit(one.id, "points", 5, "many", "r")])
        rewards.give(tenant, one.id, [RewardSpec(kind="points", spec={"amount": 5})], key="g", reason="r")
        points.credit(tenant, one.id, "growth", 5, key="growth", reason="r")
        points.credit(tenant, one.id, "stored_value", 5, key="stored", reason="r")
    assert points.balance(tenant, one.id).next_expiry == YEARS_2
    assert len(set(ends(tenant, one))) == 1
    assert len(ends(tenant, one)) == 3
    assert points.balance(tenant, one.id, "growth").next_expiry is None
    assert points.balance(tenant, one.id, "stored_value").next_expiry is None


def test_a_source_may_differ_and_what_is_imported_too(tenant: Context, member: Make) -> None:
    months(tenant, 12, manual=1, referrals=3, bulk_grants=6, api=0, **{"import": 36})
    staff, key = (replace(tenant, actor=Actor(kind, new_id())) for kind in ("staff", "key"))
    reward = [RewardSpec(kind="points", spec={"amount": 5})]

    def granted(ctx: Context, one: MemberView) -> None:
        ctx.run(lambda: rewards.give(ctx, one.id, reward, key=new_id().hex, reason="r"))

    said: dict[str, list[str]] = {}
    for name, act in {
        "default": lambda one: give(tenant, one),
        "by hand": lambda one: give(staff, one),
        "by a key": lambda one: give(key, one),
        "a plugin": lambda one: give(tenant.for_plugin("visits"), one),
        "a plugin of its own": lambda one: give(tenant.for_plugin("referrals"), one),
        "its reward": lambda one: granted(tenant.for_plugin("referrals"), one),
        "a batch": lambda one: granted(tenant.for_plugin("bulk_grants"), one),
        "imported": lambda one: give(tenant.for_plugin("referrals").imported(), one),
    }.items():
        one = member()
        act(one)
        said[name] = ends(tenant, one)
    assert said == {
        "default": ["2027-11"],
        "by hand": ["2026-12"],
        "by a key": ["never"],
        "a plugin": ["2027-11"],
        "a plugin of its own": ["2027-02"],
        "its reward": ["2027-02"],
        "a batch": ["2027-05"],
        "imported": ["2029-11"],
    }


def test_a_caller_who_says_when_is_heard_and_what_was_given_stays(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    give(tenant, one)
    months(tenant, 1)
    give(tenant, one, expires_at=None)
    give(tenant, one, expires_at=datetime(2027, 5, 5, tzinfo=UTC))
    give(tenant, one)
    assert sorted(ends(tenant, one)) == ["2026-12", "2027-05", "2028-11", "never"]


def test_a_repeat_after_the_month_or_the_policy_changed_is_the_same_credit(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    give(tenant, one, "k")
    clock.advance(days=60)
    months(tenant, 3)
    give(tenant, one, "k")
    assert ends(tenant, one) == ["2028-11"]
    with pytest.raises(KeyReused) as caught:
        give(tenant, one, "k", expires_at=None)
    assert "expiry" in caught.value.message


def test_a_source_stands_once_in_the_policy(tenant: Context) -> None:
    twice = [{"source": "manual", "months": 1}, {"source": "manual", "months": 2}]
    with pytest.raises(Invalid) as caught:
        tenants.save_settings(tenant, "core", {"sources": twice})
    assert "manual" in str(caught.value.fields)
    with pytest.raises(Invalid):
        tenants.save_settings(tenant, "core", {"months": 241})


def test_over_rest_what_is_left_out_goes_by_the_policy_and_null_is_for_good(
    api: Api, tenant: Context, member: Make
) -> None:
    one = member()
    key = api.as_staff("points.adjust", "members.view", "plugins.view", "plugins.edit")
    saved = api.put("/admin/v1/plugins/core/settings", token=key, json={"values": {"months": 2}})
    assert saved.status_code == 200, saved.text
    assert api.get("/admin/v1/plugins/core/settings", token=key).json["values"]["months"] == 2
    for body in ({}, {"expires_at": None}, {"expires_at": "2027-05-05T00:00:00Z"}):
        sent = {"amount": 5, "reason": "r", **body}
        assert api.post(f"/admin/v1/members/{one.id}/points", token=key, json=sent, key=new_id().hex).status_code == 200
    assert sorted(ends(tenant, one)) == ["2027-01", "2027-05", "never"]


def test_what_purchases_and_visits_were_set_to_becomes_a_row_of_the_policy(new_tenant: Callable[..., Context]) -> None:
    old, other = new_tenant("old"), new_tenant("other")
    write = db.Sql("INSERT INTO tenant_plugin (tenant, slug, enabled, settings) VALUES (%s, %s, %s, %s)")
    for slug, held in (("purchases", {"points_months": 0, "fen_per_point": 50}), ("visits", {"points_months": 6})):
        db.run(db.EVERY_TENANT, write, [old.tenant.id, slug, True, json.dumps(held)])
    db.run(db.EVERY_TENANT, write, [other.tenant.id, "visits", True, json.dumps({"points": 7})])
    path = Path(core.__file__).parent / "migrations" / "0005_one_policy_of_expiry.py"
    spec = importlib.util.spec_from_file_location("migration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with db.connection(), db.unbounded():
        module.up(None, db.database.obj)
    stored = db.fetch_all(
        db.EVERY_TENANT, db.Sql("SELECT tenant, slug, settings FROM tenant_plugin ORDER BY tenant, slug"), []
    )
    sources = [{"source": "purchases", "months": 0}, {"source": "visits", "months": 6}]
    assert [(tenant, slug, json.loads(held)) for tenant, slug, held in stored] == [
        (old.tenant.id, "core", {"sources": sources}),
        (old.tenant.id, "purchases", {"fen_per_point": 50}),
        (old.tenant.id, "visits", {}),
        (other.tenant.id, "visits", {"points": 7}),
    ]
    fresh = replace(old, tenant=tenants.by_id(old.tenant.id))
    assert fresh.settings(points.PointsSettings).sources[1].months == 6
