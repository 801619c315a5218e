"""Take, confirm, cancel, lapse, use: what happens to one member's claim.

A claim first *holds* stock and points, then is *confirmed*. What is not confirmed before its deadline goes back. The
inventory and the ledger decide; this module only brings them together in one transaction. What costs money has an
order, which holds the points; its facts say what becomes of the claim (`hearing.py`).
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from plugins.seckill import buying
from plugins.seckill.hookspecs import SeckillLapsed, SeckillWon
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import ClaimRef, SeckillSettings
from plugins.seckill.sessions import stock_key
from roost import (
    Conflict,
    Context,
    Forbidden,
    NotFound,
    SoldOut,
    inventory,
    local_date,
    members,
    new_id,
    points,
    tenants,
)

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that look alike
LAPSE_BATCH = 500
HOUR = len("2026-11-22T05")  # of a slot: what failed is tried anew an hour later


def take(ctx: Context, member: UUID, item_id: UUID) -> SeckillClaim:
    """Hold one unit of an item, and its points, for a member.

    Raises NotFound, Conflict (`not_open`), Forbidden (`not_for_you`, `barred`), SoldOut, LimitReached,
    InsufficientBalance; nothing is held then.
    """
    item = SeckillItem.scoped(ctx).get(SeckillItem.id == item_id)
    session = SeckillSession.scoped(ctx).get(SeckillSession.id == item.session)
    now = ctx.now()
    if session.state != "published" or not session.starts_at <= now < session.ends_at:
        raise Conflict(
            "this session is not open", "场次未开始或已结束", code="not_open", opens_at=_text(session.starts_at)
        )
    if inventory.available(ctx, stock_key(item.id)) < 1:  # most of a rush ends here, without a write
        raise SoldOut("sold out", "已抢光")
    _check_eligible(ctx, member, item)
    settings = ctx.settings(SeckillSettings)
    deadline = now + timedelta(minutes=settings.confirm_minutes)
    month = local_date(now, ctx.tenant.zone).strftime("%Y-%m")
    claim_id, hold, order = new_id(), None, None
    if item.price_fen:  # accounts are locked before stock, which everybody wants: an order holds the points
        order = buying.place(ctx, member, claim_id, item, deadline)
    elif item.price_points:
        hold = points.hold(
            ctx, member, "points", item.price_points, key=f"hold:{claim_id}", deadline=deadline, reason="seckill"
        )
    reservation = inventory.reserve(
        ctx,
        stock_key(item.id),
        1,
        key=f"take:{claim_id}",
        member=member,
        deadline=deadline,
        limits=(
            inventory.Limit(f"session:{session.id}", item.per_session or settings.per_session),
            inventory.Limit(f"month:{month}", settings.per_month),
        ),
    )
    claim: SeckillClaim = SeckillClaim.scoped(ctx).create(
        id=claim_id,
        session=session.id,
        item=item.id,
        member=member,
        state="held",
        price_points=item.price_points,
        price_fen=item.price_fen,
        order=order,
        reservation=reservation.id,
        points_hold=hold.id if hold else None,
        deadline=deadline,
        created_at=now,
    )
    return claim


def _text(instant: datetime) -> str:
    return instant.isoformat()


def _check_eligible(ctx: Context, member: UUID, item: SeckillItem) -> None:
    settings, view = ctx.settings(SeckillSettings), members.get(ctx, member)
    if settings.exclude_staff and view.class_ == "staff":
        raise Forbidden("staff do not take part in flash sales", "员工不能参加秒杀", code="not_for_you")
    if (item.states and view.state not in item.states) or (item.levels and view.level not in item.levels):
        raise Forbidden("this item is for other members", "不符合参加条件", code="not_for_you")
    since = ctx.now() - timedelta(days=settings.bar_days)
    lapsed = (
        SeckillClaim.scoped(ctx)
        .select()
        .where(SeckillClaim.member == member, SeckillClaim.state == "lapsed", SeckillClaim.ended_at > since)
    )
    if lapsed.count() >= settings.unpaid_limit:
        raise Forbidden(
            f"{settings.unpaid_limit} holds ran out unconfirmed: take part again {settings.bar_days} days after",
            f"多次未确认，{settings.bar_days} 天内不能参加",
            code="barred",
        )


def _own(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    claim: SeckillClaim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id, SeckillClaim.member == member)
    return claim


def confirm(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Pay what a claim costs in points and win it. Confirming what is won already changes nothing.

    Raises Conflict (`lapsed`) when the deadline has passed or it was given back, and (`pay_first`) while the order of
    one that costs money is not paid.
    """
    claim = _own(ctx, member, claim_id)
    if claim.state in ("won", "used"):
        return claim
    if claim.order is not None and claim.state == "held":
        buying.require_paid(ctx, claim)
    elif claim.state != "held" or claim.deadline <= ctx.now():
        raise Conflict("this hold has run out", "已超时释放，请重新抢购", code="lapsed")
    win(ctx, claim)
    return get(ctx, member, claim_id)


