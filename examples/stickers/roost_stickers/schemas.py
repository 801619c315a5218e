"""What goes in and out, and the settings."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from roost import Body, Row

CODE = r"^[a-z0-9-]{1,30}$"


class StickerSettings(BaseModel):
    """What the brand decides."""

    for_level_up: str = Field(
        "",
        pattern=r"^[a-z0-9-]{0,30}$",
        description="升级时赠送的贴纸编号，留空不送 · sticker given when a level is reached; empty: none",
    )


class DesignForm(Body):
    """A sticker to draw."""

    code: str = Field(pattern=CODE)
    title: str = Field(min_length=1, max_length=60)


class StickerOut(Row):
    """A sticker of mine."""

    id: UUID
    design: str
    worn: bool
    created_at: datetime


class StickerReward(Body):
    """What a rule writes to give one."""

    design: str = Field(pattern=CODE)


class Give(Body):
    """Whom staff give it to."""

    member: UUID
