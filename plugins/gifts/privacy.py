"""What happens to gifts when a member leaves, joins another record, or asks for what is kept of them."""

from typing import Any
from uuid import UUID

from plugins.gifts import claims, giving
from plugins.gifts.models import GiftsBirthday, GiftsClaim, GiftsGift, GiftsOnce, GiftsRule, GiftsWelcomed
from roost import Context, Text, Veto

IN_FLIGHT = ("accepted", "shipped")


def erase(ctx: Context, member: UUID) -> None:
    """Forget addresses and birthdays; offers that nobody will accept are taken back and their stock
    returns.
    """
    mine = GiftsClaim.scoped(ctx).select(GiftsClaim.id).where(GiftsClaim.member == member)
    for row in list(mine.where(GiftsClaim.state.in_(("offered", "ready", "accepted")))):
        claims.take_back(ctx, row.id, Text(zh="会员注销", en="member erased"))
    GiftsClaim.scoped(ctx).update(address=None).where(GiftsClaim.member == member).execute()
    GiftsBirthday.scoped(ctx).delete().where(GiftsBirthday.member == member).execute()
    giving.remember_welcome(ctx, member)
    GiftsOnce.scoped(ctx).delete().where(GiftsOnce.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move all to the survivor: one person has one birthday gift a year, and each level's and the welcome once."""
    GiftsClaim.scoped(ctx).update(member=member).where(GiftsClaim.member == merged).execute()
    for row in list(GiftsBirthday.scoped(ctx).select().where(GiftsBirthday.member == merged)):
        GiftsBirthday.scoped(ctx).insert(member=member, year=row.year).on_conflict_ignore().execute()
    GiftsBirthday.scoped(ctx).delete().where(GiftsBirthday.member == merged).execute()
    had = {row.occasion: row for row in GiftsOnce.scoped(ctx).select().where(GiftsOnce.member == member)}
    for row in list(GiftsOnce.scoped(ctx).select().where(GiftsOnce.member == merged)):
        if (mine := had.get(row.occasion)) is None:
            GiftsOnce.scoped(ctx).update(member=member).where(GiftsOnce.id == row.id).execute()
        else:  # both had it: a refund takes back both
            both = [*mine.grants, *row.grants]
            GiftsOnce.scoped(ctx).update(grants=both).where(GiftsOnce.id == mine.id).execute()
            GiftsOnce.scoped(ctx).delete().where(GiftsOnce.id == row.id).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return a member's claims, addresses included, as JSON values."""
    rows = GiftsClaim.scoped(ctx).select().where(GiftsClaim.member == member).order_by(GiftsClaim.id)
    return {"claims": [_claim(ctx, row) for row in rows]}


def _claim(ctx: Context, row: GiftsClaim) -> dict[str, Any]:
    address = claims.address_of(ctx, row)
    return {
        "name": row.name,
        "kind": row.kind,
        "moment": row.moment,
        "state": row.state,
        "offered_at": row.offered_at.isoformat(),
        "accepted_at": row.accepted_at.isoformat() if row.accepted_at else None,
        "carrier": row.carrier,
        "tracking": row.tracking,
        "address": address.model_dump() if address else None,
    }


def purge(ctx: Context) -> None:
    """Delete all of this tenant's rows."""
    for model in (GiftsClaim, GiftsBirthday, GiftsOnce, GiftsWelcomed, GiftsRule, GiftsGift):
        model.scoped(ctx).delete().execute()


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
