"""Book what WeChat Pay says, whoever says it and how often: a callback, the reply to a query, the reply to a call.

What is booked is a row of `WechatPaySettlement`, and its unique index is the fence: of all that tell the same, in all
processes, one inserts it, and that one calls the hook `payment_settled` of every installed plugin, in the same
transaction. What contradicts our own row (another merchant, app, brand, amount or transaction) is refused and books
nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from integrations.wechat_pay.merchant import NOTE_LENGTH, as_system
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from integrations.wechat_pay.schemas import PushJob, TradeJob
from integrations.wechat_pay.wire import RefundState, Transaction
from roost import Context, PaymentState, Settlement, hooks

Heard = Literal["push", "query", "reply"]
CURRENCY = "CNY"
FIRST_LOOK = timedelta(minutes=5)  # at a refund that works; later ones wait half of its age
LAST_LOOK = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something told. `waiting`: the payment it rests on has to be asked for first."""

    state: Literal["booked", "known", "open", "refused", "waiting"]
    note: str = ""


# --- charges -------------------------------------------------------------------------------------------------------


def charge_told(ctx: Context, told: Transaction, heard: Heard) -> Outcome:
    ctx = as_system(ctx)
    trade = _locked_trade(ctx, told.out_trade_no)
    if trade is None:
        return Outcome("refused", "no charge of this brand has that number")
    wrong = _contradiction(ctx, trade, told)
    if wrong:
        _set(ctx, trade, note=wrong)
        return Outcome("refused", wrong)
    if told.trade_state in ("SUCCESS", "REFUND"):
        return paid(ctx, trade, told.transaction_id, told.success_time, heard)
    if told.trade_state in ("CLOSED", "REVOKED"):
        return closed(ctx, trade, heard)
    return Outcome("open", told.trade_state)


def _contradiction(ctx: Context, trade: WechatPayTrade, told: Transaction) -> str:
    """Return how something told of a charge contradicts our own row, or ""."""
    if told.mchid != trade.mchid:
        return f"told of merchant {told.mchid}, asked as {trade.mchid}"
    if told.appid and told.appid != trade.appid:
        return f"told of app {told.appid}, asked in {trade.appid}"
    if told.attach and told.attach != ctx.tenant.slug:
        return "told of another brand"
    if told.trade_state not in ("SUCCESS", "REFUND"):
        return ""
    if told.amount is None or (told.amount.total, told.amount.currency) != (trade.amount, CURRENCY):
        said = f"{told.amount.total} {told.amount.currency}" if told.amount else "no amount"
        return f"told of {said}, asked for {trade.amount} {CURRENCY}"
    if not told.transaction_id:
        return "told of a payment without an id"
    if trade.transaction and told.transaction_id != trade.transaction:
        return f"told of payment {told.transaction_id}, paid by {trade.transaction}"
    return ""


def paid(ctx: Context, trade: WechatPayTrade, transaction: str, at: Any, heard: Heard) -> Outcome:
    """Book a payment, also of a charge that was closed here: money that came is money."""
    moment = at or ctx.now()
    new = _book(
        ctx,
        trade,
        heard,
        Settlement(
            "wechat_pay", "paid", str(trade.number), amount=_int(trade.amount), transaction=transaction, at=moment
        ),
        changes={"state": "paid", "transaction": transaction, "paid_at": moment, "check_at": None, "note": ""},
    )
    if not new:
        return Outcome("known")
    waiting = WechatPayPush.scoped(ctx).select().where(
        WechatPayPush.number == trade.number, WechatPayPush.state == "waiting"
    )  # fmt: skip
    for push in waiting:
        ctx.enqueue("wechat_pay.push", PushJob(push=push.id))
    return Outcome("booked")


def closed(ctx: Context, trade: WechatPayTrade, heard: Heard) -> Outcome:
    """Book that nobody can pay a charge any more."""
    if trade.state in ("paid", "closed"):
        return Outcome("known")
    new = _book(
        ctx,
        trade,
        heard,
        Settlement("wechat_pay", "closed", str(trade.number), at=ctx.now()),
        changes={"state": "closed", "check_at": None},
    )
    return Outcome("booked" if new else "known")


# --- refunds -------------------------------------------------------------------------------------------------------


def refund_told(ctx: Context, told: RefundState, heard: Heard) -> Outcome:
    """Take over how a refund stands; one made by hand on the platform is taken in.

    It waits while its payment is not booked here: that is asked for, and the refund is taken up after it.
    """
    ctx = as_system(ctx)
    trade = _locked_trade(ctx, told.out_trade_no)
    if trade is None:
        return Outcome("refused", "no charge of this brand has that number")
    wrong = _refund_contradiction(trade, told)
    if wrong:
        return Outcome("refused", wrong)
    if trade.state != "paid":
        ctx.enqueue("wechat_pay.trade", TradeJob(number=str(trade.number)))
        return Outcome("waiting", "its payment is not booked yet: it is being asked for")
    row = _locked_refund(ctx, trade, told)
    if (row.charge, row.amount) != (trade.number, told.amount.refund):
        wrong = f"told of {told.amount.refund} fen of {told.out_trade_no}, asked for {row.amount} of {row.charge}"
        _set(ctx, row, note=wrong)
        return Outcome("refused", wrong)
    if row.state == "refunded":
        return Outcome("known")
    values: dict[str, Any] = {"status": told.status, "provider_id": told.refund_id or row.provider_id, "tries": 0}
    if told.status == "PROCESSING":
        _set(ctx, row, **values, state="working", check_at=ctx.now() + patience(ctx, row), note="")
        return Outcome("open", "PROCESSING")
    if told.status == "SUCCESS":
        at = told.success_time or ctx.now()
        values |= {"state": "refunded", "refunded_at": at, "check_at": None, "note": ""}
        settled = Settlement(
            "wechat_pay", "refunded", str(trade.number), str(row.number), _int(row.amount), told.refund_id, at
        )
        return Outcome("booked" if _book(ctx, row, heard, settled, changes=values) else "known")
    values["note"] = f"WeChat Pay answers {told.status}: see to it on the merchant's platform"
    return refund_failed(ctx, row, heard, values)


