"""What WeChat declares."""

from collections.abc import Sequence

from integrations.wechat import api, console
from integrations.wechat.models import WechatToken
from integrations.wechat.schemas import WechatSettings
from roost import Context, Endpoints, Panel, hookimpl


@hookimpl
def register_settings() -> type[WechatSettings]:
    """Declare the settings."""
    return WechatSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the login."""
    return (api.public,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the dashboard's panel."""
    return (console.status,)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete the tokens."""
    WechatToken.scoped(ctx).delete().execute()
