"""Take, confirm, cancel, lapse: how one member's claim is won, or goes back. What was won is in `vouchers.py`.

A claim first *holds* stock and points, then is *confirmed*. What is not confirmed before its deadline goes back. The
inventory and the ledger decide; this module only brings them together in one transaction. What costs money or is sent
has an order, which holds the points; its facts say what becomes of the claim (`hearing.py`).
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from plugins.seckill import buying, eligibility
from plugins.seckill.hookspecs import SeckillLapsed, SeckillWon
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import ClaimRef, SeckillSettings
from plugins.seckill.sessions import stock_key
from roost import Conflict, Context, SoldOut, Text, inventory, local_day_end, members, new_id, points

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that look alike
LAPSE_BATCH = 500
CLAIM_STATES = {
    "held": Text("待确认", "held"),
    "closing": Text("取消中", "closing"),
    "won": Text("已抢得", "won"),
    "used": Text("已核销", "used"),
    "shipped": Text("已发货", "sent"),
    "expired": Text("已过期", "expired"),
    "cancelled": Text("已取消", "cancelled"),
    "lapsed": Text("超时释放", "lapsed"),
    "refunding": Text("退款中", "refunding"),
    "refunded": Text("已退", "refunded"),
}
HOUR = len("2026-11-22T05")  # of a slot: what failed is tried anew an hour later


def look(ctx: Context, item_id: UUID) -> tuple[SeckillItem, SeckillSession]:
    """Return an item that can be taken, and its session: most of a rush ends here, without a write.

    Raises NotFound, Conflict (`not_open`), SoldOut.
    """
    item = SeckillItem.scoped(ctx).get(SeckillItem.id == item_id)
    session = SeckillSession.scoped(ctx).get(SeckillSession.id == item.session)
    if session.state != "published" or not session.starts_at <= ctx.now() < session.ends_at:
        raise Conflict(
            "this session is not open", "场次未开始或已结束", code="not_open", opens_at=session.starts_at.isoformat()
        )
    if inventory.available(ctx, stock_key(item.id)) < 1:
        raise SoldOut("sold out", "已抢光")
    return item, session


def take(ctx: Context, member: UUID, item_id: UUID, address: buying.Address = None) -> SeckillClaim:
    """Hold one unit of an item, and its points, for a member. What is sent and costs no money is won at once.

    Raises NotFound, Conflict (`not_open`), Forbidden (`not_for_you`, `barred`), SoldOut, LimitReached,
    InsufficientBalance, Invalid (`address_needed`); nothing is held then.
    """
    item, session = look(ctx, item_id)
    now = ctx.now()
    refused = eligibility.refusal(ctx, members.get(ctx, member), session, item)
    if refused is not None:
        raise refused
    eligibility.require_not_barred(ctx, member)
    settings = ctx.settings(SeckillSettings)
    deadline = now + timedelta(minutes=settings.confirm_minutes)
    claim_id, hold, order = new_id(), None, None
    if item.price_fen or item.delivery == "ship":  # accounts are locked before stock, which everybody wants
        order = buying.place(ctx, member, claim_id, item, deadline, address)
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
            inventory.Limit(f"month:{ctx.today():%Y-%m}", settings.per_month),
        ),
    )
    claim: SeckillClaim = SeckillClaim.scoped(ctx).create(
        id=claim_id,
        session=session.id,
        item=item.id,
        member=member,
        state="held",
        delivery=item.delivery,
        price_points=item.price_points,
        price_fen=item.price_fen,
        order=order.id if order else None,
        reservation=reservation.id,
        points_hold=hold.id if hold else None,
        deadline=deadline,
        created_at=now,
    )
    if order is not None and order.paid:  # there was no money to pay
        win(ctx, claim)
    return claim


def lock(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Return a member's own claim, locked. Raises NotFound."""
    claim: SeckillClaim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id, SeckillClaim.member == member)
    return claim


