"""Every sealed column of every installed plugin outlives the key it was sealed with, whoever wrote the plugin."""

import json
from collections.abc import Callable
from typing import Any

import peewee
from pydantic import SecretStr

from core import members
from core.contract.context import Context
from core.fields import JsonField, TimeField
from core.ids import new_id
from core.privacy import Keyring, new_key
from core.privacy.resealing import SealedTable, sealed_tables
from core.privacy.sealing import blind, seal, unseal
from core.runtime import Runtime

CLEAR = json.dumps({"phone": "13812345678", "text": "浦东新区 1 号"}, ensure_ascii=False)


def filled(ctx: Context, table: SealedTable) -> dict[str, Any]:
    """Return values for a row of a table: sealed columns sealed, what must be there filled with anything that fits."""
    own = ctx.for_plugin(table.slug)
    values: dict[str, Any] = {field.name: seal(own, field.purpose, CLEAR) for field in table.sealed}
    for index in table.blind:
        value = index.read(CLEAR)
        assert value is not None, f"{table.name}.{index.name}: give it something to read in CLEAR"
        values[index.name] = blind(own, index.purpose, value)
    anything = {
        peewee.UUIDField: new_id(), peewee.CharField: "x", peewee.TextField: "x", peewee.IntegerField: 1,
        peewee.BigIntegerField: 1, peewee.SmallIntegerField: 1, peewee.BooleanField: False, TimeField: ctx.now(),
        peewee.DateField: ctx.today(), JsonField: {}, peewee.BlobField: b"x",
    }  # fmt: skip
    for field in table.model._meta.sorted_fields:
        needed = not field.null and field.default is None and not isinstance(field, peewee.AutoField)
        if needed and field.name not in values and field.name != "tenant":
            values[field.name] = anything[type(field)]
    return values


def test_what_any_plugin_sealed_opens_and_is_found_when_the_old_keys_are_gone(
    tenant: Context, runtime: Runtime, drain: Callable[[], int]
) -> None:
    tables = sealed_tables(runtime.registry.tables())
    assert {"gifts_claim", "qinniao_event", "qinniao_object", "wechat_token"} <= {table.name for table in tables}
    with tenant.transaction():
        for table in tables:
            table.model.scoped(tenant).create(**filled(tenant, table))
    values = runtime.settings.model_dump()
    for name in ("encryption_keys", "index_keys"):
        values[name] = SecretStr(f"2:{new_key()},{values[name].get_secret_value()}")
    runtime.keyring = ring = Keyring.from_settings(type(runtime.settings)(_env_file=None, **values))
    with tenant.transaction():
        members.start_rotation(tenant)
    drain()
    ring._index = ring._index[:1]  # the old keys are taken out of the settings
    ring._encryption.pop(1)
    for table in tables:
        own = tenant.for_plugin(table.slug)
        row = table.model.scoped(tenant).select().get()
        for field in table.sealed:
            assert unseal(own, field.purpose, getattr(row, field.name)) == CLEAR, f"{table.name}.{field.name}"
        for index in table.blind:
            expected = blind(own, index.purpose, str(index.read(CLEAR)))
            assert bytes(getattr(row, index.name)) == expected, f"{table.name}.{index.name}"
