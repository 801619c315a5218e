"""The till's duty."""

from collections.abc import Callable

from roost import Context, Settlement, hookimpl
from till.models import TillNote

before_noting: list[Callable[[], None]] = []  # what a test does in the middle of a settlement


@hookimpl
def payment_settled(ctx: Context, settlement: Settlement) -> bool | None:
    """Note what is told of my numbers."""
    if not settlement.charge.startswith("T"):
        return None
    for act in before_noting:
        act()
    TillNote.scoped(ctx).create(
        kind=settlement.kind,
        charge=settlement.charge,
        refund=settlement.refund,
        amount=settlement.amount,
        transaction=settlement.transaction,
        at=settlement.at,
        actor=str(ctx.actor),
    )
    return True
