"""Staff: signing in, being locked out, passwords, roles and what they allow, venue scope."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core import audit, db, identity, tenants
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.errors import Conflict, Forbidden, Invalid, NotFound, RoostError, TooManyRequests, Unauthorized
from core.identity import StaffView
from core.runtime import Runtime

PASSWORD = "correct horse battery"


@pytest.fixture
def clerk(tenant: Context) -> StaffView:
    """Return the account `clerk`, who sees members."""
    with tenant.transaction():
        identity.save_role(tenant, "desk", "前台", ["members.view"])
        return identity.create_staff(tenant, "Clerk", PASSWORD, "小李", ["desk"])


def sign_in(ctx: Context, username: str = "clerk", password: str = PASSWORD) -> str:
    return ctx.run(lambda: identity.sign_in_staff(ctx, username, password))


def actions(ctx: Context, pattern: str) -> list[str]:
    with ctx.transaction():
        return [r.action for r in audit.find(ctx, action=pattern).items]


def test_staff_sign_in_and_act_with_the_permissions_of_their_roles(
    tenant: Context, runtime: Runtime, clerk: StaffView
) -> None:
    signed = identity.authenticate(runtime, sign_in(tenant, " CLERK "))

    assert (signed.actor.kind, signed.actor.id) == ("staff", clerk.id)
    assert signed.actor.permissions == {"members.view"}
    assert signed.actor.venues == frozenset()
    assert actions(tenant, "staff.signed_in") == ["staff.signed_in"]


@pytest.mark.parametrize(("username", "password"), [("clerk", "wrong password"), ("nobody", PASSWORD), ("clerk", "")])
def test_a_failed_sign_in_does_not_say_whether_the_account_exists(
    tenant: Context, clerk: StaffView, username: str, password: str
) -> None:
    with pytest.raises(Unauthorized) as caught:
        sign_in(tenant, username, password)
    assert (caught.value.code, caught.value.message) == (
        "bad_credentials",
        "the username or the password is wrong",
    )


def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(
    tenant: Context, clerk: StaffView, clock: ManualClock
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            sign_in(tenant, password="wrong password")
    with pytest.raises(TooManyRequests) as caught:
        sign_in(tenant)
    assert caught.value.code == "locked"
    assert caught.value.retry_after
    clock.advance(minutes=14)
    with pytest.raises(TooManyRequests):
        sign_in(tenant)
    clock.advance(minutes=2)
    sign_in(tenant)
    assert actions(tenant, "staff.locked") == ["staff.locked"]


def test_a_success_forgets_earlier_failures(tenant: Context, clerk: StaffView) -> None:
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(Unauthorized):
                sign_in(tenant, password="wrong password")
        sign_in(tenant)


def test_eight_guesses_at_once_try_five_passwords(tenant: Context, clerk: StaffView) -> None:
    gate, seen = threading.Barrier(8), []

    def guess() -> None:
        with db.connection():
            gate.wait()
            try:
                sign_in(tenant, password="wrong password")
            except RoostError as ex:
                seen.append(ex.code)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["bad_credentials"] * 5 + ["locked"] * 3


def test_the_database_holds_an_argon2_hash(tenant: Context, clerk: StaffView) -> None:
    with tenant.transaction():
        row = db.fetch_one(tenant.scope, db.Sql("SELECT password FROM staff"))
    assert row is not None
    assert row[0].startswith("$argon2id$")
    assert PASSWORD not in row[0]


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaa", "reception1", "RECEPTION2026"])
def test_a_weak_password_is_refused(tenant: Context, password: str) -> None:
    with tenant.transaction(), pytest.raises(Invalid) as caught:
        identity.create_staff(tenant, "reception", password, "R", [])
    assert caught.value.code == "weak_password"
    assert password not in caught.value.message


def test_a_changed_password_ends_the_other_sessions(tenant: Context, runtime: Runtime, clerk: StaffView) -> None:
    here, there = sign_in(tenant), sign_in(tenant)
    keep = identity.authenticate(runtime, here).session
    with pytest.raises(Unauthorized):
        tenant.run(lambda: identity.change_password(tenant, clerk.id, "wrong password", "another horse battery"))
    with pytest.raises(Invalid):
        tenant.run(lambda: identity.change_password(tenant, clerk.id, PASSWORD, PASSWORD))
    tenant.run(lambda: identity.change_password(tenant, clerk.id, PASSWORD, "another horse battery", keep=keep))

    identity.authenticate(runtime, here)
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, there)
    with pytest.raises(Unauthorized):
        sign_in(tenant)
    sign_in(tenant, password="another horse battery")


def test_guessing_the_old_password_locks_the_account_too(tenant: Context, clerk: StaffView) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            tenant.run(lambda: identity.change_password(tenant, clerk.id, "wrong password", "another horse battery"))
    with pytest.raises(TooManyRequests):
        tenant.run(lambda: identity.change_password(tenant, clerk.id, PASSWORD, "another horse battery"))
    tenant.run(lambda: identity.reset_password(tenant, clerk.id, "another horse battery"))
    sign_in(tenant, password="another horse battery")


def test_an_account_that_is_switched_off_is_out_at_once(tenant: Context, runtime: Runtime, clerk: StaffView) -> None:
    token = sign_in(tenant)
    tenant.run(lambda: identity.set_staff_active(tenant, clerk.id, False))
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)
    with pytest.raises(Unauthorized):
        sign_in(tenant)
    tenant.run(lambda: identity.set_staff_active(tenant, clerk.id, True))
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)
    sign_in(tenant)


def test_a_role_that_changes_changes_what_its_people_may_do_at_once(
    tenant: Context, runtime: Runtime, clerk: StaffView
) -> None:
    token = sign_in(tenant)
    with tenant.transaction():
        identity.save_role(tenant, "points", "积分", ["points.view", "points.adjust"])
        identity.set_staff_roles(tenant, clerk.id, ["desk", "points"])
    assert identity.authenticate(runtime, token).actor.permissions == {
        "members.view",
        "points.view",
        "points.adjust",
    }
    with tenant.transaction():
        identity.save_role(tenant, "points", "积分", ["points.view"])
        assert {r.code: r.permissions for r in identity.roles(tenant)} == {
            "desk": {"members.view"},
            "points": {"points.view"},
        }
    assert identity.authenticate(runtime, token).actor.permissions == {"members.view", "points.view"}


def test_a_role_names_only_permissions_that_exist_the_plugins_included(tenant: Context) -> None:
    with tenant.transaction():
        known = identity.known_permissions(tenant)
        assert set(identity.CORE_PERMISSIONS) < set(known)
        identity.save_role(tenant, "all", "全部", known)
        with pytest.raises(Invalid, match=r"members\.veiw"):
            identity.save_role(tenant, "typo", "x", ["members.veiw"])
        with pytest.raises(Invalid):
            identity.save_role(tenant, "Bad Code", "x", [])
        with pytest.raises(Invalid, match="no role"):
            identity.create_staff(tenant, "someone", PASSWORD, "S", ["absent"])


def test_venues_bound_an_account(tenant: Context, runtime: Runtime, clerk: StaffView) -> None:
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "v1", "One").id
        view = identity.set_staff_roles(tenant, clerk.id, ["desk"], [venue])
        with pytest.raises(NotFound):
            identity.set_staff_roles(tenant, clerk.id, ["desk"], [clerk.id])
    assert view.venues == {venue}
    assert identity.authenticate(runtime, sign_in(tenant)).actor.venues == {venue}


def test_nobody_gives_or_takes_more_than_they_have(tenant: Context, clerk: StaffView) -> None:
    with tenant.transaction():
        here, there = tenants.add_venue(tenant, "v1", "One").id, tenants.add_venue(tenant, "v2", "Two").id
        identity.save_role(tenant, "chief", "店长", ["members.view", "staff.edit"])
        identity.save_role(tenant, "boss", "总部", ["members.view", "staff.edit", "members.erase"])
        boss = identity.create_staff(tenant, "the-boss", PASSWORD, "Boss", ["boss"])
        permissions = frozenset({"members.view", "staff.edit"})
        chief = tenant.acting(Actor("staff", clerk.id, permissions=permissions))
        local = tenant.acting(Actor("staff", clerk.id, permissions=permissions, venues=frozenset({here})))
        refused: list[Callable[[], Any]] = [
            lambda: identity.save_role(chief, "mine", "x", ["members.erase"]),
            lambda: identity.save_role(chief, "boss", "x", ["members.view"]),
            lambda: identity.create_staff(chief, "second", PASSWORD, "S", ["boss"]),
            lambda: identity.set_staff_roles(chief, clerk.id, ["boss"]),
            lambda: identity.reset_password(chief, boss.id, "another horse battery"),
            lambda: identity.set_staff_active(chief, boss.id, False),
            lambda: identity.create_staff(local, "second", PASSWORD, "S", ["desk"]),
            lambda: identity.create_staff(local, "second", PASSWORD, "S", ["desk"], [there]),
            lambda: identity.reset_password(local, clerk.id, "another horse battery"),
        ]
        for attempt in refused:
            with pytest.raises(Forbidden):
                attempt()
        with pytest.raises(Conflict):
            identity.set_staff_active(chief, clerk.id, False)
        second = identity.create_staff(local, "second", PASSWORD, "S", ["desk"], [here])
    assert second.venues == {here}


def test_a_username_is_taken_once_a_brand(
    tenant: Context, clerk: StaffView, new_tenant: Callable[..., Context]
) -> None:
    with tenant.transaction():
        with pytest.raises(Conflict):
            identity.create_staff(tenant, "CLERK", PASSWORD, "C", [])
        with pytest.raises(Invalid):
            identity.create_staff(tenant, "a b", PASSWORD, "C", [])
        assert [s.username for s in identity.all_staff(tenant)] == ["clerk"]
    other = new_tenant("other")
    with other.transaction():
        identity.create_staff(other, "clerk", PASSWORD, "C", [])
        with pytest.raises(NotFound):
            identity.staff_account(other, clerk.id)


def test_wrong_passwords_over_http_count_and_leave_no_idempotency_key_behind(
    tenant: Context, clerk: StaffView, api: Any
) -> None:
    def post(password: str, key: str) -> Any:
        return api.post("/admin/v1/session", json={"username": "clerk", "password": password}, key=key)

    # The same key again is the same question again, not one that "is still running".
    assert [post("wrong password", "k1").status_code for _ in range(5)] == [401] * 5
    locked = post(PASSWORD, "k2")
    assert (locked.status_code, locked.json["code"]) == (429, "locked")
    with tenant.transaction():
        assert db.fetch_all(tenant.scope, db.Sql("SELECT slot FROM idempotency")) == []
