"""Refunds: made and asked about, each in three steps. A retry carries the same number, and moves nothing twice."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from integrations.wechat_pay import merchant, settling
from integrations.wechat_pay.client import WechatPayClient
from integrations.wechat_pay.errors import AccountAbnormal, NoSuchNumber, NotEnough, NumberUsed, WechatPayError
from integrations.wechat_pay.models import WechatPayRefund, WechatPayTrade
from integrations.wechat_pay.numbers import check_number, put_off
from integrations.wechat_pay.wire import RefundState
from roost import Conflict, Content, Context, Invalid, PaymentState, Refund, Text

REFUND_DAYS = 365
REFUND_PARTS = 50
REASON_LENGTH = 80
REFUND = Content("refund", Text("退款单", "refund"), ("charge", "amount_fen", "total", "reason"))
DEAD = ("failed", "withdrawn")
UNDER_WAY = timedelta(minutes=3)  # longer than any call of ours lasts


@dataclass(frozen=True, slots=True)
class Refunding:
    """A refund to be made, or only asked about."""

    number: str
    charge: str = ""
    amount: int = 0
    total: int = 0
    reason: str = ""
    notify_url: str = ""
    wanted: bool = True  # False: it failed or was withdrawn, so that asking about it must not make it
    client: WechatPayClient | None = field(default=None, repr=False)
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RefundHeard:
    """What was answered about a refund. `refused`: certainly nothing moved, and nothing will by asking again."""

    refund: RefundState | None = None
    refused: str = ""
    failure: str = ""


def prepare_refund(ctx: Context, asked: Refund) -> Refunding:
    """Write the refund. The same one again is the same refund; a failed one is tried once more.

    Raises NotFound for a charge that is not ours, Conflict for one that is not paid, for more than is left of it, for
    more than 50 parts and after a year, KeyReused for a known number with other content.
    """
    ctx = ctx.for_plugin(merchant.SLUG)
    check_number(asked.number)
    trade = WechatPayTrade.scoped(ctx).get(WechatPayTrade.number == asked.charge)
    now, refunds = ctx.now(), WechatPayRefund.scoped(ctx)
    row = refunds.first(WechatPayRefund.number == asked.number)
    if row is None or row.state == "failed":
        _check_refund(ctx, trade, asked)
        _check_merchant(ctx, trade)
    if row is None:
        refunds.insert(
            number=asked.number, charge=asked.charge, member=trade.member, amount=asked.amount, total=trade.amount,
            reason=asked.reason[:REASON_LENGTH], created_at=now, changed_at=now, check_at=now,
        ).on_conflict_ignore().execute()  # fmt: skip
    row = refunds.lock(WechatPayRefund.number == asked.number)
    REFUND.check(
        asked.number,
        {"charge": row.charge, "amount_fen": row.amount, "total": row.total, "reason": row.reason},
        {
            "charge": asked.charge,
            "amount_fen": asked.amount,
            "total": asked.total,
            "reason": asked.reason[:REASON_LENGTH],
        },
    )
    if row.state == "withdrawn":
        raise Conflict(f"the refund {asked.number} was paid another way", "该退款已改用其他方式支付")
    if row.state == "failed":
        reopen(ctx, row)
        row = refunds.get(WechatPayRefund.id == row.id)
    return _refunding(ctx, row, trade, settled=row.state == "refunded")


def _check_refund(ctx: Context, trade: Any, asked: Refund) -> None:
    if trade.state != "paid":
        raise Conflict("this charge is not paid", "该订单尚未支付，无法退款", code="wechat_pay_not_paid")
    if asked.amount <= 0 or asked.total != trade.amount:
        raise Invalid(
            f"a refund is above 0 fen, of a total of {trade.amount}, not {asked.amount} of {asked.total}",
            "退款金额有误",
        )
    if ctx.now() - trade.paid_at > timedelta(days=REFUND_DAYS):
        raise Conflict(
            "WeChat Pay gives nothing back after a year", "已超过一年，微信支付不支持退款", code="wechat_pay_too_old"
        )
    others = [
        row.amount
        for row in WechatPayRefund.scoped(ctx).select().where(WechatPayRefund.charge == trade.number)
        if row.state not in DEAD and row.number != asked.number
    ]
    if sum(others) + asked.amount > trade.amount:
        raise Conflict(
            f"of {trade.amount} fen {sum(others)} are given back already", "超过可退金额", code="wechat_pay_over_refund"
        )
    if len(others) >= REFUND_PARTS:
        raise Conflict(f"a charge is given back in {REFUND_PARTS} parts at most", "退款次数已达上限")


def _check_merchant(ctx: Context, trade: Any) -> None:
    mchid = merchant.client_of(ctx).credentials.mchid
    if mchid != trade.mchid:
        raise Conflict(
            f"this was paid to merchant {trade.mchid}, and the keys here are {mchid}'s: give it back on its platform",
            f"该笔支付属于商户 {trade.mchid}，请在该商户平台退款",
            code="wechat_pay_other_merchant",
        )


def reopen(ctx: Context, row: Any) -> None:
    """Have a failed refund tried once more, in a new round."""
    WechatPayRefund.scoped(ctx).update(
        state="asked", round=row.round + 1, tries=0, check_at=ctx.now(), changed_at=ctx.now()
    ).where(WechatPayRefund.id == row.id, WechatPayRefund.state == "failed").execute()


def withdraw_refund(ctx: Context, number: str) -> None:
    """Ask WeChat Pay for a refund no more: it is paid another way. Raises Conflict when WeChat Pay has it already.

    Who decides this has looked on the merchant's platform: of one that nobody answered about, nobody here can know.
    """
    ctx = ctx.for_plugin(merchant.SLUG)
    if WechatPayRefund.scoped(ctx).first(WechatPayRefund.number == number) is None:
        return
    row = WechatPayRefund.scoped(ctx).lock(WechatPayRefund.number == number)
    if row.state in ("working", "refunded"):
        raise Conflict(
            f"WeChat Pay has this refund ({row.status}): it is not to be paid another way as well",
            "微信支付已受理该退款，请勿重复退付",
            code="wechat_pay_refund_moving",
        )
    if row.state == "asked" and row.called_at is not None and ctx.now() - row.called_at < UNDER_WAY:
        raise Conflict(
            "WeChat Pay is being asked for this refund just now: try again in a few minutes",
            "正在向微信支付查询该退款，请几分钟后再试",
            code="wechat_pay_refund_moving",
        )
    WechatPayRefund.scoped(ctx).update(state="withdrawn", check_at=None, changed_at=ctx.now()).where(
        WechatPayRefund.id == row.id
    ).execute()


def _refunding(ctx: Context, row: Any, trade: Any, *, settled: bool) -> Refunding:
    if settled:
        return Refunding(row.number)
    client = merchant.client_of(ctx)
    if client.credentials.mchid != trade.mchid:
        return Refunding(row.number, why_not=f"paid to merchant {trade.mchid}: its keys are needed to give it back")
    WechatPayRefund.scoped(ctx).update(called_at=ctx.now()).where(WechatPayRefund.id == row.id).execute()
    return Refunding(
        row.number, row.charge, row.amount, row.total, row.reason, merchant.notify_url(ctx),
        row.state not in DEAD, client,
    )  # fmt: skip


def call_refund(asked: Refunding) -> RefundHeard:
    """Make the refund; the same number again moves nothing twice."""
    if asked.client is None:
        return RefundHeard(failure=asked.why_not)
    try:
        return RefundHeard(
            asked.client.refund(
                number=asked.number,
                charge=asked.charge,
                amount=asked.amount,
                total=asked.total,
                reason=asked.reason,
                notify_url=asked.notify_url,
            )
        )
    except (AccountAbnormal, NotEnough, NoSuchNumber, NumberUsed) as ex:
        return RefundHeard(refused=merchant.explain(ex))
    except WechatPayError as ex:
        if ex.code in ("PARAM_ERROR", "INVALID_REQUEST"):
            return RefundHeard(refused=merchant.explain(ex))
        return RefundHeard(failure=merchant.explain(ex))  # our keys are wrong, or nobody answers: asked again later


def prepare_query_refund(ctx: Context, number: str) -> Refunding:
    """Read a refund that is to be asked about."""
    ctx = ctx.for_plugin(merchant.SLUG)
    row = WechatPayRefund.scoped(ctx).first(WechatPayRefund.number == number)
    if row is None:
        return Refunding(number)
    trade = WechatPayTrade.scoped(ctx).get(WechatPayTrade.number == row.charge)
    return _refunding(ctx, row, trade, settled=row.state == "refunded")


def call_query_refund(asked: Refunding) -> RefundHeard:
    """Ask how a refund stands; one that WeChat Pay never got is made now, by the same number."""
    if asked.client is None:
        return RefundHeard(failure=asked.why_not)
    try:
        return RefundHeard(asked.client.query_refund(asked.number))
    except NoSuchNumber as ex:
        return call_refund(asked) if asked.wanted else RefundHeard(failure=merchant.explain(ex))
    except WechatPayError as ex:
        return RefundHeard(failure=merchant.explain(ex))


def complete_refund(ctx: Context, asked: Refunding, heard: RefundHeard) -> PaymentState:
    """Settle what was heard of a refund; return how it stands."""
    ctx = ctx.for_plugin(merchant.SLUG)
    note = heard.failure or heard.refused
    if heard.refund is not None:
        note = settling.refund_told(ctx, heard.refund, "reply").note
    elif heard.refused:
        row = WechatPayRefund.scoped(ctx).lock(WechatPayRefund.number == asked.number)
        if row.state in ("asked", "working"):
            settling.refund_failed(ctx, row, "reply", {"note": heard.refused})
    elif heard.failure:
        put_off(ctx, WechatPayRefund, asked.number, ("asked", "working"), heard.failure)
    return settling.refund_state(ctx, asked.number, detail=note)
