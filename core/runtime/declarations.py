"""What plugins declare: frozen values that hosts interpret. Nothing here runs anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from core.context import Context
from core.errors import ConfigurationError
from core.runtime.manifest import Area, Text
from core.tables import TenantModel

F = TypeVar("F", bound=Callable[..., Any])
Item = TypeVar("Item", bound=BaseModel)
Audience = Literal["member", "staff", "public"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

# --- REST ------------------------------------------------------------------------------------------------------------


class Remote:
    """An endpoint or job that needs an outside call, in three steps; only `prepare` and `complete` see the database.

    `prepare(ctx, …arguments)` runs in a transaction and returns what the call needs; `call(prepared)` runs without
    one and may be slow or fail; `complete(ctx, prepared, answer)` runs in a transaction and returns the reply.
    """

    def prepare(self, ctx: Context, **arguments: Any) -> Any:
        """Read what the call needs."""
        raise NotImplementedError

    def call(self, prepared: Any) -> Any:
        """Call the outside world; no transaction is open."""
        raise NotImplementedError

    def complete(self, ctx: Context, prepared: Any, answer: Any) -> Any:
        """Write what came of it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Upload:
    """The raw body of a request, or the file in a multipart form, while it is still on the wire.

    `chunks()` gives it in pieces, once, to the `call` of a remote endpoint: however large, it is never held in memory.
    It raises a RoostError for a body over the endpoint's limit (413) or one that breaks off (400).
    """

    content_type: str  # as the caller says: believe none of it
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the REST API: a typed function and what the host needs to know of it.

    The function takes `ctx` first, then path parameters by name (`UUID`, `int`, `str`, `date`), and optionally
    `body` (a pydantic model), `query` (a pydantic model) and `page` (`PageQuery`, with a reply of `Listing[…]`). For a
    remote endpoint `function` is a class derived from `Remote` whose `prepare` has that signature and whose
    `complete` has the reply's type.

    With `upload` a remote endpoint takes `data` (an `Upload`) in the place of `body`, of at most so many bytes.
    A public endpoint whose path has `{tenant}` is told the brand by it: an address that works without any header.
    """

    method: Method
    path: str  # below the group's prefix: "/claims/{claim_id}/accept"
    function: Callable[..., Any] | type[Remote]
    audience: Audience
    permission: str | None  # staff endpoints name one; members act for themselves; public ones have none
    idempotent: bool  # an Idempotency-Key is required: points, money or stock move
    status: int
    rate: str | None  # "5/minute"; of "100/hour;10/minute" both hold. Per actor, or per address where nobody is known
    since: str
    upload: int = 0  # bytes; 0: the body is JSON

    @property
    def remote(self) -> bool:
        """Tell whether it has three steps."""
        return isinstance(self.function, type)


@dataclass(slots=True)
class Endpoints:
    """A group of endpoints for one audience, filled by decorators in a plugin's `api.py`.

    `member` endpoints live under `/v1/{slug}`, `staff` ones under `/admin/v1/{slug}`, `public` ones (no session) under
    `/v1/{slug}` too. Core's own groups give an explicit `prefix`.
    """

    audience: Audience
    prefix: str | None = None
    tag: str | None = None
    items: list[Endpoint] = field(default_factory=list)

    def _add(
        self,
        method: Method,
        path: str,
        permission: str | None,
        idempotent: bool,
        status: int,
        rate: str | None,
        since: str,
        upload: int = 0,
    ) -> Callable[[F], F]:
        if self.audience == "staff" and not permission:
            raise ConfigurationError(f"{method} {path}: a staff endpoint names the permission it needs")
        if self.audience != "staff" and permission:
            raise ConfigurationError(f"{method} {path}: only staff endpoints have permissions")

        def add(function: F) -> F:
            if not (function.__doc__ or "").strip():
                raise ConfigurationError(f"{method} {path}: say in a docstring what it does; it becomes the API's page")
            self.items.append(
                Endpoint(method, path, function, self.audience, permission, idempotent, status, rate, since, upload)
            )
            return function

        return add

    def get(
        self, path: str, *, permission: str | None = None, rate: str | None = None, since: str = "1.0"
    ) -> Callable[[F], F]:
        """Declare a read: it never writes, and runs without a transaction of its own."""
        return self._add("GET", path, permission, False, 200, rate, since)

    def post(
        self,
        path: str,
        *,
        permission: str | None = None,
        idempotent: bool = False,
        status: int = 200,
        rate: str | None = None,
        since: str = "1.0",
        upload: int = 0,
    ) -> Callable[[F], F]:
        """Declare a write; `idempotent=True` where points, money or stock move: an Idempotency-Key is then required.

        `upload` is the most bytes of a body that is no JSON: see `Endpoint`.
        """
        return self._add("POST", path, permission, idempotent, status, rate, since, upload)

    def put(
        self,
        path: str,
        *,
        permission: str | None = None,
        idempotent: bool = False,
        rate: str | None = None,
        since: str = "1.0",
        upload: int = 0,
    ) -> Callable[[F], F]:
        """Declare a replacement; `upload` is the most bytes of a body that is no JSON: see `Endpoint`."""
        return self._add("PUT", path, permission, idempotent, 200, rate, since, upload)

    def patch(
        self, path: str, *, permission: str | None = None, idempotent: bool = False, since: str = "1.0"
    ) -> Callable[[F], F]:
        """Declare a partial change."""
        return self._add("PATCH", path, permission, idempotent, 200, None, since)

    def delete(
        self, path: str, *, permission: str | None = None, idempotent: bool = False, since: str = "1.0"
    ) -> Callable[[F], F]:
        """Declare a deletion."""
        return self._add("DELETE", path, permission, idempotent, 204, None, since)


class PageQuery(BaseModel):
    """What a list takes: `limit` rows after `cursor` (opaque; from the page before)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = 20
    cursor: str = ""


