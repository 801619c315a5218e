"""Connections, transactions and the tenant wall.

One `Database` a process, SQLite or PostgreSQL by URL. Every statement runs for one *scope*: a tenant's number, or
`EVERY_TENANT` for core and hosts at work across tenants. Two walls keep tenants apart:

1. a `TenantModel` offers only `Model.scoped(ctx)`; a query built any other way is refused before it is sent;
2. on PostgreSQL row-level security compares each row with the scope set on the connection (`core.migrate` makes the
   policies for every table that has a `tenant` column).

A transaction has one scope. `run_in_transaction` runs a function again, up to three times, when the database says
deadlock, serialization failure or busy. Lock order: member, per-member limits, accounts, inventory, budgets; by id.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urlsplit

import peewee
from peewee import DatabaseProxy, IntegerField, Model, ModelDelete, ModelSelect, SqliteDatabase
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase

from core.errors import ConfigurationError, NotFound, RoostError, Unavailable, UnscopedQuery
from core.fields import register_sqlite_adapters

EVERY_TENANT = 0  # the scope of core's and hosts' work across tenants; a tenant's number starts at 1
RETRIES = 3
SQLITE_TROUBLE = frozenset(  # of the file or the disk, not of a statement
    (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB,
     sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_PROTOCOL)
)  # fmt: skip

T = TypeVar("T")
database: Any = DatabaseProxy()  # Any: a proxy of either database class, bound by `open_database`
_local = threading.local()


class HasScope(Protocol):
    """What a query needs to know of its caller: whose rows it may see."""

    @property
    def scope(self) -> int:
        """Return the tenant's number, or EVERY_TENANT."""
        ...


class Sql:
    """A raw statement of core, written once with `%s` and sent in the dialect of the open database."""

    __slots__ = ("postgres", "sqlite")

    def __init__(self, text: str, *, sqlite: str | None = None) -> None:
        self.postgres = text
        self.sqlite = (sqlite or text).replace("%s", "?")


# --- the guard -------------------------------------------------------------------------------------------------------


def _tenant_model(source: Any) -> type["TenantModel"] | None:  # Any: whatever stands in a FROM
    model = getattr(source, "model", source)
    return model if isinstance(model, type) and issubclass(model, TenantModel) else None


def _check(node: Any, covered: frozenset[type["TenantModel"]] | None) -> None:  # Any: peewee's untyped tree
    """Raise UnscopedQuery when a tenant table stands in `node` without a scope of its own."""
    if isinstance(node, peewee.Query):
        mine: frozenset[type[TenantModel]] = getattr(node, "_covered", frozenset())
        sources: Any = getattr(node, "_from_list", None)
        for source in sources or ():
            _check(source, mine)
        target = getattr(node, "model", None)
        if target is not None and not isinstance(node, ModelSelect):
            _check(target, mine)
        for part in (getattr(node, "_where", None), getattr(node, "_having", None)):
            if part is not None:
                _check(part, mine)
        returning: Any = getattr(node, "_returning", None)
        for part in returning or ():
            if isinstance(part, peewee.Query | peewee.Expression | peewee.Alias):
                _check(part, mine)
        if isinstance(node, peewee.CompoundSelectQuery):
            _check(node.lhs, mine)
            _check(node.rhs, mine)
    elif isinstance(node, peewee.Join | peewee.Expression):
        _check(node.lhs, covered)
        _check(node.rhs, covered)
    elif isinstance(node, peewee.Alias):
        _check(node.node, covered)
    elif isinstance(node, peewee.Function):
        arguments: Any = node.arguments
        for argument in arguments or ():
            _check(argument, covered)
    elif isinstance(node, type | peewee.ModelAlias):
        model = _tenant_model(node)
        if model is not None and (covered is None or model not in covered):
            raise UnscopedQuery(
                f"a query on {model.__name__} has no tenant: build it with {model.__name__}.scoped(ctx)"
                f"{' and join it through that query' if covered else ''}"
            )


