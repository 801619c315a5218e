"""Working requests of orders. What has to be paid outside is paid by stored value here: no provider is needed."""

import base64
from typing import Any
from uuid import UUID

from core import points
from core.ids import new_id
from plugins import orders
from plugins.orders.fulfilment import picking
from plugins.orders.models import OrdersHandover, OrdersOrder, OrdersRefund
from plugins.orders.refunding.parts import of_refund
from plugins.orders.staff_schemas import LabelsIn
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/orders"
ADDRESS = {"name": "Li Lei", "phone": "13800000001", "province": "上海市", "city": "上海市", "detail": "1"}
SHIP = {"carrier": "SF", "tracking": "SF1234567"}
STORED = {"stored_value_fen": 1000}


def place(stage: Stage, fulfilment: Any = "none", *, paid: bool = False) -> UUID:
    """Place an order of the owner, and pay it; return its id."""
    shop = stage.ctx.for_plugin("mall")
    with shop.transaction():
        held = points.balance(shop, stage.owner.id, "stored_value").available
        if held < 1000:
            points.credit(shop, stage.owner.id, "stored_value", 5000, key=new_id().hex, reason="test")
        lines = (orders.Line("sku", "Towel", 2, 500, fulfilment=fulfilment),)
        address = orders.AddressIn(**ADDRESS) if fulfilment == "ship" else None
        venue = stage.venue if fulfilment == "pickup" else None
        made = orders.place(
            shop, orders.Draft(stage.owner.id, stage.unique("ref"), lines, address=address, venue=venue)
        )
    if paid:
        stage.member("POST", f"/v1/orders/{made.id}/pay", STORED)
    return made.id


def of_order(fulfilment: Any = "none", *, paid: bool = False, body: Any = None) -> Maker:
    """Return a maker of a member's call about an order."""
    return lambda stage: Call({"order_id": place(stage, fulfilment, paid=paid)}, body=body)


def of_row(fulfilment: Any = "none", *, paid: bool = False, body: Any = None) -> Maker:
    """Return a maker of a staff call about an order."""
    return lambda stage: Call({"row_id": place(stage, fulfilment, paid=paid)}, body=body)


def sent(stage: Stage) -> Call:
    """Name an order that was sent."""
    order = place(stage, "ship", paid=True)
    stage.staff("POST", f"{ADMIN}/orders/{order}/ship", SHIP)
    return Call({"order_id": order})


def address(stage: Stage) -> str:
    """Keep an address; return its id."""
    return str(stage.member("POST", "/v1/orders/addresses", ADDRESS)["id"])


def code(stage: Stage, order: UUID) -> str:
    """Return an order's pick-up code."""
    return str(OrdersOrder.scoped(stage.ctx).get(OrdersOrder.id == order).pickup_code)


def pickup(stage: Stage) -> dict[str, str]:
    """Return the body of a hand-over."""
    return {"code": code(stage, place(stage, "pickup", paid=True)), "venue": str(stage.venue)}


def handed(stage: Stage) -> str:
    """Hand something over; return the hand-over's id."""
    return str(stage.staff("POST", f"{ADMIN}/pickup", pickup(stage))["handover"])


def take(stage: Stage, order: UUID) -> None:
    """Take cash for an order."""
    stage.staff("POST", f"{ADMIN}/orders/{order}/take", {"venue": str(stage.venue), "cash_fen": 1000})


def taken(stage: Stage) -> str:
    """Take cash; return the taking's id."""
    order = place(stage)
    take(stage, order)
    found = stage.staff("GET", f"{ADMIN}/takings?order={order}")
    return str(found["items"][0]["id"])


def shift(stage: Stage) -> str:
    """Close a shift; return its id."""
    taken(stage)
    return str(stage.staff("POST", f"{ADMIN}/shifts", {"venue": str(stage.venue), "counted_fen": 1000})["id"])


def counted(stage: Stage) -> Call:
    """Count what was taken."""
    taken(stage)
    return Call(body={"venue": str(stage.venue), "counted_fen": 1000})


def asked(stage: Stage) -> str:
    """Ask for a refund; return its id."""
    order = place(stage, paid=True)
    return str(stage.member("POST", f"/v1/orders/{order}/refunds", {"reason": "torn"})["id"])


def cash_back(stage: Stage) -> str:
    """Begin a refund of cash; return its id."""
    order = place(stage)
    take(stage, order)
    stage.staff("POST", f"{ADMIN}/orders/{order}/refund", {"fen": 500, "reason": "torn"})
    return str(OrdersRefund.scoped(stage.ctx).get(OrdersRefund.order == order).id)


