"""Connections and transactions.

One `Database` a process, SQLite or PostgreSQL by URL. Every statement runs for one *scope*: a tenant's number, or
`EVERY_TENANT` for core and hosts at work across tenants. Two walls keep tenants apart:

1. a `TenantModel` offers only `Model.scoped(ctx)` (`core.tables`); a query built any other way is refused before it is
   sent (`core.guard`);
2. on PostgreSQL row-level security compares each row with the scope set on the connection (`core.migrate` makes the
   policies for every table that has a `tenant` column).

A transaction has one scope. `run_in_transaction` runs a function again, up to three times, when the database says
deadlock, serialization failure or busy. Lock order: member, per-member limits, accounts, inventory, budgets; by id.
"""

import importlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import peewee
from peewee import DatabaseProxy, SqliteDatabase
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from core.errors import ConfigurationError, RoostError, Unavailable
from core.fields import register_sqlite_adapters
from core.guard import check_query, scope_of
from core.sql import Sql as Sql  # raw statements are `db.Sql` to the rest of core

EVERY_TENANT = 0  # the scope of core's and hosts' work across tenants; a tenant's number starts at 1
RETRIES = 3
SQLITE_TROUBLE = frozenset(  # of the file or the disk, not of a statement
    (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB,
     sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PROTOCOL)
)  # fmt: skip

_OF_SAVEPOINTS = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")

T = TypeVar("T")
database: Any = DatabaseProxy()  # Any: a proxy of either database class, bound by `open_database`
_local = threading.local()
_translated: Any = vars(peewee)["__exception_wrapper__"]  # a driver's errors become peewee's within it


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
        held = getattr(_local, "scope", None)
        if held is not None:
            if held not in (scope, EVERY_TENANT):
                raise ConfigurationError(f"a transaction of tenant {held} touches rows of tenant {scope}")
            return
        self.apply_scope(scope)

    def apply_scope(self, scope: int) -> None:
        """Set the scope on the connection; SQLite has no second wall."""


