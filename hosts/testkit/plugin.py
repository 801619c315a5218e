"""Fixtures for tests of Roost and of plugins: a fresh database on each engine, a tenant, members, the API, the clock.

A test that asks for any of them runs once on SQLite and once on PostgreSQL. Mark a test
`@pytest.mark.engines("postgresql")` where only one engine can show the behaviour.
"""

import base64
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import falcon
import falcon.testing
import pytest
from pydantic import SecretStr

from core import boot, db, identity, members, tenants
from core.clock import ManualClock
from core.config import Settings
from core.contract.context import Context
from core.events import jobs, schedules
from core.ids import new_id
from core.members import MemberView
from core.migrate import create_all, migrate
from core.privacy import Keyring
from core.registry.registry import PluginsFile, Registry
from core.runtime import Runtime
from hosts.schema import all_components
from hosts.server.app import Application, make_app
from hosts.testkit.conformance import assert_plugin_conforms as conforms
from hosts.testkit.listening import serving
from hosts.testkit.servers import PostgresServer, ValkeyServer

ENGINES = ("sqlite", "postgresql")
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a Sunday
PASSWORD = "correct horse battery"


def pytest_configure(config: pytest.Config) -> None:
    """Declare our markers."""
    config.addinivalue_line("markers", "engines(*names): run only on these databases; say why beside it")
    config.addinivalue_line(
        "markers", "own_database: the test changes the schema; it gets a PostgreSQL database of its own"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that touches the database on both engines."""
    if "engine" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("engines")
        metafunc.parametrize("engine", marker.args if marker else ENGINES, indirect=True)


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def test_settings(database_url: str, var: Path, **more: Any) -> Settings:
    """Return settings for a test: fixed keys, the given database."""
    return Settings(
        _env_file=None,
        database_url=database_url,
        encryption_keys=SecretStr(f"1:{_key('e')}"),
        index_keys=SecretStr(f"1:{_key('i')}"),
        token_key=SecretStr(_key("t")),
        var=var,
        **{"egress_allow": "127.0.0.1/32", **more},  # fakes of outside systems are on this machine
    )


test_settings.__test__ = False  # type: ignore[attr-defined]  # its name is not a test's


@pytest.fixture
def plugins_file() -> PluginsFile:
    """Return which plugins are loaded: all that are installed. Override it to load fewer."""
    return PluginsFile()


@pytest.fixture(scope="session")
def registries() -> dict[PluginsFile, Registry]:
    """Keep the registries that were loaded: one for each set of plugins."""
    return {}


@pytest.fixture
def registry(plugins_file: PluginsFile, registries: dict[PluginsFile, Registry]) -> Registry:
    """Load the plugins once. A broken one is left out; `enable_plugin` then fails and says why."""
    if plugins_file not in registries:
        registries[plugins_file] = Registry.load(plugins_file)
    return registries[plugins_file]


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """Start PostgreSQL once."""
    return PostgresServer()


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """Start Valkey once."""
    server = ValkeyServer()
    yield server
    server.stop()


class _Engine:
    """Makes a fresh database for each test from one that was migrated once."""

    def __init__(self, name: str, folder: Path, server: PostgresServer | None, registry: Registry) -> None:
        self.name, self.folder, self.server = name, folder, server
        self.shared: str | None = None
        self.template = server.create() if server else str(folder / "template.db")
        settings = test_settings(self.url_of(self.template), folder)
        runtime = boot.assemble(settings, ManualClock(START), registry, Keyring.from_settings(settings))
        db.open_database(settings.database_url)
        parts = all_components(runtime)
        migrate([c for c in parts if (c.folder / "migrations").is_dir()])
        create_all([c for c in parts if not (c.folder / "migrations").is_dir()])
        db.close_database()
        if server is None:
            db.open_database(settings.database_url)
            db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close_database()

    def url_of(self, name: str) -> str:
        return self.server.url(name) if self.server else f"sqlite:///{name}?synchronous=off"

    def fresh(self, *, own: bool = False) -> tuple[str, Callable[[], None]]:
        server = self.server
        if server is not None and own:
            name = server.create(template=self.template)
            return self.url_of(name), lambda: server.drop(name)
        if server is not None:  # emptying one database is quicker than making many
            if self.shared is None:
                self.shared = server.create(template=self.template)
            shared = self.shared
            return self.url_of(shared), lambda: server.empty(shared)
        path = self.folder / f"{new_id()}.db"
        shutil.copyfile(self.template, path)
        return self.url_of(str(path)), lambda: _remove(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def engines() -> dict[tuple[str, int], _Engine]:
    """Keep the engines that were prepared: one for each database and set of plugins."""
    return {}


@pytest.fixture
def engine(
    request: pytest.FixtureRequest,
    registry: Registry,
    engines: dict[tuple[str, int], _Engine],
    tmp_path_factory: pytest.TempPathFactory,
) -> _Engine:
    """Prepare one database engine: migrated once for a set of plugins, and emptied for each test."""
    held = engines.get((request.param, id(registry)))
    if held is None:
        server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
        held = _Engine(request.param, tmp_path_factory.mktemp(request.param), server, registry)
        engines[(request.param, id(registry))] = held
    return held


@pytest.fixture
def database_url(engine: _Engine, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a fresh, migrated database."""
    url, remove = engine.fresh(own=request.node.get_closest_marker("own_database") is not None)
    yield url
    db.close_database()
    remove()


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock of the test: 2026-11-22 10:00 in Shanghai until it is moved."""
    return ManualClock(START)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Return the deployment's settings."""
    return test_settings(database_url, tmp_path)


@pytest.fixture
def runtime(settings: Settings, registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost on a fresh database, with no worker: call `drain()`."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, registry, Keyring.from_settings(settings))
    db.close_database()


@pytest.fixture
def new_tenant(runtime: Runtime) -> Callable[..., Context]:
    """Return a function that makes a tenant, `new_tenant(slug, plugins=…, zone=…)`, as the system's context."""

    def make(slug: str, *, plugins: tuple[str, ...] = (), zone: str = "Asia/Shanghai") -> Context:
        tenant = tenants.create_tenant(slug, f"Brand {slug}", zone=zone, plugins=plugins, now=runtime.clock.now())
        return runtime.system(tenant, "test")

    return make


@pytest.fixture
def tenant_zone() -> str:
    """Return the time zone of `tenant`. Override or parametrize it for another."""
    return "Asia/Shanghai"


@pytest.fixture
def tenant(new_tenant: Callable[..., Context], tenant_zone: str) -> Context:
    """Return the context of a fresh tenant in which the system acts; no plugin is on."""
    return new_tenant("acme", zone=tenant_zone)


@pytest.fixture
def enable_plugin(tenant: Context) -> Callable[..., None]:
    """Return a function that switches plugins on, and those they require; `tenant` sees it at once."""

    def enable(*slugs: str, **settings: Any) -> None:
        for slug in slugs:
            for need in tenant.services.registry.manifest(slug).requires:
                enable(need)
            tenants.enable_plugin(tenant, slug)
        if settings:
            tenants.save_settings(tenant, slugs[-1], settings)
        object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))

    return enable


