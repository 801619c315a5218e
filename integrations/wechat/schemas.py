"""What goes in and out, and the tenant's settings."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from integrations.wechat.client import BASE_URL


class WechatSettings(BaseModel):
    """The mini-program that members log in with."""

    model_config = ConfigDict(extra="forbid")

    appid: str = Field(
        "", max_length=32, pattern=r"^[0-9A-Za-z]*$", description="app id of the mini-program · 小程序 AppID"
    )
    secret: SecretStr = Field(
        SecretStr(""), description="its secret; can be written and never read · 小程序密钥（只写）"
    )
    base_url: str = Field(
        BASE_URL,
        max_length=200,
        pattern=r"^https?://\S+$",
        description="where WeChat answers; another one for trials · 接口地址",
    )


class LoginIn(BaseModel):
    """A login: the code of `wx.login`, and for a new person the code of the quick-phone button."""

    model_config = ConfigDict(extra="forbid")

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


class MemberOut(BaseModel):
    """Who logged in."""

    model_config = ConfigDict(from_attributes=True)

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
