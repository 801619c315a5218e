"""Money that goes back outside: asked for with one number until there is an answer, and what providers tell of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from plugins.orders import states
from plugins.orders.models import OrdersCharge, OrdersOrder, OrdersRefund, OrdersRefundPart, OrdersTender
from plugins.orders.paying import excess, settling
from plugins.orders.paying.charging import method_of
from plugins.orders.references import PartRef
from plugins.orders.refunding import parts, refunds
from plugins.orders.staff_schemas import RejectIn
from roost import (
    Conflict,
    Context,
    Next,
    PaymentState,
    Refund,
    Remote,
    RoostError,
    Settlement,
    Text,
    Unavailable,
    said,
    savepoint,
)

log = structlog.get_logger("roost.orders")
MOST_TRIES = 20  # then staff look at it; they may go on with the same number
CERTAIN = (403, 404, 409, 422)  # refusals that asking again does not change
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)


def pause(tries: int) -> timedelta:
    """Return how long to wait before the next try: longer each time."""
    return min(FIRST_PAUSE * int(2 ** min(tries, 20)), LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A part to be paid back or asked about; `refused` where its provider's plugin would not even ask."""

    payload: PartRef
    slug: str = ""
    steps: Any = None  # the three of the provider
    prepared: Any = None
    refused: RoostError | None = None


class RefundPart(Remote):
    """Have a provider pay a part back, or ask it how that stands.

    The provider's rows are locked before the order, as they are when it tells us something.
    """

    def prepare(self, ctx: Context, payload: PartRef) -> _Asking | None:  # type: ignore[override]  # by name
        """Read the part and count the try; nothing to do for one that has ended."""
        part = OrdersRefundPart.scoped(ctx).first(OrdersRefundPart.id == payload.part)
        if part is None or part.state not in ("pending", "accepted"):
            return None
        try:
            with savepoint():
                asking = self._ask(ctx, payload, part)
        except RoostError as ex:
            asking = _Asking(payload, refused=ex)
        states.put(ctx, part, attempts=part.attempts + 1)
        return asking

    @staticmethod
    def _ask(ctx: Context, payload: PartRef, part: OrdersRefundPart) -> _Asking:
        charge = OrdersCharge.scoped(ctx).get(OrdersCharge.number == part.charge)
        slug, method = method_of(ctx, charge.method, installed=True)
        mine = ctx.for_plugin(slug)
        if part.state == "accepted":
            return _Asking(payload, slug, method.query_refund, method.query_refund.prepare(mine, part.number))
        refund = OrdersRefund.scoped(ctx).get(OrdersRefund.id == part.refund)
        assert part.number is not None, "a part outside has a number"
        asked = Refund(part.number, charge.number, part.fen, charge.fen, said(refund.reason, "zh")[:60])
        return _Asking(payload, slug, method.refund, method.refund.prepare(mine, asked))

    def call(self, prepared: _Asking | None) -> Any:
        """Ask the provider; a refusal that is certain comes back as its error."""
        if prepared is None or prepared.refused is not None:
            return prepared and prepared.refused
        try:
            return prepared.steps.call(prepared.prepared)
        except RoostError as ex:
            return ex

    def complete(self, ctx: Context, prepared: _Asking | None, answer: Any) -> Next | None:
        """Book what was learned; ask again where nothing is certain."""
        if prepared is None:
            return None
        if isinstance(answer, RoostError):
            kind: Any = "failed" if answer.status in CERTAIN else "unknown"
            state = PaymentState(kind, detail=answer.message)
        else:
            state = prepared.steps.complete(ctx.for_plugin(prepared.slug), prepared.prepared, answer)
        tries = prepared.payload.tries + 1
        order, part = _locked(ctx, prepared.payload.part)
        if part.state not in ("pending", "accepted"):  # it was settled by what was learned
            return None
        if state.state == "refunded":
            parts.done(ctx, order, part)
        elif state.state == "failed":
            parts.failed(ctx, order, part, state.detail or "refused by the provider")
        elif tries >= MOST_TRIES and state.state != "refunding":  # that is an answer: a bank may take days
            parts.failed(ctx, order, part, f"no answer after {MOST_TRIES} tries: {state.detail}")
        else:
            known = "accepted" if state.state == "refunding" else part.state
            if state.state == "absent":  # it never came to know of the refund: ask for it again
                known = "pending"
            states.put(ctx, part, state=known, detail=state.detail[:200])
            return Next(PartRef(part=part.id, tries=tries), after=pause(tries - 1))
        return None


def _locked(ctx: Context, part_id: UUID) -> tuple[OrdersOrder, OrdersRefundPart]:
    part = OrdersRefundPart.scoped(ctx).get(OrdersRefundPart.id == part_id)
    refund = OrdersRefund.scoped(ctx).get(OrdersRefund.id == part.refund)
    order = states.lock(ctx, refund.order)
    return order, OrdersRefundPart.scoped(ctx).get(OrdersRefundPart.id == part_id)


# --- what providers tell ---------------------------------------------------------------------------------------------


def book_refunded(ctx: Context, settlement: Settlement) -> None:
    """Book that money went back: a part of ours, or a refund that was made in the provider's own console."""
    part = OrdersRefundPart.scoped(ctx).first(OrdersRefundPart.number == settlement.refund)
    if part is not None:
        order, part = _locked(ctx, part.id)
        if part.state == "done" and part.detail:  # it had gone back another way before: staff must see that it is twice
            log.error("orders_refunded_twice", tenant=ctx.tenant.slug, order=str(order.id), refund=settlement.refund)
            _keep_outside(ctx, order, f"outside:{settlement.refund}", settlement)
        parts.done(ctx, order, part)
        return
    _made_outside(ctx, settlement)