def failed(stage: Stage) -> str:
    """Return the id of a refund of which a part failed."""
    refund = UUID(cash_back(stage))
    with stage.ctx.transaction():
        for part in of_refund(stage.ctx, refund):
            type(part).scoped(stage.ctx).update(state="failed").where(type(part).id == part.id).execute()
        OrdersRefund.scoped(stage.ctx).update(state="failed").where(OrdersRefund.id == refund).execute()
    return str(refund)


def of_refund_row(make: Any, body: Any = None) -> Maker:
    """Return a maker of a staff call about a refund."""
    return lambda stage: Call({"row_id": make(stage)}, body=body)


def invoice(stage: Stage, *, issued: bool = False) -> str:
    """Ask for an invoice; return its id."""
    order = place(stage)
    take(stage, order)
    made = str(stage.member("POST", f"/v1/orders/{order}/invoice", {"title": "Li Lei"})["id"])
    if issued:
        stage.staff("POST", f"{ADMIN}/invoices/{made}/issue", {"invoice_number": "12345678"})
    return made


def to_invoice(stage: Stage) -> Call:
    """Name an order that may have an invoice."""
    order = place(stage)
    take(stage, order)
    return Call({"order_id": order}, body={"title": "Li Lei"})


def tracking(stage: Stage) -> str:
    """Return the text of a file of tracking numbers."""
    order = place(stage, "ship", paid=True)
    number = OrdersOrder.scoped(stage.ctx).get(OrdersOrder.id == order).number
    return f"{number},SF,SF7654321"


def tracked(stage: Stage) -> Call:
    """Name a file that was taken in."""
    return Call({"row_id": stage.staff("POST", f"{ADMIN}/tracking", {"text": tracking(stage)})["id"]})


def as_file(stage: Stage) -> Call:
    """Send a file."""
    content = base64.b64encode(tracking(stage).encode()).decode()
    return Call(body={"name": "a.csv", "content": content})


def labelled(stage: Stage) -> Call:
    """Name a batch of labels."""
    place(stage, "ship", paid=True)
    with stage.ctx.transaction():
        made = picking.make_labels(stage.ctx.for_plugin("orders"), LabelsIn(most=1, reason="test"))
    return Call({"row_id": made.id})


def to_label(stage: Stage) -> Call:
    """Have something to make a label for."""
    place(stage, "ship", paid=True)
    return Call(body={"most": 1, "reason": "test"})


def parcel(stage: Stage) -> Call:
    """Name a parcel."""
    order = sent(stage).path["order_id"]
    return Call({"row_id": OrdersHandover.scoped(stage.ctx).get(OrdersHandover.order == order).id})


def big_order(stage: Stage) -> UUID:
    """Return an order that is paid, of so much that its refund needs two."""
    shop = stage.ctx.for_plugin("mall")
    with shop.transaction():
        lines = (orders.Line("sku", "Bicycle", 1, 200_000),)
        made = orders.place(shop, orders.Draft(stage.owner.id, stage.unique("ref"), lines))
    stage.staff("POST", f"{ADMIN}/orders/{made.id}/take", {"venue": str(stage.venue), "cash_fen": 200_000})
    return made.id


def ask_second(stage: Stage, path: str, body: Any) -> str:
    """Have somebody else ask for what needs a second person; return the approval's id."""
    token = stage.near.key_without(stage.api, "members.erase")
    pending = stage.api.post(path, token=token, key=stage.unique("ask"), json=body).json
    assert pending["state"] == "pending", pending
    return str(pending["approval"])


def refund_approval(body: Any = None) -> Maker:
    """Return a maker of a call about a staff refund that waits for a second person."""

    def make(stage: Stage) -> Call:
        order = big_order(stage)
        wanted = {"fen": 200_000, "reason": "returned"}
        approval = ask_second(stage, f"{ADMIN}/orders/{order}/refund", wanted)
        return Call({"row_id": order, "approval_id": approval}, body=body)

    return make


def request_approval(body: Any = None) -> Maker:
    """Return a maker of a call about a member's refund that waits for a second person."""

    def make(stage: Stage) -> Call:
        order = big_order(stage)
        refund = stage.member("POST", f"/v1/orders/{order}/refunds", {"reason": "torn"})["id"]
        approval = ask_second(stage, f"{ADMIN}/refunds/{refund}/approve", {"fen": 200_000, "points": 0})
        return Call({"row_id": refund, "approval_id": approval}, body=body)

    return make


