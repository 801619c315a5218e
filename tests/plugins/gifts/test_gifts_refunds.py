"""What a refund takes back: the level that stood on the purchase, and the gifts of that level."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core import inventory, members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from plugins.gifts import giving
from plugins.gifts.models import GiftsClaim, GiftsGift
from tests.plugins.gifts.conftest import ADDRESS

Make = Callable[..., MemberView]
Run = Callable[[], int]


class Shop:
    """A brand that sells, and its API."""

    def __init__(self, ctx: Context, api: Any, drain: Run) -> None:
        self.ctx, self.api, self.drain = ctx, api, drain
        self.count = 0

    def _token(self) -> str:
        wanted = ("purchases.record", "purchases.view", "purchases.refund", "gifts.claims", "gifts.rules")
        return str(self.api.as_staff(*wanted))

    def sell(self, member: MemberView, yuan: int) -> str:
        """Sell something; return the purchase's id."""
        self.count += 1
        body = {"receipt": f"bill-{self.count}", "member": str(member.id), "amount_fen": yuan * 100}
        done = self.api.post("/admin/v1/purchases", json=body, token=self._token(), key=f"sell-{self.count}")
        assert done.status_code in (200, 201), done.text
        self.drain()
        return str(done.json["id"])

    def refund(self, purchase: str, yuan: int | None = None) -> None:
        """Pay all of a purchase back, or a part."""
        self.count += 1
        body = {"amount_fen": yuan * 100 if yuan else None, "reason": "returned"}
        path = f"/admin/v1/purchases/records/{purchase}/refund"
        done = self.api.post(path, json=body, token=self._token(), key=f"back-{self.count}")
        assert done.status_code == 200, done.text
        self.drain()

    def gifts(self, member: MemberView) -> list[dict[str, Any]]:
        """Return what a member sees of their gifts, oldest first."""
        listed = self.api.get("/v1/gifts/claims", token=self.api.as_member(member)).json["items"]
        return list(reversed(listed))

    def accept(self, member: MemberView, claim: dict[str, Any]) -> Any:
        """Have a member accept a gift by mail."""
        path = f"/v1/gifts/claims/{claim['id']}/accept"
        token = self.api.as_member(member)
        return self.api.post(path, json={"address": ADDRESS}, token=token, key=f"take-{claim['id']}")

    def act(self, claim: dict[str, Any], action: str, body: dict[str, Any]) -> Any:
        """Do something to a claim, as staff."""
        path = f"/admin/v1/gifts/claims/{claim['id']}/{action}"
        return self.api.post(path, json=body, token=self._token(), key=f"{action}-{claim['id']}")

    def level(self, member: MemberView) -> str:
        """Return a member's level as they see it."""
        return str(self.api.get("/v1/levels/me", token=self.api.as_member(member)).json["level"]["code"])

    def left(self, code: str) -> int:
        """Return what is on the shelf of a gift."""
        with self.ctx.transaction():
            return inventory.available(self.ctx, GiftsGift.scoped(self.ctx).get(GiftsGift.code == code).item)


@pytest.fixture
def brand(gifts: Context, enable_plugin: Callable[..., None], api: Any, drain: Run, clock: ManualClock) -> Shop:
    """Return a brand with counted stock of its growth gifts."""
    enable_plugin("purchases")
    made = Shop(gifts, api, drain)
    with gifts.transaction():
        giving.ensure_standard(gifts)
    for row in GiftsGift.scoped(gifts).select():
        path = f"/admin/v1/gifts/gifts/{row.id}/restock"
        assert api.post(path, json={"quantity": 10}, token=made._token(), key=f"stock-{row.code}").status_code == 200
    return made


def test_bought_for_600_and_wholly_refunded_nothing_is_free(brand: Shop, member: Make) -> None:
    li = member()
    bought = brand.sell(li, 600)
    assert brand.level(li) == "gold"
    towel, bottle = brand.gifts(li)
    assert brand.accept(li, towel).status_code == 200
    assert (brand.left("towel"), brand.left("bottle")) == (9, 9)

    brand.refund(bought)

    assert brand.level(li) == "bronze"
    assert [(g["name"], g["state"]) for g in brand.gifts(li)] == [("运动毛巾", "revoked"), ("运动水壶", "revoked")]
    refused = brand.accept(li, bottle)
    assert (refused.status_code, refused.json["code"]) == (409, "claim_state")
    assert brand.act(towel, "ship", {"carrier": "SF", "tracking": "SF12345"}).status_code == 409
    assert (brand.left("towel"), brand.left("bottle")) == (10, 10)
    with brand.ctx.transaction():
        assert points.balance(brand.ctx, li.id, "growth").available == 0