def book_failed(ctx: Context, settlement: Settlement) -> None:
    """Book that a refund of ours failed at the provider."""
    part = OrdersRefundPart.scoped(ctx).first(OrdersRefundPart.number == settlement.refund)
    if part is not None:
        order, part = _locked(ctx, part.id)
        parts.failed(ctx, order, part, "the provider says that it failed")


def _made_outside(ctx: Context, settlement: Settlement) -> None:
    """Follow a refund that we did not ask for. It proves that the charge was paid, whatever we heard of that."""
    settling.book_paid(ctx, settlement.charge, 0)
    charge = OrdersCharge.scoped(ctx).get(OrdersCharge.number == settlement.charge)
    order = states.lock(ctx, charge.order)
    key = f"outside:{settlement.refund}"
    if OrdersRefund.scoped(ctx).first(OrdersRefund.key == key) is not None:
        return
    tender = OrdersTender.scoped(ctx).first(OrdersTender.charge == charge.number, OrdersTender.state == "paid")
    left = tender.fen - tender.refunded_fen if tender is not None else 0
    fen = min(settlement.amount or left, left)
    if tender is None or not fen or "refunding" not in states.MOVES[order.state]:
        if tender is not None and fen and order.state in states.UNPAID:  # this part of the price is not paid any more
            excess.give_back(ctx, order, tender, fen)
        _note_outside(ctx, order, key, settlement)
        return
    whole = fen == order.paid_fen - order.refunded_fen
    refund = refunds.begin(
        ctx,
        order.id,
        key=key,
        reason=Text("在支付平台退款", "made at the provider"),
        source="outside",
        fen=fen,
        points=order.paid_points - order.refunded_points if whole else 0,
        only=tender,
    )
    for part in parts.of_refund(ctx, refund.id):
        if part.charge == charge.number:
            order, part = _locked(ctx, part.id)
            parts.done(ctx, order, part, detail=f"made at the provider: {settlement.refund}")


def _keep_outside(ctx: Context, order: OrdersOrder, key: str, settlement: Settlement) -> None:
    """Keep, once, that money went back which the order does not count."""
    if OrdersRefund.scoped(ctx).first(OrdersRefund.key == key) is not None:
        return
    now = ctx.now()
    OrdersRefund.scoped(ctx).create(
        key=key,
        order=order.id,
        member=order.member,
        venue=order.venue,
        state="done",
        source="outside",
        fen=settlement.amount,
        reason=Text("在支付平台退款", "made at the provider"),
        created_at=now,
        decided_at=now,
        ended_at=now,
    )


def _note_outside(ctx: Context, order: OrdersOrder, key: str, settlement: Settlement) -> None:
    """Keep that money went back which the order no longer counts: nothing of it is to be paid twice."""
    _keep_outside(ctx, order, key, settlement)
    left = settlement.amount
    open_ones = (
        OrdersRefund.scoped(ctx)
        .select()
        .where(OrdersRefund.order == order.id, OrdersRefund.state.in_(("running", "failed")))
    )
    for refund in list(open_ones.order_by(OrdersRefund.id)):
        for part in parts.of_refund(ctx, refund.id):
            if part.charge == settlement.charge and part.state != "done" and part.fen <= left:
                left -= part.fen
                parts.done(ctx, order, part, detail=f"made at the provider: {settlement.refund}")


# --- what staff do with what failed ----------------------------------------------------------------------------------


def retry(ctx: Context, refund_id: UUID, body: None = None) -> None:
    """Ask the provider again for the parts that failed, with the same numbers. Raises Conflict when none did."""
    _, refund = states.lock_with(ctx, OrdersRefund, OrdersRefund.id == refund_id)
    again = [part for part in parts.of_refund(ctx, refund.id) if part.state == "failed"]
    if not again:
        raise Conflict("no part of this refund failed", "没有失败的退款", code="refund_state")
    states.put(ctx, refund, state="running")
    for part in again:
        states.put(ctx, part, state="pending")
        ctx.enqueue("orders.refund_part", PartRef(part=part.id), dedupe=f"refund:{part.id}:{part.attempts}")


def by_hand(ctx: Context, refund_id: UUID, body: RejectIn) -> None:
    """Mark the failed parts as paid back another way, such as a bank transfer; their provider is asked no more.

    Raises Conflict when none failed, or when the provider has one of them after all. The provider's rows are locked
    before the order.
    """
    failed = {part.id: part for part in parts.of_refund(ctx, refund_id) if part.state == "failed"}
    for part in failed.values():
        if part.number is not None:
            _withdraw(ctx, part)
    order, refund = states.lock_with(ctx, OrdersRefund, OrdersRefund.id == refund_id)
    given = [part for part in parts.of_refund(ctx, refund.id) if part.state == "failed" and part.id in failed]
    if not given:
        raise Conflict("no part of this refund failed", "没有失败的退款", code="refund_state")
    for part in given:
        parts.done(ctx, order, part, detail=f"by hand: {body.reason}")


def _withdraw(ctx: Context, part: OrdersRefundPart) -> None:
    charge = OrdersCharge.scoped(ctx).get(OrdersCharge.number == part.charge)
    try:
        slug, method = method_of(ctx, charge.method, installed=True)
    except Unavailable:
        return  # uninstalled: there is nobody left who would ask
    assert part.number is not None, "a part outside has a number"
    method.withdraw(ctx.for_plugin(slug), part.number)
