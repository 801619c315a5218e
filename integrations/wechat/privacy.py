"""What is forgotten of a member beside their own rows: what came under their open id."""

from uuid import UUID

from integrations.wechat import people
from integrations.wechat.models import WechatPush, WechatSubscription
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Take what came under the member's open id for theirs, so that it goes the way of their own."""
    openid = people.openid_of(ctx, member)
    if openid is not None:
        for model in (WechatPush, WechatSubscription):
            model.scoped(ctx).update(member=member).where(model.openid == openid).execute()