def _scope_of(query: Any) -> int | None:
    """Return the scope a query was built for; `count()` and friends wrap the marked query in a plain one."""
    scope: int | None = getattr(query, "_scope", None)
    if scope is None:
        for part in (*(getattr(query, "_from_list", None) or ()), getattr(query, "lhs", None)):
            if isinstance(part, peewee.Query) and (scope := _scope_of(part)) is not None:
                break
    return scope


class _Guarded:
    """Sends a query only when every tenant table in it has a scope, and the connection carries that scope."""

    def execute(self, query: Any, **options: Any) -> Any:  # Any: peewee's signature
        _check(query, None)
        if isinstance(query, peewee._WriteQuery):
            refuse_when_read_only()
        scope = _scope_of(query)
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

    def _is_closed(self, conn: Any) -> bool:  # no round trip: a dead connection is found, and replaced, at BEGIN
        return bool(conn.closed)

    def apply_scope(self, scope: int) -> None:
        conn = self.connection()
        if getattr(conn, "roost_scope", None) != scope:
            conn.execute(f"SELECT set_config('roost.tenant', '{scope:d}', false)")
            conn.roost_scope = scope

    def begin(self, isolation_level: Any = None) -> None:
        scope: int = _local.scope
        try:
            self._begin(scope)
        except Exception as ex:
            if not self._reconnect(ex):
                raise
            self._begin(scope)

    def _begin(self, scope: int) -> None:
        conn = self.connection()
        if getattr(conn, "roost_scope", None) == scope:
            conn.execute("BEGIN")
        else:  # one round trip for both
            conn.execute(f"SELECT set_config('roost.tenant', '{scope:d}', false); BEGIN")
            conn.roost_scope = scope

    def commit(self) -> None:
        """Commit; raise when a failed statement was swallowed: the server would roll all of it back and say nothing."""
        if self.connection().info.transaction_status.name == "INERROR":
            raise peewee.InternalError(
                "a statement of this transaction failed and its error was swallowed: wrap it in roost.savepoint()"
            )
        super().commit()

    def rollback(self) -> None:
        conn = self.connection()
        conn.roost_scope = None  # a rollback may take the setting back with it
        if not conn.closed:
            super().rollback()

    def _reconnect(self, ex: Exception) -> bool:
        """Replace a connection that died while idle (the server was restarted); nothing had been sent on it."""
        conn = self.connection()
        if not (conn.closed or conn.broken):
            return False
        self._close(conn, close_conn=True)
        self._state.reset()
        self.connect()
        return True


class _Sqlite(_Guarded, PooledSqliteDatabase):  # type: ignore[misc]  # untyped base
    kind = "sqlite"
    field_types = {**SqliteDatabase.field_types, "TIMESTAMPTZ": "TEXT"}

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


@contextmanager
def connection() -> Iterator[None]:
    """Hold one connection of the pool for this thread, and give it back at the end."""
    opened = database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if opened and not database.is_closed():
            database.close()


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
        return state in ("40001", "40P01", "55P03", "57014")
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


def run(scope: int, statement: Sql, params: Sequence[Any] = ()) -> Any:  # Any: a driver's cursor
    """Send a raw statement for one scope and return the driver's cursor."""
    db = database.obj
    db.enter_scope(scope)
    return db.execute_sql(statement.postgres if db.kind == "postgresql" else statement.sqlite, params)


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


# --- models ----------------------------------------------------------------------------------------------------------


class BaseModel(Model):
    """A table of the deployment itself (tenants, plugin versions): no tenant column, core only."""

    class Meta:
        database = database
        legacy_table_names = False


class ScopedSelect(ModelSelect):
    """A select whose every joined tenant table is held to the same tenant."""

    _scope: int
    _covered: frozenset[type["TenantModel"]]

    def join(
        self, dest: Any, join_type: Any = peewee.JOIN.INNER, on: Any = None, src: Any = None, attr: Any = None
    ) -> Any:
        """Join as peewee does; a tenant table gets `AND tenant = …` of its own. `on` is required for it."""
        model = _tenant_model(dest)
        if model is None:
            return super().join(dest, join_type, on=on, src=src, attr=attr)
        if on is None:
            raise UnscopedQuery(f"joining {model.__name__} needs an explicit on=")
        if self._scope != EVERY_TENANT:
            on = on & (dest.tenant == self._scope)
        query = super().join(dest, join_type, on=on, src=src, attr=attr)
        query._covered = self._covered | {model}
        return query


