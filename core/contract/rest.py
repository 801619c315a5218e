"""What a plugin declares for REST: endpoints, pages of lists, callbacks. Frozen values that the host interprets."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from core.contract.context import Context
from core.contract.remote import Remote
from core.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])
Item = TypeVar("Item", bound=BaseModel)
Audience = Literal["member", "staff", "public"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


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


def prefix_of(slug: str, group: Endpoints) -> str:
    """Return the path below which a group's endpoints live."""
    if group.prefix is not None:
        return group.prefix
    return f"/admin/v1/{slug}" if group.audience == "staff" else f"/v1/{slug}"
