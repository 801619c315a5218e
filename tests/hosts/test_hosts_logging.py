"""Logs: one JSON object a line, and nothing in it that a log must not hold."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from core.config import Settings
from hosts.logging import configure_logging

SECRET = "s3cr3t-value"


def settings(**more: Any) -> Settings:
    return Settings(_env_file=None, encryption_keys=SecretStr(SECRET), var=Path("var"), **more)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Catch standard error, and put back what logging was before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    caught = io.StringIO()
    monkeypatch.setattr("hosts.logging.sys", SimpleNamespace(stderr=caught))
    yield caught
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_time_level_process_and_what_is_bound(stream: io.StringIO) -> None:
    configure_logging(settings(), "worker")
    structlog.contextvars.bind_contextvars(request_id="r1", tenant="acme")
    structlog.get_logger("roost.test").info("happened", job=7)
    (line,) = lines(stream)
    assert {k: line[k] for k in ("event", "level", "process", "logger", "job", "request_id", "tenant")} == {
        "event": "happened", "level": "info", "process": "worker", "logger": "roost.test", "job": 7,
        "request_id": "r1", "tenant": "acme",
    }  # fmt: skip
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "key",
    ["phone", "member_phone", "token", "access_token", "password", "client_secret", "Authorization", "set_cookie"],
)
def test_the_value_of_a_secret_key_is_hidden_at_any_depth(stream: io.StringIO, key: str) -> None:
    configure_logging(settings(), "rest")
    structlog.get_logger("roost.test").warning("x", **{key: SECRET}, inside={"deeper": [{key: SECRET}]}, empty="")
    assert SECRET not in stream.getvalue()
    assert lines(stream)[0][key] == "***"


def test_a_phone_number_inside_any_text_is_masked(stream: io.StringIO) -> None:
    configure_logging(settings(), "rest")
    structlog.get_logger("roost.test").info("call 13812345678 back", note=["it is +86 138 1234 5678"])
    assert "12345678" not in stream.getvalue().replace(" ", "")
    assert "138****5678" in stream.getvalue()


def test_a_traceback_shows_the_lines_and_no_local_variables(stream: io.StringIO) -> None:
    configure_logging(settings(), "rest")

    def fail(member_name: str) -> None:
        raise ValueError("no such 13812345678")

    try:
        fail("王" + "小明")
    except ValueError:
        structlog.get_logger("roost.test").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: no such 138****5678" in line["exception"]
    assert "raise ValueError" in line["exception"]
    assert "王小明" not in stream.getvalue()


def test_what_libraries_log_takes_the_same_way_and_their_chatter_is_dropped(stream: io.StringIO) -> None:
    configure_logging(settings(), "worker")
    logging.getLogger("somebody").warning("token is %s of 13812345678", "t")
    logging.getLogger("huey.consumer").info("Executing wake")
    (line,) = lines(stream)
    assert (line["logger"], line["level"], line["event"]) == ("somebody", "warning", "token is t of 138****5678")


def test_the_level_is_what_the_settings_say(stream: io.StringIO) -> None:
    configure_logging(settings(log_level="ERROR"), "rest")
    structlog.get_logger("roost.test").warning("quiet")
    assert stream.getvalue() == ""


def test_people_get_plain_lines_with_the_same_care(stream: io.StringIO) -> None:
    configure_logging(settings(log_json=False), "cli")
    structlog.get_logger("roost.test").info("happened", token=SECRET)
    assert "happened" in stream.getvalue()
    assert SECRET not in stream.getvalue()
