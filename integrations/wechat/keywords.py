"""The keywords of subscribe messages: what each kind may hold, and how our values become theirs.

The kinds and their limits are those of WeChat's page on subscribe messages. Words that are too long are cut with
an ellipsis; what would mean something else when it is cut (a number, an amount, a time) is refused instead.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

ELLIPSIS = "…"
_KEYWORD = re.compile(r"([a-z_]+?)([0-9]{1,2})")
_SPACE = re.compile(r"\s+")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of keyword may hold: at most `most` characters of `form`; `cut` when longer ones may be cut."""

    most: int
    form: re.Pattern[str] | None = None
    cut: bool = False


KINDS: Mapping[str, Kind] = {
    "thing": Kind(20, cut=True),
    "name": Kind(10, cut=True),  # 20 where it is all letters
    "phrase": Kind(5, re.compile(r"[\u3400-\u9fff]+")),
    "character_string": Kind(32, re.compile(r"[\x21-\x7e]+")),
    "letter": Kind(32, re.compile(r"[A-Za-z]+")),
    "symbol": Kind(5, re.compile(r"[^\w\s]+")),
    "number": Kind(32, re.compile(r"-?[0-9]+(\.[0-9]+)?")),
    "amount": Kind(14, re.compile(r"[¥￥$€£]?[0-9]{1,10}(\.[0-9]+)?元?")),
    "time": Kind(40, re.compile(r"[0-9年月日/:~ .-]+")),
    "date": Kind(40, re.compile(r"[0-9年月日/:~ .-]+")),
    "phone_number": Kind(17, re.compile(r"[0-9*+() -]+")),
    "car_number": Kind(8, re.compile(r"[\u3400-\u9fffA-Z0-9]+")),
    "enum": Kind(20),
    "const": Kind(20),
}


class BadValue(ValueError):
    """Tell which keyword cannot hold what it was given; the value itself is not quoted."""


def kind_of(keyword: str) -> Kind:
    """Return the kind of a keyword such as `thing1`. Raises BadValue for what is none."""
    match = _KEYWORD.fullmatch(keyword)
    if match is None or match[1] not in KINDS:
        raise BadValue(f"{keyword[:30]!r} is no keyword of WeChat's: a kind and a number, such as thing1")
    return KINDS[match[1]]


def fit(keyword: str, value: str) -> str:
    """Return a value as its keyword takes it. Raises BadValue for one that cannot be made to fit."""
    kind = kind_of(keyword)
    text = _SPACE.sub(" ", value).strip()
    if not text:
        raise BadValue(f"{keyword} is empty")
    most = kind.most
    if keyword.startswith("name") and _CHINESE.search(text) is None:
        most = 20
    if len(text) > most:
        if not kind.cut:
            raise BadValue(f"{keyword} has {len(text)} characters, {most} are the most")
        text = text[: most - 1] + ELLIPSIS
    if kind.form is not None and not kind.form.fullmatch(text):
        raise BadValue(f"{keyword} does not have the form {kind.form.pattern}")
    return text


def read_line(line: str) -> str:
    """Return `keyword=text` as it is kept. Raises ValueError for a keyword or a text that cannot be."""
    keyword, sign, text = line.partition("=")
    keyword, text = keyword.strip(), text.strip()
    if not sign or not text:
        raise BadValue("each line is keyword=text, such as thing1={venue} · 每行应为 关键词=内容")
    kind_of(keyword)
    _names(text)
    return f"{keyword}={text}"


def _names(text: str) -> list[str]:
    """Return the values a text names. Raises BadValue for anything but plain names in braces."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as ex:
        raise BadValue(f"the braces of {text[:40]!r} do not match ({ex})") from None
    names = [name for _, name, spec, conversion in parts if name is not None]
    if any(not _NAME.fullmatch(n) for n in names) or any(p[2] or p[3] for p in parts):
        raise BadValue("braces hold a name, such as {venue}, and nothing else · 花括号内只能是名称")
    return names


def fill(lines: Sequence[str], params: Mapping[str, str]) -> dict[str, str]:
    """Return the keywords of a message, made from its values and fitted.

    Without lines the values are by keyword already. Raises BadValue for a value that is missing or does not fit.
    """
    if not lines:
        return {keyword: fit(keyword, value) for keyword, value in params.items()}
    filled: dict[str, str] = {}
    for line in lines:
        keyword, _, text = line.partition("=")
        missing = sorted(set(_names(text)) - set(params))
        if missing:
            raise BadValue(f"{keyword} needs the value {missing[0]}, which was not given")
        filled[keyword] = fit(keyword, text.format(**params))
    return filled
