"""Sessions, keys, one-time codes and signed tokens: what lets somebody in, and what no longer does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core import db, identity, members, tenants
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.errors import Forbidden, Invalid, NotFound, TooManyRequests, Unauthorized
from core.identity.models import OneTimeCode, Session
from core.ids import new_id
from core.members import MemberView
from core.runtime import Runtime

Make = Callable[..., MemberView]


def open_session(ctx: Context, member: MemberView, **more: Any) -> str:
    return ctx.run(lambda: identity.open_session(ctx, "member", member.id, **more))


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements that are sent within the block."""
    sent: list[str] = []
    hooks = db.database.obj.query_hooks
    hooks.append(lambda event: sent.append(event.sql))
    try:
        yield sent
    finally:
        hooks.pop()


# --- sessions -----------------------------------------------------------------------------------------------


def test_a_token_tells_who_and_at_which_brand_by_one_statement(tenant: Context, runtime: Runtime, member: Make) -> None:
    one = member()
    token = open_session(tenant, one, device="iPhone")
    identity.authenticate(runtime, token)
    with statements() as sent:
        signed = identity.authenticate(runtime, token)

    assert len(sent) == 1
    assert (signed.tenant.slug, signed.actor.kind, signed.actor.id) == ("acme", "member", one.id)
    with tenant.transaction():
        (session,) = identity.sessions_of(tenant, "member", one.id)
    assert (session.id, session.device) == (signed.session, "iPhone")


def test_a_switch_of_plugins_is_seen_with_the_next_request(
    tenant: Context, runtime: Runtime, member: Make, enable_plugin: Callable[..., None]
) -> None:
    token = open_session(tenant, member())
    slug = next(p.slug for p in runtime.registry.plugins.values() if not p.manifest.requires)
    assert slug not in identity.authenticate(runtime, token).tenant.plugins
    enable_plugin(slug)
    assert slug in identity.authenticate(runtime, token).tenant.plugins


def test_the_database_does_not_hold_the_token(tenant: Context, member: Make) -> None:
    token = open_session(tenant, member())
    with tenant.transaction():
        rows = str(db.fetch_all(tenant.scope, db.Sql("SELECT * FROM session")))
    assert token not in rows
    assert token.split("_", 2)[2] not in rows


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rst",
        "rst_1_short",
        "rst_1_" + "x" * 43,
        "rsk_1_" + "x" * 43,
        "rst_zzzzzz_" + "x" * 43,
        "rst_0_" + "x" * 43,
        "abc_1_" + "x" * 43,
        "rst_1_" + "x" * 42 + "é",
        "rst_1_" + "x" * 43 + "\x00",
    ],
)
def test_what_is_no_valid_token_is_refused(tenant: Context, runtime: Runtime, token: str) -> None:
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)


def test_a_token_is_worth_nothing_with_another_brands_number(
    tenant: Context, runtime: Runtime, member: Make, new_tenant: Callable[..., Context]
) -> None:
    other = new_tenant("other")
    token = open_session(tenant, member())
    prefix, _, secret = token.split("_", 2)
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, f"{prefix}_{other.tenant.id}_{secret}")


def test_a_revoked_session_is_out_at_once_and_the_others_stay(tenant: Context, runtime: Runtime, member: Make) -> None:
    one = member()
    phone, tablet, other = (
        open_session(tenant, one),
        open_session(tenant, one),
        open_session(tenant, member()),
    )
    session = identity.authenticate(runtime, phone).session
    assert session is not None
    assert tenant.run(lambda: identity.revoke_session(tenant, session))
    assert not tenant.run(lambda: identity.revoke_session(tenant, session))

    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, phone)
    identity.authenticate(runtime, tablet)
    assert tenant.run(lambda: identity.revoke_sessions_of(tenant, "member", one.id)) == 1
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, tablet)
    identity.authenticate(runtime, other)


def test_a_session_lives_while_it_is_used_and_is_written_at_most_once_an_hour(
    tenant: Context, runtime: Runtime, member: Make, clock: ManualClock
) -> None:
    token = open_session(tenant, member())
    clock.advance(days=29)
    with statements() as sent:
        identity.authenticate(runtime, token)
    assert sum("UPDATE" in s for s in sent) == 1
    clock.advance(minutes=59)
    with statements() as sent:
        identity.authenticate(runtime, token)
    assert not [s for s in sent if "UPDATE" in s]
    clock.advance(days=29)
    identity.authenticate(runtime, token)
    clock.advance(days=30, seconds=1)
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)