ORDERS, REFUNDS, INVOICES = f"{ADMIN}/orders/{{row_id}}", f"{ADMIN}/refunds/{{row_id}}", f"{ADMIN}/invoices/{{row_id}}"
APPROVALS = "approvals/{approval_id}"
WHY = {"reason": "too much"}
ONE = "/v1/orders/{order_id}"
WORKING: dict[str, Maker] = {
    "POST /v1/orders/addresses": lambda stage: Call(body=ADDRESS),
    "PUT /v1/orders/addresses/{address_id}": lambda stage: Call({"address_id": address(stage)}, body=ADDRESS),
    "DELETE /v1/orders/addresses/{address_id}": lambda stage: Call({"address_id": address(stage)}),
    f"GET {ONE}": of_order(),
    f"GET {ONE}/methods": of_order(),
    f"GET {ONE}/invoices": of_order(),
    f"POST {ONE}/pay": of_order(body=STORED),
    f"POST {ONE}/refresh": of_order(),
    f"POST {ONE}/cancel": of_order(),
    f"POST {ONE}/receive": sent,
    f"POST {ONE}/refunds": of_order(paid=True, body={"reason": "torn"}),
    f"POST {ONE}/invoice": to_invoice,
    f"GET {ADMIN}/pickup": lambda stage: Call(query={"code": code(stage, place(stage, "pickup", paid=True))}),
    f"POST {ADMIN}/pickup": lambda stage: Call(body=pickup(stage)),
    f"POST {ADMIN}/pickup/{{handover_id}}/undo": lambda stage: Call({"handover_id": handed(stage)}),
    f"POST {ADMIN}/tracking-file": as_file,
    f"POST {ORDERS}/address": of_row("ship", paid=True, body={"reason": "torn label"}),
    f"GET {ORDERS}": of_row(),
    f"POST {ORDERS}/take": lambda stage: Call(
        {"row_id": place(stage)}, body={"venue": str(stage.venue), "cash_fen": 1000}
    ),
    f"POST {ORDERS}/ship": of_row("ship", paid=True, body=SHIP),
    f"POST {ORDERS}/extend": of_row("pickup", paid=True, body={"days": 3}),
    f"POST {ORDERS}/close": of_row(body={"reason": "asked"}),
    f"POST {ORDERS}/refund": of_row(paid=True, body={"fen": 100, "reason": "torn"}),
    f"GET {ORDERS}/refund/approvals": of_row(),
    f"POST {ORDERS}/refund/{APPROVALS}/approve": refund_approval(),
    f"POST {ORDERS}/refund/{APPROVALS}/reject": refund_approval(WHY),
    f"GET {REFUNDS}": of_refund_row(asked),
    f"POST {REFUNDS}/approve": of_refund_row(asked, {"fen": 100, "points": 0}),
    f"GET {REFUNDS}/approve/approvals": of_refund_row(asked),
    f"POST {REFUNDS}/approve/{APPROVALS}/approve": request_approval(),
    f"POST {REFUNDS}/approve/{APPROVALS}/reject": request_approval(WHY),
    f"POST {REFUNDS}/reject": of_refund_row(asked, {"reason": "worn"}),
    f"POST {REFUNDS}/pay_out": lambda stage: Call({"row_id": cash_back(stage)}, body={"venue": str(stage.venue)}),
    f"POST {REFUNDS}/retry": of_refund_row(failed),
    f"POST {REFUNDS}/by_hand": of_refund_row(failed, {"reason": "bank transfer"}),
    f"GET {ADMIN}/handovers/{{row_id}}": parcel,
    f"GET {ADMIN}/takings/{{row_id}}": lambda stage: Call({"row_id": taken(stage)}),
    f"GET {ADMIN}/shifts/{{row_id}}": lambda stage: Call({"row_id": shift(stage)}),
    f"POST {ADMIN}/shifts": counted,
    f"GET {INVOICES}": lambda stage: Call({"row_id": invoice(stage)}),
    f"POST {INVOICES}/issue": lambda stage: Call({"row_id": invoice(stage)}, body={"invoice_number": "12345678"}),
    f"POST {INVOICES}/reject": lambda stage: Call({"row_id": invoice(stage)}, body=WHY),
    f"POST {INVOICES}/void": lambda stage: Call({"row_id": invoice(stage, issued=True)}, body=WHY),
    f"GET {ADMIN}/tracking/{{row_id}}": tracked,
    f"POST {ADMIN}/tracking": lambda stage: Call(body={"text": tracking(stage)}),
    f"GET {ADMIN}/labels/{{row_id}}": labelled,
    f"POST {ADMIN}/labels": to_label,
}
