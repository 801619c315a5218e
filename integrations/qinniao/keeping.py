"""What is kept of an item of the SaaS beside its version, by kind: whose it is, where, and what later news need."""

from collections.abc import Mapping
from typing import Any

from integrations.qinniao.wire import (
    SaasBooking,
    SaasCard,
    SaasCheckin,
    SaasClass,
    SaasCoach,
    SaasItem,
    SaasMember,
    SaasOrder,
    SaasRefund,
    SaasStaff,
    SaasStore,
)


def owner_of(item: SaasItem) -> str:
    """Return the SaaS's number of the person an item belongs to, "" for what is the brand's."""
    if isinstance(item, SaasCard | SaasOrder | SaasRefund | SaasCheckin | SaasBooking | SaasCoach):
        return item.member_id
    return item.id if isinstance(item, SaasMember) else ""


def store_of(item: SaasItem) -> str | None:
    """Return the store an item is about: a store is its own."""
    return item.id if isinstance(item, SaasStore) else item.store_id


def facts_of(item: SaasItem, state: str, before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what is kept of an item that is now in `state`; `before` is what was kept until now.

    `told` is the status that others here were last told of: it changes when the item was taken over, not while it
    waits.
    """
    if state == "erased":
        return None
    if isinstance(item, SaasMember | SaasCard):
        return {
            "status": item.status,
            "ends_on": item.ends_on.isoformat() if item.ends_on else None,
            "deleted": item.deleted,
        }
    if isinstance(item, SaasBooking | SaasCoach):
        return {"told": status_of(item) if state == "applied" else (before or {}).get("told")}
    if isinstance(item, SaasStaff):
        return {"name": item.name, "role": item.role, "deleted": item.deleted}
    if isinstance(item, SaasStore):
        return {"name": item.name, "deleted": item.deleted}
    if isinstance(item, SaasClass):
        starts = item.starts_at.isoformat() if item.starts_at else None
        return {"title": item.title, "starts_at": starts, "deleted": item.deleted}
    return None


def status_of(item: SaasBooking | SaasCoach) -> str:
    """Return the status of what may be gone."""
    if item.deleted:
        return "cancelled" if isinstance(item, SaasBooking) else "released"
    return item.status