def test_the_session_of_a_merged_member_goes_on_as_the_survivor(
    tenant: Context, runtime: Runtime, member: Make
) -> None:
    kept, gone = member(), member()
    token = open_session(tenant, gone)
    tenant.run(lambda: members.merge(tenant, kept.id, gone.id, "one person"))
    assert identity.authenticate(runtime, token).actor.id == kept.id
    tenant.run(lambda: members.unmerge(tenant, gone.id, "two people"))
    assert identity.authenticate(runtime, token).actor.id == gone.id


def test_dead_sessions_and_codes_are_forgotten_after_a_month(tenant: Context, member: Make, clock: ManualClock) -> None:
    one = member()
    open_session(tenant, one)
    tenant.run(lambda: identity.issue_code(tenant, "login", "+8613800000000"))
    clock.advance(days=61)
    open_session(tenant, one)
    assert tenant.run(lambda: identity.clean(tenant)) is False
    assert (Session.scoped(tenant).select().count(), OneTimeCode.scoped(tenant).select().count()) == (1, 0)


# --- integration keys ---------------------------------------------------------------------------------------


def test_a_key_acts_with_its_permissions_and_venues_until_it_is_revoked(tenant: Context, runtime: Runtime) -> None:
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "v1", "One").id
        key, token = identity.create_key(tenant, "cash desk", ["points.adjust", "members.view"], [venue])
    signed = identity.authenticate(runtime, token)
    with statements() as sent:
        again = identity.authenticate(runtime, token)

    assert token.startswith("rsk_")
    assert (signed.actor.kind, signed.actor.id, signed.session) == ("key", key, None)
    assert signed.actor.permissions == {"points.adjust", "members.view"}
    assert signed.actor.venues == {venue}
    assert len(sent) == 1
    assert again.actor.permissions is signed.actor.permissions  # one set, however many requests
    with tenant.transaction():
        assert token not in str(db.fetch_all(tenant.scope, db.Sql("SELECT * FROM access_key")))
        assert [(k.name, k.revoked) for k in identity.keys(tenant)] == [("cash desk", False)]
        identity.revoke_key(tenant, key)
        with pytest.raises(NotFound):
            identity.revoke_key(tenant, key)
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)


def test_nobody_makes_a_key_that_may_do_more_than_they_may(tenant: Context, staff: Callable[..., Context]) -> None:
    chief = staff("staff.edit", "members.view")
    with tenant.transaction():
        identity.create_key(chief, "reader", ["members.view"])
        with pytest.raises(Forbidden):
            identity.create_key(chief, "taker", ["points.adjust"])
        with pytest.raises(Invalid, match="no permission"):
            identity.create_key(tenant, "typo", ["points.adjsut"])
        with pytest.raises(Forbidden):
            identity.create_key(staff("members.view"), "reader", ["members.view"])
        here = tenants.add_venue(tenant, "v1", "One").id
        with pytest.raises(Forbidden):
            identity.create_key(staff("staff.edit", "members.view", venues=(here,)), "everywhere", ["members.view"])


# --- one-time codes -----------------------------------------------------------------------------------------


def issue(ctx: Context, purpose: str = "login", subject: str = "+8613800000000", **more: Any) -> str:
    return ctx.run(lambda: identity.issue_code(ctx, purpose, subject, **more))


def check(ctx: Context, code: str, purpose: str = "login", subject: str = "+8613800000000") -> None:
    ctx.run(lambda: identity.check_code(ctx, purpose, subject, code))