def test_what_was_shipped_is_listed_until_staff_have_settled_it(brand: Shop, member: Make, api: Any) -> None:
    li = member()
    bought = brand.sell(li, 600)
    towel, bottle = brand.gifts(li)
    brand.accept(li, towel)
    assert brand.act(towel, "ship", {"carrier": "SF", "tracking": "SF12345"}).status_code == 200
    brand.refund(bought)
    assert [g["state"] for g in brand.gifts(li)] == ["shipped", "revoked"]
    listed = api.get("/admin/v1/gifts/claims?unreturned_at_from=2026-01-01", token=brand._token()).json["items"]
    assert [row["id"] for row in listed] == [towel["id"]]
    assert brand.act(towel, "settle", {"reason": "39 yuan taken off the refund"}).status_code == 200
    assert not api.get("/admin/v1/gifts/claims?unreturned_at_from=2026-01-01", token=brand._token()).json["items"]

    brand.sell(li, 600)  # an honest customer again: the bottle that came back is earned, the towel was had
    assert [(g["name"], g["state"]) for g in brand.gifts(li)][2:] == [("运动水壶", "offered")]
    assert bottle["state"] == "offered"


def test_a_part_refunded_takes_back_only_what_stood_on_it(brand: Shop, member: Make, clock: ManualClock) -> None:
    li = member()
    brand.sell(li, 150)
    clock.advance(days=29)
    bought = brand.sell(li, 400)
    assert brand.level(li) == "gold"
    brand.refund(bought, 100)
    assert brand.level(li) == "silver"
    assert [(g["name"], g["state"]) for g in brand.gifts(li)] == [("运动毛巾", "offered"), ("运动水壶", "revoked")]


def test_a_brand_may_leave_the_gifts(brand: Shop, member: Make, enable_plugin: Callable[..., None]) -> None:
    enable_plugin("gifts", reverse_growth=False)
    li = member()
    brand.refund(brand.sell(li, 600))
    assert brand.level(li) == "bronze"
    assert [g["state"] for g in brand.gifts(li)] == ["offered", "offered"]


def test_a_rise_that_is_heard_after_its_refund_brings_nothing(brand: Shop, member: Make) -> None:
    """Deliveries are unordered: the level fell before its gifts were given."""
    li = member()
    brand.drain()
    with brand.ctx.transaction():
        giving.grown(brand.ctx, li.id, ("silver", "gold"))
    assert brand.gifts(li) == []


def test_one_person_has_a_levels_gift_once_also_after_a_merge(
    brand: Shop, tenant: Context, member: Make, drain: Run
) -> None:
    li, double = member(), member()
    bought = brand.sell(double, 600)
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    drain()
    assert brand.level(li) == "gold"
    assert len(brand.gifts(li)) == 2
    brand.refund(bought)
    assert brand.level(li) == "bronze"
    assert {g["state"] for g in brand.gifts(li)} == {"revoked"}
    assert GiftsClaim.scoped(tenant).select().count() == 2


@pytest.mark.engines("postgresql")  # SQLite has one writer, so there nothing needs the lock
class TestAtOnce:
    """A refund takes a level away while a worker gives what the level brings."""

    def race(self, ctx: Context, member: MemberView, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give a level's gifts; between the look at the level and the gift, have a refund take the level back."""

        def refund() -> None:
            ctx.run(lambda: members.set_level(ctx, member.id, "bronze", up=False))
            ctx.run(lambda: giving.take_growth_back(ctx, member.id, ["gold"]))

        other, give_once = threading.Thread(target=refund), giving._give_once

        def with_a_refund_between(*args: Any) -> None:
            other.start()
            other.join(timeout=1)  # with the lock it waits for us, and so it goes on when we are done
            give_once(*args)

        monkeypatch.setattr(giving, "_give_once", with_a_refund_between)
        with ctx.transaction():
            members.set_level(ctx, member.id, "gold", up=True, passed=("gold",))
        ctx.run(lambda: giving.grown(ctx, member.id, ("gold",)))
        other.join()

    def test_a_gift_given_during_the_refund_of_its_level_does_not_stay(
        self, brand: Shop, member: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        li = member()
        self.race(brand.ctx, li, monkeypatch)
        assert [gift["state"] for gift in brand.gifts(li)] == ["revoked"]

    def test_without_the_lock_it_would_stay(self, brand: Shop, member: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        look = members.levels_of
        monkeypatch.setattr(members, "levels_of", lambda ctx, ids, lock: look(ctx, ids))
        li = member()
        self.race(brand.ctx, li, monkeypatch)
        assert [gift["state"] for gift in brand.gifts(li)] == ["offered"]
