"""Texts with placeholders, without a template language: `{gift}` stands for a declared value and nothing else.

What staff type is data. There is no attribute, no index, no format and no expression in it, and a value that itself
looks like a placeholder is written as it is.
"""

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from urllib.parse import quote

from roost import Invalid

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
VALUE_LENGTH = 200
ALWAYS = frozenset(("name", "brand"))  # values that every message has
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


def parts(text: str) -> list[tuple[str, str]]:
    """Return (words, placeholder after them) pairs; the last placeholder is "". Raises ValueError, in words."""
    found: list[tuple[str, str]] = []
    for words, name, spec, conversion in Formatter().parse(text):
        if name is None:
            found.append((words, ""))
            continue
        if not NAME.fullmatch(name) or spec or conversion:
            raise ValueError("a placeholder is a plain name in braces, such as {name}")
        found.append((words, name))
    return found


def placeholders(*texts: str) -> frozenset[str]:
    """Return the names that texts use. Raises ValueError for what is no text of ours."""
    return frozenset(name for text in texts for _, name in parts(text) if name)


def check(path: str, text: str, allowed: Iterable[str]) -> None:
    """Raise Invalid, naming `path`, for a text with a placeholder that has no value, or that is none at all."""
    known = sorted({*allowed} | ALWAYS)
    say = ", ".join(f"{{{name}}}" for name in known)
    try:
        strange = sorted(placeholders(text) - set(known))
    except ValueError:
        strange = ["?"]
    if strange:
        raise Invalid(
            f"{path}: only these placeholders have a value here: {say}; write {{{{ and }}}} for braces",
            f"文案中只能使用以下变量：{say}；花括号请写作 {{{{ 和 }}}}",
            code="bad_template",
            fields=[{"path": path, "message": f"可用变量 / placeholders: {say}"}],
        )


def clean(value: object) -> str:
    """Return a value fit for a message: no control characters, at most 200 characters."""
    return _CONTROL.sub(" ", str(value))[:VALUE_LENGTH]


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return a text with its values; one that is missing is left out."""
    return "".join(words + (clean(values.get(name, "")) if name else "") for words, name in parts(text))


def fill_link(text: str, values: Mapping[str, object]) -> str:
    """Return a link with its values quoted, so that a value adds no parameter of its own."""
    return "".join(words + (quote(clean(values.get(name, "")), safe="") if name else "") for words, name in parts(text))
