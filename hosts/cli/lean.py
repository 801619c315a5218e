"""Begin a host without the clients of servers that its deployment does not have: thirty megabytes of each process."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from core.config import Settings

_CURIOUS = (
    "core.db",
    "playhouse.migrations",
    "huey.api",
    "structlog",
    "pybreaker",
    "requests",
)  # they import what they find installed, needed or not


def begin(settings: Settings | None = None) -> None:
    """Import the libraries that look for others, with those hidden that the settings have no use for.

    Whoever imports a hidden one later, such as a plugin, gets it.
    """
    settings = settings or Settings()
    # structlog's, for tracebacks on a terminal; requests', to guess at texts that do not say how they are encoded: with
    # neither they are read as UTF-8, which is what whoever calls us and whom we call send.
    unused = ["rich", "chardet", "charset_normalizer"]
    if settings.database_url.startswith("sqlite:"):
        unused += ["psycopg", "psycopg2"]
    if not settings.queue_url.startswith(("redis", "valkey")):
        unused += ["redis"]
    with _hidden(unused), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unable to find acceptable character detection", module="requests")
        for name in _CURIOUS:
            import_module(name)


@contextmanager
def _hidden(names: list[str]) -> Iterator[None]:
    """Have `import` of these fail as if they were not installed; those imported before stay."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: the import system then raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
