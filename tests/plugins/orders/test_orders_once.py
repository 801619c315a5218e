"""A refund known by its key is the same only with all of its content."""

from plugins import orders
from plugins.orders.models import OrdersLine, OrdersRefund
from plugins.orders.refunding.refunds import REFUND
from tests.once import assert_same_by_all_its_content


def test_a_refund_that_a_plugin_repeats_is_the_same_only_with_all_of_its_content(rich, place, paid, shop, ctx):
    buyer = rich()
    lines = (orders.Line("a", "毛巾", 2, 1000), orders.Line("b", "水壶", 2, 1000))
    order, other = (place(buyer, lines=lines) for _ in range(2))
    for one in (order, other):
        paid(buyer, one)
    first, second = (row.id for row in OrdersLine.scoped(ctx).select().where(OrdersLine.order == order.id))

    def refund(**values):
        with shop.transaction():
            orders.refund(
                shop, values["order"], key="K", reason=values["reason"], fen=values["amount_fen"],
                points=values["points"], lines=values["lines"],
            )  # fmt: skip
        row = OrdersRefund.scoped(ctx).get()
        return row.id, row.order, row.fen, row.points, row.lines, row.reason

    base = {"order": order.id, "amount_fen": 900, "points": 0, "lines": {first: 1}, "reason": "破损"}
    changed = {"order": other.id, "amount_fen": 901, "points": 1, "lines": {second: 1}, "reason": "不要了"}
    assert_same_by_all_its_content(REFUND, refund, base, changed)
