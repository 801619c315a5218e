"""Give the same to many: previewed with heads and cost, approved by a second person, run as a chain,
recalled.

A mistaken batch is recalled the same way: whatever is left comes back, and what was spent is listed head by
head.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core import db
from core.contract.context import Context
from core.contract.work import Next
from core.errors import Conflict, Forbidden, Invalid, RoostError
from core.ids import new_id
from core.rewards import grants
from core.rewards.models import RewardBatch, RewardBatchMember
from core.rewards.rules import check_rewards
from core.rewards.specs import BatchView, RewardSpec
from core.rewards.why import describe

CHUNK = 200  # heads of one step of the chain: one transaction
ROWS = 500
RUN = "core.rewards_batch"
RECALL = "core.rewards_recall"


class Step(BaseModel):
    """What a step of the chain carries: the batch, and the place it begins at."""

    batch: UUID
    place: int = 0


def _view(ctx: Context, row: RewardBatch) -> BatchView:
    return BatchView(
        row.id,
        row.name,
        row.reason,
        row.state,
        row.heads,
        row.points,
        tuple(describe(ctx, RewardSpec.model_validate(r)) for r in row.rewards),
        row.given,
        row.failed,
        row.taken,
        row.made_by,
        row.approved_by,
    )


def preview_batch(
    ctx: Context, *, name: str, members: Sequence[UUID], rewards: Sequence[RewardSpec], reason: str
) -> BatchView:
    """Draft a batch and return its heads and the points it will mint; nothing is given before it is approved.

    Needs `rewards.edit`. Raises Invalid for an empty list or a wrong reward, Conflict for a kind that is off.
    """
    ctx.require("rewards.edit")
    heads = list(dict.fromkeys(members))
    if not heads or not rewards:
        raise Invalid("a batch needs at least one member and one reward", "请至少选择一名会员和一项奖励")
    if not reason.strip():
        raise Invalid(
            "say why: the reason stays with every grant",
            "请填写原因",
            fields=[{"path": "reason", "message": "empty"}],
        )
    with ctx.transaction():
        cost = check_rewards(ctx, list(rewards))
        row = RewardBatch.scoped(ctx).create(
            id=new_id(),
            name=name[:100],
            reason=reason[:200],
            state="draft",
            rewards=[r.model_dump(mode="json") for r in rewards],
            heads=len(heads),
            points=cost * len(heads),
            made_by=str(ctx.actor),
            made_at=ctx.now(),
        )
        for start in range(0, len(heads), ROWS):
            RewardBatchMember.scoped(ctx).insert_many(
                [
                    {"batch": row.id, "place": start + n, "member": member}
                    for n, member in enumerate(heads[start : start + ROWS])
                ]
            ).execute()
        ctx.audit("rewards.batch_drafted", str(row.id), {"heads": len(heads), "points": row.points})
        return _view(ctx, row)


def batch(ctx: Context, batch_id: UUID) -> BatchView:
    """Return a batch as it stands. Raises NotFound."""
    return _view(ctx, RewardBatch.scoped(ctx).get(RewardBatch.id == batch_id))


def batches(ctx: Context, limit: int = 50) -> list[BatchView]:
    """Return the tenant's batches, newest first."""
    rows = RewardBatch.scoped(ctx).select().order_by(RewardBatch.made_at.desc(), RewardBatch.id.desc())
    return [_view(ctx, row) for row in rows.limit(limit)]


def _expect(row: RewardBatch, *states: str) -> None:
    if row.state not in states:
        raise Conflict(
            f"the batch is {row.state}; this needs {' or '.join(states)}",
            f"批次状态为 {row.state}，无法执行此操作",
            code="batch_state",
            state=row.state,
        )


def approve_batch(ctx: Context, batch_id: UUID) -> BatchView:
    """Approve a draft and start it. Needs `rewards.approve`, and someone other than who drafted it
    (Forbidden).
    """
    ctx.require("rewards.approve")
    with ctx.transaction():
        row = RewardBatch.scoped(ctx).lock(RewardBatch.id == batch_id)
        _expect(row, "draft")
        if str(ctx.actor) == row.made_by:
            raise Forbidden("somebody else has to approve this batch", "须由其他员工审批", code="second_approver")
        RewardBatch.scoped(ctx).update(state="approved", approved_by=str(ctx.actor), approved_at=ctx.now()).where(
            RewardBatch.id == batch_id
        ).execute()
        ctx.audit("rewards.batch_approved", str(batch_id), {"heads": row.heads, "points": row.points})
        ctx.enqueue(RUN, Step(batch=batch_id), dedupe=f"batch:{batch_id}")
        return batch(ctx, batch_id)


