"""What goes in and out, and the settings."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

CODE = r"^[a-z0-9-]{1,30}$"


class StickerSettings(BaseModel):
    """What the brand decides."""

    for_level_up: str = Field(
        "",
        pattern=r"^[a-z0-9-]{0,30}$",
        description="升级时赠送的贴纸编号，留空不送 · sticker given when a level is reached; empty: none",
    )


class DesignForm(BaseModel):
    """A sticker to draw."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(pattern=CODE)
    title: str = Field(min_length=1, max_length=60)


class DesignOut(DesignForm):
    """A design as staff see it."""

    model_config = ConfigDict(extra="ignore")

    id: UUID


class StickerOut(BaseModel):
    """A sticker of mine."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    design: str
    worn: bool
    created_at: datetime


class OwnedOut(StickerOut):
    """A sticker as staff see it."""

    member: UUID


class StickerReward(BaseModel):
    """What a rule writes to give one."""

    model_config = ConfigDict(extra="forbid")

    design: str = Field(pattern=CODE)


class Give(BaseModel):
    """Whom staff give it to."""

    model_config = ConfigDict(extra="forbid")

    member: UUID
