"""`roost stats`: a tenant's figures, straight from the database."""

import json as json_text
from datetime import date
from typing import Annotated, Any

import typer
from peewee import fn

from core import points
from core.contract.context import Context
from core.errors import Invalid
from core.members.models import Member
from core.runtime import runtime_of
from hosts.cli.session import open_tenant
from plugins.purchases import summary


def stats(
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")],
    as_of: Annotated[
        str, typer.Option(help="Count purchases up to this day of the tenant, YYYY-MM-DD; default today.")
    ] = "",
    silent_days: Annotated[
        int, typer.Option(min=1, max=36_500, help="Silent: the last purchase is more than so many days ago.")
    ] = 90,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print members, purchases, money in fen, points, members by level, and silent buyers."""
    with open_tenant(tenant, "stats") as ctx:
        found = figures(ctx, _day(as_of, ctx.today()), silent_days)
    print(json_text.dumps(found, ensure_ascii=False) if json else _table(found))


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 9000:
        raise Invalid(f"--as-of {text!r} is not a day like 1998-06-30", f"日期 {text} 有误")
    return day


def figures(ctx: Context, as_of: date, silent_days: int = 90) -> dict[str, Any]:
    """Return a tenant's figures: counts, money in fen, `levels` as code → members (without a level: "").

    Purchases and silence are as of the end of the tenant's day `as_of`; members, points and levels are of
    now. A tenant without the plugin purchases has no purchases.
    """
    with ctx.transaction():
        rows = (
            Member.scoped(ctx)
            .select(Member.level, fn.COUNT(Member.id))
            .where(Member.merged_into.is_null(), Member.erased_at.is_null())
            .group_by(Member.level)
            .tuples()
        )
        levels = {level: int(count) for level, count in sorted(rows)}
        found: dict[str, Any] = {"as_of": as_of.isoformat(), "members": sum(levels.values())}
        found |= _purchases(ctx, as_of, silent_days)
        found["points"] = points.outstanding(ctx, "points")
        found["levels"] = levels
    return found


def _purchases(ctx: Context, as_of: date, silent_days: int) -> dict[str, int]:
    if "purchases" not in runtime_of(ctx).registry.plugins:
        return {"purchases": 0, "fen": 0, "refunded_fen": 0, "buyers": 0, "silent": 0}
    found = summary(ctx.for_plugin("purchases"), as_of, silent_days)
    return {
        "purchases": found.purchases,
        "fen": found.fen,
        "refunded_fen": found.refunded_fen,
        "buyers": found.buyers,
        "silent": found.silent,
    }


def _table(found: dict[str, Any]) -> str:
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"{name + ' ' + (code or '(none)'):<24}{count:>16,}" for code, count in value.items()]
        else:
            lines.append(f"{name:<24}{value:>16,}" if isinstance(value, int) else f"{name:<24}{value:>16}")
    return "\n".join(lines)
