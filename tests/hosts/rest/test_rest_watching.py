"""What machines that watch can see: health, readiness, metrics, one log line a request."""

from collections.abc import Callable
from typing import Any

import falcon.testing
import pytest
import structlog.testing

from core import db
from core.config import Settings
from hosts.rest import access_log
from hosts.server.app import make_app
from hosts.testkit.plugin import Api


def test_ready_means_that_the_database_is_there_and_names_broken_plugins(api: Api, settings: Settings) -> None:
    assert api.get("/healthz").json == {"status": "ok"}
    assert (api.get("/readyz").status_code, api.get("/readyz").json["status"]) == (200, "ok")
    api.runtime.registry.broken["bad"] = "says why"
    try:
        reply = api.get("/readyz")
        assert (reply.status_code, reply.json["broken_plugins"]) == (200, ["bad"])
    finally:
        del api.runtime.registry.broken["bad"]
    db.open_database("sqlite:////nowhere/at/all.db")
    reply = api.get("/readyz")
    assert (reply.status_code, reply.json["database"]) == (503, "unreachable")
    assert api.get("/healthz").status_code == 200
    reply = api.get("/v1/me", token=f"rst_1_{'a' * 43}")
    assert (reply.status_code, reply.json["code"]) == (503, "unavailable")
    assert "retry-after" in reply.headers


def test_metrics_count_by_template_and_status(
    api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    api.client = falcon.testing.TestClient(make_app(api.runtime))  # one that has counted nothing yet
    token = api.as_member(member())
    for code in ("a", "a"):
        api.post("/v1/probe/venues", token=token, json={"code": code})
    api.get("/v1/probe/kinds/x/1/w/2026-01-01", token=token)
    api.get("/v1/nowhere/1234")
    text = api.get("/metrics").text
    assert 'roost_requests_total{method="POST",route="/v1/probe/venues",status="201"} 1.0' in text
    assert 'roost_requests_total{method="POST",route="/v1/probe/venues",status="409"} 1.0' in text
    assert 'route="/v1/probe/kinds/{owner}/{number}/{word}/{day}",status="404"} 1.0' in text
    assert 'roost_request_seconds_count{method="POST",route="/v1/probe/venues"} 2.0' in text
    assert "1234" not in text
    assert "roost_jobs_waiting " in text
    assert "roost_jobs_lag_seconds " in text


def test_a_request_leaves_one_line_without_query_or_personal_data(
    api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    enable_plugin("probe")
    token = api.as_member(member(phone="13912345678"))
    monkeypatch.setattr(access_log, "log", structlog.get_logger("test"))
    with structlog.testing.capture_logs() as lines:
        api.get(
            "/v1/probe/rows",
            token=token,
            query_string="limit=3&cursor=13912345678",
            headers={"X-Request-Id": "trace-12345"},
        )
    (line,) = [entry for entry in lines if entry["event"] == "request"]
    assert line["ms"] > 0
    del line["ms"], line["log_level"]
    assert line == {
        "event": "request",
        "request_id": "trace-12345",
        "tenant": "acme",
        "plugin": "probe",
        "method": "GET",
        "route": "/v1/probe/rows",
        "status": 422,
    }
