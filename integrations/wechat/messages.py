"""Subscribe messages: the channel `wechat`.

A person's quota is taken before the call and counted back when the message surely did not go out. What WeChat answers
becomes a state that a sender can act on; a lost answer is `unknown`, and nobody sends such a message again by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from integrations.wechat import connection, people, subscriptions
from integrations.wechat.client import TooOften, WechatClient, WechatError
from integrations.wechat.keywords import BadValue, fill
from integrations.wechat.schemas import WechatSettings
from roost import Channel, Context, Outgoing, Sent, Steps, Text

log = structlog.get_logger("roost.wechat")
SOON, LATER, TOMORROW = 5, 60, 6 * 3600  # seconds
LANGUAGES = {"zh": "zh_CN", "en": "en_US"}

REFUSED: Mapping[int, str] = {
    43101: "no_quota",  # the person agreed to no (more) messages, or took it back
    43107: "blocked",  # WeChat bars this person or template
    40003: "invalid_address",
    40037: "invalid_template",
    41030: "invalid_page",
    45168: "sensitive_words",
    47003: "invalid_field",
    40013: "not_configured",
    40125: "not_configured",
    40164: "not_configured",
    48001: "not_configured",
}
AT_ONCE = 43108  # two messages to one person at the same time


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to go, or what became of it already."""

    openid: str = field(default="", repr=False)
    template: str = ""
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    page: str = ""
    program_state: str = "formal"
    lang: str = "zh_CN"
    lasting: bool = False
    client: WechatClient | None = field(default=None, repr=False)
    taken: UUID | None = None  # the subscription it was counted on
    settled: Sent | None = None


def prepare(ctx: Context, message: Outgoing) -> Prepared:
    """Fit the values to the template and take one message off the person's quota."""
    ctx = ctx.for_plugin("wechat")
    settings = ctx.settings(WechatSettings)
    if not connection.is_ready(ctx):
        return _refused("not_configured", "appid and secret are not set")
    template = subscriptions.template_of(ctx, message.template)
    if template is None or not template.active:
        return _refused("invalid_template", f"the template {message.template[:64]!r} is not in use here")
    try:
        data = fill(template.fields, message.params)
    except BadValue as ex:
        return _refused("invalid_field", str(ex))
    if not data:
        return _refused("invalid_field", "the message has no keywords: give the template its lines")
    taken = subscriptions.take(ctx, message.address, message.template, lasting=template.lasting)
    if taken is None:
        return _refused("no_quota", "the member has not agreed to (another of) this message")
    return Prepared(
        message.address, message.template, data, message.link or template.page, settings.program_state,
        LANGUAGES.get(message.locale[:2], "zh_CN"), template.lasting, connection.client_of(ctx), taken,
    )  # fmt: skip


def _refused(code: str, detail: str) -> Prepared:
    return Prepared(settled=Sent("refused", code, detail))


def call(prepared: Prepared) -> Sent:
    """Send it. Never raises for what WeChat does."""
    if prepared.settled is not None:
        return prepared.settled
    assert prepared.client is not None
    try:
        number = prepared.client.send_subscribed(
            prepared.openid, prepared.template, prepared.data, page=prepared.page, state=prepared.program_state,
            lang=prepared.lang,
        )  # fmt: skip
    except WechatError as ex:
        return _said(ex)
    return Sent("sent", receipt=number)


def _said(ex: WechatError) -> Sent:
    """Return what a failure means to whoever sends."""
    if ex.unknown:
        return Sent("unknown", detail=str(ex))
    if ex.code is not None and ex.code in REFUSED:
        return Sent("refused", REFUSED[ex.code], str(ex))
    if ex.code == AT_ONCE:
        return Sent("later", "too_often", str(ex), retry_after=SOON)
    if isinstance(ex, TooOften):
        return Sent("later", "too_often", str(ex), retry_after=LATER if ex.retryable else TOMORROW)
    if ex.retryable:
        return Sent("later", "unavailable", str(ex), retry_after=LATER)
    log.error("wechat_message_refused", errcode=ex.code)
    return Sent("refused", str(ex.code or "unavailable"), str(ex))


def complete(ctx: Context, prepared: Prepared, sent: Sent) -> Sent:
    """Keep the quota right."""
    if prepared.taken is not None:
        subscriptions.settle(ctx.for_plugin("wechat"), prepared.taken, sent.state, sent.code, lasting=prepared.lasting)
    return sent


channel = Channel(
    "wechat", Text("微信订阅消息", "WeChat"), people.openid_of, Steps(prepare, call, complete), templates=True
)
