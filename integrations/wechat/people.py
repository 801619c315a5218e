"""Who a member is to WeChat, and who an open id is to us."""

from uuid import UUID

from integrations.wechat.schemas import WechatSettings
from roost import Context, members


def appid_of(ctx: Context) -> str:
    """Return the app id of the brand's mini-program, "" while it is not set up."""
    return ctx.settings(WechatSettings).appid


def provider_of(ctx: Context) -> str:
    """Return under which provider an open id is kept: it means something only within its app."""
    return f"wechat:{appid_of(ctx)}"


def openid_of(ctx: Context, member: UUID) -> str | None:
    """Return the open id a member last logged in with for the first time, or None. Raises NotFound."""
    links = members.MemberIdentity
    mine = links.scoped(ctx).select().where(
        links.member == members.resolve(ctx, member), links.provider == provider_of(ctx)
    )  # fmt: skip
    row = mine.order_by(links.id.desc()).first()
    return str(row.subject) if row is not None else None


def person_of(ctx: Context, openid: str) -> UUID | None:
    """Return the member behind an open id of the brand's app, or None."""
    found = members.find_by_identity(ctx, provider_of(ctx), openid)
    return found.id if found is not None else None
