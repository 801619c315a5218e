"""How a value is shown to staff: money in yuan, times in the tenant's zone, members and venues by name."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from core import identity, members, tenants
from core.contract.console import Column
from core.contract.context import Context
from core.errors import Invalid, NotFound, Unauthorized
from core.privacy import mask_name
from hosts.console.resources import Row, masked

Style = Literal["text", "number", "time", "badge", "yes", "no", "pre", "link"]
DASH = "—"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value ready for a template, which escapes it."""

    text: str
    style: Style = "text"
    link: str = ""


def yuan(fen: int) -> str:
    """Return an amount of fen as `1,234.50`."""
    return f"{Decimal(fen) / 100:,.2f}"


def local_time(ctx: Context, instant: datetime, *, seconds: bool = False) -> str:
    """Return an instant as the tenant's clock shows it: `2026-11-22 10:00`."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(ctx.tenant.zone)).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def member_label(view: members.MemberView) -> str:
    """Return what a list says of a member: the masked name and phone."""
    return " ".join(part for part in (mask_name(view.name), view.phone_masked) if part) or str(view.id)[:8]


@dataclass(frozen=True)
class Names:
    """What ids of one page stand for."""

    members: Mapping[UUID, members.MemberView]
    venues: Mapping[UUID, str]

    @classmethod
    def of(cls, ctx: Context, columns: Iterable[Column], rows: Sequence[Row]) -> "Names":
        """Read the members and venues that rows name, in one statement each."""
        people: set[UUID] = set()
        places = False
        for column in columns:
            if column.kind == "member":
                people |= {v for row in rows if isinstance(v := row.value(column.name), UUID)}
            places = places or column.kind == "venue"
        return cls(
            members.get_many(ctx, people) if people else {},
            {venue.id: venue.name for venue in tenants.venues(ctx)} if places else {},
        )


def cell(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> Cell:
    """Return a value as its column's kind is shown."""
    if value is None or value == "" or (column.kind == "json" and not value):
        return Cell(DASH)
    match column.kind:
        case "fen":
            return Cell(f"¥{yuan(int(value))}", "number")
        case "int" | "points":
            return Cell(f"{int(value):,}", "number")
        case "time" if isinstance(value, datetime):
            return Cell(local_time(ctx, value), "time")
        case "date" if isinstance(value, date):
            return Cell(value.isoformat(), "time")
        case "bool":
            yes = {"zh": "是", "en": "Yes"} if value else {"zh": "否", "en": "No"}
            return Cell(yes.get(locale, yes["zh"]), "yes" if value else "no")
        case "phone":
            return Cell(masked(value))
        case "member":
            view = names.members.get(value)
            if view is None:
                return Cell(str(value))
            within = not ctx.actor.venues or view.venue in ctx.actor.venues
            if not (within and ctx.has("members.view")):
                return Cell(member_label(view))
            return Cell(member_label(view), "link", f"/console/core/members/{view.id}")
        case "venue":
            return Cell(names.venues.get(value, str(value)))
        case "choice":
            title = column.choices.get(str(value))
            return Cell(title.in_(locale) if title else str(value), "badge")
        case "json":
            return Cell(json.dumps(value, ensure_ascii=False, indent=1, default=_plain_value), "pre")
        case _:
            return Cell(str(value))


def _plain_value(value: Any) -> Any:  # Any: what JSON does not know, to what it does
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def plain(ctx: Context, column: Column, value: Any, names: Names, locale: str) -> str | int | float:
    """Return a value for a file: numbers stay numbers, money is in yuan."""
    if value is None:
        return ""
    if column.kind == "fen":
        return float(Decimal(int(value)) / 100)
    if column.kind in ("int", "points"):
        return int(value)
    if column.kind == "json":
        return json.dumps(value, ensure_ascii=False, default=_plain_value)
    if column.kind == "member":
        view = names.members.get(value)
        return member_label(view) if view else str(value)
    shown = cell(ctx, column, value, names, locale).text
    return "" if shown == DASH else shown


def find_members(ctx: Context, text: str) -> list[members.MemberView]:
    """Return the members that staff may mean: by exact phone, last four digits, a member's code, or an id.

    Never by a part of a phone or a name: this is how a venue's staff find a member of the whole group.
    """
    text = "".join(text.split())
    digits = text.removeprefix("+")
    try:
        if digits.isdigit() and len(digits) == 4:
            return members.find_by_last_four(ctx, digits)
        if digits.isdigit() and len(digits) in (11, 13):
            found = members.find_by_phone(ctx, text)
            return [found] if found is not None else []
        if not text:
            return []
        return [members.get(ctx, UUID(text) if len(text) in (32, 36) else identity.resolve_member_code(ctx, text))]
    except (NotFound, Invalid, Unauthorized, ValueError):
        return []
