"""Bring sealed and indexed values to the newest keys, a batch at a time, while everything goes on working.

First the members, then each table of each installed plugin that has a `SealedField`, in the order of their
names. See `core.privacy.keyring` for the order of steps. The chain resumes where it was killed; rows written
meanwhile are written with the newest keys already.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from peewee import IntegrityError
from pydantic import BaseModel

from core import db, tenants
from core.contract.context import Context
from core.contract.work import Next
from core.members.models import ClassListing, Member
from core.members.registration import sealed_name, sealed_phone
from core.members.views import PHONE, name_in_clear, phone_in_clear
from core.privacy.resealing import SealedTable, reseal, sealed_table, sealed_tables

BATCH = 500
KIND = "core.rotate_keys"


class RotationPayload(BaseModel):
    """Where the chain stands: `table` is empty while it is at the members."""

    table: str = ""
    cursor: str = ""
    changed: int = 0
    clashes: int = 0  # two rows of one phone, which only a half-done rotation could have let in: merge the members
    unreadable: int = 0  # values of plugins that were altered; each is in the log


def start_rotation(ctx: Context) -> None:
    """Bring this tenant's secret settings to the newest key; put the rotation of all else in the work table."""
    tenants.reseal_settings(ctx)
    ctx.enqueue(KIND, RotationPayload())
    ctx.audit("keys.rotation_started")


def rotate(ctx: Context, payload: RotationPayload, *, batch: int = BATCH) -> RotationPayload | None:
    """Bring one batch of rows to the newest keys; return where to go on, or None when all are done."""
    after = _members(ctx, payload, batch) if not payload.table else _plugins(ctx, payload, batch)
    if after.cursor:
        return after
    following = [table.name for table in _tables(ctx) if table.name > after.table]
    if following:
        return after.model_copy(update={"table": following[0]})
    counts = after.model_dump(include={"changed", "clashes", "unreadable"})
    # What a plugin sealed that could not be loaded is still under the old key: who drops that must know.
    ctx.audit("keys.rotated", details={**counts, "left_out": sorted(ctx.services.registry.broken)})
    return None


def _tables(ctx: Context) -> list[SealedTable]:
    own = [table for model in (ClassListing,) if (table := sealed_table("core", model)) is not None]
    return sorted([*own, *sealed_tables(ctx.services.registry.tables())], key=lambda table: table.name)


def _members(ctx: Context, payload: RotationPayload, batch: int) -> RotationPayload:
    query = Member.scoped(ctx).select().order_by(Member.id).limit(batch)
    if payload.cursor:
        query = query.where(Member.id > UUID(payload.cursor))
    rows = list(query)
    outcomes = [_rotate_row(ctx, row) for row in rows]
    return payload.model_copy(
        update={
            "cursor": str(rows[-1].id) if len(rows) == batch else "",
            "changed": payload.changed + outcomes.count("changed"),
            "clashes": payload.clashes + outcomes.count("clash"),
        }
    )


def _plugins(ctx: Context, payload: RotationPayload, batch: int) -> RotationPayload:
    """Bring one batch of a plugin's table; one whose plugin is gone since has nothing that could be opened."""
    table = next((one for one in _tables(ctx) if one.name == payload.table), None)
    if table is None:
        return payload.model_copy(update={"cursor": ""})
    done = reseal(ctx, table, payload.cursor, batch)
    return payload.model_copy(
        update={
            "cursor": done.cursor,
            "changed": payload.changed + done.changed,
            "clashes": payload.clashes + done.clashes,
            "unreadable": payload.unreadable + done.unreadable,
        }
    )


def _rotate_row(ctx: Context, row: Member) -> str:
    ring = ctx.services.keyring
    values: dict[str, Any] = {}
    unchanged = Member.id == row.id  # a row that was changed meanwhile has the newest keys already
    if row.phone is not None:
        clear = phone_in_clear(ctx, row)
        stale = row.phone_blind is not None and bytes(row.phone_blind) != ring.blind(ctx.tenant.id, PHONE, clear)
        if stale or ring.needs_rotation(row.phone):
            values |= sealed_phone(ctx, clear)
            if row.phone_blind is None:  # merged: it is found under the survivor
                values |= {"phone_blind": None, "phone_last_four": None}
            unchanged &= Member.phone == row.phone
    if row.name is not None and ring.needs_rotation(row.name):
        values["name"] = sealed_name(ctx, name_in_clear(ctx, row))
        unchanged &= Member.name == row.name
    if not values:
        return ""
    try:
        with db.savepoint():
            Member.scoped(ctx).update(**values).where(unchanged).execute()
    except IntegrityError:
        return "clash"
    return "changed"


def _job(ctx: Context, payload: dict[str, Any]) -> Next | None:
    following = rotate(ctx, RotationPayload.model_validate(payload))
    return Next(following) if following is not None else None


CORE_JOBS: dict[str, Callable[[Context, dict[str, Any]], Any]] = {KIND: _job}
