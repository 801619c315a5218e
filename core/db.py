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

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import peewee
from peewee import DatabaseProxy

from core.engines import EVERY_TENANT as EVERY_TENANT
from core.engines import Misjudged as Misjudged
from core.engines import Postgres, Sqlite
from core.engines import local as _local
from core.engines import refuse_when_read_only as refuse_when_read_only
from core.errors import ConfigurationError, RoostError, Unavailable
from core.fields import register_sqlite_adapters
from core.sql import Sql as Sql  # raw statements are `db.Sql` to the rest of core

RETRIES = 3
SQLITE_TROUBLE = frozenset(  # of the file or the disk, not of a statement
    (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB,
     sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PROTOCOL)
)  # fmt: skip

T = TypeVar("T")
database: Any = DatabaseProxy()  # Any: a proxy of either database class, bound by `open_database`


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
        db: Any = Sqlite(
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
        db = Postgres(
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


def copy(scope: int, table: str, rows: bytes) -> None:
    """Put rows in COPY's binary form into a table without row-level security: a temporary one (`core.bulk.staging`)."""
    db = database.obj
    db.enter_scope(scope)
    db.copy(table, rows)


def insert_each(text: str, columns: Sequence[Sequence[Any]]) -> None:
    """Run a statement of SQLite for each of the rows that are given by column."""
    database.obj.insert_each(text, columns)


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
