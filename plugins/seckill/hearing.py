"""What becomes of a claim when its order is paid, closed or refunded. Facts come late: the present state decides."""

from uuid import UUID

from plugins import orders
from plugins.seckill import service
from plugins.seckill.models import SeckillClaim
from roost import Context, Veto

OWNER = "seckill"


def _claim(ctx: Context, order: UUID) -> SeckillClaim | None:
    found = SeckillClaim.scoped(ctx).first(SeckillClaim.order == order)
    if found is None:
        return None
    claim: SeckillClaim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == found.id)
    return claim


def paid(ctx: Context, fact: orders.OrderPaid) -> None:
    """Win what was paid for; also one that its member had wanted to give back, but paid."""
    claim = _claim(ctx, fact.order) if fact.owner == OWNER else None
    if claim is not None and claim.state in ("held", "closing"):
        service.win(ctx, claim)
        if not orders.get(ctx, fact.order).paid:  # it has gone back since
            refunded_now(ctx, claim)


def closed(ctx: Context, fact: orders.OrderClosed) -> None:
    """Give the stock back: nobody can pay for it any more."""
    claim = _claim(ctx, fact.order) if fact.owner == OWNER else None
    if claim is None:
        return
    if claim.state == "closing" or (claim.state == "held" and fact.why != "expired"):
        service.give_back(ctx, claim, "cancelled")
    elif claim.state == "held":
        service.lapse(ctx, claim)


def refunded(ctx: Context, fact: orders.OrderRefunded) -> None:
    """End a voucher whose money went back in whole; one that was used stays used."""
    claim = _claim(ctx, fact.order) if fact.owner == OWNER else None
    if claim is not None and orders.get(ctx, fact.order).state == "refunded":
        refunded_now(ctx, claim)


def refunded_now(ctx: Context, claim: SeckillClaim) -> None:
    """Mark a claim as refunded unless it was used, or had ended before."""
    SeckillClaim.scoped(ctx).update(state="refunded", ended_at=ctx.now()).where(
        SeckillClaim.id == claim.id, SeckillClaim.state.in_(("won", "refunding"))
    ).execute()


def may_return(ctx: Context, owner: str, order: UUID) -> Veto | None:
    """Say that a voucher which was used, or has ended, does not go back at its member's wish."""
    if owner != OWNER:
        return None
    claim = SeckillClaim.scoped(ctx).first(SeckillClaim.order == order)
    if claim is None or claim.state in ("held", "won"):
        return None
    return Veto("not_returnable", f"this voucher is {claim.state}", "凭证已使用或已退，不能退款")
