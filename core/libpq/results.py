"""What statements gave, and how it is awaited."""

import select
from typing import Any

from psycopg.errors import OperationalError
from psycopg.pq import ExecStatus

SYNC = ExecStatus.PIPELINE_SYNC
BOTH = select.POLLIN | select.POLLOUT


class Result:
    """What a statement gave: the part of a cursor that core uses."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return every row."""
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the first row, or None."""
        return self._rows[0] if self._rows else None


class Socket:
    """Waits for one connection's answers; the interpreter is free for other threads meanwhile."""

    __slots__ = ("_pgconn", "_poll")

    def __init__(self, pgconn: Any) -> None:  # Any: psycopg's PGconn
        self._pgconn = pgconn
        self._poll = select.poll()
        self._poll.register(pgconn.socket, select.POLLIN)

    def results(self, count: int) -> list[Any]:
        """Return the results of a pipeline of `count` statements, up to its sync. Raises psycopg's OperationalError."""
        wire = self._pgconn
        is_busy, get_result = wire.is_busy, wire.get_result
        results: list[Any] = []
        ended = False
        unsent = wire.flush()  # of a message larger than the socket takes at once
        while True:
            while is_busy():
                unsent = self._wait(unsent)
            got = get_result()
            if got is None:  # the end of one statement's answer; a second one in a row is that of the connection
                if ended:
                    raise OperationalError("the server closed the connection")
                ended = True
            elif got.status == SYNC:
                if len(results) != count:
                    raise OperationalError(f"{len(results)} answers to {count} statements")
                return results
            else:
                ended = False
                results.append(got)

    def _wait(self, unsent: int) -> int:
        if unsent:
            self._poll.modify(self._pgconn.socket, BOTH)
        self._poll.poll()
        self._pgconn.consume_input()
        if unsent and not (unsent := self._pgconn.flush()):
            self._poll.modify(self._pgconn.socket, select.POLLIN)
        return unsent
