"""Who brought whom: bound at registration, fixed at conversion, refused with a reason, taken back on a
refund.
"""

from datetime import datetime, timedelta
from uuid import UUID

from plugins.referrals import paying
from plugins.referrals.counting import count, month_of, quarter_of
from plugins.referrals.models import ReferralsKnown, ReferralsRelation
from plugins.referrals.schemas import BindIn, RebindIn, ReferralSettings
from roost import Conflict, Context, Invalid, NotFound, Text, Words, identity, local_date, members, new_id, rewards

PURPOSE = "referral"
REFERRAL = Text("推荐", "referral")
CAPPED = Text("本月奖励已达上限", "the rewards of this month are used up")
REFUSALS = {
    "bad_token": Text("邀请无效", "the invitation is not ours"),
    "token_expired": Text("邀请已过期", "the invitation expired"),
    "inviter_unknown": Text("推荐人不存在", "there is no such inviter"),
    "self": Text("不能推荐自己", "nobody invites themselves"),
    "mutual": Text("不能互相推荐", "the inviter was invited by this person"),
    "excluded_class": paying.EXCLUDED,
    "known_before": Text("被推荐人此前已登记", "the invitee was known before"),
}


def invitation(ctx: Context, member: UUID) -> tuple[str, datetime]:
    """Return a signed invitation of a member, at most 32 characters, and when it ends."""
    days = ctx.settings(ReferralSettings).invitation_days
    token = identity.sign_token(ctx, PURPOSE, {"member": member}, ttl=days * 86_400)
    return token, ctx.now() + timedelta(days=days)


def registered(ctx: Context, invitee: UUID, token: str, at: datetime | None) -> None:
    """Bind a person who registered with an invitation, or keep why not. Doing it twice changes nothing."""
    if not token or _relation(ctx, invitee) is not None:
        return
    inviter, refusal = _inviter(ctx, token)
    if inviter is not None:
        refusal = refusal or _objection(ctx, invitee, inviter)
    view = members.get(ctx, invitee)
    relation = new_id()
    fresh = (
        ReferralsRelation.scoped(ctx)
        .insert(
            id=relation,
            invitee=view.id,
            inviter=inviter,
            state="refused" if refusal else "bound",
            reason=REFUSALS[refusal] if refusal else "",
            venue=view.venue,
            bound_at=at or ctx.now(),
        )
        .on_conflict_ignore()
        .returning(ReferralsRelation.id)
        .execute()
    )
    if not list(fresh):
        return
    if refusal:
        _note(ctx, invitee, inviter, refusal)
        return
    assert inviter is not None, "no refusal"
    paying.promise(ctx, relation, inviter, "registration")
    paying.promise(ctx, relation, view.id, "invitee")
    if view.converted_at is not None and view.state == "member":  # the news of the conversion came first
        converted(ctx, view.id, view.converted_at)


def _inviter(ctx: Context, token: str) -> tuple[UUID | None, str]:
    """Return who invited, and the code of what is wrong with the invitation, or an empty word."""
    try:
        payload = identity.read_token(ctx, PURPOSE, token)
    except Invalid as ex:
        return None, ex.code if ex.code in REFUSALS else "bad_token"
    asked = payload.get("member")
    try:
        return members.resolve(ctx, asked if isinstance(asked, UUID) else UUID(str(asked))), ""
    except (NotFound, ValueError):
        return None, "inviter_unknown"


def _objection(ctx: Context, invitee: UUID, inviter: UUID) -> str:
    """Return the code of what stands against a pair, or an empty word."""
    invitee = members.resolve(ctx, invitee)
    view = members.get(ctx, inviter)
    if view.erased:
        return "inviter_unknown"
    if view.id == invitee:
        return "self"
    theirs = _relation(ctx, view.id)
    if theirs is not None and theirs.inviter == invitee and theirs.state not in ("refused", "void"):
        return "mutual"
    if ReferralsKnown.scoped(ctx).first(ReferralsKnown.member == invitee) is not None:
        return "known_before"
    return "excluded_class" if paying.excluded(ctx, view.id, invitee) else ""


