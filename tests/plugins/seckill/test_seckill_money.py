"""Flash sales for money: held while the order waits, won when it is paid, back when it cannot be paid any more."""

import sys
from datetime import timedelta

import pytest

from core import points, tenants
from plugins.orders.models import OrdersOrder
from plugins.seckill import sessions, vouchers
from plugins.seckill.models import SeckillClaim
from plugins.seckill.schemas import ItemCreate, Redeem, SessionForm
from roost import Conflict, inventory


@pytest.fixture
def seckill(tenant, enable_plugin, box):
    enable_plugin("orders", earns=False)
    enable_plugin("seckill")
    enable_plugin("paybox")
    return tenant.for_plugin("seckill")


@pytest.fixture
def item(seckill):
    """Open a session with two towels for 9.90 yuan and 50 points each; return the item."""
    now = seckill.now()
    with seckill.transaction():
        form = SessionForm(title="周三抢", starts_at=now, ends_at=now + timedelta(hours=2))
        session = sessions.create_session(seckill, form)
        values = {"title": "毛巾", "stock": 2, "price_fen": 990, "price_points": 50}
        found = sessions.add_item(seckill, ItemCreate(session=session, **values))
        sessions.publish_session(seckill, session)
    return found


@pytest.fixture
def buyer(member, tenant):
    view = member()
    with tenant.transaction():
        points.credit(tenant, view.id, "points", 200, key="start", reason="test")
    return view


@pytest.fixture
def take(api, item, buyer):
    """Return a function that takes one as the buyer."""

    def run(key="take"):
        reply = api.post(f"/v1/seckill/items/{item}/take", token=api.as_member(buyer), key=key)
        assert reply.status_code == 201, reply.text
        return reply.json

    return run


@pytest.fixture
def start(api, buyer):
    """Return a function that starts to pay for a claim; return the charge's number."""

    def run(claim, key="pay"):
        path = f"/v1/orders/{claim['order']}/pay"
        reply = api.post(path, token=api.as_member(buyer), key=key, json={"method": "paybox"})
        assert reply.status_code == 200, reply.text
        return reply.json["charge"]

    return run


@pytest.fixture
def pay(start, box, told):
    """Return a function that pays for a claim, to the end."""

    def run(claim):
        number = start(claim)
        box.charges[number]["state"] = "paid"
        told("paid", number, 990)
        return number

    return run


@pytest.fixture
def told(tenant, paybox_registry):
    """Return a function that tells something as the provider's callback does."""

    def send(kind, charge, amount=0):
        with tenant.transaction():
            sys.modules["paybox.hooks"].tell(tenant, kind, charge, amount)

    return send


@pytest.fixture
def look(seckill, tenant, item, buyer):
    """Return a function that reads the claim's state, the stock left, and the points that can be spent and are held."""

    def run():
        claim = SeckillClaim.scoped(seckill).first()
        found = points.balance(tenant, buyer.id)
        left = inventory.available(seckill, sessions.stock_key(item))
        return claim.state, left, found.available, found.held

    return run


def act(api, buyer, claim, name, key="act"):
    return api.post(f"/v1/seckill/claims/{claim['id']}/{name}", token=api.as_member(buyer), key=key)


def test_what_costs_money_is_won_when_its_order_is_paid(take, pay, drain, look, api, buyer):
    claim = take()
    assert (claim["state"], claim["price_fen"]) == ("held", 990)
    assert look() == ("held", 1, 150, 50)
    refused = act(api, buyer, claim, "confirm")
    assert (refused.json["code"], refused.json["order"]) == ("pay_first", claim["order"])
    pay(claim)
    drain()
    assert look() == ("won", 1, 150, 0)
    assert len(act(api, buyer, claim, "confirm", "again").json["code"]) == 10


def test_who_paid_need_not_wait_for_the_news(take, pay, look, api, buyer, drain):
    claim = take()
    pay(claim)
    assert act(api, buyer, claim, "confirm").json["state"] == "won"
    drain()
    assert look() == ("won", 1, 150, 0)


def test_unpaid_within_ten_minutes_it_returns_and_counts_as_unconfirmed(take, drain, tick, clock, look, seckill):
    take()
    clock.advance(minutes=9)
    tick()
    assert look() == ("held", 1, 150, 50)
    clock.advance(minutes=2)
    tick()
    drain()
    assert look() == ("lapsed", 2, 200, 0)


def test_the_stock_returns_only_after_the_provider_confirmed_that_it_cannot_be_paid(
    take, start, tick, clock, look, box
):
    claim = take()
    start(claim)
    box.away.add("close")
    clock.advance(minutes=11)
    tick()
    assert look() == ("held", 1, 150, 50)
    box.away.clear()
    clock.advance(minutes=31)
    tick()
    assert look() == ("lapsed", 2, 200, 0)


