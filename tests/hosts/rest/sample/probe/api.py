"""Endpoints of every kind."""

import threading
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from roost import Answer, Conflict, Context, Endpoints, Forbidden, Listing, PageQuery, Remote, Upload, points, tenants

member = Endpoints("member")
staff = Endpoints("staff")
public = Endpoints("public")
calls: list[str] = []  # what remote endpoints called outside
gate = threading.Event()  # a remote call waits for it when `slow` is asked
reached = threading.Event()  # set when a slow call runs
failures: list[Exception] = []  # raised by the next calls


class Inner(BaseModel):
    """Says nothing of unknown fields: the host refuses them all the same."""

    name: str = Field(max_length=20)
    count: int = Field(0, ge=0)


class Body(BaseModel):
    """One of each type."""

    amount: int
    ratio: float = 1.0
    day: date | None = None
    at: AwareDatetime | None = None
    owner: UUID | None = None
    inner: Inner | None = None
    more: dict[str, Any] = {}
    numbers: list[int] = []


class Filter(BaseModel):
    """Query of one of each type."""

    size: int = Field(0, le=100)
    day: date | None = None
    on: bool = False
    tag: list[str] = []


class Echo(BaseModel):
    """What was understood."""

    what: dict[str, Any]


class Row(BaseModel):
    """A line of the list."""

    number: int


class Made(BaseModel):
    """What was made."""

    id: UUID
    code: str


class Venue(BaseModel):
    """A shop to make: the effect that tests look for."""

    code: str = Field(max_length=40)
    fail: str = ""


@member.get("/kinds/{owner}/{number}/{word}/{day}")
def kinds(ctx: Context, owner: UUID, number: int, word: str, day: date, query: Filter) -> Echo:
    """Say what was understood of path and query."""
    return Echo(what={"owner": owner, "number": number, "word": word, "day": day, "query": query.model_dump()})


@member.get("/rows")
def rows(ctx: Context, page: PageQuery) -> Listing[Row]:
    """List a hundred numbers."""
    start = int(page.cursor or 0)
    last = min(start + page.limit, 100)
    items = [Row(number=n) for n in range(start, last)]
    return Listing[Row](items=items, next_cursor=str(last) if last < 100 else None)


@member.get("/writes")
def writes(ctx: Context) -> Echo:
    """Try to write, which a GET may not."""
    tenants.add_venue(ctx, "written", "by a GET")
    return Echo(what={})


@member.get("/picture")
def picture(ctx: Context) -> Answer:
    """Give bytes."""
    return Answer(200, b"\x89PNG", "image/png")


@member.get("/secret")
def secret(ctx: Context) -> Echo:
    """Fail with something that nobody outside may read."""
    raise RuntimeError("password=hunter2 phone=13800000000")


@member.post("/echo")
def echo(ctx: Context, body: Body) -> Echo:
    """Say what was understood of the body."""
    return Echo(what=body.model_dump(mode="json"))


@member.post("/maybe")
def maybe(ctx: Context, body: Inner | None) -> Echo:
    """Take a body or none."""
    return Echo(what={"body": body.model_dump() if body else None})


@member.post("/bare")
def bare(ctx: Context) -> None:
    """Take no body and say nothing."""


@member.post("/venues", status=201)
def make(ctx: Context, body: Venue) -> Made:
    """Make a venue."""
    row = tenants.add_venue(ctx, body.code, "made")
    if body.fail == "conflict":
        raise Conflict("after the effect", code="after_effect")
    if body.fail:
        raise RuntimeError("after the effect")
    return Made(id=row.id, code=row.code)


@member.post("/points", idempotent=True)
def earn(ctx: Context, body: Body, key: str) -> Echo:
    """Credit the caller."""
    done = points.credit(ctx, ctx.actor.id, "points", body.amount, key=key, reason="probe")
    return Echo(what={"balance": done.balance})


@member.post("/limited", rate="3/minute")
def limited(ctx: Context) -> None:
    """Allow three a minute."""


@member.post("/remote", idempotent=True)
class Buy(Remote):
    """Call the outside between two transactions."""

    def prepare(self, ctx: Context, body: Venue) -> Any:
        """Write what is to be called."""
        tenants.add_venue(ctx, body.code, "prepared")
        return body

    def waits(self, prepared: Any) -> bool:
        """Wait for nobody where that is asked."""
        return prepared.fail not in ("nobody", "after")

    def call(self, prepared: Any) -> str:
        """Call."""
        calls.append(prepared.code)
        if prepared.fail == "slow":
            reached.set()
            assert gate.wait(20)
        if failures:
            raise failures.pop()
        return "answered"

    def complete(self, ctx: Context, prepared: Any, answer: str) -> Echo:
        """Write what came of it."""
        if prepared.fail == "after":
            raise Conflict("not after all", "还是不行")
        return Echo(what={"code": prepared.code, "answer": answer})


@staff.get("/staff-only", permission="probe.use")
def staff_only(ctx: Context) -> Echo:
    """Say who calls."""
    return Echo(what={"kind": ctx.actor.kind})


@public.post("/open", rate="2/minute")
def open_door(ctx: Context) -> Echo:
    """Say which tenant was understood."""
    return Echo(what={"tenant": ctx.tenant.slug, "locale": ctx.locale})


@public.post("/token", idempotent=True)
def token(ctx: Context) -> Echo:
    """Give a secret, as a login does."""
    return Echo(what={"token": "rst_secret_of_a_login"})


class Taking(Remote):
    """Take a file; how it came in is noted."""

    def prepare(self, ctx: Context, tenant: str, word: str, data: Upload) -> Upload:  # type: ignore[override]
        """Refuse one word."""
        if word == "refused":
            raise Forbidden("not this one")
        return data

    def call(self, prepared: Upload) -> list[int]:
        """Read it."""
        return [len(piece) for piece in prepared.chunks()]

    def complete(self, ctx: Context, prepared: Upload, answer: list[int]) -> Echo:
        """Say what came."""
        return Echo(what={"tenant": ctx.tenant.slug, "type": prepared.content_type, "pieces": answer})


@public.put("/{tenant}/files/{word}", upload=300_000)
class PutFile(Taking):
    """Take a file as it is."""


@public.post("/{tenant}/files/{word}", upload=300_000)
class PostFile(Taking):
    """Take a file in a form."""


@public.get("/{tenant}/files/{word}")
def get_file(ctx: Context, tenant: str, word: str) -> Answer:
    """Give a file from disk."""
    path = ctx.services.settings.var / word
    return Answer(content_type="image/png", headers={"Cache-Control": "private, max-age=60"}, file=path)
