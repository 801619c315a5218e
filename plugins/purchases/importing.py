"""Take a batch of a file's rows in, in one transaction: customers become leads, rows become purchases."""

from collections.abc import Sequence
from dataclasses import dataclass

from plugins.purchases.joining import FileRow
from plugins.purchases.lines import Rejected
from plugins.purchases.schemas import NewPurchase, PurchaseSettings
from plugins.purchases.service import SLUG, record_many
from roost import Context, members


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch."""

    recorded: int
    known: int  # recorded by an earlier run or file
    rejected: list[Rejected]


def source_of(name: str) -> str:
    """Return the source, and the provider of customers' identities, of the files of one system."""
    return f"import:{name}"


def order_matters(ctx: Context) -> bool:
    """Tell whether each batch must be committed before the next: where a purchase's place in its month earns."""
    return bool(ctx.settings(PurchaseSettings).frequency_from)


def take_in(ctx: Context, rows: Sequence[FileRow], name: str) -> Taken:
    """Register the customers of some rows and record the purchases; rows taken in before change nothing.

    `name` is the system that the file came from: its customers' numbers and its purchases' ids are unique
    within it. The facts carry the origin `import`.
    """
    ctx = ctx.for_plugin(SLUG).imported()
    done = record_many(ctx, as_purchases(ctx, rows, source_of(name)))
    return Taken(
        recorded=sum(result.created for result in done),
        known=sum(not result.created and not result.refusal for result in done),
        rejected=[
            Rejected(row.line, f"{r.refusal}; {row.twin}" if row.twin else r.refusal, row.text)
            for row, r in zip(rows, done, strict=True)
            if r.refusal
        ],
    )


def as_purchases(ctx: Context, rows: Sequence[FileRow], source: str) -> list[NewPurchase]:
    """Register the customers of some rows, and return the purchases."""
    first: dict[str, FileRow] = {}
    for row in rows:
        if row.customer:
            first.setdefault(row.customer, row)
    ids = members.register_many(
        ctx,
        [
            members.NewMember(
                provider=source,
                subject=customer,
                channel="import",
                phone=row.phone,
                name=row.name,
                venue=row.venue,
                registered_at=row.occurred_at,
            )
            for customer, row in first.items()
        ],
    )
    return [
        NewPurchase(
            source=source,
            source_key=row.key,
            amount_fen=row.amount_fen,
            occurred_at=row.occurred_at,
            member=ids[row.customer] if row.customer else None,
            venue=row.venue,
            items=row.items,
            lines=row.lines,
            scope=None if row.own_id else "brand",
        )
        for row in rows
    ]