# peewee's own class methods, before TenantModel closes them.
_UPDATE: Any = vars(Model)["update"].__func__
_INSERT: Any = vars(Model)["insert"].__func__
_INSERT_MANY: Any = vars(Model)["insert_many"].__func__


class Scope:
    """The door to one tenant's rows of one table. Made by `Model.scoped(ctx)`."""

    __slots__ = ("model", "scope")

    def __init__(self, model: type["TenantModel"], scope: int) -> None:
        self.model = model
        self.scope = scope

    def _mark(self, query: Any) -> Any:
        query._scope = self.scope
        query._covered = frozenset((self.model,))
        return query

    def _mine(self, query: Any) -> Any:
        return query if self.scope == EVERY_TENANT else query.where(self.model.tenant == self.scope)

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.scope != EVERY_TENANT:
            if values.get("tenant", self.scope) != self.scope:
                raise UnscopedQuery(f"{self.model.__name__}: tenant {values['tenant']} given in scope {self.scope}")
            values["tenant"] = self.scope
        elif "tenant" not in values:
            raise UnscopedQuery(f"{self.model.__name__}: a row written across tenants must name its tenant")
        return values

    def select(self, *fields: Any) -> Any:  # Any: peewee's query builder
        """Start a SELECT of this tenant's rows."""
        query = self._mark(ScopedSelect(self.model, fields or self.model._meta.sorted_fields, is_default=not fields))
        return self._mine(query)

    def update(self, **values: Any) -> Any:
        """Start an UPDATE of this tenant's rows; the tenant itself cannot change."""
        if "tenant" in values:
            raise UnscopedQuery("a row never changes its tenant")
        return self._mine(self._mark(_UPDATE(self.model, **values)))

    def delete(self) -> Any:
        """Start a DELETE of this tenant's rows."""
        return self._mine(self._mark(ModelDelete(self.model)))

    def insert(self, **values: Any) -> Any:
        """Start an INSERT; defaults of the model apply; `.on_conflict_ignore()` and `.returning()` as in peewee."""
        return self._mark(_INSERT(self.model, **self._values(values)))

    def insert_many(self, rows: Sequence[dict[str, Any]]) -> Any:
        """Start an INSERT of many rows in one statement; all with the same keys."""
        return self._mark(_INSERT_MANY(self.model, [self._values(row) for row in rows]))

    def create(self, **values: Any) -> Any:
        """Insert one row now and return it as an instance."""
        row = self.model(**self._values(values))
        key = self._mark(_INSERT(self.model, dict(row.__data__))).execute()
        if self.model._meta.auto_increment:
            meta: Any = self.model._meta
            setattr(row, meta.primary_key.name, key)
        return row

    def first(self, *where: Any) -> Any:
        """Return the first matching row, or None."""
        return self._read(where, lock=False)

    def get(self, *where: Any) -> Any:
        """Return the matching row, or raise NotFound."""
        return self._found(self._read(where, lock=False))

    def lock(self, *where: Any) -> Any:
        """Return the matching row locked until the transaction ends (SQLite: the whole database is), or NotFound."""
        return self._found(self._read(where, lock=True))

    def _found(self, row: Any) -> Any:
        if row is None:
            raise NotFound(f"no such {self.model.label()}", f"找不到{self.model.label()}", what=self.model.label())
        return row

    def _read(self, where: Sequence[Any], *, lock: bool) -> Any:
        """Read one row. Plain equalities, which most are, skip peewee's building of the statement: half the time."""
        equal = _equalities(self.model, where)
        if equal is None:
            query = self.select()
            query = query.where(*where) if where else query
            return (query.for_update() if lock and dialect() == "postgresql" else query).first()
        statement, fields = _lookup(self.model, tuple(name for name, _ in equal), self.scope == EVERY_TENANT, lock)
        params = [] if self.scope == EVERY_TENANT else [self.scope]
        row = fetch_one(self.scope, statement, [*params, *(value for _, value in equal)])
        if row is None:
            return None
        values = {field.name: field.python_value(value) for field, value in zip(fields, row, strict=True)}
        return self.model(__no_default__=True, **values)


