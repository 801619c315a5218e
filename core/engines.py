"""The two kinds of database as peewee knows them, guarded: each query has its scope, and each connection carries it."""

import importlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import peewee
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from core.errors import ConfigurationError
from core.guard import check_query, scope_of
from core.sql import Sql

EVERY_TENANT = 0  # the scope of core's and hosts' work across tenants; a tenant's number starts at 1
_OF_SAVEPOINTS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")

T = TypeVar("T")
local = threading.local()  # of a thread: its transaction's scope, whether it only reads, what guards its commits
_translated: Any = vars(peewee)["__exception_wrapper__"]  # a driver's errors become peewee's within it


def refuse_when_read_only() -> None:
    """Raise ConfigurationError inside `read_only`."""
    if getattr(local, "read_only", False):
        raise ConfigurationError("a read-only call (GET) tried to write; declare it as POST")


class Misjudged(peewee.InternalError):
    """What was presumed does not hold (`core.presuming`): all of the call is done again, asking first."""


class _Guarded:
    """Sends a query only when every tenant table in it has a scope, and the connection carries that scope."""

    def execute(self, query: Any, **options: Any) -> Any:  # Any: peewee's signature
        check_query(query)
        if isinstance(query, peewee._WriteQuery):
            refuse_when_read_only()
        scope = scope_of(query)
        if scope is not None:
            self.enter_scope(scope)
        return super().execute(query, **options)  # type: ignore[misc]  # the mixin's other base is a peewee Database

    def enter_scope(self, scope: int) -> None:
        held = getattr(local, "scope", None)
        if held is not None:
            if held not in (scope, EVERY_TENANT):
                raise ConfigurationError(f"a transaction of tenant {held} touches rows of tenant {scope}")
            return
        self.apply_scope(scope)

    def apply_scope(self, scope: int) -> None:
        """Set the scope on the connection; SQLite has no second wall."""


class Postgres(_Guarded, PooledPostgresqlDatabase):  # type: ignore[misc]  # untyped base
    kind = "postgresql"

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        # psycopg is an extra: a deployment on SQLite does without it.
        self._pipeline_of: Callable[[Any], Any] = importlib.import_module("core.libpq").Pipeline

    def _is_closed(self, conn: Any) -> bool:  # no round trip: a dead connection is found when it is first used
        return bool(conn.closed)

    def _pipeline(self) -> Any:  # Any: core.libpq.Pipeline
        conn = self._state.conn
        if conn is None:
            conn = self.connection()  # opens one
        try:
            return conn.roost_pipeline
        except AttributeError:
            conn.roost_pipeline = held = self._pipeline_of(conn)
            return held

    def send(self, statement: Sql, params: Sequence[Any]) -> Any:
        """Send a raw statement; return what it gave."""
        self._tell(statement, params)
        return self._talk(lambda pipeline: pipeline.execute(statement, params))

    def later(self, statement: Sql, params: Sequence[Any], look: Callable[[list[Any]], None] | None = None) -> None:
        """Send a raw statement with the next one; `look` gets its rows then."""
        self._tell(statement, params)
        self._pipeline().queue(statement, params, look)

    def flush(self) -> None:
        """Send what waits."""
        self._talk(lambda pipeline: pipeline.flush())

    def copy(self, table: str, rows: bytes) -> None:
        """Put rows into a table, which is named with its columns; what waits goes before them."""
        text = f"COPY {table} FROM STDIN (FORMAT BINARY)"
        self._tell(Sql(text), ())
        with _translated, self.cursor().copy(text) as copy:
            copy.write(rows)

    def _tell(self, statement: Sql, params: Sequence[Any]) -> None:
        if self.query_hooks:
            self._notify_hooks(statement.postgres, params, time.perf_counter(), None)

    def _talk(self, act: Callable[[Any], T]) -> T:
        """Act on the pipeline; a transaction of which nothing was answered yet goes over a new one when it has died."""
        pipeline = self._pipeline()
        try:
            with _translated:
                return act(pipeline)
        except peewee.DatabaseError:
            conn = self.connection()
            if not (conn.closed or conn.broken) or not pipeline.unsent:
                raise
            self._close(conn, close_conn=True)
            self.close_idle()  # its neighbours in the pool died of the same restart
            held = self._state.transactions, self._state.commit_callbacks
            try:
                self._state.reset()
                self.connect()
            finally:  # the transaction goes on: who opened it still has to commit it, or to roll it back
                self._state.transactions, self._state.commit_callbacks = held
            with _translated:
                return self._pipeline().take_over(pipeline)  # type: ignore[no-any-return]  # the answer of what was sent last

    def cursor(self, named_cursor: Any = None) -> Any:
        """Return psycopg's cursor, for what peewee built; what waits goes before it."""
        self._talk(lambda pipeline: pipeline.flush())
        return super().cursor(named_cursor)

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Send what peewee built. Savepoints pass psycopg by: it discards prepared statements when it sees ROLLBACK."""
        if params is None and sql.startswith(_OF_SAVEPOINTS):
            words = sql.encode()
            return self._talk(
                lambda pipeline: pipeline.undo(words) if words.startswith(b"ROLLBACK") else pipeline.command(words)
            )
        return super().execute_sql(sql, params)

    def apply_scope(self, scope: int) -> None:
        self._pipeline().enter(scope)

    def begin(self, isolation_level: Any = None) -> None:
        self._pipeline().begin(local.scope)

    def commit(self) -> None:
        """Commit; raise when a failed statement was swallowed: the server would roll all of it back and say nothing."""
        if self.connection().info.transaction_status.name == "INERROR":
            raise peewee.InternalError(
                "a statement of this transaction failed and its error was swallowed: wrap it in roost.savepoint()"
            )
        guard = getattr(local, "guard", None)
        self._talk(lambda pipeline: pipeline.commit(guard))

    def rollback(self) -> None:
        self._talk(lambda pipeline: pipeline.rollback())

    def forget(self) -> None:
        """Forget what waits to be sent."""
        self._pipeline().forget()


class Sqlite(_Guarded, PooledSqliteDatabase):  # type: ignore[misc]  # untyped base
    kind = "sqlite"
    field_types = {**PooledSqliteDatabase.field_types, "TIMESTAMPTZ": "TEXT"}

    def send(self, statement: Sql, params: Sequence[Any]) -> Any:
        """Send a raw statement; return the driver's cursor."""
        return self.execute_sql(statement.sqlite, params)

    def later(self, statement: Sql, params: Sequence[Any], look: Callable[[list[Any]], None] | None = None) -> None:
        """Send a raw statement now: nothing is saved by waiting."""
        cursor = self.execute_sql(statement.sqlite, params)
        if look is not None:
            look(cursor.fetchall())

    def flush(self) -> None:
        """Do nothing: all was sent."""

    def insert_each(self, text: str, columns: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each of the rows that are given by column."""
        with _translated:
            self.connection().executemany(text, zip(*columns, strict=True))

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so itself, as it does when the disk is full."""
        if self.connection().in_transaction:
            super().rollback()
