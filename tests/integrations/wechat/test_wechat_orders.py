"""An order paid by WeChat goes out: what orders tell reaches WeChat, though neither plugin knows the other."""

from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.contract.ports import Settlement
from core.registry.registry import PluginsFile
from integrations.wechat.fake import Running
from plugins import orders
from plugins.orders.fulfilment import delivery
from plugins.orders.models import OrdersCharge
from roost import hooks

PAYMENT = "4200000000000000000009"
ADDRESS = orders.AddressIn(
    name="李雷", phone="13800000001", province="上海市", city="上海市", district="静安区", detail="南京西路1号"
)


@pytest.fixture
def plugins_file() -> PluginsFile:
    return PluginsFile(load=("orders", "purchases", "wechat"))


@pytest.fixture
def paid(
    brand: Context, wechat: Running, person: Callable[[str], UUID], change: Callable[..., None],
    enable_plugin: Callable[..., None], drain: Callable[[], int],
) -> Callable[[str], Any]:  # fmt: skip
    """Return a function that places an order of Alice's and has WeChat Pay's callback come."""
    enable_plugin("orders")
    change(shipping=True)

    def order(how: Any) -> Any:
        alice = person("alice")
        wechat.fake.pay(PAYMENT, "alice")
        shop = brand.for_plugin("mall")
        line = orders.Line("sku-1", "毛巾", 1, 1000, 0, how)
        with shop.transaction():
            draft = orders.Draft(alice, "ref-1", (line,), address=ADDRESS if how == "ship" else None)
            placed = orders.place(shop, draft)
            OrdersCharge.scoped(brand).create(
                order=placed.id, number="CHARGE0009", method="wechat_pay", fen=1000, state="open",
                expires_at=placed.deadline, created_at=brand.now(),
            )  # fmt: skip
        settlement = Settlement("wechat_pay", "paid", "CHARGE0009", amount=1000, transaction=PAYMENT, at=brand.now())
        with brand.transaction():
            brand.lifecycle(hooks.payment_settled, settlement=settlement)
        drain()
        return placed

    return order


def test_a_parcel_that_is_sent_is_told(
    brand: Context, paid: Callable[[str], Any], wechat: Running, clock: ManualClock, drain: Callable[[], int]
) -> None:
    placed = paid("ship")
    clock.advance(minutes=5)
    drain()
    assert wechat.fake.told(PAYMENT) == [], "it is paid, and has not left"
    with brand.transaction():
        delivery.ship(brand.for_plugin("orders"), placed.id, carrier="顺丰速运", tracking="SF1234567890")
    drain()
    clock.advance(minutes=5)
    drain()
    (said,) = wechat.fake.told(PAYMENT)
    (parcel,) = said["shipping_list"]
    assert (said["logistics_type"], parcel["express_company"], parcel["tracking_no"]) == (1, "SF", "SF1234567890")
    assert parcel["item_desc"]


def test_what_is_had_at_once_is_told_as_such(
    paid: Callable[[str], Any], wechat: Running, clock: ManualClock, drain: Callable[[], int]
) -> None:
    paid("none")
    clock.advance(minutes=5)
    drain()
    assert [said["logistics_type"] for said in wechat.fake.told(PAYMENT)] == [3]
