"""The first wall between tenants: a query is looked at before it is sent.

It is refused when a tenant table stands in it without a scope.

`core.tables` marks the queries it builds with their scope and the tables that scope covers.
"""

from typing import Any

import peewee
from peewee import ModelSelect

from core.errors import UnscopedQuery


def tenant_model(source: Any) -> Any:  # Any: whatever stands in a FROM, and a model class or None
    """Return the tenant table that a source is, or None."""
    model = getattr(source, "model", source)
    return model if isinstance(model, type) and getattr(model, "belongs_to_tenant", False) else None


def check_query(node: Any, covered: frozenset[Any] | None = None) -> None:  # Any: peewee's untyped tree
    """Raise UnscopedQuery when a tenant table stands in `node` without a scope of its own."""
    if isinstance(node, peewee.Query):
        mine: frozenset[Any] = getattr(node, "_covered", frozenset())
        sources: Any = getattr(node, "_from_list", None)
        for source in sources or ():
            check_query(source, mine)
        target = getattr(node, "model", None)
        if target is not None and not isinstance(node, ModelSelect):
            check_query(target, mine)
        for part in (getattr(node, "_where", None), getattr(node, "_having", None)):
            if part is not None:
                check_query(part, mine)
        returning: Any = getattr(node, "_returning", None)
        for part in returning or ():
            if isinstance(part, peewee.Query | peewee.Expression | peewee.Alias):
                check_query(part, mine)
        if isinstance(node, peewee.CompoundSelectQuery):
            check_query(node.lhs, mine)
            check_query(node.rhs, mine)
    elif isinstance(node, peewee.Join | peewee.Expression):
        check_query(node.lhs, covered)
        check_query(node.rhs, covered)
    elif isinstance(node, peewee.Alias):
        check_query(node.node, covered)
    elif isinstance(node, peewee.Function):
        arguments: Any = node.arguments
        for argument in arguments or ():
            check_query(argument, covered)
    elif isinstance(node, type | peewee.ModelAlias):
        model = tenant_model(node)
        if model is not None and (covered is None or model not in covered):
            raise UnscopedQuery(
                f"a query on {model.__name__} has no tenant: build it with {model.__name__}.scoped(ctx)"
                f"{' and join it through that query' if covered else ''}"
            )


def scope_of(query: Any) -> int | None:
    """Return the scope a query was built for; `count()` and friends wrap the marked query in a plain one."""
    scope: int | None = getattr(query, "_scope", None)
    if scope is None:
        for part in (*(getattr(query, "_from_list", None) or ()), getattr(query, "lhs", None)):
            if isinstance(part, peewee.Query) and (scope := scope_of(part)) is not None:
                break
    return scope
