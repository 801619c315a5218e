"""Pay and claw back. Each reward is a row and a job of its own: one that cannot be given holds up no
other.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from plugins.referrals.hookspecs import ReferralRewarded
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import ReferralSettings
from roost import Context, Text, Words, members, new_id, rewards, risk

WORDS = {
    "registration": Text("推荐注册", "referred a registration"),
    "conversion": Text("推荐转会员", "referred a conversion"),
    "invitee": Text("受邀注册", "was invited"),
    "step": Text("推荐阶梯奖", "referral step"),
}


RISKY = Text("账号风险过高，暂不发放", "the account is too risky to be paid")
EXCLUDED = Text("员工及教练不参与", "staff and coaches do not take part")
NOTHING = Text("该项已不再奖励", "nothing is given for this any more")


class Pay(BaseModel):
    """What the job carries: the reward to pay."""

    reward: UUID


def promise(
    ctx: Context, relation: UUID, member: UUID, role: str, *, period: str = "", step: int | None = None
) -> None:
    """Write a reward down and put its payment in the work table; nothing where the settings give nothing
    for it.
    """
    if not specs_of(ctx, role, step):
        return
    row = new_id()
    ReferralsReward.scoped(ctx).insert(
        id=row,
        relation=relation,
        member=member,
        role=role,
        step=step,
        period=period,
        state="waiting",
        at=ctx.now(),
    ).execute()
    ctx.enqueue("referrals.pay", Pay(reward=row), dedupe=f"pay:{row}")


def refuse(ctx: Context, relation: UUID, member: UUID, role: str, *, period: str, reason: Words) -> None:
    """Write down that a reward is not paid, and why."""
    ReferralsReward.scoped(ctx).insert(
        id=new_id(),
        relation=relation,
        member=member,
        role=role,
        period=period,
        state="capped",
        reason=reason,
        at=ctx.now(),
    ).execute()
    rewards.note(ctx, [rewards.Note(member, WORDS[role], reason, {"period": period}, refused=True)])


def specs_of(ctx: Context, role: str, step: int | None) -> list[rewards.RewardSpec]:
    """Return what the settings give for a role."""
    settings = ctx.settings(ReferralSettings)
    if role == "step":
        return next((s.rewards for s in settings.steps if s.conversions == step), [])
    return {
        "registration": settings.registration_rewards,
        "conversion": settings.conversion_rewards,
        "invitee": settings.invitee_rewards,
    }[role]


def excluded(ctx: Context, *people: UUID) -> bool:
    """Tell whether one of these members is of a class that takes no part: staff, coaches."""
    classes = ctx.settings(ReferralSettings).excluded_classes
    return any(view.class_ in classes for view in members.get_many(ctx, people).values())


def pay(ctx: Context, payload: Pay) -> None:
    """Give a promised reward, once; not when one of the two is staff or a coach by now.

    Raises Conflict, and so is tried again, while a kind it needs is off.
    """
    row = ReferralsReward.scoped(ctx).lock(ReferralsReward.id == payload.reward)
    if row.state != "waiting":  # clawed back before it was paid
        return
    wanted = specs_of(ctx, row.role, row.step)
    if not wanted:  # the settings changed since
        _set(ctx, row, state="capped", reason=NOTHING)
        return
    relation = ReferralsRelation.scoped(ctx).get(ReferralsRelation.id == row.relation)
    if excluded(ctx, row.member, relation.invitee):
        _set(ctx, row, state="capped", reason=EXCLUDED)
        no: dict[str, Any] = {"refusal": "excluded_class"}
        rewards.note(ctx, [rewards.Note(row.member, WORDS[row.role], EXCLUDED, no, refused=True)])
        return
    if risk.is_refused(ctx, row.member) or (row.role != "invitee" and risk.is_refused(ctx, relation.invitee)):
        _set(ctx, row, state="capped", reason=RISKY)
        rewards.note(ctx, [rewards.Note(row.member, WORDS[row.role], RISKY, {"refusal": "risky"}, refused=True)])
        return
    evidence: dict[str, Any] = {"relation": str(row.relation), "role": row.role}
    if row.period:
        evidence["period"] = row.period
    if row.step:
        evidence["conversions"] = row.step
    done = rewards.give(
        ctx,
        row.member,
        wanted,
        key=f"referral:{row.id}",
        cause=f"relation:{row.relation}",
        reason=WORDS[row.role],
        evidence=evidence,
    )
    _set(ctx, row, state="given", grant=done.id)
    ctx.publish(ReferralRewarded(member=row.member, reward=row.id, role=row.role))


def claw_back(ctx: Context, rows: Iterable[ReferralsReward], reason: Words) -> list[str]:
    """Take rewards back as far as they go; return in words what was spent already."""
    spent: list[str] = []
    for row in rows:
        held = ReferralsReward.scoped(ctx).lock(ReferralsReward.id == row.id)
        if held.state == "given":
            spent += rewards.revoke(ctx, held.grant, reason=reason).spent
        if held.state in ("waiting", "given"):
            _set(ctx, held, state="clawed", reason=reason)
    return spent


def of_relation(ctx: Context, relation: UUID, *roles: str) -> list[ReferralsReward]:
    """Return the rewards of a relation, for some roles."""
    query = ReferralsReward.scoped(ctx).select().where(ReferralsReward.relation == relation)
    return list(query.where(ReferralsReward.role.in_(roles)).order_by(ReferralsReward.id))


def live_steps(ctx: Context, member: UUID, quarter: str) -> list[ReferralsReward]:
    """Return the steps of a quarter that a member has or will have."""
    query = (
        ReferralsReward.scoped(ctx)
        .select()
        .where(
            ReferralsReward.member == member,
            ReferralsReward.role == "step",
            ReferralsReward.period == quarter,
        )
    )
    return list(query.where(ReferralsReward.state.in_(("waiting", "given"))))


def _set(ctx: Context, row: ReferralsReward, **values: Any) -> None:
    ReferralsReward.scoped(ctx).update(**values).where(ReferralsReward.id == row.id).execute()