_lookups: dict[tuple[type["TenantModel"], tuple[str, ...], bool, bool], tuple[Sql, list[Any]]] = {}


def _equalities(model: type["TenantModel"], where: Sequence[Any]) -> list[tuple[str, Any]] | None:
    """Return (field, database value) of conditions that are all `Model.field == value`, else None."""
    found = []
    for part in where:
        if (
            type(part) is not peewee.Expression
            or part.op != peewee.OP.EQ
            or not isinstance(part.lhs, peewee.Field)
            or part.lhs.model is not model
            or part.rhs is None
            or isinstance(part.rhs, peewee.Node | Model)
        ):
            return None
        found.append((part.lhs.name, part.lhs.db_value(part.rhs)))
    return found


def _lookup(model: type["TenantModel"], names: tuple[str, ...], everywhere: bool, lock: bool) -> tuple[Sql, list[Any]]:
    """Return the statement that reads a whole row by some columns, and the fields it gives; built once."""
    held = _lookups.get((model, names, everywhere, lock))
    if held is None:
        meta: Any = model._meta
        columns = ", ".join(f'"{field.column_name}"' for field in meta.sorted_fields)
        wanted = [] if everywhere else ['"tenant" = %s']
        wanted += [f'"{meta.fields[name].column_name}" = %s' for name in names]
        text = (
            f'SELECT {columns} FROM "{meta.table_name}"'
            + (f" WHERE {' AND '.join(wanted)}" if wanted else "")
            + " LIMIT 1"
        )
        statement = Sql(f"{text} FOR UPDATE" if lock else text, sqlite=text)
        held = _lookups[(model, names, everywhere, lock)] = (statement, list(meta.sorted_fields))
    return held


def _refuse(name: str) -> Any:
    def refuse(cls: type["TenantModel"], *args: Any, **kwargs: Any) -> Any:
        raise UnscopedQuery(f"{cls.__name__}.{name} knows no tenant; use {cls.__name__}.scoped(ctx).{name}(…)")

    return classmethod(refuse)


class TenantModel(BaseModel):
    """A table of which every row belongs to one tenant. Its only door is `scoped(ctx)`."""

    tenant = IntegerField()

    @classmethod
    def scoped(cls, ctx: HasScope) -> Scope:
        """Return the door to the rows that `ctx` may see."""
        return Scope(cls, ctx.scope)

    @classmethod
    def label(cls) -> str:
        """Return the word an error uses for a row of this table."""
        return cls.__name__.lower()

    select = _refuse("select")
    update = _refuse("update")
    insert = _refuse("insert")
    insert_many = _refuse("insert_many")
    insert_from = _refuse("insert_from")
    replace = _refuse("replace")
    replace_many = _refuse("replace_many")
    delete = _refuse("delete")
    create = _refuse("create")
    raw = _refuse("raw")
    get = _refuse("get")
    get_or_none = _refuse("get_or_none")
    get_by_id = _refuse("get_by_id")
    get_or_create = _refuse("get_or_create")
    bulk_create = _refuse("bulk_create")
    bulk_update = _refuse("bulk_update")
    set_by_id = _refuse("set_by_id")
    delete_by_id = _refuse("delete_by_id")
    filter = _refuse("filter")
    noop = _refuse("noop")

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a row is a value; change it with `Model.scoped(ctx).update(…)`."""
        raise UnscopedQuery(f"{type(self).__name__}.save() knows no tenant; use scoped(ctx).update(…)")

    def delete_instance(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: delete with `Model.scoped(ctx).delete()`."""
        raise UnscopedQuery(f"{type(self).__name__}.delete_instance() knows no tenant; use scoped(ctx).delete()")
