"""What an outside number names: one purchase within its scope, and the same one only when all of its content is.

A till's receipt numbers begin anew at each venue and often each day; a system's order numbers are unique for the
brand. So a number is unique within (source, venue, day), (source, venue) or (source), as the tenant sets it for the
source, or as the caller knows who gives numbers of its own.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from plugins.purchases.schemas import NewPurchase, PurchaseLine, PurchaseSettings
from roost import Content, Context, Text, number_scopes, scope_text, tenants

PURCHASE = Content(
    "purchase",
    Text("消费", "purchase"),
    ("member", "venue", "occurred_at", "amount_fen", "items", "kind", "lines"),
)
Name = tuple[str, str, str]  # source, scope, key


def scopes(ctx: Context, purchase: NewPurchase) -> list[str]:
    """Return the text of a purchase's scope, and then of the others in which it may have been recorded before.

    Those only matter where the tenant's setting decides: when it changes, what was recorded stays what it is.
    """
    if purchase.scope is not None:
        return [scope_text(ctx, purchase.scope, purchase.venue, purchase.occurred_at)]
    rules = ctx.settings(PurchaseSettings)
    mine = rules.number_scopes.get(purchase.source, rules.number_scope)
    return number_scopes(ctx, mine, purchase.venue, purchase.occurred_at)


def kept_content(row: Any) -> dict[str, Any]:  # Any: a row of PurchasesPurchase
    """Return the content of a purchase as it is kept; an erasure took who it was and what they bought."""
    kept = {
        "venue": row.venue,
        "occurred_at": row.occurred_at,
        "amount_fen": row.amount_fen,
        "items": row.items,
        "kind": row.kind,
    }
    if row.member is not None or row.anonymous:
        lines = tuple(PurchaseLine.model_validate(line) for line in row.lines or ())
        kept |= {"member": row.member, "lines": lines}
    return kept


def sent_content(purchase: NewPurchase) -> dict[str, Any]:
    """Return the content of a purchase to record; a time that was not told is none."""
    sent = {
        "member": purchase.member,
        "venue": purchase.venue,
        "amount_fen": purchase.amount_fen,
        "items": purchase.items,
        "kind": purchase.kind,
        "lines": purchase.lines,
    }
    return sent | ({} if purchase.occurred_at is None else {"occurred_at": purchase.occurred_at})


def check_same(ctx: Context, kept: Mapping[str, Any], purchase: NewPurchase) -> None:
    """Raise KeyReused when a number came again with other content.

    Staff of single venues are not shown what was bought at another one.
    """
    venues: dict[UUID, str] = {}

    def show(name: str, value: Any) -> str:  # Any: a field's value
        if name == "venue":
            venues.update({} if venues else {venue.id: venue.name for venue in tenants.venues(ctx)})
            return venues.get(value, str(value))
        if name == "lines":
            return ", ".join(f"{line.code} {line.quantity} × {line.amount_fen}" for line in value)
        return value.isoformat() if name == "occurred_at" else str(value)

    visible = ctx.covers(kept["venue"])
    PURCHASE.check(purchase.source_key, kept, sent_content(purchase), show=show, visible=visible)