def drop_batch(ctx: Context, batch_id: UUID) -> BatchView:
    """Drop a draft: it can no longer be approved. Needs `rewards.edit`."""
    ctx.require("rewards.edit")
    with ctx.transaction():
        _expect(RewardBatch.scoped(ctx).lock(RewardBatch.id == batch_id), "draft")
        RewardBatch.scoped(ctx).update(state="dropped").where(RewardBatch.id == batch_id).execute()
        ctx.audit("rewards.batch_dropped", str(batch_id))
        return batch(ctx, batch_id)


def _heads(ctx: Context, step: Step) -> list[RewardBatchMember]:
    query = (
        RewardBatchMember.scoped(ctx)
        .select()
        .where(RewardBatchMember.batch == step.batch, RewardBatchMember.place >= step.place)
    )
    return list(query.order_by(RewardBatchMember.place).limit(CHUNK))


def _mark(ctx: Context, head: RewardBatchMember, **values: Any) -> None:
    RewardBatchMember.scoped(ctx).update(**values).where(RewardBatchMember.id == head.id).execute()


def run_batch(ctx: Context, payload: dict[str, Any]) -> Next | None:
    """Give to the next heads of an approved batch: one step of the chain `core.rewards_batch`.

    A head that cannot be given to (sold out, erased, a kind off since) is marked with the reason and the
    others go on.
    """
    step = Step.model_validate(payload)
    row = RewardBatch.scoped(ctx).lock(RewardBatch.id == step.batch)
    if row.state != "approved":  # recalled meanwhile: stop here
        return None
    ctx = ctx.for_plugin("core")
    rewards = [RewardSpec.model_validate(r) for r in row.rewards]
    heads, given, failed = _heads(ctx, step), 0, 0
    for head in heads:
        try:
            with db.savepoint():
                done = grants.give(
                    ctx,
                    head.member,
                    rewards,
                    key=f"batch:{row.id}:{head.place}",
                    reason=row.reason,
                    batch=row.id,
                )
        except RoostError as ex:
            failed += 1
            _mark(ctx, head, state="failed", remark=f"{ex.code}: {ex.message}")
        else:
            given += 1
            _mark(ctx, head, state="given", grant=done.id)
    last = len(heads) < CHUNK
    RewardBatch.scoped(ctx).update(
        given=RewardBatch.given + given,
        failed=RewardBatch.failed + failed,
        state="done" if last else "approved",
        finished_at=ctx.now() if last else None,
    ).where(RewardBatch.id == row.id).execute()
    return None if last else Next(Step(batch=row.id, place=heads[-1].place + 1))


def recall_batch(ctx: Context, batch_id: UUID, *, reason: str) -> BatchView:
    """Start taking a batch back, also while it still runs. Needs `rewards.approve`; what was spent is then
    listed by
    `batch_heads(…, state="spent")`."""
    ctx.require("rewards.approve")
    with ctx.transaction():
        row = RewardBatch.scoped(ctx).lock(RewardBatch.id == batch_id)
        _expect(row, "approved", "done")
        RewardBatch.scoped(ctx).update(state="recalling", recall_reason=reason[:200]).where(
            RewardBatch.id == batch_id
        ).execute()
        ctx.audit("rewards.batch_recalled", str(batch_id), {"reason": reason})
        ctx.enqueue(RECALL, Step(batch=batch_id), dedupe=f"recall:{batch_id}")
        return batch(ctx, batch_id)


def run_recall(ctx: Context, payload: dict[str, Any]) -> Next | None:
    """Take back from the next heads of a recalled batch: one step of the chain `core.rewards_recall`."""
    step = Step.model_validate(payload)
    row = RewardBatch.scoped(ctx).lock(RewardBatch.id == step.batch)
    if row.state != "recalling":
        return None
    ctx = ctx.for_plugin("core")
    heads, taken = _heads(ctx, step), 0
    for head in heads:
        if head.state != "given" or head.grant is None:
            continue
        back = grants.revoke(ctx, head.grant, reason=row.recall_reason)
        taken += not back.spent
        _mark(ctx, head, state="spent" if back.spent else "taken", remark="; ".join(back.spent))
    last = len(heads) < CHUNK
    RewardBatch.scoped(ctx).update(
        taken=RewardBatch.taken + taken, state="recalled" if last else "recalling", finished_at=ctx.now()
    ).where(RewardBatch.id == row.id).execute()
    return None if last else Next(Step(batch=row.id, place=heads[-1].place + 1))


def batch_heads(
    ctx: Context, batch_id: UUID, *, state: str | None = None, after: int = -1, limit: int = 100
) -> list[tuple[int, UUID, str, str]]:
    """Return (place, member, state, remark) of a batch's heads after a place: `spent` and `failed` say
    why.
    """
    query = (
        RewardBatchMember.scoped(ctx)
        .select()
        .where(RewardBatchMember.batch == batch_id, RewardBatchMember.place > after)
    )
    if state is not None:
        query = query.where(RewardBatchMember.state == state)
    return [(h.place, h.member, h.state, h.remark) for h in query.order_by(RewardBatchMember.place).limit(limit)]
