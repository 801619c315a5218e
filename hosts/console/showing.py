"""How a value is shown to staff: money in yuan, times in the tenant's zone, members and venues by name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from core import clock, identity, members, rewards, tenants
from core.choices import options
from core.contract.console import Column
from core.contract.context import Context
from core.errors import Invalid, NotFound, Unauthorized
from core.privacy import mask_name
from core.words import said
from hosts.console.resources import Row, masked
from hosts.reason_words import reason_words

Style = Literal["text", "number", "time", "badge", "yes", "no", "link", "table", "facts"]
DASH = "—"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value ready for a template, which escapes it."""

    text: str
    style: Style = "text"
    link: str = ""
    heads: tuple[str, ...] = ()  # of a table
    rows: tuple[tuple[str, ...], ...] = ()  # of a table, or of facts


def yuan(fen: int) -> str:
    """Return an amount of fen as `1,234.50`."""
    return f"{Decimal(fen) / 100:,.2f}"


def local_time(ctx: Context, instant: datetime, *, seconds: bool = False) -> str:
    """Return an instant as the tenant's clock shows it: `2026-11-22 10:00`."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return clock.local_time(aware, ctx.tenant.zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def member_label(view: members.MemberView) -> str:
    """Return what a list says of a member: the masked name and phone."""
    return " ".join(part for part in (mask_name(view.name), view.phone_masked) if part) or DASH


@dataclass(frozen=True)
class Names:
    """What ids and codes of one page stand for."""

    members: Mapping[UUID, members.MemberView]
    venues: Mapping[UUID, str]
    words: Mapping[int, Mapping[str, str]]  # of a column (its identity), by value
    staff: Mapping[str, str]  # names of staff and keys, by actor

    @classmethod
    def of(cls, ctx: Context, columns: Iterable[Column], rows: Sequence[Any], slug: str = "core") -> "Names":
        """Read what rows name, in one statement a kind; `slug` is the plugin whose columns they are."""
        held = [(column, values) for column in columns for column, values in _held(column, rows)]
        people = {v for column, values in held if column.kind == "member" for v in values if isinstance(v, UUID)}
        places = any(column.kind == "venue" for column, _ in held)
        own, words = ctx.for_plugin(slug), {}
        for column, values in held:
            if column.source is not None:
                words[id(column)] = dict(options(own, column.source))
            elif column.named is not None:
                known = column.named(own, [v for v in values if v is not None])
                words[id(column)] = {str(key): name for key, name in known.items()}
        return cls(
            members.get_many(ctx, people) if people else {},
            {venue.id: venue.name for venue in tenants.venues(ctx)} if places else {},
            words,
            _actors(ctx, {str(v) for column, values in held if column.kind == "actor" for v in values if v}),
        )


def _actors(ctx: Context, wanted: set[str]) -> dict[str, str]:
    """Return what staff accounts and keys are called, by actor: `staff:UUID`, or the id of an account alone."""
    found: dict[str, str] = {}
    models: tuple[tuple[str, Any], ...] = (("staff", identity.Staff), ("key", identity.AccessKey))
    for kind, model in models:
        ids = {text.removeprefix(f"{kind}:") for text in wanted if text.startswith(f"{kind}:") or ":" not in text}
        keys = [key for text in ids if (key := _uuid(text))]
        if keys:
            for row in model.scoped(ctx).select(model.id, model.name).where(model.id.in_(keys)):
                found |= {f"{kind}:{row.id}": row.name, str(row.id): row.name}
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


ACTORS = {"member": ("会员", "Member"), "staff": ("员工", "Staff"), "key": ("接口", "Access key")}


def _actor(text: str, names: Names, locale: str) -> str:
    zh, en = ACTORS.get(text.partition(":")[0], ("系统", "System"))
    return names.staff.get(text, en if locale == "en" else zh)


def _held(column: Column, rows: Sequence[Any]) -> list[tuple[Column, list[Any]]]:
    """Return a column with its values, and its parts with theirs."""
    values = [part_of(row, column.name) for row in rows]
    found = [(column, values)]
    if column.parts:
        inner = [one for value in values if value for one in (value if isinstance(value, list | tuple) else [value])]
        for part in column.parts:
            found += _held(part, inner)
    return found


def part_of(holder: Any, name: str) -> Any:
    """Return a named value of a row, a mapping or an object."""
    if isinstance(holder, Row):
        return holder.value(name)
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def cell(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> Cell:
    """Return a value as its column's kind is shown."""
    if column.kind == "choice" and (value or "" in column.choices):
        return _choice(column, value, names, locale)
    if value is None or value == "" or (not value and column.kind in NESTED):
        return Cell(DASH)
    match column.kind:
        case "fen":
            return Cell(f"¥{yuan(int(value))}", "number")
        case "int" | "points":
            return Cell(f"{int(value):,}", "number")
        case "time":
            found = datetime.fromisoformat(value) if isinstance(value, str) else value
            return Cell(local_time(ctx, found), "time")
        case "date":
            return Cell(value.isoformat() if isinstance(value, date) else str(value), "time")
        case "bool":
            yes = {"zh": "是", "en": "Yes"} if value else {"zh": "否", "en": "No"}
            return Cell(yes.get(locale, yes["zh"]), "yes" if value else "no")
        case "phone":
            return Cell(masked(value))
        case "member":
            view = names.members.get(value)
            if view is None:
                return Cell(DASH)
            within = not ctx.actor.venues or view.venue in ctx.actor.venues
            if not (within and ctx.has("members.view")):
                return Cell(member_label(view))
            return Cell(member_label(view), "link", f"/console/core/members/{view.id}")
        case "venue":
            return Cell(names.venues.get(value if isinstance(value, UUID) else UUID(str(value)), DASH))
        case "actor":
            return Cell(_actor(str(value), names, locale))
        case "table":
            return _table(ctx, column, value, names, locale)
        case "facts":
            return _facts(ctx, column, value, names, locale)
        case "rewards" | "conditions":
            return Cell(_sentence(ctx, column.kind, value, locale))
        case _ if column.named is not None or column.source is not None:
            return Cell(names.words[id(column)].get(str(value), DASH))
        case _ if isinstance(value, Mapping):
            return Cell(_between(locale).join(f"{key} = {one}" for key, one in value.items()) or DASH)
        case _ if isinstance(value, UUID) or AN_ID.fullmatch(str(value)):
            return Cell(DASH)  # staff never meet an id; a column of references is `named`
        case _ if isinstance(value, list | tuple):
            return Cell(_between(locale).join(str(one) for one in value))
        case _:
            words = said(str(value), locale)
            return Cell(reason_words(words, locale) if column.name in REASON_COLUMNS else words)


