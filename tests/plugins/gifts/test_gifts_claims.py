"""A claim's life, as its member and the staff see it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import inventory, members, tenants
from core.audit.models import Audit
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Vetoed
from core.events.models import Event
from core.members import MemberView
from core.rewards import RewardSpec
from plugins.gifts import catalog
from plugins.gifts.models import GiftsClaim, GiftsGift
from plugins.gifts.schemas import GiftIn
from roost import rewards

Make = Callable[..., MemberView]
Run = Callable[[], int]
ADDRESS = {"name": "李雷", "phone": "13800000000", "region": "上海市静安区", "detail": "南京西路 1 号"}


@pytest.fixture
def offer(gifts: Context) -> Callable[..., GiftsClaim]:
    """Return a function that offers a member a gift of a kind."""

    def make(member: MemberView, kind: str = "physical", stock: int | None = None) -> GiftsClaim:
        code = f"{kind}-{'counted' if stock is not None else 'free'}"
        with gifts.transaction():
            if not GiftsGift.scoped(gifts).first(GiftsGift.code == code):
                points = 30 if kind == "points" else 0
                catalog.define(gifts, GiftIn(code=code, name=code, kind=kind, points=points, stock=stock))
            done = rewards.give(
                gifts,
                member.id,
                [RewardSpec(kind="gift", spec={"gift": code})],
                key=f"{code}:{member.id}",
                reason="t",
            )
            claim = done.rewards[0].receipt["claim"]
            return GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim)

    return make


def accept(api: Any, token: str, claim: GiftsClaim, key: str = "k", **body: Any) -> Any:
    return api.post(f"/v1/gifts/claims/{claim.id}/accept", json=body, token=token, key=f"{claim.id}:{key}")


def left(ctx: Context, code: str) -> int:
    with ctx.transaction():
        return inventory.available(ctx, GiftsGift.scoped(ctx).get(GiftsGift.code == code).item)


def test_a_physical_gift_is_accepted_with_an_address_shipped_and_received(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run
) -> None:
    li = member()
    token, staff = api.as_member(li), api.as_staff("gifts.claims", "gifts.address")
    claim = offer(li)
    assert [c["state"] for c in api.get("/v1/gifts/claims", token=token).json["items"]] == ["offered"]
    got = accept(api, token, claim, address=ADDRESS)
    assert got.status_code == 200, got.text
    assert (got.json["state"], got.json["delivery"], got.json["ship_by"]) == (
        "accepted",
        "ship",
        "2026-11-29",
    )
    assert got.json["address"] == ADDRESS
    path = f"/admin/v1/gifts/claims/{claim.id}"
    assert api.get(path, token=staff).json["receiver"] == "李** 138****0000 上海市静安区"
    shown = api.post(f"{path}/address", json={"reason": "to print the label"}, token=staff)
    assert shown.json == ADDRESS
    shipped = api.post(f"{path}/ship", json={"carrier": "顺丰", "tracking": "SF1234567890"}, token=staff)
    assert shipped.json["item"]["state"] == "shipped", shipped.text
    assert api.get(f"/v1/gifts/claims/{claim.id}", token=token).json["tracking"] == "SF1234567890"
    clock.advance(days=16)
    tick()
    mine = api.get(f"/v1/gifts/claims/{claim.id}", token=api.as_member(li)).json
    assert mine["state"] == "done"


def test_the_address_is_sealed_and_gone_when_the_gift_has_arrived(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run
) -> None:
    li, staff = member(), api.as_staff("gifts.claims")
    claim = offer(li)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    stored = GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).address
    assert b"13800000000" not in bytes(stored)
    path = f"/admin/v1/gifts/claims/{claim.id}"
    api.post(f"{path}/ship", json={"carrier": "x", "tracking": "SF12345"}, token=staff)
    api.post(f"{path}/received", token=staff)
    clock.advance(days=1)
    tick()
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).address is None


def test_looking_at_an_address_needs_the_permission_and_leaves_an_audit_row(
    gifts: Context, member: Make, offer: Any, api: Any
) -> None:
    li = member()
    claim = offer(li)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    path = f"/admin/v1/gifts/claims/{claim.id}/address"
    assert api.post(path, json={"reason": "x"}, token=api.as_staff("gifts.claims")).status_code == 403
    assert api.post(path, json={}, token=api.as_staff("gifts.claims", "gifts.address")).status_code == 422
    assert (
        api.post(path, json={"reason": "label"}, token=api.as_staff("gifts.claims", "gifts.address")).status_code == 200
    )
    [row] = Audit.scoped(gifts).select().where(Audit.action == "gifts.claims.address")
    assert (row.subject, row.details) == (str(claim.id), {"reason": "label"})


def test_a_gift_is_picked_up_in_a_venue_that_only_its_own_staff_see(
    gifts: Context, member: Make, offer: Any, api: Any, shop: tenants.Venue
) -> None:
    with gifts.transaction():
        other = tenants.add_venue(gifts, "002", "North")
    li = member()
    claim = offer(li)
    assert accept(api, api.as_member(li), claim, venue=str(shop.id)).json["delivery"] == "pickup"
    path = f"/admin/v1/gifts/claims/{claim.id}"
    assert api.get(path, token=api.as_staff("gifts.claims", venues=(other.id,))).status_code == 404
    mine = api.as_staff("gifts.claims", venues=(shop.id,))
    assert api.post(f"{path}/ship", json={"carrier": "x", "tracking": "SF12345"}, token=mine).status_code == 409
    assert api.post(f"{path}/picked_up", token=mine).json["item"]["state"] == "done"


@pytest.mark.parametrize("body", [{}, {"address": ADDRESS, "venue": "00000000-0000-7000-8000-000000000001"}])
def test_a_physical_gift_needs_an_address_or_a_venue(
    gifts: Context, member: Make, offer: Any, api: Any, body: dict[str, Any]
) -> None:
    li = member()
    claim = offer(li)
    assert accept(api, api.as_member(li), claim, **body).status_code == 422
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "offered"


def test_accepting_again_changes_nothing(gifts: Context, member: Make, offer: Any, api: Any, available: Any) -> None:
    li = member()
    token, claim = api.as_member(li), offer(li, "points")
    first, again = accept(api, token, claim), accept(api, token, claim, key="other")
    assert first.json["state"] == again.json["state"] == "done"
    assert available(li) == 30
    assert api.post(f"/v1/gifts/claims/{claim.id}/accept", json={}, token=token).status_code == 400  # no key


def test_a_virtual_gift_becomes_a_voucher_with_a_code_that_the_counter_uses_once(
    gifts: Context, member: Make, offer: Any, api: Any
) -> None:
    li, staff = member(), api.as_staff("gifts.claims")
    got = accept(api, api.as_member(li), offer(li, "virtual")).json
    assert (got["state"], len(got["code"]), got["valid_until"]) == ("ready", 10, "2026-12-22")
    found = api.get(f"/admin/v1/gifts/vouchers?code={got['code'].lower()}", token=staff).json
    assert found["id"] == got["id"]
    path = f"/admin/v1/gifts/claims/{got['id']}/use"
    assert api.post(path, token=staff).json["item"]["state"] == "used"
    assert api.post(path, token=staff).status_code == 409


def test_any_venues_staff_use_a_voucher_and_the_venue_is_kept(
    gifts: Context, member: Make, offer: Any, api: Any, shop: tenants.Venue
) -> None:
    with gifts.transaction():
        north = tenants.add_venue(gifts, "002", "North")
    li = member()
    code = accept(api, api.as_member(li), offer(li, "virtual")).json["code"]
    both, mine = (
        api.as_staff("gifts.claims", venues=(shop.id, north.id)),
        api.as_staff("gifts.claims", venues=(shop.id,)),
    )
    path = f"/admin/v1/gifts/claims/{api.get(f'/admin/v1/gifts/vouchers?code={code}', token=mine).json['id']}"
    assert api.get(path, token=mine).status_code == 404  # they see no row of nobody's venue
    unsaid = api.post(f"{path}/use", token=both)
    assert (unsaid.status_code, unsaid.json["code"]) == (422, "venue_needed")
    assert api.post(f"{path}/use", json={"venue": str(north.id)}, token=mine).status_code == 403
    used = api.post(f"{path}/use", token=mine)
    assert (used.status_code, used.json["item"]["state"], used.json["item"]["venue"]) == (200, "used", str(shop.id))
    assert api.get(path, token=mine).status_code == 200


def test_any_venue_is_for_vouchers_only(
    gifts: Context, member: Make, offer: Any, api: Any, shop: tenants.Venue
) -> None:
    li = member()
    claim = offer(li)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    mine = api.as_staff("gifts.claims", "gifts.address", venues=(shop.id,))
    path = f"/admin/v1/gifts/claims/{claim.id}"
    assert api.post(f"{path}/use", token=mine).status_code == 409
    assert api.post(f"{path}/address", json={"reason": "curious"}, token=mine).status_code == 404


def test_another_members_gift_is_not_there(gifts: Context, member: Make, offer: Any, api: Any) -> None:
    claim, stranger = offer(member()), api.as_member(member())
    assert api.get(f"/v1/gifts/claims/{claim.id}", token=stranger).status_code == 404
    assert accept(api, stranger, claim, address=ADDRESS).status_code == 404


def test_an_unclaimed_gift_expires_and_its_stock_returns(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run
) -> None:
    li = member()
    claim = offer(li, stock=3)
    assert left(gifts, "physical-counted") == 2
    clock.set(claim.expires_at)
    late = accept(api, api.as_member(li), claim, address=ADDRESS)
    assert (late.status_code, late.json["code"]) == (409, "claim_expired")
    tick()
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "expired"
    assert left(gifts, "physical-counted") == 3


def test_a_pick_up_is_reminded_of_and_then_goes_back_on_the_shelf(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run, shop: tenants.Venue
) -> None:
    li = member()
    claim = offer(li, stock=3)
    got = accept(api, api.as_member(li), claim, venue=str(shop.id)).json
    assert got["pickup_by"] == "2026-12-07"

    def told() -> list[Event]:
        return list(Event.scoped(gifts).select().where(Event.name == "gift_pickup_ending"))

    clock.advance(days=11)
    tick()
    assert told() == []
    for _ in range(3):
        clock.advance(days=1)
        tick()
    assert len(told()) == 1
    clock.advance(days=1)
    tick()
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "accepted"  # the last day
    clock.advance(days=1)
    tick()
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "expired"
    assert left(gifts, "physical-counted") == 3
    late = api.post(f"/admin/v1/gifts/claims/{claim.id}/picked_up", token=api.as_staff("gifts.claims"))
    assert late.status_code == 409


def test_a_pick_up_of_before_there_was_a_last_day_gets_one(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run, shop: tenants.Venue
) -> None:
    li = member()
    claim = offer(li)
    accept(api, api.as_member(li), claim, venue=str(shop.id))
    GiftsClaim.scoped(gifts).update(pickup_by=None).execute()
    clock.advance(days=40)
    tick()
    row = GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id)
    assert (row.state, row.pickup_by) == ("accepted", gifts.today() + timedelta(days=15))


def test_an_accepted_gift_does_not_expire(
    gifts: Context, member: Make, offer: Any, api: Any, clock: ManualClock, tick: Run
) -> None:
    li = member()
    claim = offer(li, stock=3)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    clock.advance(days=40)
    tick()
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "accepted"
    assert left(gifts, "physical-counted") == 2


def test_a_gift_taken_back_before_it_is_shipped_returns_to_the_shelf(
    gifts: Context, member: Make, offer: Any, api: Any
) -> None:
    li, staff = member(), api.as_staff("gifts.claims")
    claim = offer(li, stock=3)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    path = f"/admin/v1/gifts/claims/{claim.id}/revoke"
    done = api.post(path, json={"reason": "wrong member"}, token=staff, key="r1")
    assert done.json["item"]["state"] == "revoked", done.text
    assert left(gifts, "physical-counted") == 3
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).address is None


def test_restocking_adds_to_what_is_left(gifts: Context, member: Make, offer: Any, api: Any) -> None:
    offer(member(), stock=1)
    staff = api.as_staff("gifts.rules")
    gift = GiftsGift.scoped(gifts).get(GiftsGift.code == "physical-counted")
    assert api.get(f"/admin/v1/gifts/gifts/{gift.id}", token=staff).json["left"] == 0
    done = api.post(f"/admin/v1/gifts/gifts/{gift.id}/restock", json={"quantity": 5}, token=staff, key="s1")
    assert done.json["item"]["left"] == 5, done.text


def test_gifts_cannot_be_switched_off_while_goods_are_on_their_way(
    gifts: Context, tenant: Context, member: Make, offer: Any, api: Any
) -> None:
    li = member()
    claim = offer(li)
    tenants.disable_plugin(tenant, "gifts")
    tenants.enable_plugin(tenant, "gifts")
    accept(api, api.as_member(li), claim, address=ADDRESS)
    with pytest.raises(Vetoed) as caught:
        tenants.disable_plugin(tenant, "gifts")
    assert caught.value.code == "gifts_in_flight"


def test_erasure_forgets_the_address_and_export_gave_it_away_before(
    gifts: Context, tenant: Context, member: Make, offer: Any, api: Any
) -> None:
    li = member()
    claim = offer(li, stock=2)
    accept(api, api.as_member(li), claim, address=ADDRESS)
    with tenant.transaction():
        taken_away = members.export(tenant, li.id)
        members.erase(tenant, li.id, "asked for it")
    assert "南京西路" in json.dumps(taken_away, ensure_ascii=False, default=str)
    row = GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id)
    assert (row.address, row.state) == (None, "revoked")
    assert left(gifts, "physical-counted") == 2


def test_a_survivor_has_the_gifts_of_both(gifts: Context, tenant: Context, member: Make, offer: Any, api: Any) -> None:
    li, double = member(), member()
    claim = offer(double)
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    assert [c["id"] for c in api.get("/v1/gifts/claims", token=api.as_member(li)).json["items"]] == [str(claim.id)]


def test_the_list_is_a_keyset_of_pages(gifts: Context, member: Make, offer: Any, api: Any) -> None:
    li = member()
    made = [str(offer(li, kind).id) for kind in ("physical", "virtual", "points")]
    token = api.as_member(li)
    first = api.get("/v1/gifts/claims?limit=2", token=token).json
    second = api.get(f"/v1/gifts/claims?limit=2&cursor={first['next_cursor']}", token=token).json
    assert [c["id"] for c in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert api.get("/v1/gifts/claims?cursor=nonsense", token=token).status_code == 422


def test_staff_take_a_welcome_back_by_hand(
    gifts: Context, member: Make, convert: Any, available: Any, api: Any, claims: Any
) -> None:
    li = member()
    convert(li)
    path = f"/admin/v1/gifts/members/{li.id}/welcome/reverse"
    done = api.post(path, json={"reason": "refund by hand"}, token=api.as_staff("gifts.claims"), key="w1")
    assert done.json == {"grants": 1, "spent": []}, done.text
    assert available(li) == 0
    assert [c.state for c in claims(li)] == ["revoked"]
