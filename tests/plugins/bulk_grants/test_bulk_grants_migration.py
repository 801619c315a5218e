"""What core kept of batches goes over to the plugin: no row is lost, and a batch that was running ends."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from core import db, identity, points, tenants
from core.contract.context import Context
from core.events.models import Job
from core.members import MemberView
from core.rewards import RewardGrant, RewardSpec
from plugins import bulk_grants
from plugins.bulk_grants import service
from plugins.bulk_grants.models import BulkGrantsBatch, BulkGrantsRecipient

MIGRATION = Path(bulk_grants.__file__).parent / "migrations" / "0001_initial_tables.py"
FIFTY = [RewardSpec(kind="points", spec={"amount": 50})]
OLD = (
    "INSERT INTO reward_batch SELECT * FROM bulk_grants_batch",
    "INSERT INTO reward_batch_member SELECT * FROM bulk_grants_recipient",
    "DELETE FROM bulk_grants_batch",
    "DELETE FROM bulk_grants_recipient",
    "UPDATE job SET plugin = 'core', kind = 'core.rewards_batch' WHERE kind = 'bulk_grants.run'",
    "DELETE FROM tenant_plugin WHERE slug = 'bulk_grants'",
)


def upgrade() -> None:
    spec = importlib.util.spec_from_file_location("migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with db.connection(), db.unbounded(), db.database.obj.atomic():
        module.up(None, db.database.obj)


@pytest.fixture
def half_way(
    bulk: Context, somebody: Callable[[], Context], member: Callable[..., MemberView], monkeypatch: pytest.MonkeyPatch
) -> tuple[UUID, list[MemberView]]:
    """Leave the database as the release before did, with a batch that has reached the first of three members."""
    monkeypatch.setattr(service, "CHUNK", 1)
    people = [member() for _ in range(3)]
    made = service.draft(somebody(), name="b", members=[m.id for m in people], rewards_=FIFTY, reason="outage").id
    service.approve(somebody(), made)
    with bulk.transaction():
        following = service.run(bulk, service.Step(batch=made))
        assert following is not None
        Job.scoped(bulk).update(payload=following.payload.model_dump_json()).where(
            Job.kind == "bulk_grants.run"
        ).execute()
        RewardGrant.scoped(bulk).update(plugin="core", batch=made).where(RewardGrant.key.is_null(False)).execute()
    with db.connection(), db.unbounded():
        for statement in OLD:
            db.database.execute_sql(statement)
    tenants.forget_cached()
    return made, people


def test_a_batch_that_was_running_ends_and_can_be_recalled(
    tenant: Context,
    half_way: tuple[UUID, list[MemberView]],
    somebody: Callable[[], Context],
    available: Callable[[MemberView], int],
    drain: Callable[[], int],
) -> None:
    made, people = half_way
    upgrade()
    drain()
    assert [available(m) for m in people] == [50, 50, 50]
    row = BulkGrantsBatch.scoped(tenant).get(BulkGrantsBatch.id == made)
    assert (row.state, row.given, row.reason) == ("done", 3, "outage")
    assert BulkGrantsRecipient.scoped(tenant).select().count() == 3
    service.recall(somebody(), made, "wrong list")
    drain()
    assert [available(m) for m in people] == [0, 0, 0]


def test_who_could_work_with_batches_still_can_and_their_points_live_as_long(
    tenant: Context, half_way: tuple[UUID, list[MemberView]]
) -> None:
    with tenant.transaction():
        for code in ("rewards.view", "rewards.approve", "members.view"):
            identity.save_role(tenant, code, code, [code])
        key, _ = identity.create_key(tenant, "till", ["rewards.approve"])
        staff = identity.create_staff(tenant, "anna", "correct horse battery", "Anna", ["rewards.view"])
        tenants.save_settings(tenant, "core", {"months": 12, "sources": [{"source": "rewards", "months": 6}]})
    upgrade()
    tenants.forget_cached()
    access = identity.AccessKey.scoped(tenant).get(identity.AccessKey.id == key)
    assert access.permissions == '["bulk_grants.approve","rewards.approve"]'
    held = {role.code: set(role.permissions) for role in identity.roles(tenant)}
    assert held["rewards.view"] == {"rewards.view", "bulk_grants.view"}
    assert held["rewards.approve"] == {"rewards.approve", "bulk_grants.approve"}
    assert held["members.view"] == {"members.view"}
    stored = identity.Staff.scoped(tenant).get(identity.Staff.id == staff.id)
    assert stored.permissions == '["bulk_grants.view","rewards.view"]'
    settings = tenants.by_id(tenant.tenant.id)
    assert "bulk_grants" in settings.plugins
    policy = tenant.services.settings_of(settings, points.PointsSettings)
    assert [(one.source, one.months) for one in policy.sources] == [("bulk_grants", 6)]


def test_nothing_stays_behind_in_the_old_tables(half_way: tuple[UUID, list[MemberView]]) -> None:
    upgrade()
    with db.connection(), db.unbounded():
        left = [
            db.database.execute_sql(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("reward_batch", "reward_batch_member")
        ]
    assert left == [0, 0]
