"""What goes in and out, and the tenant's settings."""

import re
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from integrations.wechat.client import BASE_URL
from integrations.wechat.keywords import read_line
from roost import Body, Row, SentTo

TEMPLATE_ID = r"^[0-9A-Za-z_-]+$"
PAGE = r"^([0-9A-Za-z_-][0-9A-Za-z_./-]*)?$"  # without a leading slash, without a query
_AES_KEY = re.compile(r"[0-9A-Za-z]{43}")


def _aes_key(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and not _AES_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("an EncodingAESKey has 43 letters and digits · EncodingAESKey 为 43 位字母和数字")
    return value


class WechatSettings(Body):
    """The mini-program that members log in with, and how far it is used."""

    appid: str = Field(
        "", max_length=32, pattern=r"^[0-9A-Za-z]*$", description="app id of the mini-program · 小程序 AppID"
    )
    secret: Annotated[SecretStr, SentTo("base_url")] = Field(
        SecretStr(""), description="its secret; can be written and never read · 小程序密钥（只写）"
    )
    base_url: str = Field(
        BASE_URL,
        max_length=200,
        pattern=r"^https?://\S+$",
        description="where WeChat answers; another one for trials · 接口地址",
    )
    push_token: SecretStr = Field(
        SecretStr(""), description="token of the message push; can be written and never read · 消息推送 Token（只写）"
    )
    push_aes_key: Annotated[SecretStr, AfterValidator(_aes_key)] = Field(
        SecretStr(""),
        description="EncodingAESKey; with one only encrypted pushes are taken · 消息加密密钥（只写）",
    )
    program_state: Literal["formal", "trial", "developer"] = Field(
        "formal",
        description="which version of the mini-program messages and codes open · 小程序版本",
        json_schema_extra={
            "choices": {
                "formal": {"zh": "正式版", "en": "Released"},
                "trial": {"zh": "体验版", "en": "Trial"},
                "developer": {"zh": "开发版", "en": "Development"},
            }
        },
    )
    shipping: bool = Field(
        False, description="tell WeChat when paid orders are shipped or picked up · 向微信录入发货信息"
    )
    merchant_shipping_contact: str = Field(
        "",
        max_length=20,
        pattern=r"^[0-9*+-]*$",
        description="the sender's phone as shown to SF Express, masked · 寄件人联系方式（脱敏），顺丰需要",
    )
    risk: bool = Field(
        False, description="ask WeChat how risky members are, at login and where they claim · 登录与领取时查询风险等级"
    )
    risk_at_most: int = Field(
        2,
        ge=0,
        le=4,
        description="whoever has a higher rank claims no gift, flash sale or referral reward"
        " · 可领取礼品、秒杀与推荐奖励的最高风险等级",
    )
    risk_outage: Literal["pass", "refuse"] = Field(
        "pass",
        description="what happens when WeChat does not answer · 微信无法应答时",
        json_schema_extra={
            "choices": {"pass": {"zh": "放行", "en": "Let through"}, "refuse": {"zh": "拒绝", "en": "Refuse"}}
        },
    )
    risk_days: int = Field(
        7, ge=1, le=90, description="for how many days an answer about a member counts · 风险等级有效天数"
    )
    keep_days: int = Field(30, ge=7, le=400, description="how long pushes stay readable · 推送记录保留天数")


class LoginIn(Body):
    """A login: the code of `wx.login`, and for a new person the code of the quick-phone button."""

    code: str = Field(min_length=1, max_length=200, description="from wx.login")
    phone_code: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="from the quick-phone button; needed when the reply says needs_phone",
    )
    invitation: str = Field("", max_length=200, description="the signed token in the page's path or QR scene")
    channel: str = Field(
        "",
        max_length=30,
        pattern=r"^[0-9A-Za-z_-]*$",
        description="channel code (渠道码), if the page has one",
    )


class MemberOut(Row):
    """Who logged in."""

    id: UUID
    state: str = Field(description="lead, member or lapsed")
    level: str
    name: str
    phone_masked: str
    birthday: date | None
    venue: UUID | None


class LoginOut(BaseModel):
    """A session, or what is still missing for one."""

    token: str | None = Field(description="send it as Authorization: Bearer …")
    member: MemberOut | None
    registered: bool = Field(False, description="true when this call made them known")
    needs_phone: bool = Field(False, description="true: an unknown person; call again with a new code and a phone_code")


# --- subscribe messages --------------------------------------------------------------------------------------------

TemplateId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=TEMPLATE_ID)]
Answered = Literal["accept", "reject", "ban", "filter", "acceptWithAudio", "acceptWithAlert"]


class SubscriptionsIn(Body):
    """What `wx.requestSubscribeMessage` told the mini-program, by template."""

    results: dict[TemplateId, Answered] = Field(min_length=1, max_length=5, description="by template id")


class SubscriptionOut(Row):
    """How a member stands with one template."""

    template: str
    title: str
    state: Literal["open", "refused", "blocked"]
    remaining: int | None = Field(description="messages that may still be sent; null: any number")


class SubscriptionsOut(BaseModel):
    """The templates a member may be asked about, and how they stand."""

    subscriptions: list[SubscriptionOut]


FieldLine = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200), AfterValidator(read_line)
]


class TemplateForm(Body):
    """A subscribe message as registered with WeChat."""

    template: TemplateId = Field(description="template id of WeChat's · 模板 ID")
    title: str = Field(min_length=1, max_length=60, description="what members and staff call it · 名称")
    lasting: bool = Field(False, description="a long-term template: one yes is for every message · 长期订阅")
    fields: list[FieldLine] = Field(
        default=[],
        max_length=10,
        description="keyword=text a line, {name} for our values: thing1={venue} · 每行 关键词=内容，如 thing1={venue}",
    )
    page: str = Field("", max_length=200, pattern=PAGE, description="page it opens, no slash in front · 打开页面")
    active: bool = Field(True, description="may be sent · 启用")


# --- codes ----------------------------------------------------------------------------------------------------------


class CodeForm(Body):
    """A mini-program code to be drawn."""

    key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] = Field(
        description="what it is for; the same name is the same code · 名称，同名即同一个码"
    )
    scene: str = Field(
        "", max_length=32, description="up to 32 characters that the page is given · 场景值，最多 32 个字符"
    )
    page: str = Field("", max_length=200, pattern=PAGE, description="page it opens, no slash in front · 打开页面")
    width: int = Field(430, ge=280, le=1280, description="pixels · 宽度（像素）")
    transparent: bool = Field(False, description="without a background · 透明底色")


# --- pushes, checks, shipments ---------------------------------------------------------------------------------------


class Correction(Body):
    """What a parcel's label really says."""

    carrier: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] = Field(
        description="shipping company · 快递公司"
    )
    tracking: str = Field(min_length=5, max_length=40, pattern=r"^[0-9A-Za-z-]+$", description="number · 运单号")
    instead_of: str = Field("", max_length=40, description="the number that is wrong, of several parcels · 原运单号")


# --- what jobs carry -------------------------------------------------------------------------------------------------


class RowJob(BaseModel):
    """Work on one row; `tries` counts what was tried before."""

    id: UUID
    tries: int = 0
