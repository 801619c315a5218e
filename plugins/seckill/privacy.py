"""What a leaving member gives back, and what keeps flash sales from being switched off."""

from uuid import UUID

from plugins.seckill import service
from plugins.seckill.models import SeckillClaim
from roost import Context, Veto


def erase(ctx: Context, member: UUID) -> None:
    """Give back what is held: its stock and points return."""
    mine = SeckillClaim.scoped(ctx).select(SeckillClaim.id).where(SeckillClaim.member == member)
    for row in list(mine.where(SeckillClaim.state == "held")):
        service.cancel(ctx, member, row.id, counts=False)


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while claims hold stock, or wait to be used."""
    waiting = SeckillClaim.state.in_(("held", "closing", "won", "refunding"))
    count = SeckillClaim.scoped(ctx).select().where(waiting).count()
    if not count:
        return None
    return Veto("in_flight", f"{count} flash-sale claims are held or unused", f"还有 {count} 个秒杀凭证未完成")
