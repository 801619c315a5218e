"""A client for a brand's mini-program, with what all its calls share."""

from integrations.wechat.client import WechatClient
from integrations.wechat.schemas import WechatSettings
from integrations.wechat.tokens import DatabaseTokenStore
from roost import Context, Unavailable, egress


def is_ready(ctx: Context) -> bool:
    """Tell whether the brand has set its mini-program up."""
    settings = ctx.settings(WechatSettings)
    return bool(settings.appid and settings.secret.get_secret_value())


def client_of(ctx: Context) -> WechatClient:
    """Return a client for the tenant's app. Raises Unavailable when the app is not set up."""
    settings = ctx.settings(WechatSettings)
    if not is_ready(ctx):
        raise Unavailable(
            "WeChat is not set up: an administrator enters appid and secret in the plugin's settings",
            "微信登录尚未配置，请联系管理员",
            code="wechat_not_configured",
        )
    secret = settings.secret.get_secret_value()
    # Whoever writes the settings names the address: it must not lead into our own network.
    http = egress.kept(ctx)
    return WechatClient(
        settings.base_url, settings.appid, secret, DatabaseTokenStore(ctx, settings.base_url), http, clock=ctx.now
    )
