"""Where a call's time goes: processor time in our process and in PostgreSQL's, round trips, and the share of each part.

In one process, without a socket, so that the load of the machine does not count: processor time does.
"""

import cProfile
import io
import json
import pstats
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.deployment import Brand
from core import boot, db
from core.config import Settings
from core.registry.registry import PluginsFile
from hosts.logging import configure_logging
from hosts.server.app import make_app

ROOT = Path(__file__).parents[1]
WARM_UP = 300
PROFILED = 1000
MOST_LINES = 16
Call = tuple[str, str, dict[str, str], bytes]  # method, path, headers as WSGI names them, body


def measure(settings: Settings, brand: Brand, *, calls: int) -> Iterator[tuple[str, float, float, float, list[str]]]:
    """Yield (name, our ms, PostgreSQL's ms, round trips, lines of the parts) of each kind of call."""
    configure_logging(settings, "rest")
    app = make_app(boot.start(settings, plugins=PluginsFile()))
    for name, asked in (("credit", credits), ("me", me)):
        yield (name, *_measure(app, lambda count, asked=asked: asked(brand, count), calls))  # type: ignore[misc]
    db.close_database()


def credits(brand: Brand, count: int) -> Iterator[Call]:
    """Yield credits of points to members in turn."""
    body = json.dumps({"asset": "points", "amount": 10, "reason": "bench"}).encode()
    for number in range(count):
        member = brand.members[(number * 7919) % len(brand.members)]
        headers = {"HTTP_AUTHORIZATION": f"Bearer {brand.key}", "HTTP_IDEMPOTENCY_KEY": uuid.uuid4().hex}
        yield "POST", f"/admin/v1/members/{member}/points", headers, body


def me(brand: Brand, count: int) -> Iterator[Call]:
    """Yield looks of members at themselves."""
    for number in range(count):
        yield "GET", "/v1/me", {"HTTP_AUTHORIZATION": f"Bearer {brand.tokens[number % len(brand.tokens)]}"}, b""


def _environ(call: Call) -> dict[str, Any]:
    method, path, headers, body = call
    typed = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))} if body else {}
    return {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False, **typed, **headers,
    }  # fmt: skip


def _serve(app: Any, calls: Iterable[Call]) -> None:
    def answered(status: str, headers: object, exc_info: object = None) -> None:
        if not status.startswith("2"):
            raise RuntimeError(f"the measured call was refused: {status}")

    for call in calls:
        b"".join(app(_environ(call), answered))


def _measure(app: Any, asked: Callable[[int], Iterator[Call]], calls: int) -> tuple[float, float, float, list[str]]:
    _serve(app, asked(WARM_UP))
    with db.connection():
        (pid,) = db.database.execute_sql("SELECT pg_backend_pid()").fetchone()
    backend = psutil.Process(pid)
    wanted = list(asked(calls))
    before = backend.cpu_times()
    started = time.process_time()
    _serve(app, wanted)
    ours = time.process_time() - started
    after = backend.cpu_times()
    theirs = after.user + after.system - before.user - before.system
    profile = cProfile.Profile(time.process_time)  # without the waiting
    wanted = list(asked(PROFILED))
    profile.enable()
    _serve(app, wanted)
    profile.disable()
    stats: Any = pstats.Stats(profile)  # Any: its table has no types
    return ours / calls * 1000, theirs / calls * 1000, _round_trips(stats), _parts(stats)


def _round_trips(stats: Any) -> float:
    waits = ("_exchange", "_alone")
    return sum(row[0] for (file, _, name), row in stats.stats.items() if name in waits and "libpq" in file) / PROFILED


def _parts(stats: Any) -> list[str]:
    """Return the parts by their own time; built-in functions count for the file that calls them."""
    spent: dict[str, float] = defaultdict(float)
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        if file == "~":
            for (caller, _, _), (_, _, time_there, _) in callers.items():
                spent[_place(caller)] += time_there
        else:
            spent[_place(file)] += own
    whole = sum(spent.values())
    ordered = sorted(spent.items(), key=lambda item: -item[1])[:MOST_LINES]
    return [f"{share / whole:5.1%}  {place}" for place, share in ordered]


def _place(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(ROOT) and "site-packages" not in file:
        return str(path.relative_to(ROOT))
    _, found, package = file.partition("site-packages/")
    return package.split("/")[0] if found else f"python: {path.name}"
