"""How much an account may move by itself: what its acts of one kind add up to for one member on one day."""

from uuid import UUID

from core.contract.context import Context
from core.identity.models import StaffAllowance
from core.ids import new_id


def take_allowance(ctx: Context, act: str, subject: UUID | str, amount: int, limit: int) -> bool:
    """Count `amount` towards the limit of the actor, `subject` and the tenant's day; False when it does not fit.

    Together they stay within the limit however many come at the same moment, because the row itself is compared as it
    is raised. What is counted goes with the caller's transaction. The system, which nobody approves, is not counted.
    """
    if amount > limit:
        return False
    if ctx.actor.id is None:
        return True
    row = {"account": ctx.actor.id, "act": act, "subject": str(subject), "day": ctx.today()}
    StaffAllowance.scoped(ctx).insert(id=new_id(), amount=0, **row).on_conflict_ignore().execute()
    fits = (
        StaffAllowance.scoped(ctx)
        .update(amount=StaffAllowance.amount + amount)
        .where(
            *(getattr(StaffAllowance, name) == value for name, value in row.items()),
            StaffAllowance.amount + amount <= limit,
        )
    )
    return bool(fits.execute())
