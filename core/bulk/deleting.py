"""Delete many rows in short transactions, by the clock."""

from typing import Any

from core.contract.context import Context
from core.tables import TenantModel

DELETED_AT_ONCE = 5000  # rows of one transaction


def delete_some(ctx: Context, model: type[TenantModel], *where: Any) -> bool:
    """Delete a tenant's rows that match, at most `DELETED_AT_ONCE`, so that the transaction stays short.

    Tells whether more may be left: a schedule then goes on by `return Next(Slot(slot=slot))`.
    """
    whole: Any = model._meta.primary_key
    (name,) = (name for name in getattr(whole, "field_names", [whole.name]) if name != "tenant")
    key = model._meta.fields[name]  # unique within a tenant
    some = model.scoped(ctx).select(key).where(*where).limit(DELETED_AT_ONCE)
    return int(model.scoped(ctx).delete().where(key.in_(some)).execute()) >= DELETED_AT_ONCE
