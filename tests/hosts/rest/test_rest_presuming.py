"""A call is served while the database is asked who calls: nothing comes of it that asking first would not give."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import peewee
import pytest

from core import db, identity, members, points, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.identity import AccessKey, Staff
from core.identity.tokens import hash_token, new_token
from core.ids import new_id
from core.libpq import Pipeline
from core.presuming import Presuming, presume
from core.runtime import Runtime
from hosts.testkit.plugin import Api

BODY = {"amount": 5, "reason": "gift"}


@pytest.fixture
def trips(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with each message to PostgreSQL."""
    sent: list[int] = []
    for name in ("_exchange", "_alone"):
        plain = getattr(Pipeline, name)

        def counted(self: Any, *given: Any, plain: Any = plain) -> Any:
            sent.append(1)
            return plain(self, *given)

        monkeypatch.setattr(Pipeline, name, counted)
    return sent


def credit(api: Api, token: str, member: Any, **more: Any) -> Any:
    return api.post(f"/admin/v1/members/{member.id}/points", token=token, json=BODY, **more)


@pytest.mark.engines("postgresql")
def test_identity_and_answer_take_one_message_and_a_keyed_credit_two(
    api: Api, member: Callable[..., Any], trips: list[int]
) -> None:
    someone = member()
    token, key = api.as_member(someone), api.as_key("points.adjust")
    for number in range(4):  # the first calls ask first, and see statements for the first time
        assert api.get("/v1/me", token=token).status_code == 200
        assert credit(api, key, someone, key=f"k{number}").status_code == 200
    trips.clear()
    assert api.get("/v1/me", token=token).json["balances"]["points"]["available"] == 20
    assert len(trips) == 1
    trips.clear()
    assert credit(api, key, someone, key="last").json["balance"] == 25
    assert len(trips) == 2


def test_a_session_that_was_revoked_reads_nothing_more(api: Api, tenant: Context, member: Callable[..., Any]) -> None:
    someone = member()
    token, other = api.as_member(someone), api.as_member(someone)
    assert api.get("/v1/me", token=token).status_code == 200
    with tenant.transaction():
        identity.revoke_sessions_of(tenant, "member", someone.id)
    for one in (token, other):
        assert api.get("/v1/me", token=one).status_code == 401
    assert api.patch("/v1/me", token=token, json={"gender": "male"}).status_code == 401
    assert api.patch("/v1/me", token=token, json={"gender": 7}).status_code == 401, "not told what is wrong with it"
    assert members.get(tenant, someone.id).gender == ""


def test_a_key_that_was_revoked_moves_nothing_more(api: Api, tenant: Context, member: Callable[..., Any]) -> None:
    someone, key = member(), api.as_key("points.adjust")
    assert credit(api, key, someone, key="first").status_code == 200
    AccessKey.scoped(tenant).update(revoked_at=tenant.now()).execute()
    assert credit(api, key, someone, key="second").status_code == 401
    assert credit(api, key, someone, key="first").status_code == 401, "nor is it told what it did"
    assert points.balance(tenant, someone.id).available == 5
    assert points.verify(tenant) == []


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("believing", [False, True], ids=["as it is", "control: the answer is not looked at"])
def test_a_session_revoked_beside_a_process_that_remembers_it_writes_nothing(
    api: Api, tenant: Context, member: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, believing: bool
) -> None:
    someone, token = member(), api.as_staff("points.adjust")
    mine = api.as_member(someone)
    assert credit(api, token, someone, key="first").status_code == 200
    identity.Session.scoped(tenant).update(revoked_at=tenant.now()).execute()
    if believing:
        plain = Presuming.expect
        monkeypatch.setattr(Presuming, "expect", lambda self, fits: plain(self, lambda rows: True))
    replies = [
        credit(api, token, someone, key="second"),
        api.patch("/v1/me", token=mine, json={"gender": "male"}),
        api.get("/v1/me", token=mine),
    ]
    assert [reply.status_code for reply in replies] == ([200] * 3 if believing else [401] * 3)
    assert points.balance(tenant, someone.id).available == (10 if believing else 5)
    assert members.get(tenant, someone.id).gender == ("male" if believing else "")
    assert points.verify(tenant) == []


def test_what_staff_may_do_holds_from_the_next_call(api: Api, tenant: Context, member: Callable[..., Any]) -> None:
    someone, token = member(), api.as_staff("points.adjust")
    assert credit(api, token, someone, key="first").status_code == 200
    Staff.scoped(tenant).update(permissions="[]").execute()
    assert credit(api, token, someone, key="second").status_code == 403
    Staff.scoped(tenant).update(active=False).execute()
    assert credit(api, token, someone, key="third").status_code == 401
    assert points.balance(tenant, someone.id).available == 5


