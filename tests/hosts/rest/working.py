"""Requests that succeed for their owner, one for every operation of the API.

Two tests stand on them: `test_route_matrix` sends each as somebody else and expects a refusal,
`test_openapi_schemathesis` sends each as its owner and expects a success that the description allows. **An
operation without one fails the build.**

How to add yours: write `tests/plugins/SLUG/rest_requests.py` (or `tests/integrations/SLUG/…`) with

    from tests.hosts.rest.working import Call, Stage

    def confirm(stage: Stage) -> Call: claim = stage.member("POST",
    f"/v1/seckill/items/{item_on_sale(stage)}/take")   # make what the request needs return
    Call(path={"claim_id": claim["id"]})

    WORKING = {"POST /v1/seckill/claims/{claim_id}/confirm": confirm}

The function gets a `Stage`: a tenant with every plugin on, an `owner` and their rows; it prepares what the
request needs, over REST (`stage.member`, `stage.staff`) or by a service with `stage.ctx`, and returns the
`Call`. It must work when it is called many times on one stage: make fresh things. A GET without parameters in
its path needs no entry.

`Call(shared=True)` says that what the path names is everybody's (a flash sale's item): then another member of
the tenant may do the same. Without it another member must be refused.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from core import db, identity, members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events import jobs
from core.ids import new_id
from core.members import MemberView
from core.runtime import Runtime
from hosts.rest.routes import Route
from hosts.schema import all_components
from hosts.server.app import make_app
from hosts.testkit.plugin import PASSWORD, Api

HERE = Path(__file__).parent
UPLOAD = "application/octet-stream"  # how `Call.data` is sent
NOT_COMPARED = frozenset(("rate_count", "session"))  # notes of who called, not what a call changed


@dataclass(frozen=True, slots=True)
class Call:
    """A request that succeeds for its owner."""

    path: Mapping[str, Any] = field(default_factory=dict)  # path parameters by name
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None  # JSON
    data: bytes | None = None  # of an upload, in the place of JSON
    shared: bool = False  # what the path names is everybody's in the tenant


Maker = Callable[["Stage"], Call]


class Side:
    """One tenant with every plugin on, its all-powerful staff account, and members as they are needed."""

    def __init__(self, runtime: Runtime, slug: str) -> None:
        self.runtime = runtime
        plugins = [p.slug for p in runtime.registry.plugins.values()]
        self.tenant = tenants.create_tenant(slug, slug.title(), plugins=plugins, now=runtime.clock.now())
        self.ctx = runtime.system(self.tenant, "test")
        self.permissions = sorted(identity.known_permissions(self.ctx))
        with self.ctx.transaction():
            self.venue = tenants.add_venue(self.ctx, "main", "Main street")
            identity.save_role(self.ctx, "all", "All", self.permissions)
            self.account = identity.create_staff(self.ctx, "boss", PASSWORD, "Boss", ["all"])

    def staff_token(self) -> str:
        """Return a token of the account that may do everything."""
        with self.ctx.transaction():
            return identity.open_session(self.ctx, "staff", self.account.id)

    def key_without(self, api: Api, permission: str) -> str:
        """Return the token of an integration key that may do everything but one thing."""
        with self.ctx.transaction():
            token = identity.create_key(self.ctx, "lower", [p for p in self.permissions if p != permission])[1]
        assert api.get("/admin/v1/me", token=token).status_code == 200  # its first use is noted in its row
        return token

    def member_token(self, member: MemberView) -> str:
        """Return a token of a member."""
        with self.ctx.transaction():
            return identity.open_session(self.ctx, "member", member.id)


class Stage:
    """Where requests are prepared: `ctx` acts as the system for the owner's tenant."""

    def __init__(self, runtime: Runtime, clock: ManualClock) -> None:
        self.runtime, self.clock = runtime, clock
        self.near, self.far = Side(runtime, "near"), Side(runtime, "far")
        self.api = Api(runtime, self.near.ctx)
        self._number = count(1)
        self._open = ExitStack()
        self._held: dict[str, Any] = {}
        self.fresh()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *what: object) -> None:
        self._open.close()

    def once(self, name: str, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        """Return what a context manager gives, entered once for the stage and left at its end: a fake's server."""
        if name not in self._held:
            self._held[name] = self._open.enter_context(make())
        return self._held[name]

    def fresh(self) -> None:
        """Begin the next request: a new owner, another member, a stranger of another tenant; every plugin is on."""
        current = tenants.by_id(self.near.tenant.id)
        for slug in self.runtime.registry.plugins:
            if slug not in current.plugins:
                tenants.enable_plugin(self.near.ctx, slug)
        self.ctx: Context = self.runtime.system(tenants.by_id(self.near.tenant.id), "test")
        self.owner, self.other = self.new_member(), self.new_member()
        self.stranger = self.new_member(self.far.ctx)
        self.owner_token = self.near.member_token(self.owner)
        self.staff_token = self.near.staff_token()

    @property
    def venue(self) -> UUID:
        """Return a venue of the tenant."""
        return self.near.venue.id  # type: ignore[no-any-return]  # peewee

    def unique(self, prefix: str = "x") -> str:
        """Return a short text that was not used before."""
        return f"{prefix}{next(self._number)}"

    def new_member(self, ctx: Context | None = None, *, state: str = "member") -> MemberView:
        """Register somebody new; a member unless `state` is lead."""
        ctx = ctx or self.ctx
        phone = f"139{next(self._number):08d}"
        with ctx.transaction():
            view, _ = members.register(ctx, channel="test", phone=phone, name="Han Meimei")
            if state != "lead":
                members.set_membership(ctx, view.id, state="member", venue=self.venue if ctx is self.ctx else None)
            return members.get(ctx, view.id)

    def member(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request as the owner; return its JSON, or fail with what was said."""
        return self._sent(method, path, self.owner_token, body, **more)

    def staff(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request as staff who may do everything; return its JSON, or fail with what was said."""
        return self._sent(method, path, self.staff_token, body, **more)

    def drain(self, plugin: str = "") -> None:
        """Run what is waiting, of one plugin's own jobs or all: what is told of every member is much."""
        mine = [kind for kind in self.runtime.kinds if kind.startswith(f"{plugin}.")]
        jobs.drain(self.runtime, only=mine if plugin else None)

    def _sent(self, method: str, path: str, token: str, body: Any, **more: Any) -> Any:
        reply = self.api.request(method, path, token=token, key=str(new_id()), json=body, **more)
        assert reply.status_code < 300, f"{method} {path}: {reply.text}"
        return reply.json if reply.text else None

    # sending a prepared call

    def send(self, route: Route, call: Call, token: str | None, tenant: str | None = None) -> Any:
        """Send a call with a token, or nobody's; `tenant` names one in the header."""
        path = route.path.format(**call.path)
        headers = {"Idempotency-Key": str(new_id())} if route.endpoint.method != "GET" else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if tenant:
            headers["X-Roost-Tenant"] = tenant
        if call.data is not None:
            headers["Content-Type"] = UPLOAD
        sent: dict[str, Any] = {"json": call.body} if call.data is None else {"body": call.data}
        return self.api.client.simulate_request(
            route.endpoint.method, path, params=dict(call.query), headers=headers, **sent
        )

    def owners_token(self, route: Route) -> str | None:
        """Return the token of who may make a call."""
        return {"member": self.owner_token, "staff": self.staff_token, "public": None}[route.endpoint.audience]

    def rows(self, tenant: int) -> dict[str, list[str]]:
        """Return every row of a tenant as text, by table."""
        tables = _tenant_tables(self.runtime)
        found: dict[str, list[str]] = {table: [] for table in tables}
        with db.transaction(db.EVERY_TENANT):
            if db.dialect() == "postgresql":  # in one statement: it is asked for often
                parts = (f'SELECT \'{t}\', "{t}"::text FROM "{t}" WHERE tenant = {tenant:d}' for t in tables)
                for table, row in db.database.execute_sql(" UNION ALL ".join(parts)).fetchall():
                    found[table].append(row)
            else:
                for table in tables:
                    cursor = db.database.execute_sql(f'SELECT * FROM "{table}" WHERE tenant = {tenant:d}')
                    found[table] = [repr(row) for row in cursor.fetchall()]
        return {table: sorted(rows) for table, rows in found.items()}


def _tenant_tables(runtime: Runtime) -> list[str]:
    return [
        model._meta.table_name
        for component in all_components(runtime)
        for model in component.models
        if "tenant" in model._meta.fields and model._meta.table_name not in NOT_COMPARED
    ]


# --- the registry ----------------------------------------------------------------------------------------------------


def _modules() -> Iterator[tuple[Path, Any]]:
    root, name = HERE.parents[1], "rest_requests.py"
    for path in [
        HERE / "core_api" / name,
        *sorted(root.glob(f"plugins/*/{name}")),
        *sorted(root.glob(f"integrations/*/{name}")),
    ]:
        spec = importlib.util.spec_from_file_location(f"rest_requests_of_{path.parent.name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield path, module


@cache
def working() -> dict[str, Maker]:
    """Return the makers of all requests, by `METHOD /path/{template}`."""
    found: dict[str, Maker] = {}
    for path, module in _modules():
        for name, maker in module.WORKING.items():
            assert name not in found, f"{path}: {name} has a working request already"
            found[name] = maker
    return found


def maker_of(route: Route) -> Maker | None:
    """Return the maker of a route's request; a GET without parameters in its path needs none of its own."""
    maker = working().get(route.name)
    if maker is None and route.endpoint.method == "GET" and not route.shape.path:
        return lambda stage: Call()
    return maker


def routes_by_slug(runtime: Runtime) -> dict[str, list[Route]]:
    """Return the route table, by whose they are."""
    found: dict[str, list[Route]] = {}
    for route in make_app(runtime).routes:
        found.setdefault(route.slug, []).append(route)
    return found
