"""The rows of a member in the tables of every installed plugin: moved on merge, forgotten, taken away.

Each table says what is to happen (`core.member_rows`); a plugin's lifecycle hook goes before, while the rows are there.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core import db
from core.contract import hookspecs
from core.contract.context import Context
from core.fields import BlindField, SealedField
from core.member_rows import Blank, ByPlugin, Delete, MemberRows, Unite, declared_rows
from core.privacy.sealing import unseal
from core.tables import TenantModel


def _declared(ctx: Context) -> Iterator[tuple[Context, type[TenantModel], MemberRows]]:
    for slug, models in ctx.services.registry.tables().items():
        for model in models:
            for one in declared_rows(model):
                yield ctx.for_plugin(slug), model, one


def erase(ctx: Context, member: UUID) -> None:
    """Let every plugin give back and cancel, then delete or blank the member's rows, a statement a table."""
    ctx.lifecycle(hookspecs.erase_member, member=member)
    for scoped, model, rows in _declared(ctx):
        mine = _column(model, rows) == member
        if isinstance(rows.erase, Delete):
            model.scoped(scoped).delete().where(mine).execute()
        elif isinstance(rows.erase, Blank) and rows.erase.values:
            model.scoped(scoped).update(**rows.erase.values).where(mine).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Let every plugin do what is its own, then give `merged`'s rows to `member`."""
    ctx.lifecycle(hookspecs.merge_members, member=member, merged=merged)
    for scoped, model, rows in _declared(ctx):
        if isinstance(rows.merge, ByPlugin):
            continue
        if isinstance(rows.merge, Unite):
            _unite(scoped, model, rows, rows.merge, member, merged)
        column = _column(model, rows)
        model.scoped(scoped).update(**{rows.column: member}).where(column == merged).execute()


def _unite(ctx: Context, model: type[TenantModel], rows: MemberRows, how: Unite, member: UUID, merged: UUID) -> None:
    """Leave one of two rows where both members have one; locked in the order of their ids."""
    column, meta = _column(model, rows), model._meta
    key: Any = meta.primary_key  # peewee's type is False where a table has none
    both = model.scoped(ctx).select().where(column.in_((member, merged))).order_by(key)
    held: dict[tuple[Any, ...], dict[UUID, Any]] = {}
    for row in list(both.for_update() if db.dialect() == "postgresql" else both):
        held.setdefault(tuple(getattr(row, name) for name in how.by), {})[getattr(row, rows.column)] = row
    lost = []
    for pair in (rows_of for rows_of in held.values() if len(rows_of) == 2):
        stays, goes = pair[member], pair[merged]
        if how.newest and _later(getattr(goes, how.newest), getattr(stays, how.newest)):
            stays, goes = goes, stays
        values = {name: getattr(stays, name) + getattr(goes, name) for name in how.add}
        values |= {name: _latest(getattr(stays, name), getattr(goes, name)) for name in how.latest}
        if values:
            model.scoped(ctx).update(**values).where(key == stays._pk).execute()
        lost.append(goes._pk)
    if lost:
        model.scoped(ctx).delete().where(key.in_(lost)).execute()


def _later(one: Any, other: Any) -> bool:
    return one is not None and (other is None or one > other)


def _latest(one: Any, other: Any) -> Any:
    return one if _later(one, other) else other


def export(ctx: Context, member: UUID) -> dict[str, dict[str, Any]]:
    """Return what the plugins keep of a member, by slug, as JSON values: the tables' rows, and what is their own."""
    found: dict[str, dict[str, Any]] = {}
    for scoped, model, rows in _declared(ctx):
        taken = list(_exported(scoped, model, rows, member)) if rows.export is not None else []
        if taken:
            name = rows.name or model._meta.table_name.removeprefix(f"{scoped.plugin}_")
            found.setdefault(scoped.plugin, {})[name] = taken[0] if _one_a_member(model, rows) else taken
    for slug, own in ctx.lifecycle(hookspecs.export_member, member=member):
        if own:
            found.setdefault(slug, {}).update(own)
    return found


def _one_a_member(model: type[TenantModel], rows: MemberRows) -> bool:
    return (("tenant", rows.column), True) in model._meta.indexes


def _exported(ctx: Context, model: type[TenantModel], rows: MemberRows, member: UUID) -> Iterator[dict[str, Any]]:
    columns = [(one, one) if isinstance(one, str) else one for one in rows.export or ()]
    mine = model.scoped(ctx).select().where(_column(model, rows) == member).order_by(model._meta.primary_key)
    for row in mine.iterator():
        yield {word: _plain(ctx, model._meta.fields[name], getattr(row, name)) for name, word in columns}


def _plain(ctx: Context, field: Any, value: Any) -> Any:  # Any: a peewee field, and what its column holds
    if value is None or isinstance(field, BlindField):
        return None
    if isinstance(field, SealedField):
        clear = unseal(ctx, field.purpose, value)
        return field.read(clear) if field.read is not None else clear
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _column(model: type[TenantModel], rows: MemberRows) -> Any:  # Any: a peewee field
    return model._meta.fields[rows.column]
