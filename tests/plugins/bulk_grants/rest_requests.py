"""Working requests of bulk grants."""

from uuid import UUID

from core.contract.context import Actor
from core.rewards import RewardSpec
from plugins.bulk_grants import service
from plugins.bulk_grants.models import BulkGrantsRecipient
from tests.hosts.rest.working import Call, Maker, Stage

FIVE = {"kind": "points", "spec": {"amount": 5}}
BATCH = {"name": "b", "reason": "test"}


def drafted(stage: Stage) -> UUID:
    """Draft a batch for the owner, by the system."""
    ctx = stage.ctx.for_plugin("bulk_grants")
    rewards = [RewardSpec.model_validate(FIVE)]
    return service.draft(ctx, members=[stage.owner.id], rewards_=rewards, **BATCH).id


def of_draft(stage: Stage) -> Call:
    """Name a draft."""
    return Call({"row_id": drafted(stage)})


def of_approved(stage: Stage) -> Call:
    """Name a batch that is being given."""
    made = drafted(stage)
    other = stage.ctx.acting(Actor("system", reason="somebody else"))
    service.approve(other.for_plugin("bulk_grants"), made)
    return Call({"row_id": made}, body={"reason": "asked for"})


def of_recipient(stage: Stage) -> Call:
    """Name the owner's part of a batch."""
    made = drafted(stage)
    row = BulkGrantsRecipient.scoped(stage.ctx).get(BulkGrantsRecipient.batch == made)
    return Call({"row_id": row.id})


def by_members(stage: Stage) -> Call:
    """Draft for the owner by their id."""
    return Call(body={**BATCH, "rewards": [FIVE], "members": [str(stage.owner.id)]})


def by_audience(stage: Stage) -> Call:
    """Draft for everybody of the owner's state."""
    return Call(body={**BATCH, "points": 5, "state": stage.owner.state})


WORKING: dict[str, Maker] = {
    "POST /admin/v1/bulk_grants/drafts": by_members,
    "POST /admin/v1/bulk_grants/batches": by_audience,
    "GET /admin/v1/bulk_grants/batches/{row_id}": of_draft,
    "POST /admin/v1/bulk_grants/batches/{row_id}/approve": of_draft,
    "POST /admin/v1/bulk_grants/batches/{row_id}/drop": of_draft,
    "POST /admin/v1/bulk_grants/batches/{row_id}/recall": of_approved,
    "GET /admin/v1/bulk_grants/recipients/{row_id}": of_recipient,
}
