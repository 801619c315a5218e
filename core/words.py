"""Words in the two languages of the product, and how a column keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class Text:
    """Words in the two languages of the product: `Text("礼品", "Gifts")`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    zh: str
    en: str

    def __post_init__(self) -> None:
        """Refuse words that one of the readers would not get."""
        if bool(self.zh.strip()) != bool(self.en.strip()):
            raise ValueError(f"write it in both languages: zh={self.zh!r}, en={self.en!r} · 中英文需同时填写")

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
