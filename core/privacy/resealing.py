"""Bring what plugins sealed to the newest keys: every column that a plugin's models declare, a batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import structlog
from peewee import IntegrityError

from core import db
from core.contract.context import Context
from core.errors import ConfigurationError, IntegrityFault
from core.fields import BlindField, SealedField
from core.tables import TenantModel

log = structlog.get_logger("roost.rotation")


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table of a plugin that has sealed columns."""

    slug: str
    model: type[TenantModel]
    sealed: tuple[SealedField, ...]
    blind: tuple[BlindField, ...]

    @property
    def name(self) -> str:
        """Return the table's name."""
        return str(self.model._meta.table_name)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of one batch; `cursor` is where the next begins, "" when the table is done."""

    cursor: str
    changed: int
    clashes: int  # indexes that another row has already
    unreadable: int


def sealed_tables(installed: Mapping[str, Sequence[type[TenantModel]]]) -> list[SealedTable]:
    """Return the tables of every installed plugin that have sealed columns, by name; on or off makes no difference.

    Raises ConfigurationError for a blind index of a column that is not sealed.
    """
    return sorted(_tables(installed), key=lambda table: table.name)


def _tables(installed: Mapping[str, Sequence[type[TenantModel]]]) -> Iterator[SealedTable]:
    for slug, models in installed.items():
        for model in models:
            if (table := sealed_table(slug, model)) is not None:
                yield table


def sealed_table(slug: str, model: type[TenantModel]) -> SealedTable | None:
    """Return what is sealed of a table, None for one without a sealed column. Raises as `sealed_tables`."""
    fields = model._meta.sorted_fields
    sealed = tuple(field for field in fields if isinstance(field, SealedField))
    blind = tuple(field for field in fields if isinstance(field, BlindField))
    for index in blind:
        if index.of not in {field.name for field in sealed}:
            raise ConfigurationError(
                f"{slug}: {model.__name__}.{index.name} is the index of {index.of!r}, which is not a"
                " SealedField of the same table: a rotation could not make it anew"
            )
    return SealedTable(slug, model, sealed, blind) if sealed else None


def reseal(ctx: Context, table: SealedTable, cursor: str, batch: int) -> Batch:
    """Bring the next `batch` rows of one tenant to the newest keys.

    A value that cannot be opened because it was altered stays as it is, is logged and counted. Raises
    ConfigurationError when a key is no more in the settings that is still needed.
    """
    key: Any = table.model._meta.primary_key  # Any: peewee's types allow for a table without one
    columns = (key, *table.sealed, *table.blind)
    query = table.model.scoped(ctx).select(*columns).where(reduce(or_, (f.is_null(False) for f in table.sealed)))
    if cursor:
        query = query.where(key > (UUID(cursor) if key.field_type == "UUID" else key.db_value(cursor)))
    rows = list(query.order_by(key).limit(batch))
    changed = clashes = unreadable = 0
    for row in rows:
        try:
            with db.savepoint():
                changed += _bring(ctx, table, row)
        except IntegrityError:
            clashes += 1
        except IntegrityFault as ex:
            unreadable += 1
            log.warning("cannot_reseal", table=table.name, row=str(row._pk), tenant=ctx.tenant.slug, error=str(ex))
    return Batch(str(rows[-1]._pk) if len(rows) == batch else "", changed, clashes, unreadable)


def _bring(ctx: Context, table: SealedTable, row: Any) -> bool:  # Any: a row of the plugin's
    """Bring one row to the newest keys; a row that was changed meanwhile has them already and is left alone."""
    ring, tenant = ctx.services.keyring, ctx.tenant.id
    values: dict[str, Any] = {}
    unchanged = table.model._meta.primary_key == row._pk
    opened: dict[str, str] = {}
    indexed = {index.of for index in table.blind if getattr(row, index.name) is not None}
    for field in table.sealed:
        value = getattr(row, field.name)
        if value is None or not (ring.needs_rotation(value) or field.name in indexed):
            continue
        purpose = f"{table.slug}.{field.purpose}"
        clear = opened[field.name] = ring.open(tenant, purpose, value)
        if ring.needs_rotation(value):
            values[field.name] = ring.seal(tenant, purpose, clear)
        unchanged &= field == value
    for index in table.blind:
        held = getattr(row, index.name)
        source = index.read(opened[index.of]) if held is not None and index.of in opened else None
        if source is not None:
            fresh = ring.blind(tenant, f"{table.slug}.{index.purpose}", source)
            if fresh != bytes(held):
                values[index.name] = fresh
    if not values:
        return False
    return bool(table.model.scoped(ctx).update(**values).where(unchanged).execute())
