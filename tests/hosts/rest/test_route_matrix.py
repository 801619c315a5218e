"""Every route × {other tenant, other member, lower role, nobody}, from the route table.

Each case reuses a request that succeeds for its owner (see `working.py`): the refusals come first, and at the
end the owner sends the very same request, so that none of them was refused for being wrong.
"""

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest

from core import boot, db, tenants
from core.clock import ManualClock
from core.config import Settings
from core.privacy import Keyring
from core.registry.registry import GROUP, Registry
from core.runtime import Runtime
from hosts.rest.routes import Route
from tests.hosts.rest.working import Call, Stage, maker_of, routes_by_slug, working

INSTALLED = ["core", *sorted({point.name for point in entry_points(group=GROUP)})]
REFUSED = range(400, 500)
# Whoever may not reach a venue's or a brand's things is told what these paths name anyway: they belong to nobody.
NAMES_NO_ROW = frozenset(("PUT /admin/v1/roles/{code}",))
OF_THE_DEPLOYMENT = "/admin/v1/plugins/{slug}"  # an installed plugin is every tenant's; its switch is each tenant's own


@pytest.fixture
def runtime(settings: Settings, registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost with every installed plugin."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, registry, Keyring.from_settings(settings))
    db.close_database()


@pytest.mark.engines("sqlite")  # the table is the same on both
def test_every_route_has_a_working_request_and_every_request_a_route(runtime: Runtime) -> None:
    routes = [route for mine in routes_by_slug(runtime).values() for route in mine]
    missing = sorted(f"{route.slug}: {route.name}" for route in routes if maker_of(route) is None)
    assert not missing, "write a working request for each (see tests/hosts/rest/working.py):\n" + "\n".join(missing)
    strange = sorted(set(working()) - {route.name for route in routes})
    assert not strange, "these working requests have no route any more:\n" + "\n".join(strange)


@pytest.mark.parametrize("slug", INSTALLED)
def test_nobody_else_may_do_what_the_owner_may(slug: str, runtime: Runtime, clock: ManualClock) -> None:
    said: list[str] = []
    with Stage(runtime, clock) as stage:
        for route in routes_by_slug(runtime).get(slug, []):
            maker = maker_of(route)
            if maker is None:
                continue  # the test above says so
            stage.fresh()
            call = maker(stage)
            said += [f"{route.name}: {words}" for words in _Case(stage, route, call).run()]
    assert not said, "\n".join(said)


class _Case:
    """One route's request, sent by everybody who should be refused and then by its owner."""

    def __init__(self, stage: Stage, route: Route, call: Call) -> None:
        self.stage, self.route, self.call = stage, route, call
        self.before = stage.rows(stage.near.tenant.id)

    def run(self) -> Iterator[str]:
        """Yield what is wrong, in words."""
        audience = self.route.endpoint.audience
        if audience != "public":
            yield from self._refused("nobody", None, (401,))
            yield from self._other_tenant()
        if audience == "member":
            yield from self._refused("staff", self.stage.staff_token, (403,))
            yield from self._other_member()
        elif audience == "staff":
            yield from self._refused("a member", self.stage.owner_token, (403,))
            permission = self.route.endpoint.permission
            if permission is not None:
                yield from self._refused("lower role", self.stage.near.key_without(self.stage.api, permission), (403,))
                self.before = self.stage.rows(self.stage.near.tenant.id)  # the key itself is a row
        reply = self.stage.send(
            self.route,
            self.call,
            self.stage.owners_token(self.route),
            self.stage.near.tenant.slug if audience == "public" else None,
        )
        if not 200 <= reply.status_code < 300:
            yield f"the owner's own request is answered {reply.status_code}: {reply.text[:300]}"

    def _refused(self, who: str, token: str | None, expected: tuple[int, ...]) -> Iterator[str]:
        tenant = None if token else self.stage.near.tenant.slug
        made_key = token is not None and token.startswith("rsk_")
        before = self.stage.rows(self.stage.near.tenant.id) if made_key else self.before
        reply = self.stage.send(self.route, self.call, token, tenant)
        if reply.status_code not in expected:
            yield f"{who} is answered {reply.status_code}, not {expected}: {reply.text[:200]}"
        yield from self._unchanged(who, before)

    def _other_tenant(self) -> Iterator[str]:
        side = self.stage.far
        member = self.route.endpoint.audience == "member"
        token = side.member_token(self.stage.stranger) if member else side.staff_token()
        reply = self.stage.send(self.route, self.call, token, self.stage.near.tenant.slug)
        if reply.status_code != 401:
            yield f"another tenant's token at this tenant's address is answered {reply.status_code}, not 401"
        reply = self.stage.send(self.route, self.call, token)
        names_a_row = (
            bool(self.call.path)
            and self.route.name not in NAMES_NO_ROW
            and not self.route.path.startswith(OF_THE_DEPLOYMENT)
        )
        if names_a_row and reply.status_code not in REFUSED:
            yield f"another tenant reaches what the path names: {reply.status_code} {reply.text[:200]}"
        yield from self._silent("another tenant", reply)
        yield from self._unchanged("another tenant", self.before)

    def _other_member(self) -> Iterator[str]:
        stage = self.stage
        reply = stage.send(self.route, self.call, stage.near.member_token(stage.other))
        if self.call.path and not self.call.shared:
            if reply.status_code not in REFUSED:
                yield f"another member reaches what the path names: {reply.status_code} {reply.text[:200]}"
            yield from self._unchanged("another member", self.before)
            return
        yield from self._silent("another member", reply)
        mine = _about(self.before, str(stage.owner.id))
        self.before = stage.rows(stage.near.tenant.id)
        if _about(self.before, str(stage.owner.id)) != mine:
            yield "another member changes the owner's rows"

    def _silent(self, who: str, reply: Any) -> Iterator[str]:
        if reply.status_code >= 500:
            yield f"{who} is answered {reply.status_code}"
        if reply.status_code < 300 and str(self.stage.owner.id) in reply.text:
            yield f"{who} is told of the owner"

    def _unchanged(self, who: str, before: dict[str, Any]) -> Iterator[str]:
        after = self.stage.rows(self.stage.near.tenant.id)
        changed = [table for table, rows in after.items() if rows != before[table]]
        if changed:
            yield f"{who} changes {', '.join(changed)}"


def _about(rows: dict[str, list[str]], member: str) -> list[str]:
    """Return the rows that name a member; SQLite keeps ids without hyphens."""
    plain = member.replace("-", "")
    return [row for table in rows.values() for row in table if plain in row.replace("-", "")]
