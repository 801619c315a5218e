"""What staff see of referrals, and what they may correct."""

from uuid import UUID

from plugins.referrals import relations
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import BindIn, ClawBackIn, RebindIn, RelationOut, RewardOut
from roost import Action, Column, Context, Form, Resource, Text

STATES = {
    "bound": Text(zh="已绑定", en="bound"),
    "converted": Text(zh="已转化", en="converted"),
    "refunded": Text(zh="已退款", en="refunded"),
    "void": Text(zh="已作废", en="void"),
    "refused": Text(zh="已拒绝", en="refused"),
}
ROLES = {
    "registration": Text(zh="注册奖励", en="registration"),
    "conversion": Text(zh="转化奖励", en="conversion"),
    "invitee": Text(zh="好友奖励", en="invitee"),
    "step": Text(zh="阶梯奖励", en="step"),
}
REWARD_STATES = {
    "waiting": Text(zh="待发放", en="waiting"),
    "given": Text(zh="已发放", en="given"),
    "capped": Text(zh="未发放", en="not given"),
    "clawed": Text(zh="已追回", en="clawed back"),
}


def _rebind(ctx: Context, relation: UUID, body: RebindIn) -> None:
    relations.rebind(ctx, relation, body.inviter, body.reason)


def _claw_back(ctx: Context, relation: UUID, body: ClawBackIn) -> None:
    relations.undo(ctx, relation, body.reason)


RELATIONS = Resource(
    name="relations",
    title=Text(zh="推荐关系", en="Relations"),
    model=ReferralsRelation,
    reply=RelationOut,
    columns=(
        Column("inviter", Text(zh="推荐人", en="Inviter"), "member", filter=True),
        Column("invitee", Text(zh="被推荐人", en="Invitee"), "member", filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("reason", Text(zh="原因", en="Reason")),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("bound_at", Text(zh="绑定时间", en="Bound"), "time", filter=True),
        Column("converted_at", Text(zh="转化时间", en="Converted"), "time", filter=True),
    ),
    permission="referrals.view",
    edit_permission="referrals.edit",
    create=Form(BindIn, relations.bind),
    actions=(
        Action(
            "rebind",
            Text(zh="改绑", en="Rebind"),
            _rebind,
            permission="referrals.edit",
            form=RebindIn,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("bound", "refused", "void"),
        ),
        Action(
            "claw_back",
            Text(zh="追回奖励", en="Claw back"),
            _claw_back,
            permission="referrals.edit",
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
    title=Text(zh="推荐奖励", en="Rewards"),
    model=ReferralsReward,
    reply=RewardOut,
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("role", Text(zh="奖励类型", en="For"), "choice", choices=ROLES, filter=True),
        Column("step", Text(zh="阶梯", en="Step"), "int"),
        Column("period", Text(zh="周期", en="Period"), filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=REWARD_STATES, filter=True),
        Column("reason", Text(zh="原因", en="Reason")),
        Column("at", Text(zh="时间", en="At"), "time", filter=True),
    ),
    permission="referrals.view",
    venue_free=True,
    export_permission="referrals.view",
)