class Listing(BaseModel, Generic[Item]):
    """One keyset page: `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """A request of an outside system as it came: nothing of it is trusted yet."""

    method: str
    path: str  # with the query string, as signed
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-case names
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a callback answers, or a GET that is no JSON. A `file` is sent in pieces in the place of `body`."""

    status: int = 200
    body: bytes | str = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """What answers `/callbacks/{slug}/{tenant}`: verify, store, enqueue, answer; all in one transaction.

    `receive(ctx, push)` raises Unauthorized for what it cannot verify. It makes no outside call.
    """

    receive: Callable[[Context, Push], Answer]
    methods: tuple[Literal["GET", "POST"], ...] = ("POST",)


# --- work ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Next:
    """What a step of a chain returns: the payload of its successor, put in the table in the same transaction."""

    payload: BaseModel
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of job. `run(ctx, payload)` runs in the transaction that marks the job done; it may return `Next(…)`.

    For work that calls the outside world `run` is a class derived from `Remote`: `prepare(ctx, payload=…)`.
    """

    name: str  # the kind is `slug.name`
    payload: type[BaseModel]
    run: Callable[[Context, Any], Next | None] | type[Remote]
    max_failures: int = 10  # then it is a dead letter
    first_retry: timedelta = timedelta(seconds=5)  # doubles with each failure, up to an hour
    when_off: Literal["skip", "run"] = "skip"  # run: callbacks of money reach a plugin that is off


class Slot(BaseModel):
    """The payload of a schedule's job, and of the `Next` with which its run goes on in another transaction."""

    slot: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What runs by the clock: `daily` at a local time of the tenant ("00:05"), or `every` so many whole minutes (UTC).

    `run(ctx, slot)` runs as a job; `slot` is the tenant's local date ("2026-11-22") or the UTC minute
    ("2026-11-22T05:30"). After a halt, `latest` runs only the last slot missed, a number runs at most so many.
    What is too much for one transaction returns `Next(Slot(slot=slot))`, and runs again.
    """

    name: str
    run: Callable[[Context, str], Next | None]
    daily: str | None = None
    every: timedelta | None = None
    catch_up: Literal["latest"] | int = "latest"


# --- rewards ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RewardKind:
    """Something a rule can give. `grant` returns what `revoke` will need, as JSON values.

    `grant(ctx, member, spec, key)` gives it, exactly once for a key; `revoke(ctx, member, spec, receipt)` takes back
    what is left and returns what could not be taken, in words, or None; `describe(spec, locale)` is what people read.
    `points(spec)` is how many points it mints, for budgets.
    """

    name: str
    title: Text
    spec: type[BaseModel]
    grant: Callable[[Context, UUID, Any, str], dict[str, Any]]
    revoke: Callable[[Context, UUID, Any, dict[str, Any]], str | None]
    describe: Callable[[Any, str], str]
    points: Callable[[Any], int] = lambda spec: 0


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """A question about a member. `evaluate` returns the answer and the value that was read, for "why"."""

    name: str
    title: Text
    spec: type[BaseModel]
    evaluate: Callable[[Context, UUID, Any], tuple[bool, Any]]
    explain: Callable[[Any, str], str]


# --- console ---------------------------------------------------------------------------------------------------------


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
    """A column of a list. `kind` picks how it is shown; `phone` is always masked.

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
    permission: str
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
    area: Area | None = None  # the group of the menu; None: the one of the manifest
    summary: Sequence[Column] = ()  # what staff see of the plugin's `member_summary`: its values, with words
    offers: Mapping[str, Choices] = field(default_factory=dict)  # live choices for forms of other plugins, by name


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
