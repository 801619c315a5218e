"""Gifts at the console: a clerk ships an accepted gift, a counter honours a voucher."""

from collections.abc import Callable
from typing import Any

import pytest

from core import identity, rewards, tenants
from core.audit.models import Audit
from core.contract.context import Context
from core.ids import new_id
from core.members import MemberView
from core.rewards import RewardSpec
from core.runtime import Runtime
from hosts.server.app import make_app
from hosts.testkit.plugin import PASSWORD
from plugins.gifts import catalog, claims
from plugins.gifts.models import GiftsClaim
from plugins.gifts.schemas import AcceptIn, Address, GiftIn
from tests.hosts.console.browser import Browser, words
from tests.plugins.gifts.conftest import ADDRESS

Make = Callable[..., MemberView]
CLAIMS = "/console/gifts/claims"


@pytest.fixture
def clerk(runtime: Runtime, gifts: Context) -> Callable[..., Browser]:
    """Return a function that signs somebody in."""

    def make(*permissions: str, venues: tuple[Any, ...] = ()) -> Browser:
        name = f"clerk-{new_id().hex[-12:]}"
        with gifts.transaction():
            identity.save_role(gifts, f"role-{name}", name, permissions)
            made = identity.create_staff(gifts, name, PASSWORD, name, [f"role-{name}"], venues)
            browser = Browser(make_app(runtime), gifts, made.id, name)
            browser.hold(identity.open_session(gifts, "staff", made.id))
        return browser

    return make


@pytest.fixture
def give(gifts: Context) -> Callable[..., GiftsClaim]:
    """Return a function that gives a member a gift and accepts it."""

    def make(member: MemberView, kind: str, **how: Any) -> GiftsClaim:
        with gifts.transaction():
            catalog.define(gifts, GiftIn(code="gift", name="水壶", kind=kind))
            spec = RewardSpec(kind="gift", spec={"gift": "gift"})
            done = rewards.give(gifts, member.id, [spec], key="k", reason="t")
            return claims.accept(gifts, member.id, done.rewards[0].receipt["claim"], AcceptIn(**how))

    return make


def test_a_clerk_sees_the_address_with_a_reason_and_ships(gifts: Context, member: Make, give: Any, clerk: Any) -> None:
    claim = give(member(), "physical", address=Address(**ADDRESS))
    browser = clerk("gifts.claims", "gifts.address")
    page = browser.get(f"{CLAIMS}/{claim.id}")
    assert ADDRESS["detail"] not in page.text
    assert "查看收货地址" in page.text
    asked = browser.act(f"{CLAIMS}/{claim.id}/address", {"reason": " "})
    assert (asked.status_code, ADDRESS["detail"] in asked.text) == (422, False)
    shown = browser.act(f"{CLAIMS}/{claim.id}/address", {"reason": "to print the label"}, htmx=True)
    assert shown.status_code == 200
    assert f"收货人 {ADDRESS['name']} 联系电话 {ADDRESS['phone']}" in words(shown.text)
    assert ADDRESS["detail"] in shown.text
    [row] = Audit.scoped(gifts).select().where(Audit.action == "gifts.claims.address")
    assert (row.subject, row.details) == (str(claim.id), {"reason": "to print the label"})
    sent = browser.act(f"{CLAIMS}/{claim.id}/ship", {"carrier": "顺丰", "tracking": "SF1234567890"})
    assert sent.status_code == 303, words(sent.text)
    assert GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id).state == "shipped"


def test_who_may_not_see_addresses_is_not_offered_them(gifts: Context, member: Make, give: Any, clerk: Any) -> None:
    claim = give(member(), "physical", address=Address(**ADDRESS))
    browser = clerk("gifts.claims")
    assert "查看收货地址" not in browser.get(f"{CLAIMS}/{claim.id}").text
    assert browser.get(f"{CLAIMS}/{claim.id}/address").status_code == 403


def test_a_venues_counter_finds_a_voucher_by_its_code_and_uses_it(
    gifts: Context, member: Make, give: Any, clerk: Any, shop: tenants.Venue
) -> None:
    claim = give(member(), "virtual")
    browser = clerk("gifts.claims", venues=(shop.id,))
    assert "没有这个券码" in browser.get("/console/gifts/counter?code=NOSUCHCODE").text
    found = browser.get(f"/console/gifts/counter?code={claim.code.lower()}")
    assert "水壶" in found.text
    assert f"{CLAIMS}/{claim.id}/use" in found.text
    used = browser.act(f"{CLAIMS}/{claim.id}/use")
    assert used.headers["Location"] == f"{CLAIMS}/{claim.id}"
    row = GiftsClaim.scoped(gifts).get(GiftsClaim.id == claim.id)
    assert (row.state, row.venue) == ("used", shop.id)
    assert browser.get(f"{CLAIMS}/{claim.id}").status_code == 200
    assert "/use" not in browser.get(f"/console/gifts/counter?code={claim.code}").text
