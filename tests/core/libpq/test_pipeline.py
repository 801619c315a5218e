"""Raw statements on PostgreSQL: prepared once a connection, and nothing that a caller notices."""

from collections.abc import Callable

import peewee
import psycopg
import pytest

from core import db
from core.config import Settings
from core.contract.context import Context
from core.libpq.results import Socket

pytestmark = pytest.mark.engines("postgresql")

_ECHO = db.Sql("SELECT %s::bigint, %s::text")
_NAMED = db.Sql("SELECT %(b)s::int - %(a)s::int, %(a)s::int, 100 %% 7")
_PREPARED = db.Sql("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s")


def _prepared(ctx: Context, like: str) -> int:
    row = db.fetch_one(ctx.scope, _PREPARED, (like,))
    assert row is not None
    return int(row[0])


def test_a_statement_is_prepared_when_it_comes_again_and_not_for_its_first_time(tenant: Context) -> None:
    with db.connection():
        db.fetch_one(tenant.scope, _ECHO, (1, "a"))
        assert _prepared(tenant, "SELECT $1::bigint, $2::text") == 0
        for number in range(5):
            assert db.fetch_one(tenant.scope, _ECHO, (number, "a")) == (number, "a")
        assert _prepared(tenant, "SELECT $1::bigint, $2::text") == 1


def test_values_of_other_types_and_nothing_at_all_are_told_apart(tenant: Context) -> None:
    with db.connection():
        for value in (1, 70_000, 5_000_000_000, None, 2):
            for _ in range(3):
                assert db.fetch_one(tenant.scope, _ECHO, (value, "世界")) == (value, "世界")


def test_parameters_may_have_names_and_a_percent_sign_is_written_twice(tenant: Context) -> None:
    for _ in range(3):
        assert db.fetch_one(tenant.scope, _NAMED, {"a": 3, "b": 10}) == (7, 3, 2)  # type: ignore[arg-type]


def test_discarded_statements_are_sent_again(tenant: Context) -> None:
    with db.connection():
        for _ in range(3):
            db.fetch_one(tenant.scope, _ECHO, (1, "a"))
        db.database.execute_sql("DEALLOCATE ALL")
        assert db.fetch_one(tenant.scope, _ECHO, (1, "a")) == (1, "a")


def test_a_transaction_whose_statements_were_discarded_is_run_again(tenant: Context) -> None:
    runs = []

    def work() -> object:
        runs.append(1)
        if len(runs) == 1:
            db.database.execute_sql("DEALLOCATE ALL")
        return db.fetch_one(tenant.scope, _ECHO, (1, "a"))

    with db.connection():
        for _ in range(3):
            db.fetch_one(tenant.scope, _ECHO, (1, "a"))
        assert tenant.run(work) == (1, "a")
    assert len(runs) == 2


def test_a_savepoint_undone_leaves_what_was_prepared(tenant: Context) -> None:
    with tenant.transaction():
        for _ in range(3):
            db.fetch_one(tenant.scope, _ECHO, (1, "a"))
        with pytest.raises(peewee.IntegrityError), db.savepoint():
            db.run(tenant.scope, db.Sql("INSERT INTO tenant SELECT * FROM tenant WHERE id = %s"), (tenant.tenant.id,))
        assert _prepared(tenant, "SELECT $1::bigint, $2::text") == 1
        assert db.fetch_one(tenant.scope, _ECHO, (1, "a")) == (1, "a")


def test_an_error_of_the_database_is_peewees_with_the_drivers_behind_it(tenant: Context) -> None:
    with pytest.raises(peewee.DataError) as failed:
        db.fetch_one(tenant.scope, db.Sql("SELECT 1 / %s::int"), (0,))
    assert db.cause_of(failed.value).sqlstate == "22012"  # type: ignore[attr-defined]
    assert not db.is_transient(failed.value)


