"""Batches of rewards as resources: drafted, approved by a second person, recalled; and their heads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import rewards
from core.contract.console import Action, Choice, Column, Form, Resource
from core.contract.context import Context
from core.errors import Forbidden, Invalid
from core.rewards import Audience, BatchView, RewardBatch, RewardBatchMember, RewardSpec
from core.words import Text

STATES = {
    "draft": Text("待审批", "Draft"),
    "approved": Text("发放中", "Running"),
    "done": Text("已发放", "Done"),
    "recalling": Text("撤回中", "Being recalled"),
    "recalled": Text("已撤回", "Recalled"),
    "dropped": Text("已放弃", "Dropped"),
}
HEADS = {
    "waiting": Text("待发放", "Waiting"),
    "given": Text("已发放", "Given"),
    "failed": Text("失败", "Failed"),
    "taken": Text("已撤回", "Taken back"),
    "spent": Text("已使用", "Spent"),
}


class BatchForm(BaseModel):
    """Points to everybody of an audience; other rewards and lists of members go over REST."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, description="名称 / name")
    reason: str = Field(min_length=2, max_length=200, description="原因 / why")
    points: int = Field(
        ge=1,
        le=1_000_000,
        description="每位会员各得这么多，合计为每人积分 × 人数 / each member gets so many; in all: times the members",
        json_schema_extra={"zh": "每人积分", "en": "Points for each member"},
    )
    state: Annotated[str, Choice("states")] = Field("", description="会员状态 / state")
    level: Annotated[str, Choice("levels")] = Field("", max_length=40, description="等级 / level")
    member_class: Annotated[str, Choice("classes")] = Field("", max_length=40, description="类别 / class")
    venue: UUID | None = Field(None, description="所属门店 / home venue")


class RecallForm(BaseModel):
    """Why a batch is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=200, description="原因 / why")


class BatchRow(BaseModel):
    """A batch in the list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    reason: str
    state: str
    heads: int
    points: int
    given: int
    failed: int
    taken: int
    made_at: datetime
    approved_at: datetime | None
    finished_at: datetime | None


class HeadRow(BaseModel):
    """A head in the list."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    batch: UUID
    place: int
    member: UUID
    state: str
    remark: str


def _head_office(ctx: Context) -> None:
    if ctx.actor.venues:
        raise Forbidden("an account of single venues gives to no batch", "门店账号不能批量发放")


def _draft(ctx: Context, body: BatchForm) -> BatchView:
    _head_office(ctx)
    heads = rewards.audience(ctx, Audience(body.state, body.level, body.member_class, body.venue))
    if not heads:
        raise Invalid("nobody is in this audience", "没有符合条件的会员")
    five = [RewardSpec(kind="points", spec={"amount": body.points})]
    return rewards.preview_batch(ctx, name=body.name, members=heads, rewards=five, reason=body.reason)


def _approve(ctx: Context, batch: UUID, body: None) -> None:
    _head_office(ctx)
    rewards.approve_batch(ctx, batch)


def _drop(ctx: Context, batch: UUID, body: None) -> None:
    _head_office(ctx)
    rewards.drop_batch(ctx, batch)


def _recall(ctx: Context, batch: UUID, body: RecallForm) -> None:
    _head_office(ctx)
    rewards.recall_batch(ctx, batch, reason=body.reason)


def _batches(ctx: Context, ids: Sequence[UUID]) -> dict[UUID, str]:
    rows = RewardBatch.scoped(ctx).select(RewardBatch.id, RewardBatch.name).where(RewardBatch.id.in_(list(ids)))
    return {row.id: row.name for row in rows}


BATCHES = Resource(
    name="batches",
    area="marketing",
    title=Text("批量发放", "Reward batches"),
    model=RewardBatch,
    reply=BatchRow,
    permission="rewards.view",
    edit_permission="rewards.edit",
    create=Form(BatchForm, _draft),
    member=None,
    actions=(
        Action(
            "approve",
            Text("审批并发放", "Approve"),
            _approve,
            "rewards.approve",
            shown=lambda row: row.state == "draft",
            idempotent=True,
        ),
        Action("drop", Text("放弃", "Drop"), _drop, "rewards.edit", shown=lambda row: row.state == "draft"),
        Action(
            "recall",
            Text("撤回", "Recall"),
            _recall,
            "rewards.approve",
            form=RecallForm,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("approved", "done"),
        ),
    ),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("heads", Text("人数", "Heads"), "int"),
        Column("points", Text("积分合计", "Points in all"), "points"),
        Column("given", Text("已发放", "Given"), "int"),
        Column("failed", Text("失败", "Failed"), "int"),
        Column("taken", Text("已撤回", "Taken back"), "int"),
        Column("reason", Text("原因", "Reason"), list=False),
        Column("made_at", Text("建立时间", "Drafted"), "time", filter=True),
        Column("approved_at", Text("审批时间", "Approved"), "time", list=False),
        Column("finished_at", Text("完成时间", "Finished"), "time", list=False),
    ),
)

BATCH_HEADS = Resource(
    name="batch-heads",
    area="marketing",
    title=Text("批量发放明细", "Heads of batches"),
    model=RewardBatchMember,
    reply=HeadRow,
    permission="rewards.view",
    export_permission="rewards.view",
    columns=(
        Column("batch", Text("批次", "Batch"), named=_batches, filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=HEADS, filter=True),
        Column("remark", Text("备注", "Remark")),
    ),
)
