"""What a leaving member gives back, and what keeps gifts from being switched off."""

from uuid import UUID

from plugins.gifts import claims, giving
from plugins.gifts.models import GiftsClaim
from roost import Context, Text, Veto

IN_FLIGHT = ("accepted", "shipped")


def erase(ctx: Context, member: UUID) -> None:
    """Take back offers that nobody will accept, their stock returns; remember the welcome of this phone for a time."""
    mine = GiftsClaim.scoped(ctx).select(GiftsClaim.id).where(GiftsClaim.member == member)
    for row in list(mine.where(GiftsClaim.state.in_(("offered", "ready", "accepted")))):
        claims.take_back(ctx, row.id, Text("会员注销", "member erased"))
    giving.remember_welcome(ctx, member)


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while goods are on their way or promised."""
    waiting = GiftsClaim.scoped(ctx).select().where(GiftsClaim.state.in_(IN_FLIGHT)).count()
    if not waiting:
        return None
    return Veto(
        "gifts_in_flight",
        f"{waiting} accepted gifts are not with their members yet: ship them or take them back first",
        f"还有 {waiting} 份已领取的礼品未完成发放，请先处理",
    )


def forget_addresses(ctx: Context) -> int:
    """Delete the addresses of claims that ended: they have served their purpose."""
    ended = ("done", "revoked", "expired")
    update = GiftsClaim.scoped(ctx).update(address=None)
    return int(update.where(GiftsClaim.address.is_null(False), GiftsClaim.state.in_(ended)).execute())