def test_paid_in_the_last_moment_is_won(take, start, tick, clock, look, box):
    claim = take()
    box.charges[start(claim)]["state"] = "paid"
    clock.advance(minutes=11)
    tick()
    assert look() == ("won", 1, 150, 0)


def test_paid_after_it_returned_goes_back_and_nothing_is_won(take, start, tick, clock, look, box, told, drain):
    claim = take()
    number = start(claim)
    clock.advance(minutes=11)
    tick()
    assert look() == ("lapsed", 2, 200, 0)
    box.charges[number]["state"] = "paid"
    told("paid", number, 990)
    drain()
    assert look() == ("lapsed", 2, 200, 0)
    assert box.given_back(number) == 990


def test_giving_it_back_frees_the_unit_at_once_where_nobody_can_be_paying(take, look, api, buyer, drain):
    claim = take()
    assert act(api, buyer, claim, "cancel").json["state"] == "cancelled"
    drain()
    assert look() == ("cancelled", 2, 200, 0)


def test_giving_it_back_waits_for_the_provider_where_a_payment_was_begun(take, start, look, api, buyer, drain):
    claim = take()
    start(claim)
    assert act(api, buyer, claim, "cancel").json["state"] == "closing"
    assert look()[:2] == ("closing", 1)
    drain()
    assert look() == ("cancelled", 2, 200, 0)


def test_who_gives_it_back_and_pays_all_the_same_has_won(take, start, look, api, buyer, drain, box):
    claim = take()
    box.charges[start(claim)]["state"] = "paid"
    act(api, buyer, claim, "cancel")
    drain()
    assert look() == ("won", 1, 150, 0)


def test_an_unused_voucher_goes_back_for_money_and_points_and_a_used_one_does_not(
    take, pay, drain, look, seckill, box, api, buyer
):
    number = pay(take())
    drain()
    row = SeckillClaim.scoped(seckill).first()
    with seckill.transaction():
        venue = tenants.add_venue(seckill, "001", "静安").id
        vouchers.refund(seckill, row.id)
    assert look()[0] == "refunding"
    with pytest.raises(Conflict), seckill.transaction():
        vouchers.redeem(seckill, row.id, Redeem(venue=venue))
    drain()
    assert look() == ("refunded", 1, 200, 0)
    assert box.given_back(number) == 990


def test_a_voucher_whose_money_is_on_its_way_back_is_not_used(take, pay, drain, seckill, box, api):
    claim = take()
    pay(claim)
    drain()
    box.refund_state = "refunding"
    staff = api.as_staff("orders.view", "orders.refund")
    path = f"/admin/v1/orders/orders/{claim['order']}/refund"
    assert api.post(path, token=staff, key="r", json={"fen": 990, "points": 50, "reason": "torn"}).status_code == 200
    row = SeckillClaim.scoped(seckill).first()
    with seckill.transaction():
        venue = tenants.add_venue(seckill, "001", "静安").id
    with pytest.raises(Conflict, match="being refunded"), seckill.transaction():
        vouchers.redeem(seckill, row.id, Redeem(venue=venue))


def test_a_used_voucher_is_not_taken_back_at_its_members_wish(take, pay, drain, seckill, api, buyer):
    claim = take()
    pay(claim)
    drain()
    with seckill.transaction():
        venue = tenants.add_venue(seckill, "001", "静安").id
        vouchers.redeem(seckill, SeckillClaim.scoped(seckill).first().id, Redeem(venue=venue))
    path = f"/v1/orders/{claim['order']}/refunds"
    reply = api.post(path, token=api.as_member(buyer), key="r", json={"reason": "changed my mind"})
    assert (reply.status_code, reply.json["code"]) == (409, "not_returnable")


def test_points_and_free_items_have_no_order(seckill, buyer, api):
    now = seckill.now()
    with seckill.transaction():
        form = SessionForm(title="抢", starts_at=now, ends_at=now + timedelta(hours=2))
        session = sessions.create_session(seckill, form)
        found = sessions.add_item(seckill, ItemCreate(session=session, title="毛巾", stock=2, price_points=10))
        sessions.publish_session(seckill, session)
    reply = api.post(f"/v1/seckill/items/{found}/take", token=api.as_member(buyer), key="k")
    assert reply.json["order"] is None
    assert OrdersOrder.scoped(seckill).select().count() == 0


def test_nobody_gets_a_unit_when_the_points_of_its_price_are_missing(item, member, api, seckill):
    reply = api.post(f"/v1/seckill/items/{item}/take", token=api.as_member(member()), key="k")
    assert (reply.status_code, reply.json["code"]) == (409, "insufficient_balance")
    assert inventory.available(seckill, sessions.stock_key(item)) == 2
    assert OrdersOrder.scoped(seckill).select().count() == 0
