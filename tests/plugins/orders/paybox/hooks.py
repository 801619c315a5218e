"""The declaration of the method: each call in three steps, and what is learned is settled."""

from paybox.box import BOX
from roost import Contribution, PaymentMethod, PaymentState, Settlement, Steps, Text, hookimpl, hooks


def tell(ctx, kind, charge, amount=0, refund=""):
    """Settle something, as a callback would: in the transaction that books it."""
    told = Settlement(method="paybox", kind=kind, charge=charge, refund=refund, amount=amount, transaction="t1")
    return ctx.lifecycle(hooks.payment_settled, settlement=told)


def _charge_done(ctx, number, state):
    amount = BOX.charges.get(number, {}).get("amount", 0)
    if state in ("paid", "closed"):
        tell(ctx, state, number, amount if state == "paid" else 0)
    return PaymentState(state, amount=amount)


def _refund_done(ctx, asked, state):
    number = asked if isinstance(asked, str) else asked.number
    refund = BOX.refunds.get(number)
    if refund is not None and state == "refunded":
        tell(ctx, "refunded", refund["charge"], refund["amount"], number)
    return PaymentState(state, detail="as the box says")


METHOD = PaymentMethod(
    name="paybox",
    title=Text("测试支付", "Paybox"),
    pay=Steps(
        lambda ctx, charge: charge,
        lambda charge: BOX.pay(charge.number, charge.amount),
        lambda ctx, charge, state: {"token": charge.number},
    ),
    query=Steps(lambda ctx, number: number, BOX.query, _charge_done),
    close=Steps(lambda ctx, number: number, BOX.close, _charge_done),
    refund=Steps(lambda ctx, asked: asked, lambda r: BOX.refund(r.number, r.charge, r.amount), _refund_done),
    query_refund=Steps(lambda ctx, number: number, BOX.query_refund, _refund_done),
    withdraw=lambda ctx, number: BOX.withdraw(number),
    ready=lambda ctx: True,
)


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        payments=[METHOD],
    )
