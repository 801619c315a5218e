"""The console's pages of orders, as staff open them."""

import pytest

from core import identity
from core.ids import new_id
from hosts.server.app import make_app
from hosts.testkit.plugin import PASSWORD
from plugins import orders
from plugins.orders.counter import till
from plugins.orders.staff_schemas import TakeIn
from tests.hosts.console.browser import Browser

AT_HOME = orders.AddressIn(name="韩梅梅", phone="13900000002", province="江苏省", city="南京市", detail="中山路2号")
PERMISSIONS = ("orders.view", "orders.ship", "orders.labels", "orders.shifts", "orders.refund", "orders.invoices")


@pytest.fixture
def browser(runtime, tenant, shop):
    """Return a signed-in account that may do everything with orders."""
    name = f"staff-{new_id().hex[-12:]}"
    with tenant.transaction():
        identity.save_role(tenant, f"role-{name}", name, PERMISSIONS)
        made = identity.create_staff(tenant, name, PASSWORD, name, [f"role-{name}"], ())
        session = identity.open_session(tenant, "staff", made.id)
    browser = Browser(make_app(runtime), tenant, made.id, name)
    browser.hold(session)
    return browser


@pytest.fixture
def parcel(rich, place, paid):
    view = rich()
    order = place(view, lines=(orders.Line("towel", "毛巾", 2, 100, fulfilment="ship"),), address=AT_HOME)
    paid(view, order)
    return order


@pytest.mark.parametrize(
    "page",
    ["orders", "refunds", "handovers", "takings", "shifts", "invoices", "tracking", "labels", "pick-list", "till"],
)
def test_every_page_opens_in_both_languages(browser, parcel, page):
    for language in ("zh", "en"):
        opened = browser.get(f"/console/orders/{page}", headers={"Accept-Language": language})
        assert opened.status_code == 200, opened.text[:500]


def test_the_pick_list_says_what_to_take(browser, parcel):
    opened = browser.get("/console/orders/pick-list").text
    assert "毛巾" in opened
    assert parcel.number in opened
    assert "中山路" not in opened


def test_labels_are_printed_from_a_batch_of_ones_own(browser, parcel):
    assert browser.get("/console/orders/print-labels").status_code == 200
    made = browser.post("/console/orders/labels/new", {"most": "10", "reason": "morning parcels"})
    assert made.status_code == 303, made.text[:500]
    listed = browser.get("/console/orders/print-labels").text
    batch = listed.split("?batch=")[1].split('"')[0]
    printed = browser.get(f"/console/orders/print-labels?batch={batch}").text
    assert "中山路2号" in printed
    assert "13900000002" in printed


def test_the_till_shows_what_no_shift_has_counted(browser, rich, place, ctx, venue):
    order = place(rich())
    with ctx.transaction():
        till.take(ctx, order.id, TakeIn(venue=venue, cash_fen=1000))
    opened = browser.get("/console/orders/till").text
    assert "静安" in opened
    assert "10.00" in opened


def test_an_order_opens_with_what_may_be_done_to_it(browser, parcel):
    opened = browser.get(f"/console/orders/orders/{parcel.id}").text
    assert "韩** 139****0002" in opened
    assert "中山路" not in opened
    assert browser.get(f"/console/orders/orders/{parcel.id}/ship").status_code == 200
