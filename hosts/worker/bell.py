"""Huey as a doorbell. A message says "there may be work" and nothing else; losing one costs a sweep's delay.

Where it rings follows from the settings: Redis or Valkey (`ROOST_QUEUE_URL=redis://…`), else the PostgreSQL database
itself, else a SQLite file beside the database. Only the constructor differs.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.exceptions import ConfigurationError as HueyConfigurationError
from huey.registry import Message
from huey.serializer import Serializer

from core.config import Settings
from core.errors import ConfigurationError

log = structlog.get_logger("roost.bell")
NAME = "roost"
CONNECT_SECONDS = 3
READ_SECONDS = 1  # how long a listener waits for a message before it looks at other things


class WakeSerializer(Serializer):  # type: ignore[misc]  # huey has no types
    """Messages as JSON: an id and a name. Huey pickles by default, and a queue that anyone writes to could run code."""

    def _serialize(self, data: Any) -> bytes:  # Any: huey's Message
        return json.dumps([data.id, data.name]).encode()

    def _deserialize(self, data: bytes) -> Any:
        task_id, name = json.loads(bytes(data))
        return Message(task_id, str(name), args=(), kwargs={})


def make_huey(settings: Settings) -> Huey:
    """Return the Huey of this deployment; nothing is connected yet. Raises ConfigurationError for a bad queue URL."""
    url = settings.queue_url or _beside(settings.database_url)
    parts = urlsplit(url)
    options: dict[str, Any] = {"results": False, "serializer": WakeSerializer()}
    try:
        if parts.scheme in ("redis", "rediss", "valkey", "valkeys"):
            return RedisHuey(NAME, url=_redis_url(url), read_timeout=READ_SECONDS, **options)
        if parts.scheme in ("postgresql", "postgres"):
            dsn = url.replace("postgres://", "postgresql://", 1)
            return PostgresHuey(
                NAME,
                dsn=dsn,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                create_tables=False,
                **options,
            )
        if parts.scheme == "sqlite":
            return SqliteHuey(NAME, filename=parts.path[1:], timeout=CONNECT_SECONDS, create_tables=False, **options)
    except HueyConfigurationError as ex:
        raise ConfigurationError(
            f"ROOST_QUEUE_URL is {parts.scheme}://…, and its client library is missing:"
            f" pip install 'roost[redis,postgres]' ({ex})"
        ) from None
    raise ConfigurationError(
        f"ROOST_QUEUE_URL must start with redis://, postgresql:// or sqlite:///, not {parts.scheme!r}"
    )


def _beside(database_url: str) -> str:
    """Return where to ring when nothing is set: the PostgreSQL database, or a file next to the SQLite one."""
    parts = urlsplit(database_url)
    if parts.scheme != "sqlite":
        return database_url
    stem, dot, ending = parts.path.rpartition(".")
    return f"sqlite://{stem}-queue.{ending}" if dot and "/" not in ending else f"sqlite://{parts.path}-queue"


def _redis_url(url: str) -> str:
    """Give the client time limits: by default it waits for a silent server for ever."""
    parts = urlsplit(url)
    query = {
        "socket_connect_timeout": str(CONNECT_SECONDS),
        "socket_timeout": str(CONNECT_SECONDS + READ_SECONDS),
        **dict(parse_qsl(parts.query)),
    }
    scheme = parts.scheme.replace("valkeys", "rediss").replace("valkey", "redis")
    return urlunsplit((scheme, parts.netloc, parts.path, urlencode(query), ""))


def prepare_queue(huey: Huey) -> None:
    """Create the queue's tables where they are missing; Redis has none."""
    prepare = getattr(huey.storage, "initialize_schema", None)
    if prepare is not None:
        prepare()


def wake_task(huey: Huey, work: Callable[[], object]) -> Callable[[], object]:
    """Declare the one task there is, `wake`, and return what enqueues it; a listener that gets it calls `work`."""

    def wake() -> None:
        work()

    task: Callable[[], object] = huey.task(name="wake")(wake)
    return task


class HueyBell:
    """Rings from a thread of its own, so that a queue that is slow or dead never holds up a request.

    Rings that come together become one message, and none is sent while one waits in the queue: whoever takes that one
    looks at the table afterwards, and so sees what was committed before. A queue that does not answer is left alone
    for `rest` seconds; the workers' sweep finds the work meanwhile.
    """

    def __init__(self, settings: Settings, *, interval: float = 0.02, rest: float = 3.0) -> None:
        self._settings = settings
        self._interval = interval
        self._rest = rest
        self._rung = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._pid = 0
        self._send: Callable[[], object] | None = None
        self._huey: Huey | None = None
        self._silent = False

    def ring(self) -> None:
        """Say that there may be work; returns at once."""
        if self._pid != os.getpid():
            self._start()
        self._idle.clear()
        self._rung.set()

    def flush(self, seconds: float = 0.5) -> bool:
        """Wait until what was rung is sent: for a short-lived process, before it ends. Tell whether it was."""
        return self._idle.wait(seconds)

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._huey = self._send = None  # a connection is not shared with the process that forked us
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="roost-bell", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._rung.wait()
            self._rung.clear()
            try:
                self._ring_once()
            except Exception as ex:  # noqa: BLE001 -- any client's error: the sweep finds the work
                if not self._silent:
                    log.warning(
                        "queue_unreachable", error=type(ex).__name__, retry_seconds=self._rest, found_by="sweep"
                    )
                self._silent = True
                self._huey = None
                time.sleep(self._rest)
                self._rung.set()
                continue
            if self._silent:
                log.info("queue_reachable")
            self._silent = False
            if not self._rung.is_set():
                self._idle.set()
            time.sleep(self._interval)

    def _ring_once(self) -> None:
        huey, send = self._huey, self._send
        if huey is None or send is None:
            huey = make_huey(self._settings)
            prepare_queue(huey)
            send = wake_task(huey, lambda: None)
            self._huey, self._send = huey, send
        if huey.storage.queue_size() == 0:
            send()
