"""The states of an order, and the only moves between them.

```
placed → paying → paid → fulfilling | ready → shipped | picked_up → completed
placed | paying → closing → closed            closing → paid: the provider had the money before it closed
paid … completed → refunding → refunded | part_refunded (what is left of it goes on)
```
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from plugins.orders.models import OrdersOrder
from roost import Conflict, Context, Text

State = Literal[
    "placed", "paying", "closing", "closed",
    "paid", "fulfilling", "ready", "shipped", "picked_up", "completed",
    "refunding", "part_refunded", "refunded",
]  # fmt: skip
MEANS: dict[str, Text] = {
    "points": Text("积分", "points"),
    "stored_value": Text("储值", "stored value"),
    "cash": Text("现金", "cash"),
    "card": Text("银行卡", "card"),
    "wechat_pay": Text("微信支付", "WeChat Pay"),
}
STATES: tuple[State, ...] = get_args(State)

MOVES: Mapping[str, frozenset[str]] = {
    "placed": frozenset(("paying", "paid", "closed")),
    "paying": frozenset(("paid", "closing", "closed")),
    "closing": frozenset(("closed", "paid")),
    "closed": frozenset(),
    "paid": frozenset(("fulfilling", "ready", "completed", "refunding")),
    "fulfilling": frozenset(("ready", "shipped", "refunding")),
    "ready": frozenset(("shipped", "picked_up", "refunding")),
    "shipped": frozenset(("ready", "completed", "refunding")),
    "picked_up": frozenset(("ready", "completed", "refunding")),
    "completed": frozenset(("refunding",)),
    "refunding": frozenset(("part_refunded", "refunded")),
    "part_refunded": frozenset(("ready", "shipped", "picked_up", "completed", "refunding")),
    "refunded": frozenset(),
}
"""From each state the states it may become. `ready` again: a hand-over that was undone within its minutes."""

UNPAID: tuple[State, ...] = ("placed", "paying", "closing")
TO_DELIVER: tuple[State, ...] = ("fulfilling", "ready", "part_refunded")
ENDED: tuple[State, ...] = ("closed", "completed", "refunded")


def lock(ctx: Context, order: Any) -> OrdersOrder:
    """Return an order, locked: whatever changes one begins here, so that two acts on it queue. Raises NotFound."""
    row: OrdersOrder = OrdersOrder.scoped(ctx).lock(OrdersOrder.id == order)
    return row


def lock_with(ctx: Context, model: Any, where: Any) -> tuple[OrdersOrder, Any]:  # Any: of any table with an order
    """Return the locked order of a row of ours, and the row as it is under that lock. Raises NotFound."""
    order = lock(ctx, model.scoped(ctx).get(where).order)
    return order, model.scoped(ctx).get(where)


def illegal(order: OrdersOrder, wanted: str) -> Conflict:
    """Make the refusal of what does not fit an order's state."""
    return Conflict(
        f"order {order.number} is {order.state}: it cannot become {wanted}",
        f"订单当前状态（{TITLES_ZH.get(order.state, order.state)}）不能执行此操作",
        code="order_state",
        state=order.state,
    )


def move(ctx: Context, order: OrdersOrder, to: State, **values: Any) -> None:
    """Move a locked order to another state and set `values`, in the row and in the instance.

    Raises Conflict (`order_state`) for a move that is not in `MOVES`; nothing is written then.
    """
    if to not in MOVES[order.state]:
        raise illegal(order, to)
    put(ctx, order, state=to, **values)


def put(ctx: Context, row: Any, **values: Any) -> None:  # Any: of any of our tables
    """Set values of a row whose order is locked, in the table and in the instance."""
    type(row).scoped(ctx).update(**values).where(type(row).id == row.id).execute()
    for name, value in values.items():
        setattr(row, name, value)


TITLES_ZH: Mapping[str, str] = {
    "placed": "待付款",
    "paying": "付款中",
    "closing": "关闭中",
    "closed": "已关闭",
    "paid": "已付款",
    "fulfilling": "待发货",
    "ready": "待自提",
    "shipped": "已发货",
    "picked_up": "已自提",
    "completed": "已完成",
    "refunding": "退款中",
    "part_refunded": "部分退款",
    "refunded": "已退款",
}
