"""A plugin's `plugin.toml`, read without importing any of its code."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import ConfigurationError

API = "1"  # the version of the `roost` module that this core provides
# What staff do: the groups of the console's menu.
Area = Literal["members", "marketing", "orders", "content", "data", "integrations", "system"]


class Text(BaseModel):
    """Words in the two languages of the product."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str

    @model_validator(mode="after")
    def _both(self) -> Self:
        """Refuse words that one of the readers would not get."""
        if bool(self.zh.strip()) != bool(self.en.strip()):
            raise ValueError(f"write it in both languages: zh={self.zh!r}, en={self.en!r} · 中英文需同时填写")
        return self

    def __str__(self) -> str:
        return self.en

    def in_(self, locale: str) -> str:
        """Return the words for a locale: English for `en…`, Chinese otherwise."""
        return self.en if locale.startswith("en") else self.zh


Words = Text | str
"""A reason or a title that is stored: in both languages where the system writes it, as they stand where people do."""

PARTED = "\x1f"  # between the two languages of stored words: no keyboard has it
_BEFORE = (" / ", " · ")  # what stood between them in rows of before


def kept(words: Words, most: int = 200) -> str:
    """Return words as a column keeps them, at most `most` characters: both languages in one text, apart."""
    if isinstance(words, str):
        return words[:most]
    half = (most - 1) // 2
    if len(words.zh) + len(words.en) < most:
        return f"{words.zh}{PARTED}{words.en}"
    return f"{words.zh[:half]}{PARTED}{words.en[:half]}"


def said(stored: str, locale: str) -> str:
    """Return kept words in the reader's language; those that people wrote as they stand."""
    if PARTED in stored:
        zh, _, en = stored.partition(PARTED)
        return en if locale.startswith("en") else zh
    for between in _BEFORE:
        halves = stored.split(between)
        if len(halves) == 2 and is_chinese(halves[0]) != is_chinese(halves[1]):
            return next(half for half in halves if is_chinese(half) != locale.startswith("en"))
    return stored


def said_within(value: Any, locale: str) -> Any:  # Any: a JSON value
    """Return a JSON value in which all kept words are in the reader's language."""
    if isinstance(value, str):
        return said(value, locale) if PARTED in value else value
    if isinstance(value, Mapping):
        return {key: said_within(one, locale) for key, one in value.items()}
    return [said_within(one, locale) for one in value] if isinstance(value, list) else value


def is_chinese(text: str) -> bool:
    """Tell whether there is Chinese in a text."""
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


class Manifest(BaseModel):
    """What a plugin says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    name: Text
    summary: Text
    version: str = Field(pattern=r"^\d+\.\d+\.\d+")
    api: str
    requires: tuple[str, ...] = ()
    personal_data: bool = False
    area: Area = "marketing"  # where its pages stand in the menu, unless a resource or a page says otherwise
    permissions: dict[str, str] = {}  # code to what staff read; every code starts with the slug and a dot


def read_manifest(path: Path) -> Manifest:
    """Read and check a `plugin.toml`; raise ConfigurationError that names the file and what is wrong in it."""
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing: every plugin has a plugin.toml beside its __init__.py") from None
    except (tomllib.TOMLDecodeError, ValidationError) as ex:
        raise ConfigurationError(f"{path}: {ex}") from None
    if manifest.api != API:
        raise ConfigurationError(f"{path}: api is {manifest.api!r}, this roost provides {API!r}")
    for code in manifest.permissions:
        if not code.startswith(f"{manifest.slug}."):
            raise ConfigurationError(f"{path}: permission {code!r} must start with {manifest.slug + '.'!r}")
    return manifest
