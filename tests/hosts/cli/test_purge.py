"""A purge leaves nothing of a tenant in any table of any bundled plugin, and touches no other tenant."""

from datetime import date
from pathlib import Path

import pytest
from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DateField,
    FloatField,
    IntegerField,
    SmallIntegerField,
    TextField,
    UUIDField,
)

from core import db
from core.fields import JsonField, TimeField
from core.ids import new_id
from hosts.cli.purging import purge_plugin

ROOT = Path(__file__).parents[3]
BUNDLED = sorted(
    path.parent.name for group in ("plugins", "integrations") for path in ROOT.glob(f"{group}/*/plugin.toml")
)


def sample(field, ctx):
    """Return a value that the column takes."""
    kinds = (
        (JsonField, []),
        (TimeField, ctx.now()),
        (BlobField, b"x" * 16),
        (UUIDField, new_id()),
        (BooleanField, True),
        (DateField, date(2026, 11, 22)),
        ((IntegerField, BigIntegerField, SmallIntegerField), 1),
        (FloatField, 1.0),
        ((CharField, TextField), "x"),
    )
    return next(value for kind, value in kinds if isinstance(field, kind))


def fill(ctx, model):
    """Write one row, with a value in each column that has no default."""
    fields = [
        field for field in model._meta.sorted_fields if field.name != "tenant" and not isinstance(field, AutoField)
    ]
    empty = [field for field in fields if field.default is None or callable(field.default)]
    model.scoped(ctx).insert(**{field.name: sample(field, ctx) for field in empty}).execute()


def rows(ctx, models):
    return {model._meta.table_name: model.scoped(ctx).select().count() for model in models}


@pytest.mark.parametrize("slug", BUNDLED)
def test_a_purge_leaves_no_row_of_the_tenant_in_any_table(slug, tenant, new_tenant, runtime):
    plugin, other = runtime.registry.plugin(slug), new_tenant("other")
    with db.connection():
        tables = set(db.database.get_tables())
    others = [name for name in BUNDLED if name.startswith(f"{slug}_")]
    mine = {
        table
        for table in tables
        if (table == slug or table.startswith(f"{slug}_"))
        and not any(table == name or table.startswith(f"{name}_") for name in others)
    }
    assert mine == {model._meta.table_name for model in plugin.models}
    for ctx in (tenant, other):
        with ctx.transaction():
            for model in plugin.models:
                fill(ctx, model)
    path, exported = purge_plugin(tenant, slug)
    assert exported == len(plugin.models) == len(path.read_text().splitlines())
    assert rows(tenant, plugin.models) == dict.fromkeys(mine, 0)
    assert rows(other, plugin.models) == dict.fromkeys(mine, 1)
