"""What WeChat answers, as it stands on the wire; unknown fields are left alone."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Reply(BaseModel):
    """Read what every answer of WeChat may carry."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    errcode: int = 0
    errmsg: str = ""


class SessionReply(Reply):
    """Read who a login code was."""

    openid: str = Field(min_length=1)
    session_key: str
    unionid: str | None = None


class TokenReply(Reply):
    """Read an access token."""

    access_token: str = Field(min_length=1)
    expires_in: int = Field(gt=0)


class PhoneInfo(BaseModel):
    """Read a phone number; the country code comes as a string or as an integer."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    phoneNumber: str = Field(min_length=1)
    purePhoneNumber: str = Field(min_length=1)
    countryCode: str = Field(min_length=1)


class PhoneReply(Reply):
    """Read what a phone code was worth."""

    phone_info: PhoneInfo


class MessageReply(Reply):
    """Read that a subscribe message was taken; its number is not always told."""

    msgid: str = ""


class Suggestion(BaseModel):
    """Read what a content check suggests; ``label`` is 100 for nothing found."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    suggest: Literal["pass", "review", "risky"]
    label: str = ""


class TextReply(Reply):
    """Read the verdict on a text."""

    result: Suggestion
    trace_id: str = ""


class MediaReply(Reply):
    """Read under which trace the verdict on a picture or sound will be pushed."""

    trace_id: str = Field(min_length=1)


class RiskReply(Reply):
    """Read a person's risk: 0 (none known) to 4 (high)."""

    risk_rank: int = Field(ge=0, le=4)