def confirm(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Pay what a claim costs in points and win it. Confirming what is won already changes nothing.

    Raises Conflict (`lapsed`) when the deadline has passed or it was given back, and (`pay_first`) while the order of
    one that costs money is not paid.
    """
    claim = lock(ctx, member, claim_id)
    if claim.state in ("won", "used", "shipped"):
        return claim
    if claim.order is not None and claim.state == "held":
        buying.require_paid(ctx, claim)
    elif claim.state != "held" or claim.deadline <= ctx.now():
        raise Conflict("this hold has run out", "已超时释放，请重新抢购", code="lapsed")
    win(ctx, claim)
    return claim


def win(ctx: Context, claim: SeckillClaim) -> None:
    """Make a locked claim that is paid for the member's: with a code to show at the counter, unless it is sent."""
    operation = None
    if claim.points_hold is not None:
        operation = points.capture(ctx, claim.points_hold, key=f"capture:{claim.id}").id
    inventory.confirm(ctx, claim.reservation)
    code = expires_at = None
    if claim.delivery == "voucher":
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(10))
        last_day = ctx.today() + timedelta(days=ctx.settings(SeckillSettings).voucher_days)
        expires_at = local_day_end(last_day, ctx.tenant.zone)
    put(ctx, claim, state="won", operation=operation, code=code, expires_at=expires_at, unpaid=False)
    ctx.publish(SeckillWon(member=claim.member, claim=claim.id, item=claim.item))


def cancel(ctx: Context, member: UUID, claim_id: UUID, *, counts: bool = True) -> SeckillClaim:
    """Give back what is held; so close to its deadline that nobody else can still take it, that counts as unpaid.

    Raises Conflict when it is no longer held. The stock of what has an order returns when that is closed: at once, or
    when the provider has confirmed it.
    """
    claim = lock(ctx, member, claim_id)
    if claim.state != "held":
        raise Conflict("only what is held can be given back", "当前状态不能取消")
    late = counts and is_late(ctx, claim, ctx.now())
    if claim.order is not None and not buying.close(ctx, claim):
        put(ctx, claim, state="closing", unpaid=late)  # it counts once it is closed; it may be paid instead
    else:
        give_back(ctx, claim, "cancelled", unpaid=late)
    return claim


def is_late(ctx: Context, claim: SeckillClaim, at: datetime) -> bool:
    """Tell whether a cancellation at an instant comes so late that it counts as unpaid."""
    minutes = ctx.settings(SeckillSettings).late_cancel_minutes
    return minutes > 0 and at >= claim.deadline - timedelta(minutes=minutes)


def give_back(ctx: Context, claim: SeckillClaim, state: str, *, unpaid: bool) -> None:
    """Return the stock and points of a locked claim; it ends as `state`, and counts towards a bar if `unpaid`."""
    if claim.points_hold is not None:
        points.release(ctx, claim.points_hold, key=f"release:{claim.id}")
    inventory.release(ctx, claim.reservation)
    put(ctx, claim, state=state, unpaid=unpaid, ended_at=ctx.now())
    if unpaid:
        eligibility.count_unpaid(ctx, claim)


def lapse(ctx: Context, claim: SeckillClaim) -> None:
    """Give back a locked claim whose time is over, and tell it."""
    give_back(ctx, claim, "lapsed", unpaid=True)
    ctx.publish(SeckillLapsed(member=claim.member, claim=claim.id, item=claim.item))


def put(ctx: Context, claim: SeckillClaim, **values: object) -> None:
    """Set values of a locked claim, in the row and in the instance."""
    SeckillClaim.scoped(ctx).update(**values).where(SeckillClaim.id == claim.id).execute()
    for name, value in values.items():
        setattr(claim, name, value)


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


def lapse_late(ctx: Context, payload: ClaimRef) -> None:
    """Give back one hold whose deadline has passed; nothing to do when it has been confirmed or given back since."""
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == payload.claim)
    if claim.state == "held":
        lapse(ctx, claim)


def get(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Return a member's own claim, or raise NotFound."""
    claim: SeckillClaim = SeckillClaim.scoped(ctx).get(SeckillClaim.id == claim_id, SeckillClaim.member == member)
    return claim
