"""Logs of every host: one JSON object a line on standard error (or coloured lines for people), with nothing personal.

Each line has `timestamp` (RFC 3339, UTC), `level`, `event`, `logger`, `process`, and whatever is bound to the request
or job at hand (request id, tenant, plugin). What libraries write with the standard `logging` takes the same way.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from core.config import Settings
from core.privacy import redact_phones

HIDDEN = "***"
SECRET_WORDS = ("phone", "token", "password", "secret", "authorization", "cookie", "id_number", "api_key")
NOISY = ("huey", "peewee", "urllib3", "granian.access")  # below WARNING they tell nothing that we do not
_Event = MutableMapping[str, Any]  # Any: a log line holds what its author bound to it


def configure_logging(settings: Settings, process: str) -> None:
    """Set up structlog and the standard `logging` of this process; call it once, before anything is logged.

    `process` is the host's name: rest, worker, cli. `ROOST_LOG_JSON=0` writes lines for people; `ROOST_LOG_LEVEL` says
    how much.
    """
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)

    def name_process(logger: Any, method: str, event: _Event) -> _Event:
        event.setdefault("process", process)
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        structlog.processors.format_exc_info,  # the plain traceback: it shows no local variables
        redact,
    ]
    if settings.log_json:
        renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def redact(logger: Any, method: str, event: _Event) -> _Event:
    """Hide the values of secret keys at any depth, and mask phone numbers inside every text, tracebacks included."""
    for key, value in event.items():
        event[key] = HIDDEN if _is_secret(key) and value else _clean(value)
    return event


def _is_secret(key: str) -> bool:
    name = key.lower()
    return any(word in name for word in SECRET_WORDS)


def _clean(value: Any) -> Any:  # Any: see _Event
    if isinstance(value, str):
        return redact_phones(value)
    if isinstance(value, Mapping):
        return {k: HIDDEN if _is_secret(str(k)) and v else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(v) for v in value]
    return value


def _plain(stream: Any, exc_info: Any) -> None:
    structlog.dev.plain_traceback(stream, exc_info)
