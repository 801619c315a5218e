"""A claim's life: offered, accepted, shipped or picked up, done; vouchers are ready, then used; anything
may expire.

Stock is reserved when a gift is offered, confirmed when it is accepted, and returns when it is not, or not picked up.
Whoever changes a claim locks its row first, so an acceptance and the expiry of the same claim cannot both
happen.
"""

import secrets
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from plugins.gifts import catalog
from plugins.gifts.hookspecs import GiftOffered, GiftPickupEnding, GiftShipped
from plugins.gifts.models import GiftsClaim
from plugins.gifts.schemas import (
    AcceptIn,
    Address,
    GiftReward,
    GiftSettings,
    Shipment,
    UseIn,
    VoucherReward,
    WhyRevoked,
)
from roost import (
    Conflict,
    Context,
    Invalid,
    NotFound,
    Text,
    Words,
    inventory,
    kept,
    local_midnight,
    new_id,
    points,
    seal,
    tenants,
    unseal,
)

CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read for another
CODE_LENGTH = 10
MOST_AT_ONCE = 500
ADDRESS = "address"


def _code() -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def _last_day(ctx: Context, days: int) -> date:
    return ctx.today() + timedelta(days=days)


def offer(ctx: Context, member: UUID, spec: GiftReward, key: str) -> dict[str, Any]:
    """Offer a defined gift to a member, who accepts it within the claim days. Raises SoldOut, Conflict."""
    gift = catalog.gift_by_code(ctx, spec.gift)
    claim = new_id()
    held = inventory.reserve(ctx, gift.item, 1, key=f"claim:{key}", member=member) if gift.tracked else None
    days = ctx.settings(GiftSettings).claim_days
    GiftsClaim.scoped(ctx).insert(
        id=claim,
        key=key,
        member=member,
        gift=gift.id,
        name=gift.name,
        kind=gift.kind,
        moment=spec.moment,
        state="offered",
        points=gift.points,
        amount_fen=gift.amount_fen,
        terms=gift.terms,
        valid_days=gift.valid_days,
        reservation=held.id if held else None,
        offered_at=ctx.now(),
        expires_at=local_midnight(_last_day(ctx, days + 1), ctx.tenant.zone),
    ).execute()
    ctx.publish(GiftOffered(member=member, claim=claim, kind=gift.kind, moment=spec.moment))
    return {"claim": str(claim)}


def issue_voucher(ctx: Context, member: UUID, spec: VoucherReward, key: str) -> dict[str, Any]:
    """Give a voucher, ready to be used at the counter."""
    claim = new_id()
    GiftsClaim.scoped(ctx).insert(
        id=claim,
        key=key,
        member=member,
        name=spec.name,
        kind="voucher",
        moment=spec.moment,
        state="ready",
        amount_fen=spec.amount_fen,
        terms=spec.terms,
        valid_days=spec.valid_days,
        code=_code(),
        valid_until=_last_day(ctx, spec.valid_days),
        offered_at=ctx.now(),
    ).execute()
    ctx.publish(GiftOffered(member=member, claim=claim, kind="voucher", moment=spec.moment))
    return {"claim": str(claim)}


# --- members ----------------------------------------------------------------------------------------------


def address_of(ctx: Context, claim: GiftsClaim) -> Address | None:
    """Return the address of a claim; the caller answers for who sees it."""
    return Address.model_validate_json(unseal(ctx, ADDRESS, claim.address)) if claim.address is not None else None


def accept(ctx: Context, member: UUID, claim_id: UUID, body: AcceptIn) -> GiftsClaim:
    """Accept an offered gift. Repeating it changes nothing.

    A physical gift needs an address or a venue (Invalid); a virtual one becomes a voucher with a code;
    points are credited. Raises Conflict once it expired or was taken back.
    """
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id, GiftsClaim.member == member)
    if claim.accepted_at is not None and claim.state not in ("revoked", "expired"):
        return claim  # type: ignore[no-any-return]  # peewee
    _expect(claim, "offered")
    if claim.expires_at is not None and claim.expires_at <= ctx.now():
        raise Conflict("this gift was to be accepted earlier", "礼品已过领取期限", code="claim_expired")
    values: dict[str, Any] = {"accepted_at": ctx.now()}
    if claim.kind == "physical":
        values |= _delivery(ctx, body)
        if claim.reservation is not None:
            inventory.confirm(ctx, claim.reservation)
    elif body.address is not None or body.venue is not None:
        raise Invalid("only a physical gift is sent or picked up", "只有实物礼品需要地址或门店")
    elif claim.kind == "points":
        done = points.credit(ctx, member, "points", claim.points, key=f"claim:{claim.id}", reason=claim.name)
        values |= {"state": "done", "operation": done.id, "ended_at": ctx.now()}
    else:
        values |= {"state": "ready", "code": _code(), "valid_until": _last_day(ctx, claim.valid_days)}
    return _set(ctx, claim, **values)


