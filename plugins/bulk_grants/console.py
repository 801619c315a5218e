"""Batches as staff work with them, and what became of each recipient."""

from uuid import UUID

from plugins.bulk_grants import service
from plugins.bulk_grants.api import require_head_office
from plugins.bulk_grants.audience import Audience, members_of
from plugins.bulk_grants.models import BulkGrantsBatch, BulkGrantsRecipient
from plugins.bulk_grants.schemas import BatchForm, RecallForm
from roost import Action, Column, Context, Form, Invalid, Resource, Text, names_in, rewards

STATES = {
    "draft": Text("待审批", "Draft"),
    "approved": Text("发放中", "Running"),
    "done": Text("已发放", "Done"),
    "recalling": Text("撤回中", "Being recalled"),
    "recalled": Text("已撤回", "Recalled"),
    "dropped": Text("已放弃", "Dropped"),
}
RECIPIENT_STATES = {
    "waiting": Text("待发放", "Waiting"),
    "given": Text("已发放", "Given"),
    "failed": Text("失败", "Failed"),
    "taken": Text("已撤回", "Taken back"),
    "spent": Text("已使用", "Spent"),
}


def _draft(ctx: Context, body: BatchForm) -> BulkGrantsBatch:
    require_head_office(ctx)
    members = members_of(ctx, Audience(body.state, body.level, body.member_class, body.venue))
    if not members:
        raise Invalid("nobody is in this audience", "没有符合条件的会员")
    points = [rewards.RewardSpec(kind="points", spec={"amount": body.points})]
    return service.draft(ctx, name=body.name, members=members, rewards_=points, reason=body.reason)


def _approve(ctx: Context, batch: UUID, body: None) -> None:
    require_head_office(ctx)
    service.approve(ctx, batch)


def _drop(ctx: Context, batch: UUID, body: None) -> None:
    require_head_office(ctx)
    service.drop(ctx, batch)


def _recall(ctx: Context, batch: UUID, body: RecallForm) -> None:
    require_head_office(ctx)
    service.recall(ctx, batch, body.reason)


BATCHES = Resource(
    name="batches",
    title=Text("批量发放", "Reward batches"),
    model=BulkGrantsBatch,
    permission="bulk_grants.view",
    edit_permission="bulk_grants.edit",
    create=Form(BatchForm, _draft),
    venue_free=True,
    member=None,
    also=("made_by", "approved_by"),
    actions=(
        Action(
            "approve",
            Text("审批并发放", "Approve"),
            _approve,
            "bulk_grants.approve",
            shown=lambda row: row.state == "draft",
            idempotent=True,
        ),
        Action("drop", Text("放弃", "Drop"), _drop, shown=lambda row: row.state == "draft"),
        Action(
            "recall",
            Text("撤回", "Recall"),
            _recall,
            "bulk_grants.approve",
            form=RecallForm,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("approved", "done"),
        ),
    ),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("rewards", Text("奖励", "Rewards"), "rewards", list=False),
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

RECIPIENTS = Resource(
    name="recipients",
    title=Text("批量发放明细", "Recipients of batches"),
    model=BulkGrantsRecipient,
    permission="bulk_grants.view",
    export_permission="bulk_grants.view",
    venue_free=True,
    also=("place", "grant"),
    columns=(
        Column("batch", Text("批次", "Batch"), named=names_in(BulkGrantsBatch, "name"), filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=RECIPIENT_STATES, filter=True),
        Column("remark", Text("备注", "Remark")),
    ),
)