@pytest.fixture
def member(tenant: Context) -> Callable[..., MemberView]:
    """Return a function that makes a member: `member()`, `member(phone="13800000001", state="member")`."""
    made = iter(range(1, 10_000))

    def make(
        *,
        ctx: Context | None = None,
        phone: str | None = None,
        name: str = "Li Lei",
        state: Literal["lead", "member", "lapsed"] = "lead",
        **more: Any,
    ) -> MemberView:
        ctx = ctx or tenant
        phone = phone or f"1390000{next(made):04d}"
        with ctx.transaction():
            view, _ = members.register(ctx, channel=more.pop("channel", "test"), phone=phone, name=name, **more)
            if state != "lead":
                members.set_membership(ctx, view.id, state=state)
            return members.get(ctx, view.id)

    return make


@pytest.fixture
def drain(runtime: Runtime) -> Callable[[], int]:
    """Return a function that runs every due job, and what those put in the table, until none is due."""
    return lambda: jobs.drain(runtime)


@pytest.fixture
def tick(runtime: Runtime) -> Callable[[], int]:
    """Return a function that fires the schedules that are due and runs what is due."""

    def run() -> int:
        schedules.fire_due(runtime)
        return jobs.drain(runtime)

    return run


class _Present:
    """Stands for the runtime of the test that is running, in an application that serves one test after another."""

    def __init__(self, runtime: Runtime) -> None:
        object.__setattr__(self, "runtime", runtime)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.runtime, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.runtime, name, value)