def test_a_plugin_switched_off_is_gone_from_the_next_call(
    api: Api, tenant: Context, member: Callable[..., Any], enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    token = api.as_member(member())
    assert api.post("/v1/probe/venues", token=token, json={"code": "a"}).status_code == 201
    with tenant.transaction():
        tenants.TenantPlugin.scoped(tenant).update(enabled=False).execute()
        tenants.touch(tenant)
    assert api.post("/v1/probe/venues", token=token, json={"code": "b"}).status_code == 404
    assert [venue.code for venue in tenants.venues(tenant)] == ["a"]


def test_a_session_that_ran_out_is_over_and_one_in_use_is_kept_alive(
    api: Api, clock: ManualClock, member: Callable[..., Any]
) -> None:
    token = api.as_member(member())
    for _ in range(3):
        clock.advance(days=29)
        assert api.get("/v1/me", token=token).status_code == 200
    clock.advance(days=31)
    assert api.get("/v1/me", token=token).status_code == 401


def test_a_member_who_was_merged_goes_on_as_the_survivor_and_one_who_is_not_there_gets_nothing(
    api: Api, tenant: Context, member: Callable[..., Any]
) -> None:
    stays, goes = member(), member()
    token, key = api.as_member(goes), api.as_key("points.adjust")
    assert credit(api, key, goes, key="before").status_code == 200
    with tenant.transaction():
        members.merge(tenant, stays.id, goes.id, "the same person")
    assert api.get("/v1/me", token=token).json["id"] == str(stays.id)
    assert credit(api, key, goes, key="after").json["balance"] == 10
    assert points.balance(tenant, stays.id).available == 10
    lost = api.post(f"/admin/v1/members/{new_id()}/points", token=key, json=BODY, key="lost")
    assert (lost.status_code, lost.json["code"]) == (404, "not_found")
    assert points.verify(tenant) == []


def test_the_member_that_a_token_names_proves_nothing(api: Api, member: Callable[..., Any]) -> None:
    mine, theirs = api.as_member(member()), api.as_member(member())
    head, length = len("rst_1_"), 22
    forged = theirs[: head + length] + mine[head + length :]
    assert api.get("/v1/me", token=forged).status_code == 401


def test_a_token_without_a_members_id_still_serves(api: Api, tenant: Context, member: Callable[..., Any]) -> None:
    someone = member()
    old = new_token("rst", tenant.tenant.id)
    new = api.as_member(someone)
    with tenant.transaction():
        identity.Session.scoped(tenant).update(token=hash_token(old)).execute()
    assert api.get("/v1/me", token=old).json["id"] == str(someone.id)
    assert api.get("/v1/me", token=new).status_code == 401


# --- the presumption itself ------------------------------------------------------------------------------------------

_ONE = db.Sql("SELECT %s::int")
_RENAME = db.Sql("UPDATE tenant SET name = %s WHERE id = %s")


def _no(rows: list[Any]) -> bool:
    return False


@pytest.mark.engines("postgresql")
def test_what_was_presumed_wrongly_is_not_committed_even_when_the_refusal_is_swallowed(tenant: Context) -> None:
    with db.connection(), Presuming() as presuming, db.transaction(db.EVERY_TENANT):
        db.run_later(db.EVERY_TENANT, _RENAME, ("wrong", tenant.tenant.id))
        assert presume(db.EVERY_TENANT, _ONE, (1,), _no)
        with suppress(db.Misjudged):  # as a careless caller would
            db.fetch_one(db.EVERY_TENANT, _ONE, (2,))
    assert not presuming.held
    assert tenants.by_id(tenant.tenant.id).name != "wrong"


@pytest.mark.engines("postgresql")
def test_a_presumption_is_answered_before_the_commit_also_when_nothing_else_is_asked(tenant: Context) -> None:
    with db.connection(), Presuming() as presuming, db.transaction(db.EVERY_TENANT):
        db.fetch_one(db.EVERY_TENANT, _ONE, (2,))
        assert presume(db.EVERY_TENANT, _ONE, (1,), _no)
        db.run_later(db.EVERY_TENANT, _RENAME, ("wrong", tenant.tenant.id))
    assert not presuming.held
    assert tenants.by_id(tenant.tenant.id).name != "wrong"


@pytest.mark.engines("postgresql")
def test_an_error_counts_only_when_what_was_presumed_before_it_holds(tenant: Context) -> None:
    wrong = db.Sql("SELECT 1 / %s::int")
    with db.connection():
        with Presuming() as presuming:
            assert presume(tenant.scope, _ONE, (1,), _no)
            db.fetch_one(tenant.scope, wrong, (0,))
        assert not presuming.held
        presuming = Presuming()

        def fail() -> None:
            with presuming:
                assert presume(tenant.scope, _ONE, (1,), bool)
                db.fetch_one(tenant.scope, wrong, (0,))

        with pytest.raises(peewee.DataError):
            fail()
        assert presuming.held
        assert db.fetch_one(tenant.scope, _ONE, (3,)) == (3,), "nothing stays behind on the connection"


@pytest.mark.engines("postgresql")
def test_an_error_before_anything_was_asked_leaves_nothing_waiting(tenant: Context) -> None:
    with db.connection():
        with Presuming() as presuming:
            assert presume(tenant.scope, _ONE, (1,), _no)
            raise ValueError("too early")
        assert not presuming.held
        assert db.fetch_one(tenant.scope, _ONE, (3,)) == (3,)


@pytest.mark.engines("postgresql")
def test_what_was_never_answered_because_its_savepoint_was_undone_is_not_committed(tenant: Context) -> None:
    with db.connection(), Presuming() as presuming, db.transaction(db.EVERY_TENANT):
        db.run(db.EVERY_TENANT, _RENAME, ("wrong", tenant.tenant.id))
        with suppress(ValueError), db.savepoint():
            assert presume(db.EVERY_TENANT, _ONE, (1,), bool)
            raise ValueError("before it was sent")
    assert not presuming.held
    assert tenants.by_id(tenant.tenant.id).name != "wrong"
