"""A console with one plugin of the tests' own, and a browser that keeps cookies and the form token."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core import identity, tenants
from core.audit.models import Audit
from core.contract.context import Context
from core.ids import new_id
from core.registry.registry import Registry
from core.runtime import Runtime
from hosts.server.app import make_app
from hosts.testkit.plugin import PASSWORD
from tests.hosts.console.browser import Browser


@pytest.fixture(scope="session")
def registry() -> Registry:
    registry = Registry()
    folder = Path(__file__).parent / "stalls"
    registry.add({"stalls": ("tests.hosts.console.stalls", folder)}, strict=True)
    return registry


@pytest.fixture
def app(runtime: Runtime) -> Any:
    return make_app(runtime)


@pytest.fixture
def staff(app: Any, tenant: Context) -> Callable[..., Browser]:
    """Return a function that makes a signed-in account: `staff("stalls.view", venues=[…])`."""

    def make(
        *permissions: str, venues: Sequence[UUID] = (), ctx: Context | None = None, sign_in: bool = True
    ) -> Browser:
        ctx = ctx or tenant
        name = f"staff-{new_id().hex[-12:]}"
        with ctx.transaction():
            identity.save_role(ctx, f"role-{name}", name, permissions)
            made = identity.create_staff(ctx, name, PASSWORD, f"Name {name}", [f"role-{name}"], venues)
        browser = Browser(app, ctx, made.id, name)
        if sign_in:
            with ctx.transaction():
                browser.hold(identity.open_session(ctx, "staff", made.id))
        return browser

    return make


@pytest.fixture
def shops(tenant: Context) -> dict[str, UUID]:
    """Return two venues, `east` and `west`, by code."""
    with tenant.transaction():
        return {code: tenants.add_venue(tenant, code, f"{code} shop").id for code in ("east", "west")}


@pytest.fixture
def market(enable_plugin: Callable[..., None], shops: dict[str, UUID]) -> dict[str, UUID]:
    """Switch the plugin on, with two venues."""
    enable_plugin("stalls")
    return shops


@pytest.fixture
def stall(tenant: Context, runtime: Runtime) -> Callable[..., UUID]:
    """Return a function that makes a stall."""
    model = runtime.registry.plugin("stalls").gives.resources[0].model

    def make(title: str, venue: UUID, **more: Any) -> UUID:
        values = {"title": title, "venue": venue, "opens_at": tenant.now(), **more}
        with tenant.transaction():
            return model.scoped(tenant).create(**values).id  # type: ignore[no-any-return]

    return make


@pytest.fixture
def stored(tenant: Context, runtime: Runtime) -> Callable[[UUID], Any]:
    """Return a function that reads a stall's row."""
    model = runtime.registry.plugin("stalls").gives.resources[0].model
    return lambda key: model.scoped(tenant).get(model.id == key)


@pytest.fixture
def audited(tenant: Context) -> Callable[..., list[Audit]]:
    """Return a function that reads the audit rows of an action, oldest first."""

    def read(action: str, subject: str | None = None) -> list[Audit]:
        query = Audit.scoped(tenant).select().where(Audit.action == action).order_by(Audit.id)
        return [row for row in query if subject is None or row.subject == subject]

    return read