def _delivery(ctx: Context, body: AcceptIn) -> dict[str, Any]:
    settings = ctx.settings(GiftSettings)
    if (body.address is None) == (body.venue is None):
        raise Invalid(
            "a physical gift needs an address, or a venue to pick it up: one of the two",
            "实物礼品需填写收货地址或选择领取门店（二选一）",
            fields=[{"path": "body.address", "message": "an address or a venue"}],
        )
    if body.address is not None:
        if not settings.shipping:
            raise Invalid("gifts are not sent; choose a venue", "暂不支持邮寄，请选择到店领取", code="no_shipping")
        sealed, last = seal(ctx, ADDRESS, body.address.model_dump_json()), _last_day(ctx, settings.ship_days)
        return {"state": "accepted", "delivery": "ship", "address": sealed, "ship_by": last}
    if not settings.pickup:
        raise Invalid("gifts are not picked up; give an address", "暂不支持到店领取，请填写收货地址", code="no_pickup")
    assert body.venue is not None, "one of the two"
    venue = tenants.venue(ctx, body.venue)
    if not venue.open:
        raise Invalid("this venue is closed; choose another", "该门店已停业，请选择其他门店", code="venue_closed")
    last = _last_day(ctx, settings.pickup_days)
    return {"state": "accepted", "delivery": "pickup", "venue": venue.id, "pickup_by": last}


# --- staff ------------------------------------------------------------------------------------------------


def ship(ctx: Context, claim_id: UUID, body: Shipment) -> GiftsClaim:
    """Mark a claim as shipped. Raises Conflict when it does not wait for it."""
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    _expect(claim, "accepted", delivery="ship")
    ctx.publish(GiftShipped(member=claim.member, claim=claim.id, carrier=body.carrier, tracking=body.tracking))
    return _set(ctx, claim, state="shipped", carrier=body.carrier, tracking=body.tracking, shipped_at=ctx.now())


def received(ctx: Context, claim_id: UUID, body: None) -> GiftsClaim:
    """Mark a shipped claim as received."""
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    _expect(claim, "shipped")
    return _set(ctx, claim, state="done", ended_at=ctx.now())


def picked_up(ctx: Context, claim_id: UUID, body: None) -> GiftsClaim:
    """Mark a claim as handed over in its venue."""
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    _expect(claim, "accepted", delivery="pickup")
    return _set(ctx, claim, state="done", ended_at=ctx.now())


def use(ctx: Context, claim_id: UUID, body: UseIn) -> GiftsClaim:
    """Mark a voucher as used, and where: any venue honours it. Raises Conflict when it was used, or its time is over,
    Invalid when the account has several venues and names none.
    """
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    _expect(claim, "ready")
    if claim.valid_until is not None and claim.valid_until < ctx.today():
        raise Conflict("this voucher is no longer valid", "该券已过期", code="voucher_expired")
    return _set(ctx, claim, state="used", venue=tenants.counter(ctx, body.venue), ended_at=ctx.now())


def take_back(ctx: Context, claim_id: UUID, reason: Words) -> str | None:
    """Take a claim back; return in words what cannot come back, or None. Repeating it changes nothing."""
    if GiftsClaim.scoped(ctx).first(GiftsClaim.id == claim_id) is None:  # purged since
        return None
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    if claim.state in ("revoked", "expired"):
        return None
    if claim.state in ("shipped", "used") or (claim.state == "done" and claim.operation is None):
        _set(ctx, claim, unreturned_at=ctx.now())
        return kept(Text(f"{claim.name}：已领取", f"{claim.name}: had already"))
    left = None
    if claim.operation is not None:
        undone = points.reverse(ctx, claim.operation, key=f"revoke:{claim.id}", reason=kept(reason, 60))
        if undone.shortfall:
            spent = f"{claim.name}: {undone.shortfall} points spent"
            left = kept(Text(f"{claim.name}：{undone.shortfall} 积分已使用", spent))
    _return_stock(ctx, claim)
    _set(ctx, claim, state="revoked", address=None, ended_at=ctx.now(), remark=kept(reason))
    return left


def revoke(ctx: Context, claim_id: UUID, body: WhyRevoked) -> GiftsClaim:
    """Take one claim back by hand. Raises Conflict for what was shipped, handed over or used already."""
    left = take_back(ctx, claim_id, body.reason)
    claim = GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim_id)
    if claim.state != "revoked":
        raise Conflict(left or f"this claim is {claim.state}", f"当前状态不能收回：{claim.state}", code="claim_state")
    return claim  # type: ignore[no-any-return]  # peewee