def other_code(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def test_a_code_is_good_once(tenant: Context) -> None:
    code = issue(tenant)
    check(tenant, f" {code} ")
    with pytest.raises(Invalid):
        check(tenant, code)


def test_a_code_is_good_for_its_purpose_its_subject_and_its_time(tenant: Context, clock: ManualClock) -> None:
    code = issue(tenant, ttl=300)
    for purpose, subject in (("change_phone", "+8613800000000"), ("login", "+8613800000001")):
        with pytest.raises(Invalid):
            check(tenant, code, purpose, subject)
    clock.advance(seconds=300)
    with pytest.raises(Invalid):
        check(tenant, code)


def test_the_sixth_guess_is_too_late_even_when_it_is_right(tenant: Context) -> None:
    code = issue(tenant)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(Invalid) as caught:
            check(tenant, other_code(code))
        assert caught.value.details["tries_left"] == left
    with pytest.raises(Invalid):
        check(tenant, code)


def test_guesses_at_once_count_each(tenant: Context) -> None:
    code = issue(tenant)
    gate = threading.Barrier(8)

    def guess() -> None:
        with db.connection():
            gate.wait()
            with pytest.raises(Invalid):
                check(tenant, other_code(code))

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant.transaction():
        assert db.fetch_one(tenant.scope, db.Sql("SELECT tries FROM one_time_code")) == (5,)
    with pytest.raises(Invalid):
        check(tenant, code)


def test_a_new_code_replaces_the_old_one_but_not_within_a_minute(tenant: Context, clock: ManualClock) -> None:
    first = issue(tenant)
    with pytest.raises(TooManyRequests) as caught:
        issue(tenant)
    assert caught.value.retry_after
    clock.advance(seconds=61)
    second = issue(tenant)
    if first != second:
        with pytest.raises(Invalid):
            check(tenant, first)
    check(tenant, second)


def test_a_code_row_shows_neither_the_phone_nor_the_code(tenant: Context) -> None:
    code = issue(tenant, digits=8)
    with tenant.transaction():
        (row,) = db.fetch_all(tenant.scope, db.Sql("SELECT purpose, subject, code FROM one_time_code"))
    kept = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
    assert len(code) == 8
    assert code.encode() not in kept
    assert b"8613800000000" not in kept


# --- signed tokens ------------------------------------------------------------------------------------------

MONTH = 30 * 86_400


def test_an_invitation_fits_a_wechat_scene_and_names_the_member(tenant: Context, clock: ManualClock) -> None:
    member = new_id()
    token = identity.sign_token(tenant, "invitation", {"member": member}, ttl=MONTH)

    assert len(token) <= 32
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert identity.read_token(tenant, "invitation", token) == {"member": member}
    clock.advance(days=29, hours=23)
    assert identity.read_token(tenant, "invitation", token) == {"member": member}
    clock.advance(hours=1, minutes=10)
    with pytest.raises(Invalid) as caught:
        identity.read_token(tenant, "invitation", token)
    assert caught.value.code == "token_expired"


@pytest.mark.parametrize(
    "payload",
    [
        {"v": "door-7"},
        {"member": new_id(), "n": 3},
        {"a": [1, {"b": None}]},
        {"text": "会员" * 20},
        {},
        {"order": new_id()},
    ],
)
def test_a_payload_comes_back_as_it_was_signed(tenant: Context, payload: dict[str, Any], clock: ManualClock) -> None:
    for ttl in (60, MONTH):
        assert identity.read_token(tenant, "p", identity.sign_token(tenant, "p", payload, ttl=ttl)) == payload
    short = identity.sign_token(tenant, "p", payload, ttl=60)
    clock.advance(seconds=61)
    with pytest.raises(Invalid):
        identity.read_token(tenant, "p", short)


@pytest.mark.parametrize("payload", [{"member": new_id()}, {"v": "door-7"}, {"order": 7, "fen": 100}])
def test_a_token_that_was_altered_or_belongs_elsewhere_is_refused(
    tenant: Context, new_tenant: Callable[..., Context], payload: dict[str, Any]
) -> None:
    token = identity.sign_token(tenant, "invitation", payload, ttl=MONTH)
    altered = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    for wrong in (*altered, token[:-1], token + "A", token + "=", "", "é" * 32, "A" * 5000):
        with pytest.raises(Invalid):
            identity.read_token(tenant, "invitation", wrong)
    with pytest.raises(Invalid):
        identity.read_token(tenant, "scene", token)
    with pytest.raises(Invalid):
        identity.read_token(new_tenant("other"), "invitation", token)


def test_a_payload_too_long_to_carry_is_refused(tenant: Context) -> None:
    with pytest.raises(Invalid):
        identity.sign_token(tenant, "p", {"text": "x" * 2000}, ttl=60)


def test_an_actor_outside_the_brand_holds_nothing(tenant: Context) -> None:
    assert not tenant.acting(Actor("member", new_id())).has("members.view")
