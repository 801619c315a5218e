"""What becomes of what is kept when a member is erased, merged or exported, or a tenant leaves."""

from typing import Any
from uuid import UUID

from integrations.wechat import people
from integrations.wechat.models import (
    WechatCheck,
    WechatCode,
    WechatPayment,
    WechatPush,
    WechatRisk,
    WechatShipment,
    WechatSubscription,
    WechatTemplate,
    WechatToken,
)
from roost import Context

OF_MEMBERS = (WechatSubscription, WechatCode, WechatCheck, WechatPush, WechatShipment)


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member: what they agreed to and wrote goes; that a push or shipment was there stays."""
    for model in (WechatSubscription, WechatCode, WechatRisk, WechatCheck):
        model.scoped(ctx).delete().where(model.member == member).execute()
    mine = WechatPush.member == member
    openid = people.openid_of(ctx, member)
    if openid is not None:
        mine |= WechatPush.openid == openid
        WechatSubscription.scoped(ctx).delete().where(WechatSubscription.openid == openid).execute()
    WechatPush.scoped(ctx).update(body=None, member=None, openid="").where(mine).execute()
    WechatShipment.scoped(ctx).update(body=None, member=None).where(WechatShipment.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move what is kept of `merged` to `member`; of two risks the survivor's own stays."""
    for model in OF_MEMBERS:
        model.scoped(ctx).update(member=member).where(model.member == merged).execute()
    risks = WechatRisk.scoped(ctx)
    if risks.first(WechatRisk.member == member) is None:
        risks.update(member=member).where(WechatRisk.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return what a member agreed to be sent, which codes lead to them, and what WeChat pushed; None without any."""
    subscriptions = WechatSubscription.scoped(ctx).select().where(WechatSubscription.member == member)
    codes = WechatCode.scoped(ctx).select().where(WechatCode.member == member)
    pushes = WechatPush.scoped(ctx).select().where(WechatPush.member == member)
    risk = WechatRisk.scoped(ctx).first(WechatRisk.member == member)
    told = {
        "subscriptions": [
            {"template": s.template, "state": s.state, "remaining": s.remaining, "at": s.changed_at.isoformat()}
            for s in subscriptions.order_by(WechatSubscription.id)
        ],
        "codes": [{"name": c.key, "scene": c.scene} for c in codes.order_by(WechatCode.id)],
        "pushes": [{"kind": p.kind, "at": p.received_at.isoformat()} for p in pushes.order_by(WechatPush.id)],
        "risk": {"rank": risk.rank, "at": risk.asked_at.isoformat()} if risk is not None else None,
    }
    return told if any(told.values()) else None


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    for model in (*OF_MEMBERS, WechatRisk, WechatPayment, WechatTemplate, WechatToken):
        model.scoped(ctx).delete().execute()
