"""The states of an order: every move that is not in the table is refused, whoever asks for it."""

import pytest

from plugins.orders import states
from plugins.orders.models import OrdersOrder
from roost import Conflict

LEGAL = {
    "placed": "paying paid closed",
    "paying": "paid closing closed",
    "closing": "closed paid",
    "closed": "",
    "paid": "fulfilling ready completed refunding",
    "fulfilling": "ready shipped refunding",
    "ready": "shipped picked_up refunding",
    "shipped": "ready completed refunding",
    "picked_up": "ready completed refunding",
    "completed": "refunding",
    "refunding": "part_refunded refunded",
    "part_refunded": "ready shipped picked_up completed refunding",
    "refunded": "",
}


def test_every_pair_of_states_is_a_move_of_the_table_or_refused(rich, place, ctx):
    order = place(rich())
    tried = 0
    for old in states.STATES:
        for new in states.STATES:
            OrdersOrder.scoped(ctx).update(state=old).where(OrdersOrder.id == order.id).execute()
            with ctx.transaction():
                row = states.lock(ctx, order.id)
                if new in LEGAL[old].split():
                    states.move(ctx, row, new)
                    assert row.state == new
                else:
                    with pytest.raises(Conflict) as ex:
                        states.move(ctx, row, new)
                    assert (ex.value.code, ex.value.details["state"]) == ("order_state", old)
            tried += 1
            stored = OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id).state
            assert stored == (new if new in LEGAL[old].split() else old)
    assert tried == len(LEGAL) ** 2


ACTS = {  # what people do, and the states it is refused in
    "pay": {"closing", "closed", "paid", "fulfilling", "ready", "shipped", "picked_up", "completed", "refunding",
            "part_refunded", "refunded"},
    "receive": {"placed", "paying", "closing", "closed", "paid", "fulfilling", "ready", "refunding", "refunded"},
    "refunds": {"placed", "paying", "closing", "closed", "refunding", "refunded"},
    "invoice": {"placed", "paying", "closing", "closed", "refunding", "refunded"},
    "cancel": {"paid", "shipped", "picked_up", "completed", "part_refunded"},
}  # fmt: skip
BODIES = {"pay": {"method": "paybox"}, "refunds": {"reason": "broken"}, "invoice": {"title": "Li Lei"}}


@pytest.mark.parametrize("act", ACTS)
def test_what_members_do_is_refused_in_every_state_where_it_has_no_place(act, rich, place, api, ctx, box):
    view = rich()
    order = place(view)
    token = api.as_member(view)
    for state in ACTS[act]:
        OrdersOrder.scoped(ctx).update(state=state).where(OrdersOrder.id == order.id).execute()
        reply = api.post(f"/v1/orders/{order.id}/{act}", token=token, key=f"{act}-{state}", json=BODIES.get(act))
        assert (reply.status_code, state) == (409, state), reply.text
        assert OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id).state == state
    assert box.calls == []


STAFF = {  # action → states it makes sense in
    "take": {"placed", "paying"},
    "ship": {"fulfilling", "ready", "part_refunded"},
    "close": {"placed", "paying"},
    "refund": {"paid", "fulfilling", "ready", "shipped", "picked_up", "completed", "part_refunded"},
}


@pytest.mark.parametrize("act", STAFF)
def test_what_staff_do_is_refused_in_every_state_where_it_has_no_place(act, rich, place, api, ctx, venue):
    order = place(rich(), fulfilment="ship")
    token = api.as_staff("orders.view", "orders.take", "orders.ship", "orders.close", "orders.refund")
    bodies = {
        "take": {"venue": str(venue), "cash_fen": 1000},
        "ship": {"carrier": "SF", "tracking": "SF1234567"},
        "close": {"reason": "asked"},
        "refund": {"fen": 1, "reason": "asked"},
    }
    for state in set(states.STATES) - STAFF[act]:
        OrdersOrder.scoped(ctx).update(state=state, to_ship=1).where(OrdersOrder.id == order.id).execute()
        path = f"/admin/v1/orders/orders/{order.id}/{act}"
        reply = api.post(path, token=token, key=f"{act}-{state}", json=bodies[act])
        assert (reply.status_code, state) == (409, state), reply.text
        assert OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id).state == state