class _Postgres(_Guarded, PooledPostgresqlDatabase):  # type: ignore[misc]  # untyped base
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

    def load(self, table: str, names: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
        """Put rows, given by column as COPY's text format has them, into a table; what waits goes before them."""
        text = f"COPY {table} ({', '.join(names)}) FROM STDIN"
        self._tell(Sql(text), ())
        with _translated, self.cursor().copy(text) as copy:
            copy.write("\n".join(map("\t".join, zip(*columns, strict=True))))

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
        self._pipeline().begin(_local.scope)

    def commit(self) -> None:
        """Commit; raise when a failed statement was swallowed: the server would roll all of it back and say nothing."""
        if self.connection().info.transaction_status.name == "INERROR":
            raise peewee.InternalError(
                "a statement of this transaction failed and its error was swallowed: wrap it in roost.savepoint()"
            )
        guard = getattr(_local, "guard", None)
        self._talk(lambda pipeline: pipeline.commit(guard))

    def rollback(self) -> None:
        self._talk(lambda pipeline: pipeline.rollback())

    def forget(self) -> None:
        """Forget what waits to be sent."""
        self._pipeline().forget()


class _Sqlite(_Guarded, PooledSqliteDatabase):  # type: ignore[misc]  # untyped base
    kind = "sqlite"
    field_types = {**SqliteDatabase.field_types, "TIMESTAMPTZ": "TEXT"}

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

    def load(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Put rows, given by column, into a table."""
        text = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        with _translated:
            self.connection().executemany(text, zip(*columns, strict=True))

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so itself, as it does when the disk is full."""
        if self.connection().in_transaction:
            super().rollback()


def _sqlite_path(path: str) -> str:
    """Read `sqlite:///relative.db` and `sqlite:////absolute.db` as SQLAlchemy and peewee do."""
    return path[1:]


def open_database(url: str, *, pool_size: int = 32, statement_timeout_ms: int = 10_000) -> Any:
    """Open `sqlite:///PATH` or `postgresql://…` and bind every model to it; return peewee's Database.

    SQLite runs in WAL with full synchronisation: what was answered as committed survives a power cut.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        register_sqlite_adapters()
        options = dict(parse_qsl(parts.query))
        db: Any = _Sqlite(
            _sqlite_path(parts.path),
            pragmas={
                "journal_mode": "wal",
                "synchronous": options.get("synchronous", "full"),
                "busy_timeout": 5000,
                "foreign_keys": 1,
                "cache_size": -16_000,
            },
            lock_type="IMMEDIATE",
            max_connections=pool_size,
            timeout=10,
            returning_clause=True,
            check_same_thread=False,  # a pooled connection serves one thread after another
        )
    elif parts.scheme in ("postgresql", "postgres"):
        db = _Postgres(
            url.replace("postgres://", "postgresql://", 1),
            max_connections=pool_size,
            timeout=10,
            options=f"-c timezone=UTC -c statement_timeout={statement_timeout_ms:d}",
        )
    else:
        raise ConfigurationError(
            f"ROOST_DATABASE_URL must start with sqlite:/// or postgresql://, not {parts.scheme!r}"
        )
    close_database()
    database.initialize(db)
    return db


def close_database() -> None:
    """Close every connection of the open database, if there is one."""
    if database.obj is not None:
        database.close_all()


def dialect() -> str:
    """Return `sqlite` or `postgresql`."""
    return str(database.obj.kind)


# --- transactions ----------------------------------------------------------------------------------------------------


@contextmanager
def transaction(scope: int) -> Iterator[None]:
    """Open a transaction for one scope, or join the one that is open.

    An exception rolls all of it back, but for a refusal that is `kept` (a wrong password is counted). A nested use
    joins; it must be for the same scope unless the outer one is EVERY_TENANT.
    """
    held = getattr(_local, "scope", None)
    if held is not None:
        if held not in (scope, EVERY_TENANT):
            raise ConfigurationError(f"a transaction of tenant {held} cannot be joined for tenant {scope}")
        yield
        return
    _local.scope = scope
    kept: RoostError | None = None
    try:
        with database.transaction():
            try:
                yield
            except RoostError as ex:
                if not ex.kept:
                    raise
                kept = ex  # commit, then raise
    finally:
        _local.scope = None
    if kept is not None:
        raise kept


@contextmanager
def savepoint() -> Iterator[None]:
    """Undo only this block when it raises; the transaction around it goes on. Only inside a transaction."""
    with database.savepoint():
        yield


class connection:  # a class and no generator: it is on the way of every call, at half the time
    """Hold one connection of the pool for this thread, and give it back at the end."""

    __slots__ = ("_opened",)

    def __enter__(self) -> None:
        self._opened = database.obj.connect(reuse_if_open=True)

    def __exit__(self, *_: object) -> None:
        db = database.obj
        if self._opened and not db.is_closed():
            db.close()


@contextmanager
def unbounded() -> Iterator[None]:
    """Let this thread open transactions of its own with sight of every tenant: for migrations only."""
    _local.scope = EVERY_TENANT
    database.obj.apply_scope(EVERY_TENANT)
    try:
        yield
    finally:
        _local.scope = None


@contextmanager
def read_only() -> Iterator[None]:
    """Refuse writing queries of this thread until the end of the block."""
    before = getattr(_local, "read_only", False)
    _local.read_only = True
    try:
        yield
    finally:
        _local.read_only = before


def refuse_when_read_only() -> None:
    """Raise ConfigurationError inside `read_only`."""
    if getattr(_local, "read_only", False):
        raise ConfigurationError("a read-only call (GET) tried to write; declare it as POST")


def guard_commits(guard: Callable[[], None] | None) -> None:
    """Call `guard` before each COMMIT of this thread, after what had to be answered; it may raise. None: no more."""
    _local.guard = guard


def in_transaction() -> bool:
    """Tell whether this thread has a transaction open."""
    return getattr(_local, "scope", None) is not None


def run_in_transaction(scope: int, work: Callable[[], T]) -> T:
    """Run `work` in a transaction of its own, again (at most three times in all) when the database asks for it.

    Raises `Unavailable` when the database stays busy or a statement ran into its time limit.
    """
    if in_transaction():
        with transaction(scope):
            return work()
    for attempt in range(1, RETRIES + 1):
        try:
            with transaction(scope):
                return work()
        except peewee.DatabaseError as ex:
            if not is_transient(ex):
                raise
            if attempt == RETRIES or is_timeout(ex):
                raise Unavailable("the database is busy, try again", "系统繁忙，请稍后再试", retry_after=1) from ex
    raise AssertionError("unreachable")


def cause_of(ex: BaseException) -> BaseException:
    """Return the driver's error behind one of peewee's (which keeps it as `orig`), or the error itself."""
    cause = getattr(ex, "orig", None)
    return cause if isinstance(cause, BaseException) else ex


def is_transient(ex: BaseException) -> bool:
    """Tell whether running the same transaction again may succeed."""
    state = getattr(cause_of(ex), "sqlstate", None)
    if state is not None:
        return state in ("40001", "40P01", "55P03", "57014", "26000")
    text = str(ex)
    return "database is locked" in text or "database table is locked" in text


def is_timeout(ex: BaseException) -> bool:
    """Tell whether the statement was cancelled because it ran into its time limit."""
    return getattr(cause_of(ex), "sqlstate", None) == "57014"


def is_lost_connection(ex: BaseException) -> bool:
    """Tell whether the database went away (restart, network, full disk), as against refusing this statement."""
    if not isinstance(ex, peewee.OperationalError | peewee.InterfaceError) or is_transient(ex):
        return False
    cause = cause_of(ex)
    if isinstance(cause, sqlite3.Error):  # "no such table" is an OperationalError too
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in SQLITE_TROUBLE
    return True


# --- raw statements, for core only -----------------------------------------------------------------------------------


def run(scope: int, statement: Sql, params: Sequence[Any] = ()) -> Any:  # Any: a driver's cursor, or like one
    """Send a raw statement for one scope; return what it gave: `rowcount`, `fetchone()`, `fetchall()`."""
    db = database.obj
    db.enter_scope(scope)
    return db.send(statement, params)


def run_later(scope: int, statement: Sql, params: Sequence[Any] = ()) -> None:
    """Write in the open transaction what nobody reads before its next statement; an error comes with that one."""
    if not in_transaction():
        raise RuntimeError("run_later needs an open transaction: its commit sends what waits")
    db = database.obj
    db.enter_scope(scope)
    db.later(statement, params)


def load(scope: int, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """Put many rows into a table without row-level security: a temporary one (`core.staging`)."""
    db = database.obj
    db.enter_scope(scope)
    db.load(table, names, columns)


def look_later(scope: int, statement: Sql, params: Sequence[Any], look: Callable[[list[Any]], None]) -> None:
    """Send a raw statement with the next one; `look` gets its rows, before any later answer is believed."""
    db = database.obj
    db.enter_scope(scope)
    db.later(statement, params, look)


def fetch_all(scope: int, statement: Sql, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Send a raw statement and return its rows."""
    rows: list[tuple[Any, ...]] = run(scope, statement, params).fetchall()
    return rows


def fetch_one(scope: int, statement: Sql, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """Send a raw statement and return its first row, or None."""
    row: tuple[Any, ...] | None = run(scope, statement, params).fetchone()
    return row


def after_commit(action: Callable[[], None]) -> None:
    """Call `action` once the open transaction has committed (at once when there is none); it must not raise."""
    database.after_commit(action)
