"""Every operation of the API: core's, each plugin's, and those that the console's resources give."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.contract.rest import Endpoint, Endpoints, prefix_of
from core.errors import ConfigurationError
from core.runtime import Runtime
from hosts.rest import ratelimit
from hosts.rest.core_api import GROUPS
from hosts.rest.shape import Shape, shape_of


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: whose it is, its whole path, and what it takes and gives."""

    slug: str  # the plugin, or `core`
    path: str  # "/v1/gifts/claims/{claim_id}/accept"
    tag: str
    endpoint: Endpoint
    shape: Shape

    @property
    def name(self) -> str:
        """Return method and path, as logs and errors name it."""
        return f"{self.endpoint.method} {self.path}"

    @property
    def status(self) -> int:
        """Return the status of a success: 204 where there is nothing to say, and only there."""
        if self.shape.reply is None:
            return 204
        return 200 if self.endpoint.status == 204 else self.endpoint.status

    @property
    def template(self) -> str:
        """Return the path with parameters named by place, so that two names for one place do not collide."""
        return "/".join(
            f"{{p{place}}}" if part.startswith("{") else part for place, part in enumerate(self.path.split("/"))
        )

    @property
    def positions(self) -> tuple[str, ...]:
        """Return the names that `template` gives the path parameters, left to right."""
        return tuple(f"p{place}" for place, part in enumerate(self.path.split("/")) if part.startswith("{"))


def routes_of(runtime: Runtime, more: Iterable[tuple[str, Endpoints]] = ()) -> list[Route]:
    """Return all routes. A plugin with one that cannot be served is left out whole, logged, and listed as broken."""
    routes: list[Route] = [r for group in GROUPS for r in _of_group("core", group)]
    given: dict[str, list[Endpoints]] = {slug: list(p.gives.endpoints) for slug, p in runtime.registry.plugins.items()}
    for slug, group in more:
        given.setdefault(slug, []).append(group)
    taken = {(r.endpoint.method, r.template): r for r in routes}
    for slug, groups in given.items():
        if slug in runtime.registry.broken:
            continue
        try:
            mine = [r for group in groups for r in _of_group(slug, group)]
            for route in mine:
                place = (route.endpoint.method, route.template)
                if place in taken:
                    raise ConfigurationError(
                        f"{slug} declares the route {route.name}, which {taken[place].slug} has declared"
                        f" as {taken[place].name}"
                    )
                taken[place] = route
        except ConfigurationError as ex:
            runtime.registry.leave_out(slug, ex.message)
            taken = {place: r for place, r in taken.items() if r.slug != slug}
            continue
        routes += mine
    return routes


def check_group(slug: str, group: Endpoints) -> None:
    """Raise ConfigurationError for an operation that cannot be served."""
    for _ in _of_group(slug, group):
        pass


def _of_group(slug: str, group: Endpoints) -> Iterator[Route]:
    prefix = prefix_of(slug, group)
    for endpoint in group.items:
        path = prefix + endpoint.path
        where = f"{slug}: {endpoint.method} {path}"
        shape = shape_of(endpoint, path, where)
        if endpoint.rate:
            ratelimit.parse(endpoint.rate, where)
        yield Route(slug, path, group.tag or slug, endpoint, shape)
