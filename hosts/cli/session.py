"""What most verbs begin with: settings, logs, a runtime, and one tenant's context."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.contract.context import Context
    from core.runtime import Runtime


@contextmanager
def open_runtime(*, strict: bool = False) -> Iterator["Runtime"]:
    """Start a runtime for one command and close it at the end. Raises ConfigurationError for unusable settings."""
    from core import boot, db
    from core.config import Settings
    from hosts.worker.bell import HueyBell

    quiet_logs()
    settings = Settings()
    bell = HueyBell(settings)
    runtime = boot.start(settings, bell=bell, strict=strict)
    try:
        yield runtime
        bell.flush()
    finally:
        db.close_database()


def quiet_logs(level: str = "WARNING") -> None:
    """Have only warnings logged, for people, and on standard error: standard output is the verb's own."""
    from core.config import Settings
    from hosts.logging import configure_logging

    configure_logging(Settings().model_copy(update={"log_level": level, "log_json": False}), "cli")


@contextmanager
def open_tenant(slug: str, command: str) -> Iterator["Context"]:
    """Start a runtime and return the context of one tenant in which the system acts. Raises NotFound."""
    from core import tenants

    with open_runtime() as runtime:
        yield runtime.system(tenants.by_slug(slug), f"roost {command}").caused_by(f"command:{command}")


def show(rows: Sequence[dict[str, Any]], columns: Iterable[str], *, as_json: bool) -> None:
    """Print rows as JSON, or as a plain table that fits a pipe."""
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, default=str, indent=2))
        return
    names = list(columns)
    table = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(_width(line[i]) for line in table) for i in range(len(names))]
    for line in table:
        print("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:  # Any: whatever a row holds
    return "" if value is None else str(value).replace("\n", " ")


def _width(text: str) -> int:
    """Count the columns of a terminal: a Chinese character takes two."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def note(text: str) -> None:
    """Say something about the work on standard error, so that standard output stays what was asked for."""
    print(text, file=sys.stderr)
