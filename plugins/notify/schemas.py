"""What members and staff send and get."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from plugins.notify.settings import ChannelName
from roost import Body, Choice

_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60, pattern=_ONE_LINE)]
Words = Annotated[str, StringConstraints(max_length=500)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
PagePath = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_\-./?=&%{}]*$")]
State = Literal["lead", "member", "lapsed"]
EMAIL = r"^[^@\s<>,;\"\x00-\x1f\x7f]+@[^@\s<>,;\"\x00-\x1f\x7f]+$"
Email = Annotated[str, StringConstraints(max_length=200, pattern=EMAIL)]


# --- members ---------------------------------------------------------------------------------------------------------


class MessageOut(BaseModel):
    """A message in a member's inbox."""

    id: UUID
    group: str = Field(description="the plugin it comes from, or campaign")
    title: str
    text: str
    link: str = Field(description="a page of the mini-program, or empty")
    at: datetime
    read: bool


class InboxQuery(Body):
    """Which messages to list."""

    unread: bool = Field(False, description="only those not read yet")


class NewsOut(BaseModel):
    """Whether there is anything new: ask for this again and again, and list messages when it changes."""

    unread: int = Field(description="messages not read, counted up to 100")
    newest: UUID | None = Field(description="the newest of them")


class ReadAll(Body):
    """Up to which message, as listed last; without it every one."""

    until: UUID | None = None


class ReadOut(BaseModel):
    """How many messages were marked as read."""

    read: int


class AnnouncementOut(BaseModel):
    """A banner to show now."""

    id: UUID
    title: str
    text: str
    link: str
    ends_at: datetime


class GroupOut(BaseModel):
    """A group of notices, and the channels by which the member does not want them."""

    group: str
    title: str
    off: list[str]


class ChannelOut(BaseModel):
    """A way to reach the member."""

    channel: str
    title: str
    marketing: bool = Field(description="whether marketing may come by it")


class PreferencesOut(BaseModel):
    """What a member wants to be told, and how."""

    channels: list[ChannelOut]
    groups: list[GroupOut]
    email: str = Field(description="the proved e-mail address, masked, or empty")
    policy_version: str = Field(description="the consent text that a yes to marketing refers to")


class PreferencesIn(Body):
    """What a member wants from now on. What is left out stays."""

    off: dict[Code, Annotated[list[ChannelName], Field(max_length=20)]] | None = Field(
        None, max_length=100, description="group to the channels that are not wanted"
    )
    marketing: dict[ChannelName, bool] | None = Field(
        None, max_length=20, description="channel to yes or no; `all` is all of them"
    )
    policy_version: str = Field("", max_length=40, description="of the text agreed to; needed for a yes")


class EmailIn(Body):
    """An e-mail address to prove."""

    email: Email


class EmailCodeIn(Body):
    """The code that came by e-mail."""

    code: str = Field(pattern=r"^[0-9]{6}$")


class EmailOut(BaseModel):
    """A member's e-mail address."""

    email: str = Field(description="masked; empty for none")
    asked: str = Field(description="masked: a code was sent there")


# --- staff: texts ----------------------------------------------------------------------------------------------------


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


# --- staff: campaigns ------------------------------------------------------------------------------------------------


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
    address: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_ONE_LINE)] = Field(
        "", description="手机号、邮箱或 openid / phone, e-mail or open id"
    )
    member: UUID | None = Field(None, description="或测试会员 / or a member")
    locale: Literal["zh", "en"] = Field("zh", description="语言 / language")


class StartIn(Body):
    """Start for as many heads as the preview said."""

    heads: int = Field(ge=1, le=10**8, description="确认人数，须与预览一致 / heads, as in the preview")
    at: AwareDatetime | None = Field(None, description="定时发送 / begin at; empty: now")


# --- staff: the rest -------------------------------------------------------------------------------------------------


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
