"""A client for a brand's mini-program, with what all its calls share."""

import threading

import requests

from integrations.wechat.client import WechatClient
from integrations.wechat.schemas import WechatSettings
from integrations.wechat.tokens import DatabaseTokenStore
from roost import Context, Unavailable

_of_thread = threading.local()


def _http() -> requests.Session:
    """Return this thread's HTTP session: a connection to WeChat is kept open between calls."""
    session: requests.Session | None = getattr(_of_thread, "session", None)
    if session is None:
        session = _of_thread.session = requests.Session()
    return session


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
    return WechatClient(settings.base_url, settings.appid, secret, DatabaseTokenStore(ctx), _http, clock=ctx.now)
