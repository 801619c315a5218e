"""schemathesis over every operation of the full application, in this process.

For each operation, first the request that works (see `working.py`): it reaches a 2xx, and the answer is what
the description says. Then requests that schemathesis makes up from the description, good and bad, with the
owner's token and ids that exist in half of them: whatever is sent, no 5xx, and every answer is one that the
description allows.
"""

import json
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from core import boot, db, tenants
from core.clock import ManualClock
from core.config import Settings
from core.ids import new_id
from core.privacy import Keyring
from core.registry.registry import GROUP, Registry
from core.runtime import Runtime
from hosts.rest.routes import Route
from tests.hosts.rest.working import UPLOAD, Call, Stage, maker_of, routes_by_slug

INSTALLED = ["core", *sorted({point.name for point in entry_points(group=GROUP)})]
EXAMPLES = 4  # of each mode, for each operation; each takes some 50 ms to make up
MANY = 60  # in `make faults`
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_DESCRIBED: dict[str, Any] = {}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture
def runtime(settings: Settings, registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost with every installed plugin."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, registry, Keyring.from_settings(settings))
    db.close_database()


@pytest.mark.parametrize("slug", INSTALLED)
def test_every_operation_reaches_a_success_and_none_fails(slug: str, runtime: Runtime, clock: ManualClock) -> None:
    # What PostgreSQL refuses SQLite often swallows, and not the other way round: one of them meets what is made up.
    examples = EXAMPLES if db.dialect() == "postgresql" else 0
    said = _all_of(slug, runtime, clock, examples)
    assert not said, "\n".join(said)


@pytest.mark.faults
@pytest.mark.parametrize("slug", INSTALLED)
def test_no_operation_fails_however_long_one_tries(slug: str, runtime: Runtime, clock: ManualClock) -> None:
    said = _all_of(slug, runtime, clock, MANY)
    assert not said, "\n".join(said)


def _all_of(slug: str, runtime: Runtime, clock: ManualClock, examples: int) -> list[str]:
    said: list[str] = []
    with Stage(runtime, clock) as stage:
        routes = routes_by_slug(runtime).get(slug, [])
        if not routes:
            return []
        schema = _description(stage)
        for route in routes:
            maker = maker_of(route)
            if maker is None:
                continue  # test_route_matrix says so
            stage.fresh()
            operation = schema[route.path][route.endpoint.method]
            said += _works(stage, route, operation, maker(stage))
            if examples:
                stage.fresh()
                said += _survives(stage, route, operation, maker(stage), examples)
    return said


def _description(stage: Stage) -> Any:
    """Return the application's description of itself, made once for all tests of a process: all have every plugin."""
    document = _DESCRIBED.get("document") or _DESCRIBED.setdefault("document", stage.api.get("/openapi.json").json)
    schema = schemathesis.openapi.from_dict(document)
    schema.app, schema.location = stage.api.app, "/openapi.json"
    return schema


def _headers(stage: Stage, route: Route) -> dict[str, str]:
    token = stage.owners_token(route)
    headers = {"Authorization": f"Bearer {token}"} if token else {"X-Roost-Tenant": stage.near.tenant.slug}
    if route.endpoint.method != "GET":
        headers["Idempotency-Key"] = str(new_id())
    return headers


def _works(stage: Stage, route: Route, operation: Any, call: Call) -> Iterator[str]:
    """Send the request that works; yield what is wrong."""
    body = {} if call.body is None else {"body": call.body, "media_type": "application/json"}
    if call.data is not None:
        body = {"body": call.data, "media_type": UPLOAD}
    case = operation.Case(
        path_parameters={name: _plain(value) for name, value in call.path.items()},
        query={name: _plain(value) for name, value in call.query.items()},
        headers=_headers(stage, route),
        **body,
    )
    reply = case.call()
    if not 200 <= reply.status_code < 300:
        yield f"{route.name}: its working request is answered {reply.status_code}: {reply.text[:300]}"
        return
    try:
        case.validate_response(reply, checks=CHECKS)
    except (AssertionError, BaseExceptionGroup) as ex:
        yield f"{route.name}: {_words(ex)}"


def _survives(stage: Stage, route: Route, operation: Any, call: Call, examples: int) -> list[str]:
    """Send what schemathesis makes up; return what is wrong, of each mode the first."""
    known = {name: _plain(value) for name, value in call.path.items()}
    said: list[str] = []
    for mode in MODES:
        try:
            _attempts(stage, route, operation, mode, known, examples)()
        except (AssertionError, BaseExceptionGroup) as ex:
            said.append(f"{route.name} ({mode.value}): {_words(ex)}")
    return said


def _attempts(
    stage: Stage,
    route: Route,
    operation: Any,
    mode: GenerationMode,
    known: dict[str, Any],
    examples: int,
) -> Callable[[], None]:
    """Return a property: whatever is made up in a mode, the answer is one that the description allows."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(case=operation.as_strategy(generation_mode=mode), existing=st.booleans())
    def attempt(case: Any, existing: bool) -> None:
        if existing and known:
            case.path_parameters = dict(known)
        sent = _headers(stage, route)
        case.headers = {**{k: v for k, v in (case.headers or {}).items() if k not in sent}, **sent}
        reply = case.call()
        case.validate_response(reply, checks=[not_a_server_error] if existing and known else CHECKS)
        body = case.meta.components.get(ParameterLocation.BODY)
        if body is not None and body.mode.is_negative:  # elsewhere what is wrong may vanish on the wire, as [] does
            case.validate_response(reply, checks=[negative_data_rejection])
        if reply.status_code == 401:
            stage.fresh()  # the last example ended the session, or erased the owner

    return attempt  # type: ignore[no-any-return]  # hypothesis wraps it


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else str(value)


def _words(ex: BaseException) -> str:
    inner = ex.exceptions if isinstance(ex, BaseExceptionGroup) else (ex,)
    return json.dumps([str(one)[:600] for one in inner], ensure_ascii=False)
