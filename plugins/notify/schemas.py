"""What members send and get."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from plugins.notify.settings import ChannelName
from roost import Body

ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60, pattern=ONE_LINE)]
Words = Annotated[str, StringConstraints(max_length=500)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
PagePath = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_\-./?=&%{}]*$")]
EMAIL = r"^[^@\s<>,;\"\x00-\x1f\x7f]+@[^@\s<>,;\"\x00-\x1f\x7f]+$"
Email = Annotated[str, StringConstraints(max_length=200, pattern=EMAIL)]


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