def settle(ctx: Context, claim_id: UUID, body: WhyRevoked) -> GiftsClaim:
    """Note that what a member had kept was brought back, paid, or let go. Raises Conflict when nothing is open."""
    claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == claim_id)
    if claim.unreturned_at is None:
        raise Conflict("nothing of this claim is to come back", "该记录没有待收回的礼品", code="claim_state")
    return _set(ctx, claim, unreturned_at=None, remark=body.reason)


# --- by the clock -----------------------------------------------------------------------------------------


def expire_due(ctx: Context) -> int:
    """End offers, pick-ups and vouchers whose time is over; what was not taken returns to the shelf. Return how many
    ended.
    """
    query = GiftsClaim.scoped(ctx).select(GiftsClaim.id)
    offers = query.where(GiftsClaim.state == "offered", GiftsClaim.expires_at <= ctx.now())
    waiting = query.where(GiftsClaim.state == "accepted", GiftsClaim.pickup_by < ctx.today())
    ended = 0
    for row in [*offers.limit(MOST_AT_ONCE), *waiting.limit(MOST_AT_ONCE)]:
        claim = GiftsClaim.scoped(ctx).lock(GiftsClaim.id == row.id)
        if claim.state in ("offered", "accepted"):
            _return_stock(ctx, claim)
            _set(ctx, claim, state="expired", ended_at=ctx.now())
            ended += 1
    vouchers = GiftsClaim.scoped(ctx).update(state="expired", ended_at=ctx.now())
    ended += vouchers.where(GiftsClaim.state == "ready", GiftsClaim.valid_until < ctx.today()).execute()
    return int(ended)


def remind_of_pickups(ctx: Context) -> int:
    """Publish which accepted gifts go back on the shelf soon, once each; return how many.

    A pick-up of a time without a last day gets one.
    """
    settings = ctx.settings(GiftSettings)
    waiting = (GiftsClaim.state == "accepted") & (GiftsClaim.delivery == "pickup")
    endless = GiftsClaim.scoped(ctx).update(pickup_by=_last_day(ctx, settings.pickup_days))
    endless.where(waiting, GiftsClaim.pickup_by.is_null()).execute()
    if not settings.pickup_remind_days:
        return 0
    soon = waiting & GiftsClaim.pickup_by.between(ctx.today(), _last_day(ctx, settings.pickup_remind_days))
    reminded = GiftsClaim.scoped(ctx).update(reminded_at=ctx.now()).where(soon, GiftsClaim.reminded_at.is_null())
    rows = list(reminded.returning(GiftsClaim.id, GiftsClaim.member, GiftsClaim.venue, GiftsClaim.pickup_by).execute())
    for row in rows:
        ctx.publish(GiftPickupEnding(member=row.member, claim=row.id, venue=row.venue, ends_on=row.pickup_by))
    return len(rows)


def settle_shipped(ctx: Context) -> int:
    """Count as received what was shipped long enough ago."""
    before = ctx.now() - timedelta(days=ctx.settings(GiftSettings).received_days)
    update = GiftsClaim.scoped(ctx).update(state="done", ended_at=ctx.now())
    return int(update.where(GiftsClaim.state == "shipped", GiftsClaim.shipped_at <= before).execute())


def _return_stock(ctx: Context, claim: GiftsClaim) -> None:
    if claim.reservation is not None and claim.state in ("offered", "accepted"):  # still on the shelf
        inventory.release(ctx, claim.reservation)


def _expect(claim: GiftsClaim, *states: str, delivery: str = "") -> None:
    if claim.state not in states or (delivery and claim.delivery != delivery):
        raise Conflict(
            f"this claim is {claim.state} {claim.delivery}".rstrip() + "; that does not fit",
            f"当前状态（{claim.state}）不能执行此操作",
            code="claim_state",
            state=claim.state,
        )


def _set(ctx: Context, claim: GiftsClaim, **values: Any) -> GiftsClaim:
    GiftsClaim.scoped(ctx).update(**values).where(GiftsClaim.id == claim.id).execute()
    return GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim.id)  # type: ignore[no-any-return]  # peewee


def voucher_of(ctx: Context, code: str) -> GiftsClaim | None:
    """Return the claim of a voucher's code, or None."""
    return GiftsClaim.scoped(ctx).first(GiftsClaim.code == code.strip().upper())  # type: ignore[no-any-return]  # peewee


def find_voucher(ctx: Context, code: str) -> GiftsClaim:
    """Return the claim of a voucher's code, for the counter. Raises NotFound."""
    claim = voucher_of(ctx, code)
    if claim is None:
        raise NotFound("no voucher has this code", "没有这个券码")
    return claim


def counts(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return how many gifts wait to be accepted and how many vouchers are ready."""
    mine = GiftsClaim.scoped(ctx).select().where(GiftsClaim.member == member)
    return {
        "offered": mine.where(GiftsClaim.state == "offered").count(),
        "ready": mine.where(GiftsClaim.state == "ready").count(),
    }
