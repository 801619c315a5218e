"""The tenant's merchant: a client for it, the payer's open id, where callbacks come to, and what errors amount to."""

from uuid import UUID

import structlog

from integrations import wechat
from integrations.wechat_pay.client import WechatPayClient
from integrations.wechat_pay.errors import (
    AccountAbnormal,
    AlreadyClosed,
    AlreadyPaid,
    Misconfigured,
    NumberUsed,
    TooOften,
    Unknown,
    WechatPayError,
)
from integrations.wechat_pay.schemas import WechatPaySettings
from integrations.wechat_pay.signing import Credentials, certificate_keys_of, private_key_of, public_key_of
from roost import Actor, Conflict, Context, RoostError, TooManyRequests, Unavailable, egress, members

log = structlog.get_logger("roost.wechat_pay")
SLUG = "wechat_pay"
NOTE_LENGTH = 300
RETRY_SECONDS = 3
TOO_OFTEN_SECONDS = 60


def appid_of(ctx: Context) -> str:
    """Return the app id that payments are made in, "" while none is set."""
    return ctx.settings(WechatPaySettings).appid or wechat.appid_of(ctx)


def is_ready(ctx: Context) -> bool:
    """Tell whether the tenant has set up all that a payment needs."""
    return ctx.settings(WechatPaySettings).complete and bool(appid_of(ctx))


def credentials_of(settings: WechatPaySettings) -> Credentials:
    """Return the keys of complete settings. Parsing them is remembered by their text."""
    keys = dict(certificate_keys_of(settings.certificates))
    if settings.public_key:
        keys[settings.public_key_id] = public_key_of(settings.public_key)
    return Credentials(
        settings.mchid,
        settings.merchant_serial,
        private_key_of(settings.private_key.get_secret_value()),
        settings.api_v3_key.get_secret_value().encode(),
        keys,
        settings.public_key_id,
    )


def client_of(ctx: Context) -> WechatPayClient:
    """Return a client for the tenant's merchant. Raises Unavailable while it is not set up."""
    settings = ctx.settings(WechatPaySettings)
    if not is_ready(ctx):
        raise Unavailable(
            "WeChat Pay is not set up: an administrator enters the merchant and its keys in the plugin's settings",
            "微信支付尚未配置，请联系管理员",
            code="wechat_pay_not_configured",
        )
    return WechatPayClient(
        credentials_of(settings),
        base_url=settings.base_url,
        backup_url=settings.backup_url,
        session=egress.kept(ctx),  # whoever writes the settings names the hosts
        clock=ctx.now,
    )


def notify_url(ctx: Context) -> str:
    """Return where WeChat Pay sends callbacks: public, and without a query."""
    base = ctx.settings(WechatPaySettings).notify_base or ctx.deployment.public_url
    return f"{base.rstrip('/')}/callbacks/{SLUG}/{ctx.tenant.slug}"


def payer(ctx: Context, member: UUID) -> str:
    """Return the member's open id in the app that is paid in. Raises Conflict for who never logged in there."""
    appid = appid_of(ctx)
    if appid == wechat.appid_of(ctx):
        found = wechat.openid_of(ctx, member)
    else:
        links = members.MemberIdentity
        mine = links.scoped(ctx).select().where(
            links.member == members.resolve(ctx, member), links.provider == f"wechat:{appid}"
        )  # fmt: skip
        row = mine.order_by(links.id.desc()).first()
        found = str(row.subject) if row is not None else None
    if not found:
        raise Conflict(
            "this member is not known to WeChat: they log in with the mini-program first",
            "请先使用微信登录小程序，再发起支付",
            code="wechat_pay_no_openid",
        )
    return found


def as_system(ctx: Context) -> Context:
    """Return a context in which the plugin itself acts, whoever asked: what a provider says is nobody's act."""
    return ctx.for_plugin(SLUG).acting(Actor("system", reason=SLUG))


def explain(ex: WechatPayError) -> str:
    return str(ex)[:NOTE_LENGTH]


def refusal(ex: WechatPayError) -> RoostError:
    """Return what a failed prepay is to the payer. None moved money: nobody holds a prepay id that pays it."""
    if isinstance(ex, AlreadyPaid):
        return Conflict("this charge is paid already", "该订单已支付", code="wechat_pay_already_paid")
    if isinstance(ex, AlreadyClosed):
        return Conflict("this charge is closed: make a new one", "该支付单已关闭，请重新下单", code="wechat_pay_closed")
    if isinstance(ex, NumberUsed):
        return Conflict(
            "WeChat Pay knows this number with other content: make a new charge",
            "支付单号重复，请重新下单",
            code="wechat_pay_number_used",
        )
    if isinstance(ex, AccountAbnormal):
        return Conflict(
            "WeChat Pay does not let this account pay", "该微信账号暂不能支付", code="wechat_pay_account_abnormal"
        )
    if isinstance(ex, TooOften):
        return TooManyRequests(
            "WeChat Pay was asked too often: wait a minute", "操作过于频繁，请一分钟后再试",
            code="wechat_pay_too_often", retry_after=TOO_OFTEN_SECONDS,
        )  # fmt: skip
    if isinstance(ex, Unknown):
        log.warning("wechat_pay_unavailable", error=str(ex))
        return Unavailable(
            "WeChat Pay does not answer: try again", "微信支付暂不可用，请稍后再试",
            code="wechat_pay_unavailable", retry_after=RETRY_SECONDS,
        )  # fmt: skip
    log.error("wechat_pay_refused", code=ex.code, error=str(ex), ours=isinstance(ex, Misconfigured))
    return Unavailable(
        f"WeChat Pay refuses this merchant ({ex.code}): an administrator checks its numbers and keys",
        "微信支付配置有误，请联系管理员",
        code="wechat_pay_misconfigured",
    )
