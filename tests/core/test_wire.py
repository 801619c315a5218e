"""Raw statements on PostgreSQL: prepared once a connection, and nothing that a caller notices."""

import peewee
import pytest

from core import db
from core.context import Context

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