def refund_failed(ctx: Context, row: WechatPayRefund, heard: Heard, values: dict[str, Any]) -> Outcome:
    """Book that a refund did not go through; once for each time that it is asked for."""
    if row.state == "withdrawn":  # paid another way: it stays so, or staff could have it made again
        _set(ctx, row, note=str(values.get("note", "")))
        return Outcome("known")
    settled = Settlement(
        "wechat_pay", "refund_failed", str(row.charge), str(row.number), _int(row.amount), at=ctx.now()
    )
    after = {"state": "failed", "check_at": None, **values}
    return Outcome("booked" if _book(as_system(ctx), row, heard, settled, changes=after) else "known")


def _refund_contradiction(trade: WechatPayTrade, told: RefundState) -> str:
    if told.mchid and told.mchid != trade.mchid:
        return f"told of merchant {told.mchid}, asked as {trade.mchid}"
    if (told.amount.total, told.amount.currency) != (trade.amount, CURRENCY):
        return f"told of a refund of {told.amount.total} {told.amount.currency}, the charge was {trade.amount}"
    if told.transaction_id and trade.transaction and told.transaction_id != trade.transaction:
        return f"told of payment {told.transaction_id}, paid by {trade.transaction}"
    return ""


def _locked_refund(ctx: Context, trade: WechatPayTrade, told: RefundState) -> Any:
    refunds, now = WechatPayRefund.scoped(ctx), ctx.now()
    refunds.insert(
        number=told.out_refund_no, charge=trade.number, member=trade.member, amount=told.amount.refund,
        total=trade.amount, source="platform", created_at=now, changed_at=now,
    ).on_conflict_ignore().execute()  # fmt: skip
    return refunds.lock(WechatPayRefund.number == told.out_refund_no)


def patience(ctx: Context, row: WechatPayRefund) -> timedelta:
    """Return how long until a refund that works is asked about again."""
    age: timedelta = ctx.now() - row.created_at
    return min(max(age / 2, FIRST_LOOK), LAST_LOOK)


# --- the book ------------------------------------------------------------------------------------------------------


def _book(ctx: Context, row: Any, heard: Heard, settled: Settlement, *, changes: dict[str, Any]) -> bool:
    """Write a settlement, change its row and oblige the plugins; return False when it was booked before."""
    kept = _fence(ctx, row, heard, settled)
    if kept is None:
        return False
    _set(ctx, row, **changes)
    claimed = next((slug for slug, mine in ctx.lifecycle(hooks.payment_settled, settlement=settled) if mine), "")
    if claimed:
        WechatPaySettlement.scoped(ctx).update(claimed_by=claimed, state="claimed").where(
            WechatPaySettlement.id == kept
        ).execute()
    return True


def _fence(ctx: Context, row: Any, heard: Heard, settled: Settlement) -> Any:
    """Insert the settlement; return its id, or None when somebody has. A rival at work is waited for."""
    return WechatPaySettlement.scoped(ctx).insert_once(
        kind=settled.kind,
        number=settled.refund or settled.charge,
        round=getattr(row, "round", 0),
        charge=settled.charge,
        member=row.member,
        amount=settled.amount,
        transaction=settled.transaction,
        happened_at=settled.at,
        booked_at=ctx.now(),
        heard=heard,
        state="unclaimed",
    )


def _locked_trade(ctx: Context, number: str) -> Any:
    found = WechatPayTrade.scoped(ctx).first(WechatPayTrade.number == number)
    return None if found is None else WechatPayTrade.scoped(ctx).lock(WechatPayTrade.id == found.id)


def _set(ctx: Context, row: Any, **values: Any) -> None:
    model = type(row)
    if "note" in values:
        values["note"] = values["note"][:NOTE_LENGTH]
    model.scoped(ctx).update(**values, changed_at=ctx.now()).where(model.id == row.id).execute()


def _int(value: Any) -> int:  # Any: a column
    return int(value)


# --- as plugins see it ---------------------------------------------------------------------------------------------


def charge_state(ctx: Context, number: str, *, detail: str = "", certain: bool = True) -> PaymentState:
    """Return how a charge stands by our books; `unknown` when it is open and nobody could say more."""
    trade = WechatPayTrade.scoped(ctx).first(WechatPayTrade.number == number)
    if trade is None:
        return PaymentState("absent", detail=detail)
    if trade.state == "paid":
        return PaymentState("paid", trade.amount, trade.transaction, trade.paid_at, detail)
    if trade.state == "closed":
        return PaymentState("closed", detail=detail)
    return PaymentState("open" if certain else "unknown", trade.amount, detail=detail or trade.note)


def refund_state(ctx: Context, number: str, *, detail: str = "") -> PaymentState:
    row = WechatPayRefund.scoped(ctx).first(WechatPayRefund.number == number)
    if row is None:
        return PaymentState("absent", detail=detail)
    states: dict[str, Any] = {"asked": "unknown", "working": "refunding", "withdrawn": "failed"}
    return PaymentState(
        states.get(row.state, row.state), row.amount, row.provider_id, row.refunded_at, detail or row.note
    )
