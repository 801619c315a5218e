"""What members are told of gifts."""

from datetime import timedelta

from plugins.gifts.hookspecs import GiftOffered, GiftPickupEnding, GiftShipped
from plugins.gifts.models import GiftsClaim
from roost import Context, Notice, Text, Told, local_date, tenants

LINK = "pages/gifts/claims"


def _offered(ctx: Context, fact: GiftOffered) -> Told | None:
    claim = GiftsClaim.scoped(ctx).first(GiftsClaim.id == fact.claim)
    if claim is None or claim.state not in ("offered", "ready"):  # taken, or taken back, before this was delivered
        return None
    until = claim.valid_until
    if claim.state == "offered" and claim.expires_at is not None:  # the midnight after the last day
        until = local_date(claim.expires_at, ctx.tenant.zone) - timedelta(days=1)
    return Told(claim.member, {"gift": claim.name, "until": until.isoformat() if until is not None else ""})


def _pickup_ending(ctx: Context, fact: GiftPickupEnding) -> Told | None:
    claim = GiftsClaim.scoped(ctx).first(GiftsClaim.id == fact.claim)
    if claim is None or claim.state != "accepted":  # picked up before this was delivered
        return None
    venue = tenants.venue(ctx, fact.venue).name
    return Told(claim.member, {"gift": claim.name, "venue": venue, "until": fact.ends_on.isoformat()})


def _shipped(ctx: Context, fact: GiftShipped) -> Told | None:
    claim = GiftsClaim.scoped(ctx).first(GiftsClaim.id == fact.claim)
    if claim is None:
        return None
    return Told(claim.member, {"gift": claim.name, "carrier": fact.carrier, "tracking": fact.tracking})


NOTICES = (
    Notice(
        "gift_offered",
        Text("您有一份礼品", "A gift for you"),
        _offered,
        Text("{gift} 已为您准备好，有效期至 {until}。", "{gift} is waiting for you until {until}."),
        link=LINK,
    ),
    Notice(
        "gift_pickup_ending",
        Text("礼品待领取", "Your gift waits for you"),
        _pickup_ending,
        Text(
            "{gift} 在{venue}等您领取，请于 {until} 前到店。",
            "{gift} waits for you at {venue} until {until}.",
        ),
        link=LINK,
    ),
    Notice(
        "gift_shipped",
        Text("礼品已发货", "Your gift is on its way"),
        _shipped,
        Text("{gift} 已发货：{carrier} {tracking}。", "{gift} was sent by {carrier}, {tracking}."),
        link=LINK,
    ),
)
