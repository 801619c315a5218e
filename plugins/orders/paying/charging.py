"""Be paid from outside: start a charge, ask how it stands, have it closed. No transaction is open over a call."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersCharge, OrdersOrder
from plugins.orders.paying import settling, tenders
from plugins.orders.placing import showing
from plugins.orders.references import ChargeRef
from plugins.orders.schemas import OrderOut, PayIn, PayOut
from roost import (
    Charge,
    Conflict,
    Context,
    Next,
    NotFound,
    PaymentMethod,
    PaymentState,
    Remote,
    RoostError,
    Steps,
    Unavailable,
    new_id,
)

UNHEARD_OF = timedelta(minutes=2)  # after that a prepayment that a provider does not know will not reach it any more
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=30)
TITLE_LENGTH = 40


def methods(ctx: Context) -> list[tuple[str, PaymentMethod]]:
    """Return (slug, method) of the ways to be paid that the tenant has set up."""
    return [(slug, method) for slug, method in ctx.providers(PaymentMethod) if method.ready(ctx.for_plugin(slug))]


def method_of(ctx: Context, name: str, *, installed: bool = False) -> tuple[str, PaymentMethod]:
    """Return (slug, method) by name; with `installed` also one that has been switched off since.

    Raises Conflict (`method_unavailable`) for one that cannot be used to pay, Unavailable for one that is gone.
    """
    offered = ctx.providers(PaymentMethod, installed=True) if installed else methods(ctx)
    for slug, method in offered:
        if method.name == name:
            return slug, method
    if installed:
        raise Unavailable(f"the payment method {name} is not installed here any more", "支付方式未安装")
    raise Conflict(
        f"{name or 'no method'} cannot be used to pay here", "请选择可用的支付方式", code="method_unavailable"
    )


def own(ctx: Context, order_id: UUID) -> OrdersOrder:
    """Return the member's own order, locked; NotFound for another's."""
    order = states.lock(ctx, order_id)
    if order.member != ctx.member:
        raise NotFound("no such order", "找不到该订单")
    return order


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call to a method: whose, which, and what it prepared; without steps there is nothing to ask."""

    order: UUID
    charge: UUID | None = None
    number: str | None = None
    slug: str = ""
    steps: Steps | None = None
    prepared: Any = None
    tries: int = 0


def _ask(ctx: Context, charge: OrdersCharge, what: str, *, tries: int = 0) -> _Asked:
    slug, method = method_of(ctx, charge.method, installed=True)
    steps: Steps = getattr(method, what)
    prepared = steps.prepare(ctx.for_plugin(slug), charge.number)
    return _Asked(charge.order, charge.id, charge.number, slug, steps, prepared, tries)


class _Call(Remote):
    def call(self, prepared: _Asked) -> Any:
        """Ask the provider, where there is something to ask."""
        return None if prepared.steps is None else prepared.steps.call(prepared.prepared)


class Pay(_Call):
    """Pay an order: own means are held, the rest is charged outside; what came of it is told by `order_paid`."""

    def prepare(self, ctx: Context, order_id: UUID, body: PayIn) -> _Asked:  # type: ignore[override]  # by name
        """Hold, and write down the charge before anybody outside hears of it."""
        order = own(ctx, order_id)
        if order.state not in ("placed", "paying"):
            raise states.illegal(order, "paid")
        if order.deadline <= ctx.now():
            raise Conflict("the time to pay this order is over", "订单已超过付款时间", code="too_late_to_pay")
        tenders.choose(ctx, order, stored_value_fen=body.stored_value_fen, points_for_money=body.points)
        if settling.settle(ctx, order):
            return _Asked(order.id)
        due = order.money_fen - tenders.covered(ctx, order)
        if not body.method:
            raise Conflict(
                f"{due} fen are left to pay: choose a method for them",
                f"还需支付 {due / 100:.2f} 元，请选择支付方式",
                code="not_covered",
                due_fen=due,
            )
        tenders.require_allowed(order, body.method)
        slug, method = method_of(ctx, body.method)
        settling.ask_to_close(ctx, settling.charges_of(ctx, order.id))  # an attempt that this one takes the place of
        charge = OrdersCharge.scoped(ctx).create(
            order=order.id,
            number=new_id().hex,
            method=method.name,
            fen=due,
            state="starting",
            expires_at=order.deadline,
            created_at=ctx.now(),
        )
        asked = Charge(charge.number, order.member, due, order.title[:TITLE_LENGTH], order.deadline)
        prepared = method.pay.prepare(ctx.for_plugin(slug), asked)
        return _Asked(order.id, charge.id, charge.number, slug, method.pay, prepared)

    def complete(self, ctx: Context, prepared: _Asked, answer: Any) -> PayOut:
        """Return what the member's app needs. The charge may have been paid already by now."""
        params: dict[str, str] = {}
        if prepared.steps is not None:
            params = prepared.steps.complete(ctx.for_plugin(prepared.slug), prepared.prepared, answer)
            OrdersCharge.scoped(ctx).update(state="open").where(
                OrdersCharge.id == prepared.charge, OrdersCharge.state == "starting"
            ).execute()
        order = OrdersOrder.scoped(ctx).get(OrdersOrder.id == prepared.order)
        return PayOut(order=showing.order_out(ctx, order), charge=prepared.number, params=params)


