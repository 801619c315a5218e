"""Money at the counter: taken, paid back, counted at the end of a shift."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersRefund, OrdersShift, OrdersTaking
from plugins.orders.paying import settling, tenders
from plugins.orders.refunding import parts
from plugins.orders.staff_schemas import PayOutIn, ShiftClose, TakeIn
from plugins.orders.states import MEANS
from roost import Conflict, Context, Forbidden, Invalid, identity, new_id, tenants


def take(ctx: Context, order_id: UUID, body: TakeIn) -> None:
    """Take a payment for an order at a counter: cash, bank card, and with the member's code their own means; a mix.

    What does not cover the price waits for the rest. Raises Conflict for more than is to be paid or an order that
    cannot be paid, Forbidden without the member's code for what is the member's.
    """
    tenants.counter(ctx, body.venue)
    order = states.lock(ctx, order_id)
    if order.state not in ("placed", "paying"):
        raise states.illegal(order, "paid")
    if body.stored_value_fen or body.points:
        if not body.member_code or identity.resolve_member_code(ctx, body.member_code) != order.member:
            raise Forbidden(
                "the member's own code is needed to spend what is theirs", "请扫描会员本人的会员码", code="code_needed"
            )
        tenders.choose(ctx, order, stored_value_fen=body.stored_value_fen, points_for_money=body.points)
    due = order.money_fen - tenders.covered(ctx, order)
    if body.cash_fen + body.card_fen > due:
        raise Conflict(f"{due} fen are left to pay", f"应收 {due / 100:.2f} 元", code="too_much", due_fen=due)
    if not (body.cash_fen or body.card_fen or body.stored_value_fen or body.points):
        raise Invalid("say what is paid", "请填写收款金额", code="nothing_paid")
    if order.venue is None:
        states.put(ctx, order, venue=body.venue)
    for kind, fen in (("cash", body.cash_fen), ("card", body.card_fen)):
        if fen:
            tenders.require_allowed(order, kind)
            tenders.add(ctx, order, kind, "paid", fen, venue=body.venue, staff=ctx.actor.id)
            _note(ctx, body.venue, kind, fen, order.id)
    settling.settle(ctx, order)


def _note(ctx: Context, venue: UUID, kind: str, fen: int, order: UUID, refund: UUID | None = None) -> None:
    OrdersTaking.scoped(ctx).create(
        venue=venue,
        kind=kind,
        fen=fen,
        order=order,
        refund=refund,
        staff=ctx.actor.id,
        day=ctx.today(),
        taken_at=ctx.now(),
    )


def pay_out(ctx: Context, refund_id: UUID, body: PayOutIn) -> None:
    """Pay the cash and card parts of a refund back at a counter. Raises Conflict when there are none to pay."""
    tenants.counter(ctx, body.venue)
    order, _ = states.lock_with(ctx, OrdersRefund, OrdersRefund.id == refund_id)
    due = [p for p in parts.of_refund(ctx, refund_id) if p.kind in tenders.COUNTER and p.state == "pending"]
    if not due:
        raise Conflict("nothing of this refund is to be paid at a counter", "没有需柜台退付的金额", code="refund_state")
    for part in due:
        _note(ctx, body.venue, part.kind, -part.fen, order.id, refund_id)
        parts.done(ctx, order, part)


# --- shifts ----------------------------------------------------------------------------------------------------------


def close_shift(ctx: Context, body: ShiftClose) -> OrdersShift:
    """End a shift: everything taken in a venue that no shift has counted, and the cash that was counted in the till.

    The update that stamps the takings decides which of two that close at once counts them. Raises Conflict when there
    is nothing to count.
    """
    tenants.counter(ctx, body.venue)
    shift = new_id()
    stamped = (
        OrdersTaking.scoped(ctx)
        .update(shift=shift)
        .where(OrdersTaking.venue == body.venue, OrdersTaking.shift.is_null())
        .returning(OrdersTaking.kind, OrdersTaking.day, OrdersTaking.fen, OrdersTaking.taken_at)
    )
    rows = list(stamped.execute())
    if not rows:
        raise Conflict("nothing was taken since the last shift was closed", "上次交班后没有收付款", code="empty_shift")
    expected = sum(row.fen for row in rows if row.kind == "cash")
    made: OrdersShift = OrdersShift.scoped(ctx).create(
        id=shift,
        venue=body.venue,
        day=ctx.today(),
        figures=figures_of(rows),
        takings=len(rows),
        expected_fen=expected,
        counted_fen=body.counted_fen,
        difference_fen=body.counted_fen - expected,
        note=body.note,
        staff=ctx.actor.id,
        since=min(row.taken_at for row in rows),
        closed_at=ctx.now(),
    )
    return made


def figures_of(rows: Any) -> list[dict[str, Any]]:  # Any: takings, or their columns
    """Return what came in and went back by means and day, in fen."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        name = (str(row.day), row.kind)
        line = found.setdefault(
            name, {"day": name[0], "kind": row.kind, "in_fen": 0, "back_fen": 0, "net_fen": 0, "count": 0}
        )
        line["in_fen" if row.fen > 0 else "back_fen"] += abs(row.fen)
        line["net_fen"] += row.fen
        line["count"] += 1
    return [found[name] for name in sorted(found)]


def shift_page(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what each of the account's venues has taken that no shift has counted yet."""
    rows = OrdersTaking.scoped(ctx).select().where(OrdersTaking.shift.is_null())
    found = []
    for venue in filter(lambda one: ctx.covers(one.id), tenants.venues(ctx)):
        mine = list(rows.where(OrdersTaking.venue == venue.id))
        if mine:
            cash = sum(row.fen for row in mine if row.kind == "cash")
            found.append({"name": venue.name, "figures": figures_of(mine), "cash": cash})
    means = {kind: title.in_(ctx.locale) for kind, title in MEANS.items()}
    return {"english": ctx.locale == "en", "venues": found, "means": means}
