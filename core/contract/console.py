"""What a plugin declares for the console: resources, pages and panels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel

from core.contract.context import Context
from core.contract.manifest import Area
from core.tables import TenantModel
from core.words import Text

Choices = Callable[..., Sequence[tuple[Any, Text | str]]]
Source = str | Choices


@dataclass(frozen=True, slots=True)
class Choice:
    """Marks a field of a form as one to pick: `Annotated[UUID, Choice(sessions)]`, `Annotated[str, Choice("levels")]`.

    `source` is a function `(ctx) -> [(value, words)]`, or the name of choices that a resource `offers`; also `venues`,
    `roles` and `permissions`. With `of_row` the function takes the id of the row too: the lines of an order. A list is
    picked with marks, or one by one where its order counts (`ordered`).
    """

    source: Source
    ordered: bool = False
    of_row: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list, and of the reply over REST. `kind` picks how it is shown; `phone` is always masked.

    A `choice` is one value or a list of them. What is nested says what its parts are called: a `table` has a row for
    each object of a list, `facts` is one object. `rewards` and `conditions` are what a rule says, in a sentence.
    """

    name: str
    title: Text
    kind: Literal[
        "text", "int", "fen", "points", "time", "date", "bool", "phone", "member", "venue", "choice",
        "table", "facts", "rewards", "conditions", "actor",
    ] = "text"  # fmt: skip
    choices: Mapping[str, Text] = field(default_factory=dict)
    source: Source | None = None  # live choices, in the place of `choices`
    named: Callable[[Context, Sequence[Any]], Mapping[Any, str]] | None = None  # names of the rows it refers to
    parts: Sequence["Column"] = ()  # of a table or of facts
    filter: bool = False  # exact match for text, int, choice, bool, venue, member; from/to for time and date
    list: bool = True  # false: on the detail page only
    page: bool = True  # false: on no page; a filter of the REST list
    rest: bool = True  # false: on pages only
    says: str = ""  # on the API's page; empty: the title, and the codes of its choices
    type: Any = None  # over REST; None: as the table has it, or the kind where `present` adds it


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
    approve before it runs. The limit is for what one account does without approval to one member (the row, where the
    resource has no member) on one day of the tenant: small acts add up. Acts that are told apart by `counted_as(body)`
    have limits of their own, and acts of one plugin that give the same name share one; the default is the action's own.
    `already(ctx, row)` is what was done to the row before, by whomever, and counts too; the row is locked meanwhile.
    `stands_on` names the columns of the row that must be then as they were when it was asked for: all of them when it
    is None, none where the form alone says what is approved.
    """

    name: str
    title: Text
    run: Callable[..., Any]
    permission: str = ""  # empty: as to edit the resource
    form: type[BaseModel] | None = None
    reason: bool = False
    idempotent: bool = False  # points, money or stock move
    approve_over: Callable[[Any], int] | None = None
    limit: int | Callable[[Context], int] = 0
    already: Callable[[Context, Any], int] | None = None
    counted_as: Callable[[Any], str] | None = None
    stands_on: Sequence[str] | None = None
    shown: Callable[[Any], bool] | None = None  # given a row: whether the action makes sense for it
    any_venue: bool = False  # accounts of single venues may do it to any row, though they do not see it: a voucher
    reveals: type[BaseModel] | None = None  # what `run` returns is shown, once: something sealed. Asks for a reason


@dataclass(frozen=True, slots=True)
class Resource:
    """A table that staff work with, declared once: list, detail, forms, actions, export, REST, OpenAPI, audit.

    Over REST a row is its id and its columns, typed as in the table, and the further columns that `also` names; a
    `reply` of one's own is for what other endpoints answer too. `present` gives only what the table does not have, or
    has in another form. `venue` names the column that a venue-scoped account is held to; without one such an account
    does not see the resource at all, unless `venue_free` says that its rows belong to no venue.
    """

    name: str  # in the path: /console/{slug}/{name} and /admin/v1/{slug}/{name}
    title: Text
    model: type[TenantModel]
    columns: Sequence[Column]
    permission: str  # to see
    reply: type[BaseModel] | None = None
    also: Sequence[str | Column] = ()  # over REST only: columns of the table by name, or a column that says its type
    edit_permission: str | None = None  # to create and edit
    create: Form | None = None
    edit: Form | None = None
    actions: Sequence[Action] = ()
    venue: str | None = None
    venue_free: bool = False
    order: str = "-id"  # a column of time order: keyset pages run along it
    member: str | None = "member"  # the column with a member's id, where the table has one: enables member search
    export_permission: str | None = None  # None: no export
    present: Callable[[Context, Sequence[Any]], Sequence[Any]] | None = None  # rows to mappings or objects
    area: Area | None = None  # the group of the menu; None: the one of the manifest
    summary: Sequence[Column] = ()  # what staff see of the plugin's `member_summary`: its values, with words
    offers: Mapping[str, Choices] = field(default_factory=dict)  # live choices for forms of other plugins, by name

    def __post_init__(self) -> None:
        """Say of each action which permission it needs."""
        usual = self.edit_permission or self.permission
        actions = tuple(replace(one, permission=one.permission or usual) for one in self.actions)
        object.__setattr__(self, "actions", actions)


@dataclass(frozen=True, slots=True)
class Page:
    """A console page of a plugin's own. `render(ctx, query)` returns the template's values; it only reads."""

    path: str
    title: Text
    permission: str
    template: str  # file in the plugin's templates/
    render: Callable[[Context, Mapping[str, str]], dict[str, Any]]
    menu: bool = True
    area: Area | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A number or small table on the dashboard: `read(ctx)` returns (label, value) pairs."""

    name: str
    title: Text
    permission: str
    read: Callable[[Context], Sequence[tuple[str, str]]]
