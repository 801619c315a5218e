"""The wall between tenants: no query without a scope is sent, and PostgreSQL holds rows apart by itself."""

import peewee
import pytest

from core import db
from core.errors import ConfigurationError, NotFound, UnscopedQuery
from core.events.models import Event, Job
from core.tenants.models import Venue


@pytest.fixture
def two(new_tenant):
    first, second = new_tenant("first"), new_tenant("second")
    for ctx in (first, second):
        with ctx.transaction():
            Venue.scoped(ctx).create(code="001", name=ctx.tenant.slug, created_at=ctx.now())
    return first, second


UNSCOPED = {
    "select": lambda: Venue.select(),
    "get": lambda: Venue.get(Venue.code == "001"),
    "update": lambda: Venue.update(name="x"),
    "delete": lambda: Venue.delete(),
    "create": lambda: Venue.create(code="2"),
    "insert": lambda: Venue.insert(code="2"),
    "raw": lambda: Venue.raw("SELECT 1"),
    "get_or_none": lambda: Venue.get_or_none(Venue.code == "001"),
}


@pytest.mark.parametrize("how", UNSCOPED)
def test_a_model_offers_no_way_around_its_scope(how, two):
    with pytest.raises(UnscopedQuery, match="scoped"):
        UNSCOPED[how]()


def test_a_query_built_by_hand_is_refused_before_it_is_sent(two, statements):
    for query in (
        peewee.ModelSelect(Venue, [Venue.name]),
        peewee.ModelSelect(Venue, [Venue.name]).where(Venue.tenant == 1),
        Event.scoped(two[0]).select().where(Event.id.in_(peewee.ModelSelect(Venue, [Venue.id]))),
        peewee.ModelDelete(Venue),
        peewee.ModelUpdate(Venue, {Venue.name: "x"}),
    ):
        before = len(statements)
        with pytest.raises(UnscopedQuery):
            query.execute()
        assert len(statements) == before


def test_a_join_holds_the_joined_table_to_the_tenant_too(two):
    first, _ = two
    query = Venue.scoped(first).select(Venue.name).join(Job, peewee.JOIN.LEFT_OUTER, on=(Job.kind == Venue.code))
    assert '"t2"."tenant" = ' in query.sql()[0]
    with pytest.raises(UnscopedQuery):
        Venue.scoped(first).select().join(Job)


def test_each_tenant_sees_its_own_rows_only(two):
    for ctx in two:
        assert [v.name for v in Venue.scoped(ctx).select()] == [ctx.tenant.slug]
        assert Venue.scoped(ctx).select().count() == 1


def test_writes_stay_inside_the_tenant(two):
    first, second = two
    with first.transaction():
        Venue.scoped(first).update(name="changed").execute()
        Venue.scoped(first).delete().where(Venue.name == "second").execute()
    assert Venue.scoped(second).get(Venue.code == "001").name == "second"


def test_a_row_cannot_be_written_for_another_tenant(two):
    first, second = two
    with pytest.raises(UnscopedQuery, match="scope"):
        Venue.scoped(first).insert(tenant=second.tenant.id, code="x", name="x", created_at=first.now())
    with pytest.raises(UnscopedQuery, match="never changes"):
        Venue.scoped(first).update(tenant=second.tenant.id)


def test_a_transaction_of_one_tenant_refuses_the_rows_of_another(two):
    first, second = two
    with first.transaction(), pytest.raises(ConfigurationError, match="touches rows"):
        Venue.scoped(second).get(Venue.code == "001")


@pytest.mark.engines("postgresql")  # SQLite has no row-level security
def test_postgresql_hides_other_tenants_from_raw_sql(two):
    first, second = two
    rows = db.fetch_all(first.scope, db.Sql("SELECT name FROM venue"))
    assert rows == [("first",)]
    with first.transaction():
        touched = db.run(first.scope, db.Sql("UPDATE venue SET name = 'taken'")).rowcount
        assert touched == 1
    assert db.fetch_all(second.scope, db.Sql("SELECT name FROM venue")) == [("second",)]
    with pytest.raises(peewee.ProgrammingError, match="row-level security"), first.transaction():
        db.run(first.scope, db.Sql("UPDATE venue SET tenant = %s"), (second.tenant.id,))


@pytest.mark.engines("postgresql")  # SQLite has no row-level security
def test_every_tenant_table_has_the_wall(two):
    without = db.fetch_all(
        db.EVERY_TENANT,
        db.Sql(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ),
    )
    assert without == []


def test_a_read_only_block_refuses_a_write(two):
    first, _ = two
    with db.read_only(), pytest.raises(ConfigurationError, match="read-only"):
        Venue.scoped(first).update(name="x").execute()


def test_what_is_not_there_is_refused_by_name(two):
    with pytest.raises(NotFound, match="venue"):
        Venue.scoped(two[0]).get(Venue.code == "999")


def test_a_failed_transaction_leaves_nothing_and_the_next_one_works(two):
    first, _ = two

    def fail():
        with first.transaction():
            Venue.scoped(first).update(name="half").execute()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert Venue.scoped(first).get(Venue.code == "001").name == "first"