# To make an application of hundreds of routes takes longer than most tests: one serves all tests of a set of plugins.
_apps: dict[tuple[int, str], tuple[Application, _Present, Registry]] = {}


def _app_of(runtime: Runtime) -> Application:
    """Return the whole application, which reads what it knows of the deployment from this test's runtime."""
    varying = {"database_url", "var"}
    key = (id(runtime.registry), runtime.settings.model_dump_json(exclude=varying))
    held = _apps.get(key)
    if held is None:
        present = _Present(runtime)
        held = _apps[key] = (make_app(cast(Runtime, present)), present, runtime.registry)
    app, present, _ = held
    object.__setattr__(present, "runtime", runtime)
    app.forget()
    return app


class Api:
    """A client of the whole WSGI application, as a mini-program or an integration sees it."""

    def __init__(self, runtime: Runtime, tenant: Context) -> None:
        self.runtime, self.tenant = runtime, tenant
        self.app: falcon.App[Any, Any] = _app_of(runtime)
        self.client = falcon.testing.TestClient(self.app)

    def as_member(self, member: MemberView | UUID, ctx: Context | None = None) -> str:
        """Return a session token of a member."""
        ctx = ctx or self.tenant
        with ctx.transaction():
            return identity.open_session(ctx, "member", member if isinstance(member, UUID) else member.id)

    def as_staff(self, *permissions: str, venues: tuple[UUID, ...] = (), ctx: Context | None = None) -> str:
        """Return a session token of a new staff account with these permissions; no venues means all."""
        ctx = ctx or self.tenant
        name = f"staff-{new_id().hex[-12:]}"
        with ctx.transaction():
            identity.save_role(ctx, f"role-{name}", name, permissions)
            identity.create_staff(ctx, name, PASSWORD, name, [f"role-{name}"], venues)
            return identity.sign_in_staff(ctx, name, PASSWORD)

    def as_key(self, *permissions: str, ctx: Context | None = None) -> str:
        """Return the token of a new integration key with these permissions."""
        ctx = ctx or self.tenant
        with ctx.transaction():
            return identity.create_key(ctx, f"key-{new_id().hex[-6:]}", permissions)[1]

    def request(
        self, method: str, path: str, *, token: str | None = None, key: str | None = None, json: Any = None,
        headers: dict[str, str] | None = None, tenant: str | None = None, **more: Any,
    ) -> falcon.testing.Result:  # fmt: skip
        """Send a request; `key` is the Idempotency-Key, `tenant` the slug for calls before login."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        else:
            sent.setdefault("X-Roost-Tenant", tenant or self.tenant.tenant.slug)
        if key:
            sent["Idempotency-Key"] = key
        return self.client.simulate_request(method, path, json=json, headers=sent, **more)

    def get(self, path: str, **more: Any) -> falcon.testing.Result:
        """Send GET."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> falcon.testing.Result:
        """Send POST."""
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> falcon.testing.Result:
        """Send PUT."""
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> falcon.testing.Result:
        """Send PATCH."""
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> falcon.testing.Result:
        """Send DELETE."""
        return self.request("DELETE", path, **more)


@pytest.fixture
def api(runtime: Runtime, tenant: Context) -> Api:
    """Return a client of the whole application."""
    return Api(runtime, tenant)


@pytest.fixture
def listening(api: Api) -> Iterator[str]:
    """Serve the whole application over real HTTP; return its address, where pushes of outside systems go."""
    with serving(api.app) as url:
        yield url


@pytest.fixture
def assert_plugin_conforms(registry: Registry) -> Callable[[str], None]:
    """Return a check of all that a good plugin does; see docs/plugins.md."""
    return lambda slug: conforms(registry, slug)
