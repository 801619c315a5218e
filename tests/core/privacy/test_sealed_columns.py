"""Columns that plugins seal: declared once, found by a rotation of the keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core import members, tenants
from core.audit.models import Audit
from core.contract.context import Context
from core.errors import ConfigurationError, IntegrityFault
from core.fields import BlindField, SealedField
from core.members.rotation import RotationPayload, rotate
from core.privacy import Keyring, new_key
from core.privacy.resealing import sealed_tables
from core.privacy.sealing import blind, blinds, seal, unseal
from core.registry.registry import Registry
from core.runtime import Runtime

VAULT = Path(__file__).parent / "vault"
PHONE = "13812345678"


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry()
    registry.add({"vault": ("tests.core.privacy.vault", VAULT)}, strict=True)
    return registry


@pytest.fixture
def ctx(tenant: Context) -> Context:
    """Return the context in which the plugin acts; it is off for the tenant, and its data are there all the same."""
    return tenant.for_plugin("vault")


@pytest.fixture
def box(runtime: Runtime) -> Any:
    return runtime.registry.plugin("vault").models[0]


@pytest.fixture
def key(runtime: Runtime) -> Any:
    return runtime.registry.plugin("vault").models[1]


@pytest.fixture
def put(box: Any, ctx: Context) -> Callable[..., Any]:
    """Return a function that puts a box with a sealed address in the table."""

    def make(phone: str = PHONE, ctx: Context = ctx) -> Any:
        sealed = seal(ctx, "address", json.dumps({"phone": phone}))
        with ctx.transaction():
            return box.scoped(ctx).create(address=sealed, phone_blind=blind(ctx, "phone", phone))

    return make


def rotated(runtime: Runtime) -> Keyring:
    """Return a keyring with a new key before each old one."""
    values = runtime.settings.model_dump()
    for name in ("encryption_keys", "index_keys"):
        values[name] = SecretStr(f"2:{new_key()},{values[name].get_secret_value()}")
    return Keyring.from_settings(type(runtime.settings)(_env_file=None, **values))


def drop_old_keys(ring: Keyring) -> None:
    """Take the old keys out, as an operator does at the end."""
    ring._index = ring._index[:1]
    ring._encryption.pop(1)


def rotate_all(ctx: Context, drain: Callable[[], int]) -> dict[str, Any]:
    """Run the whole chain; return what the audit trail says came of it."""
    with ctx.transaction():
        members.start_rotation(ctx)
    drain()
    row = Audit.scoped(ctx).select().where(Audit.action == "keys.rotated").order_by(Audit.id.desc()).first()
    return dict(row.details)


def test_after_a_rotation_the_old_keys_can_go_and_everything_opens_and_is_found(
    ctx: Context, runtime: Runtime, box: Any, key: Any, put: Callable[..., Any], drain: Callable[[], int]
) -> None:
    old = put()
    with ctx.transaction():
        box.scoped(ctx).create(remark=seal(ctx, "note", "ring twice"))
        box.scoped(ctx).create(title="nothing sealed")
        for number in range(12):
            key.scoped(ctx).create(secret=seal(ctx, "secret", f"s{number}"))
    runtime.keyring = ring = rotated(runtime)
    new = put("13900000001")
    assert rotate_all(ctx, drain) == {"changed": 14, "clashes": 0, "unreadable": 0, "left_out": []}
    drop_old_keys(ring)
    for row, phone in ((old, PHONE), (new, "13900000001")):
        found = box.scoped(ctx).select().where(box.phone_blind.in_(blinds(ctx, "phone", phone))).get()
        assert (found.id, json.loads(unseal(ctx, "address", found.address))["phone"]) == (row.id, phone)
    assert [unseal(ctx, "note", r.remark) for r in box.scoped(ctx).select() if r.remark] == ["ring twice"]
    rows = key.scoped(ctx).select().order_by(key.id)
    assert [unseal(ctx, "secret", r.secret) for r in rows] == [f"s{n}" for n in range(12)]


def test_without_a_rotation_the_same_values_are_lost_with_the_old_key(
    ctx: Context, runtime: Runtime, box: Any, put: Callable[..., Any]
) -> None:
    """The negative control."""
    row = put()
    runtime.keyring = ring = rotated(runtime)
    drop_old_keys(ring)
    with pytest.raises(ConfigurationError, match="sealed with encryption key 1"):
        unseal(ctx, "address", box.scoped(ctx).get(box.id == row.id).address)
    assert box.scoped(ctx).select().where(box.phone_blind.in_(blinds(ctx, "phone", PHONE))).count() == 0


def test_an_index_alone_is_rotated_too(
    ctx: Context, runtime: Runtime, box: Any, put: Callable[..., Any], drain: Callable[[], int]
) -> None:
    row = put()
    ring = rotated(runtime)
    ring._encryption = dict(runtime.keyring._encryption)  # only the index key is new
    ring._newest = 1
    runtime.keyring = ring
    assert rotate_all(ctx, drain)["changed"] == 1
    ring._index = ring._index[:1]
    assert box.scoped(ctx).select().where(box.phone_blind.in_(blinds(ctx, "phone", PHONE))).get().id == row.id


def test_the_chain_goes_on_from_its_cursor_through_every_table(
    ctx: Context, runtime: Runtime, box: Any, key: Any, put: Callable[..., Any]
) -> None:
    for number in range(5):
        put(f"1390000000{number}")
    with ctx.transaction():
        for _ in range(11):  # "9" sorts behind "10": the cursor of a number is a number
            key.scoped(ctx).create(secret=seal(ctx, "secret", "s"))
    runtime.keyring = ring = rotated(runtime)
    following, steps = RotationPayload(), []
    with ctx.transaction():
        while True:
            after = rotate(ctx, following, batch=2)
            if after is None:
                break
            following = after
            steps.append((after.table, bool(after.cursor)))
    assert steps == [
        ("class_listing", False), ("vault_box", False), ("vault_box", True), ("vault_box", True),
        ("vault_key", False), *[("vault_key", True)] * 5,
    ]  # fmt: skip
    stale = [r for r in box.scoped(ctx).select() if ring.needs_rotation(r.address)]
    stale += [r for r in key.scoped(ctx).select() if ring.needs_rotation(r.secret)]
    assert stale == []


def test_a_value_that_was_altered_stays_is_counted_and_keeps_no_other_waiting(
    ctx: Context, runtime: Runtime, box: Any, key: Any, drain: Callable[[], int]
) -> None:
    with ctx.transaction():
        bad = key.scoped(ctx).create(secret=seal(ctx, "secret", "a")[:-1] + b"x")
        good = key.scoped(ctx).create(secret=seal(ctx, "secret", "b"))
    runtime.keyring = ring = rotated(runtime)
    done = rotate_all(ctx, drain)
    assert (done["changed"], done["unreadable"]) == (1, 1)
    assert not ring.needs_rotation(key.scoped(ctx).get(key.id == good.id).secret)
    with pytest.raises(IntegrityFault):
        unseal(ctx, "secret", key.scoped(ctx).get(key.id == bad.id).secret)


def test_two_rows_of_one_phone_from_a_half_done_rotation_are_counted_and_both_stay(
    ctx: Context, runtime: Runtime, box: Any, put: Callable[..., Any], drain: Callable[[], int]
) -> None:
    put()
    runtime.keyring = rotated(runtime)
    put()
    done = rotate_all(ctx, drain)
    assert (done["clashes"], box.scoped(ctx).select().count()) == (1, 2)


def test_a_rotation_of_one_tenant_leaves_the_rows_of_another(
    ctx: Context, runtime: Runtime, box: Any, put: Callable[..., Any], new_tenant: Any, drain: Callable[[], int]
) -> None:
    other = new_tenant("other").for_plugin("vault")
    put(ctx=other)
    runtime.keyring = ring = rotated(runtime)
    rotate_all(ctx, drain)
    assert ring.needs_rotation(box.scoped(other).first().address)


def test_what_no_column_declares_is_neither_sealed_nor_indexed_and_the_error_says_what_to_write(ctx: Context) -> None:
    with pytest.raises(ConfigurationError, match=r'SealedField\("adress"\)'):
        seal(ctx, "adress", "x")
    with pytest.raises(ConfigurationError, match=r'BlindField\("mail"\)'):
        blind(ctx, "mail", "x")


def test_a_field_without_a_purpose_is_sealed_for_its_own_name(box: Any) -> None:
    fields = box._meta.fields
    assert [fields[name].purpose for name in ("address", "remark", "phone_blind")] == ["address", "note", "phone"]
    assert isinstance(fields["address"], SealedField)


def test_an_index_of_no_sealed_column_is_an_error_that_names_both(
    runtime: Runtime, box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = box._meta.fields["phone_blind"]
    assert isinstance(index, BlindField)
    monkeypatch.setattr(index, "of", "title")
    with pytest.raises(ConfigurationError, match=r"VaultBox\.phone_blind is the index of 'title'"):
        sealed_tables(runtime.registry.tables())


def test_settings_members_and_plugins_rotate_together(
    ctx: Context, runtime: Runtime, put: Callable[..., Any], member: Callable[..., Any], drain: Callable[[], int]
) -> None:
    put()
    someone = member(phone="13812345678", name="李雷")
    runtime.keyring = ring = rotated(runtime)
    assert rotate_all(ctx, drain)["changed"] == 2
    drop_old_keys(ring)
    tenants.forget_cached()
    assert members.get(ctx, someone.id).name == "李雷"