def known(ctx: Context, invitee: UUID) -> None:
    """Take it that the business software knew a person before they registered: a relation that is there is none."""
    invitee = members.resolve(ctx, invitee)
    ReferralsKnown.scoped(ctx).insert(member=invitee).on_conflict_ignore().execute()
    row = _relation(ctx, invitee)
    if row is not None:
        void(ctx, row.id, "known_before")


def void(ctx: Context, relation_id: UUID, refusal: str) -> None:
    """End a relation that turned out to be none: what was not paid yet is not, what was is taken back."""
    row = ReferralsRelation.scoped(ctx).lock(ReferralsRelation.id == relation_id)
    if row.state == "converted":
        undo(ctx, row.id, REFUSALS[refusal], state="void")
    elif row.state == "bound":
        ReferralsRelation.scoped(ctx).update(state="void", reason=REFUSALS[refusal]).where(
            ReferralsRelation.id == row.id
        ).execute()
        brought = paying.of_relation(ctx, row.id, "registration", "invitee")
        paying.claw_back(ctx, brought, REFUSALS[refusal])
    else:
        return
    _note(ctx, members.resolve(ctx, row.invitee), row.inviter and members.resolve(ctx, row.inviter), refusal)


def _note(ctx: Context, invitee: UUID, inviter: UUID | None, refusal: str) -> None:
    evidence = {"refusal": refusal, "invitee": str(invitee), "inviter": str(inviter) if inviter else None}
    who = [invitee] if inviter is None or inviter == invitee else [invitee, inviter]
    rewards.note(
        ctx,
        [rewards.Note(m, REFERRAL, REFUSALS[refusal], evidence, True) for m in who],
    )


def _relation(ctx: Context, invitee: UUID) -> ReferralsRelation | None:
    return ReferralsRelation.scoped(ctx).first(ReferralsRelation.invitee == invitee)  # type: ignore[no-any-return]  # peewee


def converted(ctx: Context, invitee: UUID, at: datetime | None) -> None:
    """Fix a relation at the conversion and pay for it: the inviter, and any step of the quarter that it
    reaches.
    """
    row = _relation(ctx, members.resolve(ctx, invitee))
    if row is None or row.state != "bound":
        return
    row = ReferralsRelation.scoped(ctx).lock(ReferralsRelation.id == row.id)
    if row.state != "bound":
        return
    assert row.inviter is not None, "bound"
    if paying.excluded(ctx, members.resolve(ctx, row.inviter), members.resolve(ctx, invitee)):
        ReferralsRelation.scoped(ctx).update(state="void", reason=REFUSALS["excluded_class"]).where(
            ReferralsRelation.id == row.id
        ).execute()
        _note(ctx, members.resolve(ctx, invitee), members.resolve(ctx, row.inviter), "excluded_class")
        return
    day = local_date(at or ctx.now(), ctx.tenant.zone)
    month, quarter = month_of(day), quarter_of(day)
    ReferralsRelation.scoped(ctx).update(
        state="converted", converted_at=at or ctx.now(), month=month, quarter=quarter
    ).where(ReferralsRelation.id == row.id).execute()
    settings = ctx.settings(ReferralSettings)
    inviter = members.resolve(ctx, row.inviter)
    if count(ctx, inviter, month, 1) <= settings.conversions_a_month:
        paying.promise(ctx, row.id, inviter, "conversion", period=month)
    else:
        paying.refuse(ctx, row.id, inviter, "conversion", period=month, reason=CAPPED)
    reached = count(ctx, inviter, quarter, 1)
    had = {reward.step for reward in paying.live_steps(ctx, inviter, quarter)}
    for step in settings.steps:
        if step.conversions <= reached and step.conversions not in had:
            paying.promise(ctx, row.id, inviter, "step", period=quarter, step=step.conversions)


