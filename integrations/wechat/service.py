"""Log a person in: who they are by WeChat, who that is to us, and a session."""

from dataclasses import dataclass, field

import structlog

from integrations.wechat import connection, risk, subscriptions
from integrations.wechat.client import (
    HighRisk,
    InvalidCode,
    Phone,
    Session,
    TooOften,
    WechatClient,
    WechatError,
    WechatUnavailable,
)
from integrations.wechat.people import provider_of
from integrations.wechat.schemas import LoginIn, LoginOut, MemberOut, WechatSettings
from roost import (
    Actor,
    Context,
    Forbidden,
    Invalid,
    RoostError,
    TooManyRequests,
    Unavailable,
    identity,
    members,
)

log = structlog.get_logger("roost.wechat")
RETRY_SECONDS = 3
TOO_OFTEN_SECONDS = 60  # WeChat counts by the minute
MAINLAND = "86"


@dataclass(frozen=True, slots=True)
class Asked:
    """A login before WeChat was asked."""

    client: WechatClient
    provider: str
    body: LoginIn = field(repr=False)
    risk_from: str = field(default="", repr=False)  # the caller's address, where the risk rank is wanted


@dataclass(frozen=True, slots=True)
class Told:
    """What WeChat said. A phone code that was refused matters only for a person we do not know."""

    session: Session
    phone: Phone | None
    refused: RoostError | None
    rank: int | None = None  # how risky WeChat holds them to be


def prepare(ctx: Context, body: LoginIn) -> Asked:
    wanted = ctx.settings(WechatSettings).risk
    return Asked(connection.client_of(ctx), provider_of(ctx), body, ctx.address if wanted else "")


def ask(asked: Asked) -> Told:
    """Ask WeChat who it is, and for the phone. No transaction is open. Raises RoostError."""
    try:
        session = asked.client.code_to_session(asked.body.code)
    except WechatError as ex:
        raise refusal(ex, "code") from None
    rank = risk.ask_rank(asked.client, session.openid, asked.risk_from) if asked.risk_from else None
    if asked.body.phone_code is None:
        return Told(session, None, None, rank)
    try:
        return Told(session, asked.client.phone_number(asked.body.phone_code, session.openid), None, rank)
    except WechatError as ex:
        return Told(session, None, refusal(ex, "phone_code"), rank)


def sign_in(ctx: Context, asked: Asked, told: Told) -> LoginOut:
    """Open a session for the person; register an unknown one who gave a phone.

    Raises Invalid for a phone code that is not good or a phone from abroad, and what WeChat's failure
    amounts to.
    """
    openid, registered = told.session.openid, False
    found = members.find_by_identity(ctx, asked.provider, openid)
    if found is None:
        if asked.body.phone_code is None:
            return LoginOut(token=None, member=None, needs_phone=True)
        if told.refused is not None:
            raise told.refused
        assert told.phone is not None  # a phone code gives a phone or a refusal
        if told.phone.country_code != MAINLAND:
            raise Invalid(
                "registration is for mainland mobile numbers", "目前仅支持中国大陆手机号注册",
                code="wechat_phone_abroad",
                fields=[{"path": "body.phone_code", "message": "a number from abroad"}],
            )  # fmt: skip
        channel = f"wechat:{asked.body.channel}" if asked.body.channel else "wechat"
        found, registered = members.register(
            ctx, channel=channel, phone=told.phone.pure_number, invitation=asked.body.invitation
        )
        members.link_identity(ctx, found.id, asked.provider, openid)
        subscriptions.adopt(ctx, found.id, openid)
    risk.keep(ctx, found.id, told.rank)
    mine = members.get(ctx.acting(Actor("member", found.id)), found.id)
    token = identity.open_session(ctx, "member", found.id, device="wechat")
    return LoginOut(token=token, member=MemberOut.model_validate(mine), registered=registered)


def refusal(ex: WechatError, path: str) -> RoostError:
    """Return what a failure of WeChat's is to the caller: 4xx for what they can mend, 503 for the rest."""
    if isinstance(ex, InvalidCode):
        code = "wechat_code_invalid" if path == "code" else "wechat_phone_code_invalid"
        fields = [{"path": f"body.{path}", "message": "unknown, used or too old: get a new one"}]
        return Invalid(
            "this code of WeChat is not good (any more): get a new one and call again",
            "微信凭证已失效，请重试",
            code=code, fields=fields,
        )  # fmt: skip
    if isinstance(ex, HighRisk):
        return Forbidden(
            "WeChat holds this account to be risky", "该微信账号存在风险，暂不能登录", code="wechat_high_risk"
        )
    if isinstance(ex, TooOften):
        return TooManyRequests(
            "WeChat was asked too often: wait a minute", "操作过于频繁，请一分钟后再试",
            code="wechat_too_often", retry_after=TOO_OFTEN_SECONDS,
        )  # fmt: skip
    if isinstance(ex, WechatUnavailable) or ex.retryable:
        log.warning("wechat_unavailable", error=str(ex))
        return Unavailable(
            "WeChat does not answer: try again with a new code", "微信服务暂不可用，请稍后再试",
            code="wechat_unavailable", retry_after=RETRY_SECONDS,
        )  # fmt: skip
    log.error("wechat_refused", errcode=ex.code, error=str(ex))
    return Unavailable(
        f"WeChat refuses this app (error {ex.code}): an administrator checks appid, secret and white list",
        "微信接入配置有误，请联系管理员",
        code="wechat_misconfigured",
    )
