"""A flash sale for money, with WeChat Pay on its real wire: the mini-program, the orders, the payments, the stock."""

from datetime import timedelta

import pytest

from core import inventory, members, points, tenants
from core.events.models import Event, Job
from integrations.fake_server import Failure
from integrations.wechat_pay.fake import APPID, WechatPayFake, serve
from integrations.wechat_pay.fake_books import Pay
from integrations.wechat_pay.models import WechatPaySettlement
from plugins.notify.models import NotifyMessage
from plugins.orders.models import OrdersOrder
from plugins.seckill import sessions
from plugins.seckill.models import SeckillClaim
from plugins.seckill.schemas import ItemCreate, SessionForm

PRICE, POINTS, STOCK = 990, 50, 2


@pytest.fixture
def pay(clock):
    with serve(fake=WechatPayFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant, enable_plugin, pay, listening):
    """A brand that sells for money, and tells its members what happened."""
    enable_plugin("notify")
    enable_plugin("orders", earns=False)
    enable_plugin("seckill")
    enable_plugin("wechat_pay", **pay.fake.settings(pay.url), notify_base=listening)
    tenants.save_settings(tenant, "wechat", {"appid": APPID})
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    return tenant


@pytest.fixture
def item(brand):
    seckill = brand.for_plugin("seckill")
    now = seckill.now()
    with seckill.transaction():
        form = SessionForm(title="周三抢", starts_at=now, ends_at=now + timedelta(hours=2))
        session = sessions.create_session(seckill, form)
        values = {"title": "毛巾", "stock": STOCK, "price_fen": PRICE, "price_points": POINTS}
        found = sessions.add_item(seckill, ItemCreate(session=session, **values))
        sessions.publish_session(seckill, session)
    return found


@pytest.fixture
def buyer(brand, member):
    view = member()
    with brand.transaction():
        members.link_identity(brand, view.id, f"wechat:{APPID}", "oBuyer0000000000000000000001")
        points.credit(brand, view.id, "points", 200, key="start", reason="test")
    return view


@pytest.fixture
def started(api, item, buyer, pay):
    """Take one and ask for the payment, as the mini-program does; return the charge's number."""
    token = api.as_member(buyer)
    claim = api.post(f"/v1/seckill/items/{item}/take", token=token, key="take")
    assert claim.status_code == 201, claim.text
    asked = api.post(f"/v1/orders/{claim.json['order']}/pay", token=token, key="pay", json={"method": "wechat_pay"})
    assert asked.status_code == 200, asked.text
    assert asked.json["params"]["package"].startswith("prepay_id=")
    return asked.json["charge"]


@pytest.fixture
def look(brand, item, buyer):
    """Return a function that reads (claim, order, stock left, points to spend, points held)."""

    def run():
        seckill = brand.for_plugin("seckill")
        found = points.balance(brand, buyer.id)
        left = inventory.available(seckill, sessions.stock_key(item))
        claim, order = SeckillClaim.scoped(brand).first(), OrdersOrder.scoped(brand).first()
        return claim.state, order.state, left, found.available, found.held

    return run


@pytest.fixture
def no_dead_letters(brand):
    yield
    dead = Job.scoped(brand).select().where(Job.state == "dead")
    assert [(job.kind, job.error) for job in dead] == []


pytestmark = pytest.mark.usefixtures("no_dead_letters")


def test_paid_by_wechat_it_is_won_once_however_often_the_callback_comes(started, pay, look, tick, brand):
    assert look() == ("held", "paying", 1, 150, 50)
    assert pay.fake.pay(Pay(number=started, times=10)) == [204] * 10
    tick()
    tick()
    assert look()[0] == "won"
    assert look()[2:] == (1, 150, 0)
    settled = WechatPaySettlement.scoped(brand).select()
    assert [(row.kind, row.amount) for row in settled] == [("paid", PRICE)]
    assert Event.scoped(brand).select().where(Event.name == "order_paid").count() == 1


def test_a_payment_whose_callback_is_lost_is_found_by_one_round_of_reconciliation(started, pay, look, tick, clock):
    pay.fake.pay(Pay(number=started, lost=True))
    tick()
    assert look()[0] == "held"
    clock.advance(minutes=6)
    tick()
    tick()
    assert look()[0] == "won"


def test_unpaid_it_is_closed_at_the_provider_before_anything_returns(started, pay, look, tick, clock):
    clock.advance(minutes=11)
    for _ in range(3):
        tick()
    assert pay.fake.orders[started].state == "CLOSED"
    assert look() == ("lapsed", "closed", 2, 200, 0)


def test_paid_after_the_hold_was_released_it_is_refunded_by_itself_and_the_member_is_told(
    started, pay, look, tick, clock, brand, buyer
):
    clock.advance(minutes=11)
    for _ in range(3):
        tick()
    assert look()[:2] == ("lapsed", "closed")
    order = pay.fake.orders[started]  # the platform took the money after all, as it may within the same second
    order.state, order.asked = "NOTPAY", order.asked.model_copy(update={"time_expire": None})
    pay.fake.pay(started)
    for _ in range(3):
        tick()
    assert look()[:3] == ("lapsed", "closed", 2)
    given = list(pay.fake.given.values())
    assert [refund.asked.amount.refund for refund in given] == [PRICE]
    pay.fake.give_back(given[0].asked.out_refund_no)
    for _ in range(3):
        tick()
    settled = WechatPaySettlement.scoped(brand).select().order_by(WechatPaySettlement.id)
    assert [(row.kind, row.amount) for row in settled][-2:] == [("paid", PRICE), ("refunded", PRICE)]
    told = NotifyMessage.scoped(brand).select().where(NotifyMessage.member == buyer.id)
    assert "order_payment_returned" in {row.notice for row in told if row.state == "sent"}


def test_the_provider_that_answers_500_after_it_closed_the_order_is_asked_again(started, pay, look, tick, clock):
    clock.advance(minutes=11)
    pay.fake.fail(Failure(api="close", errcode="SYSTEM_ERROR", after=True))
    for _ in range(4):
        tick()
        clock.advance(minutes=2)
    assert look() == ("lapsed", "closed", 2, 200, 0)


def test_a_delivery_with_a_bad_signature_pays_nothing(started, pay, look, tick):
    assert all(status >= 400 for status in pay.fake.pay(Pay(number=started, badly="signature")))
    tick()
    assert look()[0] == "held"
