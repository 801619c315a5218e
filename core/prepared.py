"""Send raw statements of core to PostgreSQL as prepared ones, by libpq itself.

psycopg's cursor is made for any statement, and asks the socket in small steps: for a statement that reads or writes one
row it takes four times the processor time of libpq's own call, and PostgreSQL twice its own, being woken more often.
psycopg still makes the connection and translates every value and error. Imported only where PostgreSQL is used.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus

from core.sql import Sql

MOST = 500  # statements known of a connection; more are sent unprepared
GONE = b"26000"  # SQLSTATE: there is no such prepared statement
_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_AUTO = (PyFormat.AUTO,)


class Answer:
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


class Prepared:
    """The prepared statements of one connection; for one thread at a time, as the connection is."""

    def __init__(self, connection: "Connection[Any]") -> None:
        self._connection = connection
        self._values = Transformer.from_context(connection)
        self._names: dict[tuple[bytes, tuple[int, ...] | None], bytes | None] = {}  # None: came once, not prepared yet
        self._count = 0

    def send(self, statement: Sql, params: Sequence[Any] | Mapping[str, Any]) -> Answer:
        """Send it and return the answer. Raises psycopg's errors.

        It is prepared when it comes for the second time with values of the same types. Somebody may have discarded what
        was prepared (psycopg does after DDL, and so may a pooler): then it is sent again, or, where that cannot be done
        in the open transaction, fails with `GONE`, for which the transaction is run again.
        """
        text = statement.wire
        given = [params[name] for name in statement.names] if isinstance(params, Mapping) else params
        values, wire = self._values, self._connection.pgconn
        dumped = values.dump_sequence(given, _AUTO * len(given))
        name = self._name(text, values.types)
        if name is None:
            result = wire.exec_params(text, dumped, values.types, values.formats)
        else:
            # psycopg's stub forgets that a NULL may be sent.
            result = wire.exec_prepared(name, dumped, values.formats)  # type: ignore[arg-type]
            if result.error_field(DiagnosticField.SQLSTATE) == GONE:
                self._names.clear()
                if wire.transaction_status == TransactionStatus.IDLE:
                    result = wire.exec_params(text, dumped, values.types, values.formats)
        self._check(result)
        values.set_pgresult(result)
        rows = values.load_rows(0, result.ntuples, tuple) if result.ntuples else []
        touched = result.command_tuples
        return Answer(rows, -1 if touched is None else touched)

    def _name(self, text: bytes, types: tuple[int, ...] | None) -> bytes | None:
        """Return under which name the statement is prepared; None the first time, and when there are too many."""
        key = (text, types)
        if key not in self._names:
            if len(self._names) < MOST:
                self._names[key] = None
            return None
        name = self._names[key]
        if name is None:
            self._count += 1
            name = b"roost%d" % self._count
            self._check(self._connection.pgconn.prepare(name, text, types))
            self._names[key] = name
        return name

    def command(self, words: bytes) -> None:
        """Send commands without values, such as BEGIN. Raises psycopg's errors."""
        self._check(self._connection.pgconn.exec_(words))

    def _check(self, result: Any) -> None:
        if result.status not in _GOOD:
            if self._connection.closed:
                raise OperationalError("the server closed the connection")
            raise error_from_result(result, encoding=self._connection.info.encoding)
