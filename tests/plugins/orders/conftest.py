"""An order, somebody who pays it, and a provider of payments that lives in memory."""

import sys
from pathlib import Path

import pytest

from core import points, tenants
from core.events.models import Event
from core.registry.registry import PluginsFile, Registry
from plugins import orders
from plugins.orders.models import OrdersCharge, OrdersOrder

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def paybox_registry():
    """Load every installed plugin, and the payment method of these tests."""
    sys.path.insert(0, str(HERE))
    registry = Registry.load(PluginsFile())
    registry.add({"paybox": ("paybox", HERE / "paybox")}, strict=True)
    return registry


@pytest.fixture
def registry(paybox_registry):
    return paybox_registry


@pytest.fixture
def box(paybox_registry):
    """Return the provider, empty."""
    return sys.modules["paybox.box"].fresh()


@pytest.fixture
def shop(tenant, enable_plugin, box):
    """Return the context of a plugin that sells things; orders and the payment method are on."""
    enable_plugin("orders", points_per_yuan=100)
    enable_plugin("paybox")
    return tenant.for_plugin("mall")


@pytest.fixture
def ctx(shop):
    return shop.for_plugin("orders")


@pytest.fixture
def venue(shop):
    with shop.transaction():
        return tenants.add_venue(shop, "001", "静安").id


@pytest.fixture
def rich(member, tenant):
    """Return a function that makes a member with points and stored value."""

    def make(held=5000, stored=100_000):
        view = member(state="member")
        with tenant.transaction():
            points.credit(tenant, view.id, "points", held, key=f"p:{view.id}", reason="test")
            points.credit(tenant, view.id, "stored_value", stored, key=f"s:{view.id}", reason="test")
        return view

    return make


ADDRESS = orders.AddressIn(
    name="李雷", phone="13800000001", province="上海市", city="上海市", district="静安区", detail="南京西路1号"
)


@pytest.fixture
def address():
    return ADDRESS


@pytest.fixture
def place(shop):
    """Return a function that places an order: of one line, unless lines are given."""
    count = iter(range(1, 10_000))

    def make(view, *, fen=1000, price_points=0, quantity=1, fulfilment="none", lines=None, **more):
        number = next(count)
        line = orders.Line(f"sku-{number}", "毛巾", quantity, fen, price_points, fulfilment)
        values = {"address": ADDRESS if fulfilment == "ship" else None, **more}
        with shop.transaction():
            return orders.place(shop, orders.Draft(view.id, f"ref-{number}", tuple(lines or (line,)), **values))

    return make


@pytest.fixture
def pay(api):
    """Return a function that pays an order over the API."""
    count = iter(range(1, 10_000))

    def send(view, order, key=None, **body):
        token = api.as_member(view)
        return api.post(
            f"/v1/orders/{order.id}/pay",
            token=token,
            key=key or f"pay-{next(count)}",
            json={"method": "paybox", **body},
        )

    return send


@pytest.fixture
def told(tenant, paybox_registry):
    """Return a function that tells something as the provider's callback does."""

    def send(kind, charge, amount=0, refund=""):
        with tenant.transaction():
            return sys.modules["paybox.hooks"].tell(tenant, kind, charge, amount, refund)

    return send


@pytest.fixture
def paid(box, pay, told):
    """Return a function that pays an order outside, to the end."""

    def make(view, order, **body):
        reply = pay(view, order, **body)
        assert reply.status_code == 200, reply.text
        number = reply.json["charge"]
        box.charges[number]["state"] = "paid"
        told("paid", number, box.charges[number]["amount"])
        return number

    return make


@pytest.fixture
def facts(tenant):
    """Return a function that reads the facts of a name that were published, oldest first."""

    def read(name):
        rows = Event.scoped(tenant).select().where(Event.name == name).order_by(Event.id)
        return list(rows)

    return read


@pytest.fixture
def state(ctx):
    """Return a function that reads an order's state."""
    return lambda order: OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id).state


@pytest.fixture
def charges(ctx):
    """Return a function that reads the charges of an order, oldest first."""

    def read(order):
        query = OrdersCharge.scoped(ctx).select().where(OrdersCharge.order == order.id)
        return list(query.order_by(OrdersCharge.id))

    return read


@pytest.fixture
def balance(tenant):
    """Return a function that reads (available, held) of a member's asset."""

    def read(view, asset="points"):
        found = points.balance(tenant, view.id, asset)
        return found.available, found.held

    return read
