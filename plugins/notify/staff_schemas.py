"""What staff send."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from plugins.notify.schemas import ONE_LINE, Code, Line, PagePath, Words
from plugins.notify.settings import ChannelName
from roost import Body, Choice

State = Literal["lead", "member", "lapsed"]


# --- texts -----------------------------------------------------------------------------------------------------------


class NoticeEdit(Body):
    """What a tenant wants of a notice; an empty text is the plugin's own."""

    enabled: bool = Field(True, description="启用 / on")
    channels: Annotated[list[ChannelName], Choice("message_channels", ordered=True)] = Field(
        [], max_length=10, description="渠道，依次尝试；空为默认 / in order; empty: as usual"
    )
    title_zh: Line = Field("", description="中文标题 / title in Chinese")
    title_en: Line = Field("", description="英文标题 / title in English")
    text_zh: Words = Field("", description="中文内容 / text in Chinese")
    text_en: Words = Field("", description="英文内容 / text in English")


class TemplateIn(Body):
    """Under which id a provider knows a text."""

    code: Code = Field(description="通知编码或群发模板编码 / a notice's fact, or a code for campaigns")
    channel: Annotated[ChannelName, Choice("message_channels")] = Field(description="渠道 / channel")
    locale: Literal["zh", "en"] = Field("zh", description="语言 / language")
    template: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", description="服务商模板编号 / provider's id"
    )
    params: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]{1,40}$")], Line] = Field(
        default_factory=dict,
        max_length=30,
        description="参数对应，如 thing1 → {gift} / the provider's values from ours",
    )


# --- campaigns ------------------------------------------------------------------------------------------------------


class CampaignIn(Body):
    """A message to many, and to whom."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = Field(
        description="名称 / name"
    )
    channels: Annotated[list[ChannelName], Choice("message_channels", ordered=True)] = Field(
        ["inbox"], min_length=1, max_length=10, description="渠道，依次尝试 / channels, in order"
    )
    template: Annotated[str, StringConstraints(pattern=r"^$|^[a-z][a-z0-9_]{0,59}$")] = Field(
        "", description="服务商模板编码 / code of the provider's templates"
    )
    title_zh: Annotated[Line, StringConstraints(min_length=1)] = Field(description="中文标题 / title in Chinese")
    title_en: Line = Field("", description="英文标题 / title in English")
    text_zh: Annotated[Words, StringConstraints(min_length=1)] = Field(description="中文内容 / text in Chinese")
    text_en: Words = Field("", description="英文内容 / text in English")
    link: PagePath = Field("", description="小程序页面 / page of the mini-program")
    everybody: bool = Field(
        True, description="发给符合条件的会员 / to members by the filter; else only to the imported"
    )
    states: list[State] = Field(["member"], max_length=3, description="会员状态 / states")
    levels: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Choice("levels")] = Field(
        [], max_length=20, description="会员等级 / levels; empty: all"
    )
    venue: UUID | None = Field(None, description="门店 / home venue")
    tag: Annotated[str, StringConstraints(max_length=40), Choice("attributes")] = Field(
        "", description="标签 / an attribute of members"
    )
    tag_value: Annotated[str, StringConstraints(max_length=100)] = Field("", description="标签值 / and its value")

    @model_validator(mode="after")
    def _somebody(self) -> "CampaignIn":
        if self.everybody and not self.states:
            raise ValueError("choose at least one state / 请至少选择一种会员状态")
        return self


class ExemptIn(Body):
    """Why a campaign is no marketing."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200)] = Field(
        description="为何不是营销消息，如闭店通知 / why it is no marketing: a venue closes, say"
    )


class ImportIn(Body):
    """Addresses out of a file: one phone or e-mail address in the first column of each line."""

    csv: str = Field(
        min_length=1, max_length=900_000, description="名单 CSV，首列为手机号或邮箱 / a list: phone or e-mail first"
    )
    basis: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=200)] = Field(
        description="对方同意接收的依据 / on what basis they may be written to"
    )


class TrialIn(Body):
    """Whom to send a test to: an address by a channel, or a member."""

    channel: Annotated[ChannelName, Choice("message_channels")] = Field(description="渠道 / channel")
    address: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=ONE_LINE)] = Field(
        "", description="手机号、邮箱或 openid / phone, e-mail or open id"
    )
    member: UUID | None = Field(None, description="或测试会员 / or a member")
    locale: Literal["zh", "en"] = Field("zh", description="语言 / language")


class StartIn(Body):
    """Start for as many heads as the preview said."""

    heads: int = Field(ge=1, le=10**8, description="确认人数，须与预览一致 / heads, as in the preview")
    at: AwareDatetime | None = Field(None, description="定时发送 / begin at; empty: now")


# --- the rest --------------------------------------------------------------------------------------------------------


class AnnouncementIn(Body):
    """A banner."""

    title_zh: Annotated[Line, StringConstraints(min_length=1)] = Field(description="中文标题 / title in Chinese")
    title_en: Line = Field("", description="英文标题 / title in English")
    text_zh: Words = Field("", description="中文内容 / text in Chinese")
    text_en: Words = Field("", description="英文内容 / text in English")
    link: PagePath = Field("", description="小程序页面 / page of the mini-program")
    venue: UUID | None = Field(None, description="仅该门店会员可见 / only for a venue's members")
    starts_at: AwareDatetime = Field(description="开始 / from")
    ends_at: AwareDatetime = Field(description="结束 / until")

    @model_validator(mode="after")
    def _forwards(self) -> "AnnouncementIn":
        if self.ends_at <= self.starts_at:
            raise ValueError("it ends after it starts / 结束时间须晚于开始时间")
        return self


class BlockIn(Body):
    """An address that wants no marketing."""

    channel: Literal["sms", "email"] = Field(description="渠道 / channel")
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] = Field(
        description="手机号或邮箱 / phone or e-mail address"
    )


class StaffIn(Body):
    """Where the acting account of staff wants to be told, and of what."""

    channel: Literal["sms", "email"] = Field(description="渠道 / channel")
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] = Field(
        description="本人手机号或邮箱 / your phone or e-mail address"
    )
    notices: Annotated[list[str], Choice("staff_notices")] = Field(
        min_length=1, max_length=50, description="接收的通知 / what you want to be told of"
    )