class Refresh(_Call):
    """Ask the provider at once whether an order is paid: for the moment when the payment sheet closes."""

    def prepare(self, ctx: Context, order_id: UUID) -> _Asked:  # type: ignore[override]  # by name
        """Find the newest attempt that may still be paid."""
        order = own(ctx, order_id)
        alive = settling.charges_of(ctx, order.id)
        return _ask(ctx, alive[-1], "query") if alive else _Asked(order.id)

    def complete(self, ctx: Context, prepared: _Asked, answer: Any) -> OrderOut:
        """Book what was learned, and show the order."""
        if prepared.steps is not None:
            assert prepared.charge is not None
            state = prepared.steps.complete(ctx.for_plugin(prepared.slug), prepared.prepared, answer)
            if state.state != "absent":  # it may be on its way
                learn(ctx, prepared.charge, state)
        return showing.order_out(ctx, OrdersOrder.scoped(ctx).get(OrdersOrder.id == prepared.order))


class CloseCharge(Remote):
    """Have a provider close a charge: again and again until it says that it is closed, or that it was paid."""

    def prepare(self, ctx: Context, payload: ChargeRef) -> _Asked | None:  # type: ignore[override]  # by name
        """Read the charge; nothing to do for one that has ended."""
        charge = OrdersCharge.scoped(ctx).first(OrdersCharge.id == payload.charge)
        if charge is None or charge.state not in settling.ALIVE:
            return None
        states.put(ctx, charge, asked_at=ctx.now())
        return _ask(ctx, charge, "close", tries=payload.tries)

    def call(self, prepared: _Asked | None) -> Any:
        """Ask the provider; a refusal that is certain comes back as its error."""
        if prepared is None or prepared.steps is None:
            return None
        try:
            return prepared.steps.call(prepared.prepared)
        except RoostError as ex:
            return ex

    def complete(self, ctx: Context, prepared: _Asked | None, answer: Any) -> Next | None:
        """Book what was learned; ask again where nothing is certain."""
        if prepared is None or prepared.steps is None or prepared.charge is None:
            return None
        if isinstance(answer, RoostError):
            state = PaymentState("unknown", detail=answer.message)
        else:
            state = prepared.steps.complete(ctx.for_plugin(prepared.slug), prepared.prepared, answer)
        if learn(ctx, prepared.charge, state):
            return None
        after = min(FIRST_PAUSE * 2 ** min(prepared.tries, 20), LONGEST_PAUSE)
        return Next(ChargeRef(charge=prepared.charge, tries=prepared.tries + 1), after=after)


def learn(ctx: Context, charge_id: UUID, state: PaymentState) -> bool:
    """Book what a provider said of a charge; return False when it is not certain yet."""
    charge = OrdersCharge.scoped(ctx).get(OrdersCharge.id == charge_id)
    if state.state in ("paid", "refunding", "refunded"):
        settling.book_paid(ctx, charge.number, state.amount if state.state == "paid" else 0, state.transaction)
        return True
    gone = state.state == "absent" and ctx.now() - charge.created_at >= UNHEARD_OF
    if state.state in ("closed", "failed") or gone:
        settling.book_closed(ctx, charge.number)
        return True
    return charge.state not in settling.ALIVE
