"""Tables, and the one door to a tenant's rows: `Model.scoped(ctx)`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import peewee
from peewee import IntegerField, Model, ModelDelete, ModelSelect

from core.db import EVERY_TENANT, Sql, database, dialect, fetch_one
from core.errors import NotFound, UnscopedQuery
from core.guard import tenant_model
from core.member_rows import MemberRows


class HasScope(Protocol):
    """What a query needs to know of its caller: whose rows it may see."""

    @property
    def scope(self) -> int:
        """Return the tenant's number, or EVERY_TENANT."""
        ...


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
        model = tenant_model(dest)
        if model is None:
            return super().join(dest, join_type, on=on, src=src, attr=attr)
        if on is None:
            raise UnscopedQuery(f"joining {model.__name__} needs an explicit on=")
        if self._scope != EVERY_TENANT:
            on = on & (dest.tenant == self._scope)
        query = super().join(dest, join_type, on=on, src=src, attr=attr)
        query._covered = self._covered | {model}
        return query


_AS_GIVEN = (peewee.TextField, peewee.CharField, IntegerField, peewee.BigIntegerField, peewee.BooleanField,
             peewee.DateField, peewee.UUIDField)  # fmt: skip

# peewee's own class methods, before TenantModel closes them.
_UPDATE: Any = vars(Model)["update"].__func__
_INSERT: Any = vars(Model)["insert"].__func__
_INSERT_MANY: Any = vars(Model)["insert_many"].__func__


def refuse_uneven(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValueError, naming the first row that differs, unless all rows have the same keys."""
    if not rows:
        return
    keys = rows[0].keys()
    for place, row in enumerate(rows):
        if row.keys() != keys:
            raise ValueError(
                f"{model.__name__}: row {place} has other keys than row 0 ({', '.join(sorted(row.keys() ^ keys))});"
                " give every row the same"
            )


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
        """Start an INSERT of many rows in one statement. Raises ValueError unless all have the same keys.

        peewee takes the columns from the first row, and would drop what only others have.
        """
        whole = [self._values(row) for row in rows]
        refuse_uneven(self.model, whole)
        return self._mark(_INSERT_MANY(self.model, whole))

    def insert_once(self, **values: Any) -> Any:
        """Insert one row now, unless a unique index holds one like it; return its primary key, or None."""
        key: Any = self.model._meta.primary_key
        made = list(self.insert(**values).on_conflict_ignore().returning(key).execute())
        return made[0]._pk if made else None

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
        found = self.model(__no_default__=True)
        found.__data__ = {
            name: value if read is None else read(value) for (name, read), value in zip(fields, row, strict=True)
        }
        return found


# By table, columns, scope, lock and dialect: the statement, and per column its field and how its values are read.
_lookups: dict[tuple[type["TenantModel"], tuple[str, ...], bool, bool, str], tuple[Sql, list[tuple[str, Any]]]] = {}


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
        field: Any = part.lhs
        found.append((field.name, field.db_value(part.rhs)))
    return found


def _lookup(
    model: type["TenantModel"], names: tuple[str, ...], everywhere: bool, lock: bool
) -> tuple[Sql, list[tuple[str, Any]]]:
    """Return the statement that reads a whole row by some columns, and what it gives; built once."""
    key = (model, names, everywhere, lock, dialect())
    held = _lookups.get(key)
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
        read = [(field.name, _reader(field)) for field in meta.sorted_fields]
        held = _lookups[key] = (statement, read)
    return held


def _reader(field: Any) -> Any:
    """Return how a field reads a driver's value; None where psycopg gives what the field would."""
    if dialect() == "postgresql" and type(field) in _AS_GIVEN:
        return None
    return field.python_value


def _refuse(name: str) -> Any:
    def refuse(cls: type["TenantModel"], *args: Any, **kwargs: Any) -> Any:
        raise UnscopedQuery(f"{cls.__name__}.{name} knows no tenant; use {cls.__name__}.scoped(ctx).{name}(…)")

    return classmethod(refuse)


class TenantModel(BaseModel):
    """A table of which every row belongs to one tenant. Its only door is `scoped(ctx)`."""

    belongs_to_tenant: ClassVar[bool] = True  # read by the guard
    member_rows: ClassVar[MemberRows | tuple[MemberRows, ...]] = ()  # required where a column holds a member's id
    noun: ClassVar[str] = ""  # what an error calls a row; empty: the class's name

    tenant = IntegerField()

    @classmethod
    def scoped(cls, ctx: HasScope) -> Scope:
        """Return the door to the rows that `ctx` may see."""
        return Scope(cls, ctx.scope)

    @classmethod
    def label(cls) -> str:
        """Return the word an error uses for a row of this table."""
        return cls.noun or cls.__name__.lower()

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
