"""A batch from draft to recall; each step of its chain is one transaction over a few hundred recipients."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from plugins.bulk_grants.models import BulkGrantsBatch, BulkGrantsRecipient
from roost import (
    Conflict,
    Context,
    Forbidden,
    Invalid,
    Next,
    RoostError,
    Text,
    Veto,
    insert_rows,
    kept,
    new_id,
    rewards,
    savepoint,
)

RewardSpec = rewards.RewardSpec
CHUNK = 200  # recipients of one step of a chain
RUNNING = ("approved", "recalling")
MOST_REMARK = 500  # characters of why somebody got nothing


class Step(BaseModel):
    """What a step of a chain carries: the batch, and the place it begins at."""

    batch: UUID
    place: int = 0


def draft(
    ctx: Context, *, name: str, members: Sequence[UUID], rewards_: Sequence[RewardSpec], reason: str
) -> BulkGrantsBatch:
    """Draft a batch and return it with its heads and the points it will mint; nothing is given before it is approved.

    Raises Invalid for an empty list or a wrong reward, Conflict for a kind that is off.
    """
    heads = list(dict.fromkeys(members))
    if not heads or not rewards_:
        raise Invalid("a batch needs at least one member and one reward", "请至少选择一名会员和一项奖励")
    with ctx.transaction():
        batch: BulkGrantsBatch = BulkGrantsBatch.scoped(ctx).create(
            id=new_id(),
            name=name,
            reason=reason,
            state="draft",
            rewards=[one.model_dump(mode="json") for one in rewards_],
            heads=len(heads),
            points=rewards.check_rewards(ctx, list(rewards_)) * len(heads),
            made_by=str(ctx.actor),
            made_at=ctx.now(),
        )
        rows = [{"batch": batch.id, "place": place, "member": member} for place, member in enumerate(heads)]
        insert_rows(ctx, BulkGrantsRecipient, rows)
        return batch


def approve(ctx: Context, batch_id: UUID) -> None:
    """Approve a draft and start it. Raises Forbidden for whoever drafted it."""
    with ctx.transaction():
        if str(ctx.actor) == _locked(ctx, batch_id, "draft").made_by:
            raise Forbidden("somebody else has to approve this batch", "须由其他员工审批", code="second_approver")
        _change(ctx, batch_id, state="approved", approved_by=str(ctx.actor), approved_at=ctx.now())
        ctx.enqueue("bulk_grants.run", Step(batch=batch_id), dedupe=f"run:{batch_id}")


def drop(ctx: Context, batch_id: UUID) -> None:
    """Drop a draft: it can no longer be approved."""
    with ctx.transaction():
        _locked(ctx, batch_id, "draft")
        _change(ctx, batch_id, state="dropped")


def recall(ctx: Context, batch_id: UUID, reason: str) -> None:
    """Start taking a batch back, also while it still runs; recipients in the state `spent` tell what did not come."""
    with ctx.transaction():
        _locked(ctx, batch_id, "approved", "done")
        _change(ctx, batch_id, state="recalling", recall_reason=reason)
        ctx.enqueue("bulk_grants.recall", Step(batch=batch_id), dedupe=f"recall:{batch_id}")


def _locked(ctx: Context, batch_id: UUID, *states: str) -> BulkGrantsBatch:
    batch: BulkGrantsBatch = BulkGrantsBatch.scoped(ctx).lock(BulkGrantsBatch.id == batch_id)
    if batch.state not in states:
        raise Conflict(
            f"the batch is {batch.state}; this needs {' or '.join(states)}",
            "批次的当前状态无法执行此操作",
            code="batch_state",
            state=batch.state,
        )
    return batch


def _change(ctx: Context, batch_id: UUID, **values: Any) -> None:  # Any: whatever the columns hold
    BulkGrantsBatch.scoped(ctx).update(**values).where(BulkGrantsBatch.id == batch_id).execute()


def run(ctx: Context, step: Step) -> Next | None:
    """Give to the next recipients of an approved batch.

    Who cannot be given to (sold out, erased, a kind off since) is marked with the reason, and the others go on.
    """
    batch = BulkGrantsBatch.scoped(ctx).lock(BulkGrantsBatch.id == step.batch)
    if batch.state != "approved":  # recalled meanwhile: stop here
        return None
    wanted = [RewardSpec.model_validate(one) for one in batch.rewards]
    chunk = _chunk(ctx, step)
    given = sum(_give(ctx, batch, recipient, wanted) for recipient in chunk)
    last = len(chunk) < CHUNK
    _change(
        ctx,
        batch.id,
        given=BulkGrantsBatch.given + given,
        failed=BulkGrantsBatch.failed + len(chunk) - given,
        state="done" if last else "approved",
        finished_at=ctx.now() if last else None,
    )
    return None if last else Next(Step(batch=batch.id, place=chunk[-1].place + 1))


def _give(ctx: Context, batch: BulkGrantsBatch, recipient: BulkGrantsRecipient, wanted: list[RewardSpec]) -> bool:
    try:
        with savepoint():
            key = f"batch:{batch.id}:{recipient.place}"
            done = rewards.give(ctx, recipient.member, wanted, key=key, reason=batch.reason)
    except RoostError as ex:
        _mark(ctx, recipient, state="failed", remark=kept(Text(ex.message_zh, ex.message), MOST_REMARK))
        return False
    _mark(ctx, recipient, state="given", grant=done.id)
    return True


def run_recall(ctx: Context, step: Step) -> Next | None:
    """Take back from the next recipients of a recalled batch."""
    batch = BulkGrantsBatch.scoped(ctx).lock(BulkGrantsBatch.id == step.batch)
    if batch.state != "recalling":
        return None
    chunk = _chunk(ctx, step)
    taken = sum(_take_back(ctx, batch, recipient) for recipient in chunk)
    last = len(chunk) < CHUNK
    _change(
        ctx,
        batch.id,
        taken=BulkGrantsBatch.taken + taken,
        state="recalled" if last else "recalling",
        finished_at=ctx.now(),
    )
    return None if last else Next(Step(batch=batch.id, place=chunk[-1].place + 1))


def _take_back(ctx: Context, batch: BulkGrantsBatch, recipient: BulkGrantsRecipient) -> bool:
    if recipient.grant is None:
        return False
    back = rewards.revoke(ctx, recipient.grant, reason=batch.recall_reason)
    _mark(ctx, recipient, state="spent" if back.spent else "taken", remark="; ".join(back.spent))
    return not back.spent


def _chunk(ctx: Context, step: Step) -> list[BulkGrantsRecipient]:
    recipient = BulkGrantsRecipient
    query = recipient.scoped(ctx).select().where(recipient.batch == step.batch, recipient.place >= step.place)
    return list(query.order_by(recipient.place).limit(CHUNK))


def _mark(ctx: Context, recipient: BulkGrantsRecipient, **values: Any) -> None:  # Any: whatever the columns hold
    BulkGrantsRecipient.scoped(ctx).update(**values).where(BulkGrantsRecipient.id == recipient.id).execute()


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while a batch is given or taken back: its chain would stop half-way."""
    if BulkGrantsBatch.scoped(ctx).select().where(BulkGrantsBatch.state.in_(RUNNING)).exists():
        return Veto("batch_running", "a batch is still being given or taken back", "仍有批次在发放或撤回中")
    return None