def ended_early(ctx: Context, invitee: UUID, at: datetime | None) -> None:
    """Claw back when a membership ended before its time within the claw-back days: it was refunded."""
    view = members.get(ctx, invitee)
    if view.state != "lapsed" or view.converted_at is None:
        return
    if (at or ctx.now()) - view.converted_at > timedelta(days=ctx.settings(ReferralSettings).clawback_days):
        return
    if view.valid_until is not None and view.valid_until < ctx.today():
        return  # it ran its time: a week's card is no refund
    row = _relation(ctx, view.id)
    if row is not None and row.state == "converted":
        undo(ctx, row.id, Text("会籍退款", "the membership was refunded"))


def undo(ctx: Context, relation_id: UUID, reason: Words, *, state: str = "refunded") -> list[str]:
    """Take a conversion back with all that the relation brought: the inviter's rewards for the registration and the
    conversion, the friend's, and any step that is no longer reached. Return in words what was spent already.
    """
    row = ReferralsRelation.scoped(ctx).lock(ReferralsRelation.id == relation_id)
    if row.state != "converted":
        raise Conflict(f"this relation is {row.state}, not converted", "该关系尚未转化，无可追回", code="not_converted")
    inviter = members.resolve(ctx, row.inviter)
    ReferralsRelation.scoped(ctx).update(state=state, reason=reason).where(ReferralsRelation.id == row.id).execute()
    count(ctx, inviter, row.month, -1)
    left = count(ctx, inviter, row.quarter, -1)
    lost = [reward for reward in paying.live_steps(ctx, inviter, row.quarter) if (reward.step or 0) > left]
    brought = paying.of_relation(ctx, row.id, "registration", "conversion", "invitee")
    return paying.claw_back(ctx, [*brought, *lost], reason)


# --- staff ----------------------------------------------------------------------------------------------------


def bind(ctx: Context, body: BindIn) -> ReferralsRelation:
    """Bind a member by hand, before the conversion. Raises Conflict with the reason where it may not be."""
    with ctx.transaction():
        invitee = members.get(ctx, body.invitee)
        row = _relation(ctx, invitee.id)
        if row is None:
            row = ReferralsRelation.scoped(ctx).create(
                id=new_id(),
                invitee=invitee.id,
                inviter=None,
                state="refused",
                venue=invitee.venue,
                bound_at=ctx.now(),
            )
        return rebind(ctx, row.id, RebindIn(inviter=body.inviter, reason=body.reason))


def rebind(ctx: Context, relation_id: UUID, body: RebindIn) -> ReferralsRelation:
    """Give a relation another inviter, who is then paid for the registration; the former one's reward is taken back.

    Raises Conflict after the conversion, which fixes it, and for a pair that could not have been bound.
    """
    with ctx.transaction():
        row = ReferralsRelation.scoped(ctx).lock(ReferralsRelation.id == relation_id)
        if row.state not in ("bound", "refused", "void") or members.get(ctx, row.invitee).converted_at is not None:
            raise Conflict("a conversion fixes who referred a member", "好友已转为会员，推荐关系不可更改", code="fixed")
        inviter = members.resolve(ctx, body.inviter)
        objection = _objection(ctx, row.invitee, inviter)
        if objection:
            raise Conflict(
                REFUSALS[objection].en,
                REFUSALS[objection].zh,
                code=objection,
            )
        if row.inviter == inviter and row.state == "bound":
            return row  # type: ignore[no-any-return]  # peewee
        paying.claw_back(ctx, paying.of_relation(ctx, row.id, "registration"), body.reason)
        ReferralsRelation.scoped(ctx).update(inviter=inviter, state="bound", reason=body.reason).where(
            ReferralsRelation.id == row.id
        ).execute()
        paying.promise(ctx, row.id, inviter, "registration")
        if row.state == "refused":  # the invitee had nothing so far
            paying.promise(ctx, row.id, row.invitee, "invitee")
        return ReferralsRelation.scoped(ctx).get(ReferralsRelation.id == row.id)  # type: ignore[no-any-return]  # peewee