def test_a_deadlock_is_known_by_the_drivers_error_behind_peewees(tenant: Context) -> None:
    raised = db.Sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
    with pytest.raises(peewee.OperationalError) as failed:
        db.run(tenant.scope, raised)
    assert db.is_transient(failed.value)
    assert not db.is_lost_connection(failed.value)


# --- a connection that dies ------------------------------------------------------------------------------------------

_PID = db.Sql("SELECT pg_backend_pid()")
_NOTE = db.Sql("UPDATE tenant SET name = %s WHERE id = %s RETURNING name")
_NAME = db.Sql("SELECT name FROM tenant WHERE id = %s")


def _cut(settings: Settings) -> None:
    """End the connection that this thread holds, as a restart of the server does."""
    row = db.fetch_one(db.EVERY_TENANT, _PID)
    assert row is not None
    with psycopg.connect(settings.database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (row[0],))


def _in_transaction(work: Callable[[], object]) -> None:
    with db.transaction(db.EVERY_TENANT):
        work()


def _name(tenant: Context) -> str:
    row = db.fetch_one(db.EVERY_TENANT, _NAME, (tenant.tenant.id,))
    assert row is not None
    return str(row[0])


def test_a_transaction_that_begins_on_a_dead_connection_is_committed_over_another(
    tenant: Context, settings: Settings
) -> None:
    rung: list[str] = []
    with db.connection():
        _cut(settings)
        with db.transaction(db.EVERY_TENANT):
            db.after_commit(lambda: rung.append("rung"))
            db.run(db.EVERY_TENANT, _NOTE, ("other", tenant.tenant.id))
    assert _name(tenant) == "other"
    assert rung == ["rung"]


def test_what_only_waited_is_committed_over_another_connection(tenant: Context, settings: Settings) -> None:
    with db.connection():
        _cut(settings)
        with db.transaction(db.EVERY_TENANT):
            db.run_later(db.EVERY_TENANT, _NOTE, ("other", tenant.tenant.id))
    assert _name(tenant) == "other"


def test_a_transaction_that_goes_over_another_connection_can_still_be_undone(
    tenant: Context, settings: Settings
) -> None:
    before = _name(tenant)
    with db.connection():
        _cut(settings)
        with pytest.raises(ZeroDivisionError):
            _in_transaction(lambda: db.run(db.EVERY_TENANT, _NOTE, ("other", tenant.tenant.id)) and 1 / 0)
        assert _name(tenant) == before
    assert _name(tenant) == before


def test_a_flush_that_is_interrupted_leaves_nothing_for_the_next_transaction(
    tenant: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _name(tenant)

    class Interrupted(BaseException):
        pass

    def interrupted(socket: object, count: int) -> object:
        raise Interrupted

    with db.connection(), monkeypatch.context() as patch:
        patch.setattr(Socket, "results", interrupted)  # a signal's handler raises while the answer is waited for
        with pytest.raises(Interrupted):
            _in_transaction(lambda: db.run(db.EVERY_TENANT, _NOTE, ("other", tenant.tenant.id)))
    with db.connection():
        with db.transaction(tenant.scope):
            assert db.fetch_one(tenant.scope, _ECHO, (1, "a")) == (1, "a")
        assert _name(tenant) == before


def test_what_waited_when_its_transaction_was_lost_does_not_go_with_the_next_one(
    tenant: Context, settings: Settings
) -> None:
    before = _name(tenant)

    def lose() -> None:
        _cut(settings)
        db.run_later(db.EVERY_TENANT, _NOTE, ("ghost", tenant.tenant.id))
        db.run(db.EVERY_TENANT, _ECHO, (1, "a"))

    with db.connection():
        with pytest.raises(peewee.OperationalError):
            _in_transaction(lose)
        with db.transaction(tenant.scope):
            assert db.fetch_one(tenant.scope, _ECHO, (1, "a")) == (1, "a")
        assert _name(tenant) == before
