"""What becomes of a claim when its order is paid, closed, sent or refunded.

Facts come late: the present state decides.
"""

from datetime import datetime
from uuid import UUID

from plugins import orders
from plugins.seckill import service
from plugins.seckill.models import SeckillClaim
from roost import Context, Veto

OWNER = "seckill"
Told = orders.OrderPaid | orders.OrderClosed | orders.OrderFulfilled | orders.OrderRefunded


def _claim(ctx: Context, fact: Told) -> SeckillClaim | None:
    """Return the claim that an order of ours is of, locked."""
    found = SeckillClaim.scoped(ctx).first(SeckillClaim.order == fact.order) if fact.owner == OWNER else None
    return SeckillClaim.scoped(ctx).lock(SeckillClaim.id == found.id) if found is not None else None


def paid(ctx: Context, fact: orders.OrderPaid) -> None:
    """Win what was paid for; also one that its member had wanted to give back, but paid."""
    claim = _claim(ctx, fact)
    if claim is not None and claim.state in ("held", "closing"):
        service.win(ctx, claim)
        if not orders.get(ctx, fact.order).paid:  # it has gone back since
            refunded_now(ctx, claim)


def closed(ctx: Context, fact: orders.OrderClosed) -> None:
    """Give the stock back: nobody can pay for it any more."""
    claim = _claim(ctx, fact)
    if claim is None:
        return
    if claim.state == "closing":
        service.give_back(ctx, claim, "cancelled", unpaid=claim.unpaid)
    elif claim.state == "held" and fact.why == "expired":
        service.lapse(ctx, claim)
    elif claim.state == "held":  # its member cancelled the order itself, or staff did
        late = fact.why == "cancelled" and service.is_late(ctx, claim, fact.occurred_at or ctx.now())
        service.give_back(ctx, claim, "cancelled", unpaid=late)


def fulfilled(ctx: Context, fact: orders.OrderFulfilled) -> None:
    """Note that what was won has been sent."""
    claim = _claim(ctx, fact) if fact.kind == "ship" and fact.whole else None
    if claim is not None and claim.state in ("held", "won"):
        if claim.state == "held":  # the news that it was paid comes later
            service.win(ctx, claim)
        service.put(ctx, claim, state="shipped", ended_at=ctx.now())


def refunded(ctx: Context, fact: orders.OrderRefunded) -> None:
    """End a voucher whose money went back in whole; one that was used stays used."""
    claim = _claim(ctx, fact)
    if claim is not None and orders.get(ctx, fact.order).state == "refunded":
        refunded_now(ctx, claim)


def refunded_now(ctx: Context, claim: SeckillClaim) -> None:
    """Mark a claim as refunded unless it was used, or had gone back before."""
    SeckillClaim.scoped(ctx).update(state="refunded", ended_at=ctx.now()).where(
        SeckillClaim.id == claim.id, SeckillClaim.state.in_(("won", "shipped", "expired", "refunding"))
    ).execute()


def may_return(ctx: Context, owner: str, order: UUID) -> Veto | None:
    """Say that a voucher which was used, or has ended, does not go back at its member's wish; what was sent may."""
    if owner != OWNER:
        return None
    claim = SeckillClaim.scoped(ctx).first(SeckillClaim.order == order)
    if claim is None or claim.state in ("held", "won", "shipped"):
        return None
    return Veto("not_returnable", f"this voucher is {claim.state}", "凭证已使用或已退，不能退款")


def refundable_until(ctx: Context, owner: str, order: UUID) -> datetime | None:
    """Return until when a refund of a voucher can be asked for: as long as it is valid."""
    claim = SeckillClaim.scoped(ctx).first(SeckillClaim.order == order) if owner == OWNER else None
    return claim.expires_at if claim is not None and claim.state == "won" else None
