"""Bring the database to the present schema: each component's migrations, then the wall between tenants.

Migrations are files `NNNN_what.py` in a component's `migrations/` folder, run by peewee's runner with a history table
for each component. They expand, then contract a release later, so that the release before keeps working. On
PostgreSQL every table with a `tenant` column then gets forced row-level security, from this one place: a table cannot
be forgotten.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from playhouse.migrations import Runner
from playhouse.schema_diff import diff_models

from core import db
from core.schema import Component

SEEN = "(SELECT current_setting('roost.tenant', true)::int) IN (0, tenant)"  # read once, however many rows
WRITTEN = "current_setting('roost.tenant', true)::int IN (0, tenant)"  # read for each row: most writes are of one


@contextmanager
def _whole_database() -> Iterator[None]:
    """Hold a connection that may change the schema and see every row."""
    with db.connection(), db.unbounded():
        yield


def migrate(components: Sequence[Component], say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Run what has not run yet; return the names applied. Raises peewee's MigrationError for a broken file."""
    applied: list[str] = []
    with _whole_database():
        for component in components:
            folder = component.folder / "migrations"
            if folder.is_dir():
                names = Runner(db.database.obj, str(folder), table_name=f"migration_{component.slug}").up()
                applied += [f"{component.slug}/{name}" for name in names]
                for name in names:
                    say(f"{component.slug}: {name}")
        if db.dialect() == "postgresql":
            raise_wall()
    return applied


def pending(components: Sequence[Component]) -> list[str]:
    """Return the migrations that have not run; empty when the database is up to date."""
    with _whole_database():
        return [
            f"{c.slug}/{m.name}"
            for c in components
            if (folder := c.folder / "migrations").is_dir()
            for m in Runner(db.database.obj, str(folder), table_name=f"migration_{c.slug}").status()
            if not m.applied and m.path is not None
        ]


def create_all(components: Sequence[Component]) -> None:
    """Create the tables of the models as they are now, without migrations: for tests of a plugin being written."""
    with _whole_database():
        for component in components:
            db.database.create_tables(list(component.models))
        if db.dialect() == "postgresql":
            raise_wall()


_WITHOUT_WALL = (
    "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND NOT EXISTS"
    " (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'roost_tenant') ORDER BY c.relname"
)


def raise_wall() -> None:
    """Give every table with a tenant in it forced row-level security, where it has none: also one that is left over."""
    for (table,) in db.database.execute_sql(_WITHOUT_WALL).fetchall():
        db.database.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        db.database.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        db.database.execute_sql(f'CREATE POLICY roost_tenant ON "{table}" USING ({SEEN}) WITH CHECK ({WRITTEN})')


def drift(components: Sequence[Component]) -> list[str]:
    """Return what the models say and the migrated database does not have, in words; empty when they agree."""
    found: list[str] = []
    with _whole_database():
        for component in components:
            difference = diff_models(db.database.obj, list(component.models))
            found += [f"{component.slug}: {line}" for line in str(difference).splitlines() if line.strip()]
    return found
