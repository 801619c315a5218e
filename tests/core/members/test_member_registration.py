"""How a person becomes known: once, whoever registers them, and never with a phone in clear."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from core import db, members
from core.contract.context import Context
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events.models import Event
from core.ids import new_id
from core.members import Member, MemberIdentity, MemberView, NewMember
from core.privacy import Keyring, new_key
from core.runtime import Runtime

PHONE = "13812345678"


def register(ctx: Context, **values: Any) -> tuple[MemberView, bool]:
    return ctx.run(lambda: members.register(ctx, **{"channel": "wechat", **values}))


def facts(ctx: Context, name: str) -> int:
    with ctx.transaction():
        return int(Event.scoped(ctx).select().where(Event.name == name).count())


def test_an_unknown_phone_makes_a_lead_and_tells_it_once(tenant: Context) -> None:
    view, created = register(tenant, phone=PHONE, name=" 王 小明 ")
    again, created_again = register(tenant, phone="+86 138-1234-5678", name="Somebody Else", channel="staff")

    assert (created, created_again) == (True, False)
    assert again == view
    assert (view.state, view.class_, view.channel, view.phone_masked, view.name) == (
        "lead", "ordinary", "wechat", "138****5678", "王 小明",
    )  # fmt: skip
    assert facts(tenant, "member_registered") == 1


def test_a_wrong_phone_is_refused_and_writes_nothing(tenant: Context) -> None:
    with pytest.raises(Invalid) as caught:
        register(tenant, phone="1381234567")

    assert "1381234567" not in caught.value.message
    assert facts(tenant, "member_registered") == 0


def test_no_row_fact_or_audit_row_holds_the_phone_or_the_name(tenant: Context) -> None:
    view, _ = register(tenant, phone=PHONE, name="韩梅梅")
    with tenant.transaction():
        members.reveal_phone(tenant, view.id, f"called {PHONE}")
        members.update_profile(tenant, view.id, {"name": "韩梅梅二", "gender": "female"})
        members.change_phone(tenant, view.id, "13900001111")
        everything = []
        for table in ("member", "member_identity", "event", "job", "audit"):
            rows = db.fetch_all(tenant.scope, db.Sql(f"SELECT * FROM {table}"))
            everything += [bytes(v) if isinstance(v, memoryview | bytes) else str(v).encode() for r in rows for v in r]
    text = b"\n".join(everything)

    for secret in (PHONE, "13900001111", "韩梅梅"):
        assert secret.encode() not in text
    assert b"5678" not in text.replace(b"138****5678", b"")


def test_the_same_phone_at_two_brands_is_two_people(tenant: Context, new_tenant: Callable[..., Context]) -> None:
    mine, _ = register(tenant, phone=PHONE)
    theirs, created = register(new_tenant("other"), phone=PHONE)

    assert created
    assert mine.id != theirs.id
    with tenant.transaction(), pytest.raises(NotFound):
        members.get(tenant, theirs.id)


def _at_once(ctx: Context, count: int, work: Callable[[], Any]) -> list[Any]:
    """Run `work` in so many threads that start together; return what they gave, or raised."""
    gate, results = threading.Barrier(count), []

    def run() -> None:
        with db.connection():
            gate.wait()
            try:
                results.append(ctx.run(work))
            except Exception as ex:  # noqa: BLE001 -- a thread's failure is looked at by the test
                results.append(ex)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_eight_registrations_of_one_phone_at_once_make_one_member(tenant: Context) -> None:
    results = _at_once(tenant, 8, lambda: members.register(tenant, channel="wechat", phone=PHONE))

    assert [r for r in results if isinstance(r, Exception)] == []
    assert len({view.id for view, _ in results}) == 1
    assert sum(created for _, created in results) == 1
    assert facts(tenant, "member_registered") == 1


@pytest.mark.engines("postgresql")  # SQLite lets one writer in at a time, so there is no race to show
def test_without_the_unique_index_the_same_eight_make_more_than_one(tenant: Context) -> None:
    with tenant.transaction():
        db.run(tenant.scope, db.Sql("DROP INDEX member_phone"))
    gate = threading.Barrier(8)

    def late() -> Any:
        members.find_by_phone(tenant, PHONE)
        gate.wait(timeout=20)  # everybody has looked and found nobody
        return members.register(tenant, channel="wechat", phone=PHONE)

    # Each looks, all wait for each other, then each registers: the index was all that kept them apart.
    results = _at_once(tenant, 8, late)
    assert len({r[0].id for r in results if not isinstance(r, Exception)}) > 1


def test_eight_registrations_of_one_open_id_at_once_make_one_member(tenant: Context) -> None:
    results = _at_once(tenant, 8, lambda: members.register(tenant, channel="wechat", external_id="open-1"))

    assert [r for r in results if isinstance(r, Exception)] == []
    assert len({view.id for view, _ in results}) == 1
    with tenant.transaction():
        assert Member.scoped(tenant).select().count() == MemberIdentity.scoped(tenant).select().count() == 1
    assert facts(tenant, "member_registered") == 1


def test_a_person_is_found_by_identity_and_an_identity_belongs_to_one_person(tenant: Context) -> None:
    one, _ = register(tenant, external_id="open-1")
    two, _ = register(tenant, phone=PHONE)
    with tenant.transaction():
        members.link_identity(tenant, two.id, "qinniao", "C-9")
        members.link_identity(tenant, two.id, "qinniao", "C-9")

        assert members.find_by_identity(tenant, "wechat", "open-1") == one
        assert members.find_by_identity(tenant, "qinniao", "C-9") == two
        assert members.find_by_identity(tenant, "qinniao", "open-1") is None
        with pytest.raises(Conflict, match="another member"):
            members.link_identity(tenant, one.id, "qinniao", "C-9")
    with pytest.raises(Conflict, match="another member"):
        register(tenant, phone=PHONE, external_id="open-1")


def test_a_member_is_found_by_phone_and_last_four_digits(tenant: Context) -> None:
    one, _ = register(tenant, phone=PHONE)
    two, _ = register(tenant, phone="13900005678")
    register(tenant, phone="13900001234")
    with tenant.transaction():
        assert members.find_by_phone(tenant, "138 1234 5678") == one
        assert members.find_by_phone(tenant, "13999999999") is None
        assert {m.id for m in members.find_by_last_four(tenant, "5678")} == {one.id, two.id}
        with pytest.raises(Invalid):
            members.find_by_last_four(tenant, "567")


def test_a_phone_can_be_changed_unless_it_is_somebody_elses(tenant: Context) -> None:
    one, _ = register(tenant, phone=PHONE)
    register(tenant, phone="13900001234")
    with tenant.transaction():
        with pytest.raises(Conflict):
            members.change_phone(tenant, one.id, "13900001234")
        assert members.change_phone(tenant, one.id, "13700007777").phone_masked == "137****7777"
        assert members.find_by_phone(tenant, PHONE) is None
        found = members.find_by_phone(tenant, "13700007777")
    assert found is not None
    assert found.id == one.id


def test_the_phone_is_for_the_system_and_for_staff_with_a_reason(
    tenant: Context, staff: Callable[..., Context]
) -> None:
    view, _ = register(tenant, phone=PHONE)
    with tenant.transaction():
        assert members.phone_of(tenant, view.id) == f"+86{PHONE}"
        clerk, auditor = staff("members.view"), staff("members.reveal")
        with pytest.raises(Forbidden):
            members.phone_of(auditor, view.id)
        with pytest.raises(Forbidden):
            members.reveal_phone(clerk, view.id, "wants a call back")
        with pytest.raises(Invalid, match="why"):
            members.reveal_phone(auditor, view.id, "  ")
        assert members.reveal_phone(auditor, view.id, "wants a call back") == f"+86{PHONE}"
        rows = db.fetch_all(
            tenant.scope, db.Sql("SELECT actor, subject FROM audit WHERE action = 'member.phone_revealed'")
        )
    assert rows == [(str(auditor.actor), str(view.id))]


def test_a_name_is_masked_for_who_may_not_see_it(tenant: Context, staff: Callable[..., Context]) -> None:
    view, _ = register(tenant, phone=PHONE, name="王小明")
    with tenant.transaction():
        assert members.get(staff(), view.id).name == "王**"
        assert members.get(staff("members.view"), view.id).name == "王小明"


# --- many at once -------------------------------------------------------------------------------------------


def test_an_import_makes_each_person_once_and_tells_it_as_an_import(tenant: Context) -> None:
    rows = [NewMember("import:cdnow", f"C{n % 250}") for n in range(1000)]
    ctx = tenant.imported()
    first = ctx.run(lambda: members.register_many(ctx, rows))
    again = ctx.run(lambda: members.register_many(ctx, rows[:300]))

    assert len(first) == 250
    assert again == {s: m for s, m in first.items() if s in again}
    with tenant.transaction():
        origins = [e.origin for e in Event.scoped(tenant).select().where(Event.name == "member_registered")]
        found = members.find_by_identity(tenant, "import:cdnow", "C7")
    assert origins == ["import"] * 250
    assert found is not None
    assert (found.id, found.state, found.channel) == (first["C7"], "lead", "import")


def test_an_import_joins_people_who_are_known_by_their_phone(tenant: Context) -> None:
    known, _ = register(tenant, phone=PHONE)
    rows = [
        NewMember("saas", "A", phone=PHONE, name="李雷"),
        NewMember("saas", "B", phone="13900001111", name="韩梅梅", gender="female"),
        NewMember("saas", "C", phone="139 0000 1111"),
        NewMember("saas", "D"),
    ]
    found = tenant.run(lambda: members.register_many(tenant, rows))

    assert found["A"] == known.id
    assert found["B"] == found["C"] != found["D"]
    with tenant.transaction():
        assert members.get(tenant, found["B"]).name == "韩梅梅"
        assert members.find_by_identity(tenant, "saas", "C") == members.find_by_phone(tenant, "13900001111")
        assert Member.scoped(tenant).select().count() == 3
    assert facts(tenant, "member_registered") == 3


def test_a_bad_row_of_an_import_is_named_by_number_and_nothing_is_written(tenant: Context) -> None:
    rows = [NewMember("saas", "A"), NewMember("saas", "B", phone="12")]
    with pytest.raises(Invalid, match="row 2"):
        tenant.run(lambda: members.register_many(tenant, rows))
    with tenant.transaction():
        assert Member.scoped(tenant).select().count() == 0


def test_two_imports_of_the_same_people_at_once_make_each_once(tenant: Context) -> None:
    rows = [NewMember("saas", f"S{n}", phone=f"139{n:08d}" if n % 2 else None) for n in range(200)]
    results = _at_once(tenant, 4, lambda: members.register_many(tenant, rows))

    assert [r for r in results if isinstance(r, Exception)] == []
    assert all(r == results[0] for r in results)
    with tenant.transaction():
        assert Member.scoped(tenant).select().count() == 200
    assert facts(tenant, "member_registered") == 200


# --- rotation -----------------------------------------------------------------------------------------------


def _rotated(runtime: Runtime) -> Keyring:
    """Return a keyring with a new key before each old one."""
    values = runtime.settings.model_dump()
    for name in ("encryption_keys", "index_keys"):
        values[name] = SecretStr(f"2:{new_key()},{values[name].get_secret_value()}")
    return Keyring.from_settings(type(runtime.settings)(_env_file=None, **values))


def test_during_a_rotation_old_and_new_members_are_found_and_after_it_the_old_keys_can_go(
    tenant: Context, runtime: Runtime, drain: Callable[[], int]
) -> None:
    old: list[UUID] = [register(tenant, phone=f"1380000{n:04d}", name="老会员")[0].id for n in range(7)]
    runtime.keyring = rotated = _rotated(runtime)
    new, _ = register(tenant, phone="13911112222")
    again, created = register(tenant, phone="13800000003")
    with tenant.transaction():
        assert (again.id, created) == (old[3], False)
        assert {m.id for m in members.find_by_last_four(tenant, "0003")} == {old[3]}
        members.start_rotation(tenant)
    drain()

    rotated._index = rotated._index[:1]  # the old keys are taken out of the settings
    rotated._encryption.pop(1)
    with tenant.transaction():
        for number, member in enumerate(old):
            found = members.find_by_phone(tenant, f"1380000{number:04d}")
            assert found is not None
            assert (found.id, found.name) == (member, "老会员")
            assert member in {m.id for m in members.find_by_last_four(tenant, f"{number:04d}")}
        assert members.find_by_phone(tenant, "13911112222") == members.get(tenant, new.id)


def test_a_rotation_resumes_from_its_cursor(tenant: Context, runtime: Runtime) -> None:
    for number in range(5):
        register(tenant, phone=f"1380000{number:04d}")
    runtime.keyring = _rotated(runtime)
    with tenant.transaction():
        following = members.rotation.rotate(tenant, members.rotation.RotationPayload(), batch=2)
        assert following is not None
        assert following.changed == 2
        old = [m for m in Member.scoped(tenant).select() if runtime.keyring.needs_rotation(m.phone)]
        assert len(old) == 3
        while following is not None:
            following = members.rotation.rotate(tenant, following, batch=2)
        assert not [m for m in Member.scoped(tenant).select() if runtime.keyring.needs_rotation(m.phone)]


def test_two_processes_in_mid_rotation_do_not_register_one_phone_twice(tenant: Context, runtime: Runtime) -> None:
    first = _rotated(runtime)
    second = Keyring(first._encryption.values(), first._index[::-1], first._token)  # still writes with the old key
    turns, results = iter([first, second] * 4), []

    def work() -> Any:
        half = type("Half", (), {})()
        half.__dict__.update(runtime.__dict__)
        half.keyring = next(turns)
        half.publish_many = runtime.publish_many
        ctx = Context(half, tenant.tenant, tenant.actor)  # type: ignore[arg-type]  # a runtime with another keyring
        return members.register(ctx, channel="wechat", phone=PHONE)

    results = _at_once(tenant, 8, work)
    assert [r for r in results if isinstance(r, Exception)] == []
    assert len({view.id for view, _ in results}) == 1


def test_an_identity_must_say_something(tenant: Context) -> None:
    view, _ = register(tenant, phone=PHONE)
    with tenant.transaction():
        for provider, subject in (("", "x"), ("wechat", ""), ("wechat", "x" * 129)):
            with pytest.raises(Invalid):
                members.link_identity(tenant, view.id, provider, subject)
        with pytest.raises(NotFound):
            members.get(tenant, new_id())
