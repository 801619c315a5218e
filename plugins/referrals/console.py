"""What staff see of referrals, and what they may correct."""

from uuid import UUID

from plugins.referrals import relations
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import BindIn, ClawBackIn, RebindIn
from roost import Action, Column, Context, Form, Resource, Text

STATES = {
    "bound": Text("已绑定", "bound"),
    "converted": Text("已转化", "converted"),
    "refunded": Text("已退款", "refunded"),
    "void": Text("已作废", "void"),
    "refused": Text("已拒绝", "refused"),
}
ROLES = {
    "registration": Text("注册奖励", "registration"),
    "conversion": Text("转化奖励", "conversion"),
    "invitee": Text("好友奖励", "invitee"),
    "step": Text("阶梯奖励", "step"),
}
REWARD_STATES = {
    "waiting": Text("待发放", "waiting"),
    "given": Text("已发放", "given"),
    "capped": Text("未发放", "not given"),
    "clawed": Text("已追回", "clawed back"),
}


def _claw_back(ctx: Context, relation: UUID, body: ClawBackIn) -> None:
    relations.undo(ctx, relation, body.reason)


RELATIONS = Resource(
    name="relations",
    title=Text("推荐关系", "Relations"),
    model=ReferralsRelation,
    columns=(
        Column("inviter", Text("推荐人", "Inviter"), "member", filter=True),
        Column("invitee", Text("被推荐人", "Invitee"), "member", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("reason", Text("原因", "Reason")),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("bound_at", Text("绑定时间", "Bound"), "time", filter=True),
        Column("converted_at", Text("转化时间", "Converted"), "time", filter=True),
    ),
    permission="referrals.view",
    edit_permission="referrals.edit",
    create=Form(BindIn, relations.bind),
    actions=(
        Action(
            "rebind",
            Text("改绑", "Rebind"),
            relations.rebind,
            form=RebindIn,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("bound", "refused", "void"),
        ),
        Action(
            "claw_back",
            Text("追回奖励", "Claw back"),
            _claw_back,
            form=ClawBackIn,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state == "converted",
        ),
    ),
    venue="venue",
    member="invitee",
    export_permission="referrals.view",
)

REWARDS = Resource(
    name="rewards",
    title=Text("推荐奖励", "Rewards"),
    model=ReferralsReward,
    also=("relation", "grant"),
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("role", Text("奖励类型", "For"), "choice", choices=ROLES, filter=True),
        Column("step", Text("阶梯", "Step"), "int"),
        Column("period", Text("周期", "Period"), filter=True),
        Column("state", Text("状态", "State"), "choice", choices=REWARD_STATES, filter=True),
        Column("reason", Text("原因", "Reason")),
        Column("at", Text("时间", "At"), "time", filter=True),
    ),
    permission="referrals.view",
    venue_free=True,
    export_permission="referrals.view",
)