def win(ctx: Context, claim: SeckillClaim) -> None:
    """Make a locked claim that is paid for the member's: with a code to show at the counter."""
    operation = None
    if claim.points_hold is not None:
        operation = points.capture(ctx, claim.points_hold, key=f"capture:{claim.id}").id
    inventory.confirm(ctx, claim.reservation)
    expires_at = ctx.now() + timedelta(days=ctx.settings(SeckillSettings).voucher_days)
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(10))
    _set(ctx, claim, state="won", operation=operation, code=code, expires_at=expires_at)
    ctx.publish(SeckillWon(member=claim.member, claim=claim.id, item=claim.item))


def cancel(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Give back what is held. Raises Conflict when it is no longer held.

    The stock of what costs money returns when its order is closed: at once, or when the provider has confirmed it.
    """
    claim = _own(ctx, member, claim_id)
    if claim.state != "held":
        raise Conflict("only what is held can be given back", "当前状态不能取消")
    if claim.order is not None and not buying.close(ctx, claim):
        _set(ctx, claim, state="closing")
    else:
        give_back(ctx, claim, "cancelled")
    return get(ctx, member, claim_id)


def give_back(ctx: Context, claim: SeckillClaim, state: str) -> None:
    """Return the stock and points of a locked claim; it ends as `state`."""
    if claim.points_hold is not None:
        points.release(ctx, claim.points_hold, key=f"release:{claim.id}")
    inventory.release(ctx, claim.reservation)
    _set(ctx, claim, state=state, ended_at=ctx.now())


def lapse(ctx: Context, claim: SeckillClaim) -> None:
    """Give back a locked claim whose time is over, and tell it."""
    give_back(ctx, claim, "lapsed")
    ctx.publish(SeckillLapsed(member=claim.member, claim=claim.id, item=claim.item))


def _set(ctx: Context, claim: SeckillClaim, **values: object) -> None:
    SeckillClaim.scoped(ctx).update(**values).where(SeckillClaim.id == claim.id).execute()


def lapse_due(ctx: Context, slot: str) -> None:
    """Have every hold whose deadline has passed given back, oldest first, some hundreds at once: by a job each.

    Not what has an order: that ends with its order, which asks the payment provider first.
    """
    due = (
        SeckillClaim.scoped(ctx)
        .select(SeckillClaim.id)
        .where(SeckillClaim.state == "held", SeckillClaim.deadline <= ctx.now(), SeckillClaim.order.is_null())
        .order_by(SeckillClaim.deadline)
        .limit(LAPSE_BATCH)
    )
    for row in list(due):  # together they would lock many members' accounts in no order
        ctx.enqueue("seckill.lapse", ClaimRef(claim=row.id), dedupe=f"lapse:{row.id}:{slot[:HOUR]}")


def lapse_late(ctx: Context, claim_id: UUID) -> None:
    """Give back one hold whose deadline has passed; nothing to do when it has been confirmed or given back since."""
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    if claim.state == "held":
        lapse(ctx, claim)


def get(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Return a member's own claim, or raise NotFound."""
    claim: SeckillClaim = SeckillClaim.scoped(ctx).get(SeckillClaim.id == claim_id, SeckillClaim.member == member)
    return claim


def redeem(ctx: Context, claim_id: UUID, venue: UUID) -> None:
    """Mark a won claim as used in a venue.

    Raises Conflict when it is not won, has ended, is for other venues, or its money is on the way back.
    """
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    tenants.venue(ctx, venue)
    if claim.state != "won":
        raise Conflict(f"this voucher is {claim.state}", "凭证不可用", code="not_usable")
    if claim.expires_at <= ctx.now():
        raise Conflict("this voucher has ended", "凭证已过期", code="expired")
    if claim.order is not None:
        buying.require_kept(ctx, claim)
    item = SeckillItem.scoped(ctx).get(SeckillItem.id == claim.item)
    if item.venues and str(venue) not in item.venues:
        raise Conflict("this voucher is for other venues", "凭证不适用于本店", code="other_venue")
    _set(ctx, claim, state="used", venue=venue, ended_at=ctx.now())


def refund(ctx: Context, claim_id: UUID) -> None:
    """Take back an unused voucher; its points return to their lots, its money the way it came.

    The stock is not sold again. What cost money is `refunding` until all of it has gone back.
    """
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    if claim.state != "won":
        raise Conflict(f"only an unused voucher can be refunded; this one is {claim.state}", "只能退未使用的凭证")
    if claim.order is not None:
        _set(ctx, claim, state="refunding")
        buying.refund(ctx, claim)
        return
    if claim.operation is not None:
        points.reverse(ctx, claim.operation, key=f"refund:{claim.id}", reason="seckill_refund")
    _set(ctx, claim, state="refunded", ended_at=ctx.now())


def find_by_code(ctx: Context, code: str) -> SeckillClaim:
    """Return the claim that a counter code names, or raise NotFound."""
    claim: SeckillClaim | None = SeckillClaim.scoped(ctx).first(SeckillClaim.code == code.strip().upper())
    if claim is None:
        raise NotFound("no voucher has this code", "没有这个凭证")
    return claim


def in_flight(ctx: Context) -> int:
    """Return how many claims hold stock or await use."""
    return int(
        SeckillClaim.scoped(ctx).select().where(SeckillClaim.state.in_(("held", "closing", "won", "refunding"))).count()
    )