REASON_COLUMNS = ("reason", "note", "words", "detail", "error", "code", "closed_why")
AN_ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
NESTED = ("table", "facts", "rewards", "conditions")


def _between(locale: str) -> str:
    return ", " if locale == "en" else "、"


def _choice(column: Column, value: Any, names: Names, locale: str) -> Cell:
    def words(one: Any) -> str:
        code = str(one.value if isinstance(one, Enum) else "" if one is None else one)
        if code in column.choices:
            return column.choices[code].in_(locale)
        return names.words.get(id(column), {}).get(code, code) or DASH

    if isinstance(value, list | tuple | set | frozenset):
        return Cell(_between(locale).join(words(one) for one in value) or DASH)
    return Cell(words(value), "badge")


def _table(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> Cell:
    """Return the objects of a list as rows; as one text they are joined, which is what a file and a list hold."""
    heads = tuple(part.title.in_(locale) for part in column.parts)
    rows = tuple(
        tuple(cell(ctx, part, part_of(one, part.name), names, locale).text for part in column.parts) for one in value
    )
    text = ("; " if locale == "en" else "；").join(" ".join(t for t in row if t != DASH) for row in rows)
    return Cell(text, "table", heads=heads, rows=rows)


def _facts(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> Cell:
    """Return one object as pairs of words and values; what has no words is not shown."""
    rows = []
    for part in column.parts:
        held = part_of(value, part.name)
        if held is not None and held != "":
            rows.append((part.title.in_(locale), cell(ctx, part, held, names, locale).text))
    text = ("; " if locale == "en" else "；").join(f"{head} {words}" for head, words in rows)
    return Cell(text or DASH, "facts", rows=tuple(rows))


def _sentence(ctx: Context, kind: str, value: Any, locale: str) -> str:
    """Return what a rule gives or asks, in one sentence."""
    said = [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in value]
    if kind == "rewards":
        words = [rewards.describe(ctx, rewards.RewardSpec.model_validate(one)) for one in said]
    else:
        words = [rewards.describe_condition(ctx, rewards.ConditionSpec.model_validate(one)) for one in said]
    return (" + " if kind == "rewards" else " and " if locale == "en" else "，且").join(words)


def plain(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> str | int | float:
    """Return a value for a file: numbers stay numbers, money is in yuan."""
    if value is None:
        return ""
    if column.kind == "fen":
        return float(Decimal(int(value)) / 100)
    if column.kind in ("int", "points"):
        return int(value)
    shown = cell(ctx, column, value, names, locale).text
    return "" if shown == DASH else shown


def find_members(ctx: Context, text: str) -> list[members.MemberView]:
    """Return the members that staff may mean: by exact phone, last four digits, a member's code, or an id.

    Never by a part of a phone or a name: this is how a venue's staff find a member of the whole group.
    """
    if not text.strip():
        return []
    for read in (members.find_by_last_four, _holder_of, _shown_or_named):
        try:
            return read(ctx, text)
        except (NotFound, Invalid, Unauthorized, ValueError):
            continue
    return []


def _holder_of(ctx: Context, phone: str) -> list[members.MemberView]:
    found = members.find_by_phone(ctx, phone)
    return [found] if found is not None else []


def _shown_or_named(ctx: Context, text: str) -> list[members.MemberView]:
    text = "".join(text.split())
    return [members.get(ctx, UUID(text) if len(text) in (32, 36) else identity.resolve_member_code(ctx, text))]
