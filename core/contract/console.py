"""What a plugin declares for the console: resources, pages and panels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from core.contract.context import Context
from core.contract.manifest import Text
from core.tables import TenantModel


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. `kind` picks how it is shown; `phone` is always masked."""

    name: str
    title: Text
    kind: Literal[
        "text", "int", "fen", "points", "time", "date", "bool", "phone", "member", "venue", "choice", "json"
    ] = "text"
    choices: Mapping[str, Text] = field(default_factory=dict)
    filter: bool = False  # exact match for text, int, choice, bool, venue, member; from/to for time and date
    list: bool = True  # false: on the detail page only


@dataclass(frozen=True, slots=True)
class Form:
    """A form made from a pydantic model; `save(ctx, body)` for create, `save(ctx, id, body)` for edit."""

    model: type[BaseModel]
    save: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Action:
    """Something staff do to one row: `run(ctx, id, body)`; `body` is None without a form.

    With `reason` a reason is asked for and kept in the audit row. `approve_over(body)` returns the amount compared
    with `limit` (a number, or read from the context); above it a second member of staff with the same permission must
    approve before it runs. `stands_on` names the columns of the row that must be then as they were when it was asked
    for: all of them when it is None, none where the form alone says what is approved.
    """

    name: str
    title: Text
    run: Callable[..., Any]
    permission: str
    form: type[BaseModel] | None = None
    reason: bool = False
    idempotent: bool = False  # points, money or stock move
    approve_over: Callable[[Any], int] | None = None
    limit: int | Callable[[Context], int] = 0
    stands_on: Sequence[str] | None = None
    shown: Callable[[Any], bool] | None = None  # given a row: whether the action makes sense for it


@dataclass(frozen=True, slots=True)
class Resource:
    """A table that staff work with, declared once: list, detail, forms, actions, export, REST, OpenAPI, audit.

    `reply` is the pydantic model of a row over REST, filled from the row's attributes. `venue` names the column that
    a venue-scoped account is held to; without one such an account does not see the resource at all, unless
    `venue_free` says that its rows belong to no venue.
    """

    name: str  # in the path: /console/{slug}/{name} and /admin/v1/{slug}/{name}
    title: Text
    model: type[TenantModel]
    reply: type[BaseModel]
    columns: Sequence[Column]
    permission: str  # to see
    edit_permission: str | None = None  # to create and edit
    create: Form | None = None
    edit: Form | None = None
    actions: Sequence[Action] = ()
    venue: str | None = None
    venue_free: bool = False
    order: str = "-id"  # a column of time order: keyset pages run along it
    member: str | None = "member"  # the column that holds a member's id, if there is one: enables member search
    export_permission: str | None = None  # None: no export
    present: Callable[[Context, Sequence[Any]], Sequence[Any]] | None = None  # rows to what `reply` is filled from


@dataclass(frozen=True, slots=True)
class Page:
    """A console page of a plugin's own. `render(ctx, query)` returns the template's values; it only reads."""

    path: str
    title: Text
    permission: str
    template: str  # file in the plugin's templates/
    render: Callable[[Context, Mapping[str, str]], dict[str, Any]]
    menu: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """A number or small table on the dashboard: `read(ctx)` returns (label, value) pairs."""

    name: str
    title: Text
    permission: str
    read: Callable[[Context], Sequence[tuple[str, str]]]
