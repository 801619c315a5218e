"""Working requests of the payment desk."""

from datetime import timedelta
from typing import Any

from core import tenants
from integrations.wechat_pay.fake import APPID, MCHID, WechatPayFake, serve
from integrations.wechat_pay.fake_keys import PUBLIC_KEY_ID
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/wechat_pay"


def connect(stage: Stage) -> None:
    """Set the brand up with the fake."""
    running = stage.once("wechat_pay", lambda: serve(fake=WechatPayFake(clock=stage.clock.now)))
    tenants.save_settings(stage.near.ctx, "wechat_pay", running.fake.settings(running.url))
    stage.fresh()


def trade(stage: Stage, state: str = "open") -> Any:
    """Keep a charge of the owner's."""
    connect(stage)
    now = stage.ctx.now()
    with stage.ctx.transaction():
        return WechatPayTrade.scoped(stage.ctx).create(
            number=stage.unique("T00000"), member=stage.owner.id, amount=9900, title="card", appid=APPID, mchid=MCHID,
            state=state, paid_at=now if state == "paid" else None, expires_at=now + timedelta(minutes=30),
            created_at=now, changed_at=now,
        )  # fmt: skip


def refund(stage: Stage, state: str = "working") -> Any:
    """Keep a refund of the owner's."""
    charge, now = trade(stage, "paid"), stage.ctx.now()
    with stage.ctx.transaction():
        return WechatPayRefund.scoped(stage.ctx).create(
            number=stage.unique("R00000"), charge=charge.number, member=stage.owner.id, amount=100, total=9900,
            state=state, created_at=now, changed_at=now,
        )  # fmt: skip


def settlement(stage: Stage) -> Any:
    """Keep money that nobody claimed."""
    charge, now = trade(stage, "paid"), stage.ctx.now()
    with stage.ctx.transaction():
        return WechatPaySettlement.scoped(stage.ctx).create(
            kind="paid", number=charge.number, charge=charge.number, member=stage.owner.id, amount=9900,
            transaction="4200001", happened_at=now, booked_at=now, heard="push", state="unclaimed",
        )  # fmt: skip


def push(stage: Stage) -> Any:
    """Keep a callback that was not processed yet."""
    charge, now = trade(stage), stage.ctx.now()
    told = {
        "appid": APPID, "mchid": MCHID, "out_trade_no": charge.number, "trade_state": "SUCCESS",
        "transaction_id": stage.unique("4200"), "amount": {"total": 9900, "currency": "CNY"},
    }  # fmt: skip
    with stage.ctx.transaction():
        return WechatPayPush.scoped(stage.ctx).create(
            event_id=stage.unique("n-"), event_type="TRANSACTION.SUCCESS", number=charge.number, serial=PUBLIC_KEY_ID,
            told=told, received_at=now,
        )  # fmt: skip


def handled(stage: Stage) -> Call:
    """Say what was done about it."""
    return Call({"row_id": settlement(stage).id}, body={"note": "given back by hand", "reason": "an order of old"})


WORKING: dict[str, Maker] = {
    f"GET {ADMIN}/trades/{{row_id}}": lambda stage: Call({"row_id": trade(stage).id}),
    f"POST {ADMIN}/trades/{{row_id}}/query": lambda stage: Call({"row_id": trade(stage).id}),
    f"GET {ADMIN}/refunds/{{row_id}}": lambda stage: Call({"row_id": refund(stage).id}),
    f"POST {ADMIN}/refunds/{{row_id}}/retry": lambda stage: Call({"row_id": refund(stage, "failed").id}),
    f"GET {ADMIN}/settlements/{{row_id}}": lambda stage: Call({"row_id": settlement(stage).id}),
    f"POST {ADMIN}/settlements/{{row_id}}/offer": lambda stage: Call({"row_id": settlement(stage).id}),
    f"POST {ADMIN}/settlements/{{row_id}}/handle": handled,
    f"GET {ADMIN}/pushes/{{row_id}}": lambda stage: Call({"row_id": push(stage).id}),
    f"POST {ADMIN}/pushes/{{row_id}}/retry": lambda stage: Call({"row_id": push(stage).id}),
}
