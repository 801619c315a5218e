"""What keeps a member, the plugin or the merchant while money is on its way.

Nothing of a payer is kept here but who they are to us: no open id, no bank. Books of money stay, under an id that
nobody is behind.
"""

from typing import Any
from uuid import UUID

from integrations.wechat_pay.models import WechatPayRefund, WechatPayTrade
from roost import Conflict, Context, Veto


def erase(ctx: Context, member: UUID) -> None:
    """Refuse (Conflict) while a payment or refund of theirs is under way: it ends within hours."""
    if _under_way(ctx, WechatPayTrade.member == member, WechatPayRefund.member == member):
        raise Conflict(
            "a payment or refund of theirs is under way: wait until it is settled",
            "尚有进行中的微信支付或退款，暂不能注销",
            code="payment_under_way",
        )


def may_switch_off(ctx: Context) -> Veto | None:
    """Veto while money is on its way."""
    if _under_way(ctx):
        return Veto("money_under_way", "payments or refunds are under way", "尚有进行中的支付或退款")
    return None


def may_change_merchant(ctx: Context, mchid: str) -> Veto | None:
    """Veto while money of another merchant is on its way: only its keys ask how that stands."""
    if _under_way(ctx, WechatPayTrade.mchid != mchid, _of_another(ctx, mchid)):
        return Veto(
            "money_under_way",
            "payments or refunds of another merchant number are under way: wait until they are settled",
            "原商户号尚有进行中的支付或退款，完成后才能更换",
        )
    return None


def _of_another(ctx: Context, mchid: str) -> Any:
    others = WechatPayTrade.scoped(ctx).select(WechatPayTrade.number).where(WechatPayTrade.mchid != mchid)
    return WechatPayRefund.charge.in_(others)


def _under_way(ctx: Context, trade: Any = True, refund: Any = True) -> bool:  # Any: a further condition
    trades = WechatPayTrade.scoped(ctx).select().where(WechatPayTrade.state.in_(("asked", "open")))
    refunds = WechatPayRefund.scoped(ctx).select().where(WechatPayRefund.state.in_(("asked", "working")))
    return bool(
        (trades if trade is True else trades.where(trade)).exists()
        or (refunds if refund is True else refunds.where(refund)).exists()
    )
