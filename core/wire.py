"""One connection's talk with PostgreSQL: raw statements of core, prepared, and sent together where they can be.

psycopg's cursor is made for any statement, and asks the socket in small steps: for a statement that reads or writes one
row it takes four times the processor time of libpq's own call, and PostgreSQL twice its own, being woken more often. So
core's raw statements go by libpq itself. What nobody waits for (BEGIN, the tenant's scope, a fact's row) waits in a
queue and goes out with the next statement that somebody does wait for, or with COMMIT, in one message. psycopg still
makes the connection and translates every value and error. Imported only where PostgreSQL is used.
"""

import select
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus

from core.sql import Sql

MOST = 500  # statements known of a connection; more are sent unprepared
GONE = b"26000"  # SQLSTATE: there is no such prepared statement
BEGIN, COMMIT, ROLLBACK = b"BEGIN", b"COMMIT", b"ROLLBACK"
_ENTER = b"SELECT set_config('roost.tenant', $1, false)"
_TEXT = (25,)  # the type's number
_SYNC = ExecStatus.PIPELINE_SYNC
_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_AUTO = (PyFormat.AUTO,)
BOTH = select.POLLIN | select.POLLOUT


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


class _Message(NamedTuple):
    """A statement ready to go: its text and its values as libpq takes them."""

    text: bytes
    values: Any = None  # Any: psycopg's buffers
    types: Any = None
    formats: Any = None
    look: Callable[[list[tuple[Any, ...]]], None] | None = None  # at its rows, before any later answer is believed


def _entering(scope: int) -> _Message:
    return _Message(_ENTER, (b"%d" % scope,), _TEXT)


class Wire:
    """The talk over one connection; for one thread at a time, as the connection is."""

    def __init__(self, connection: "Connection[Any]") -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._values = Transformer.from_context(connection)
        # By text and types: the name it is prepared under; None when it came once, and is not prepared yet.
        self._names: dict[tuple[bytes, Any], bytes | None] = {}
        self._count = 0
        self._queue: list[_Message] = []
        self._scope: int | None = None
        self._poll = select.poll()
        self._poll.register(self._pgconn.socket, select.POLLIN)

    # what waits

    def enter(self, scope: int) -> None:
        """Let what follows run for a scope."""
        if self._scope != scope:
            self._queue.append(_entering(scope))
            self._scope = scope

    def begin(self, scope: int) -> None:
        """Open a transaction for a scope."""
        self.enter(scope)
        self._queue.append(_Message(BEGIN))

    def later(
        self,
        statement: Sql,
        params: Sequence[Any] | Mapping[str, Any],
        look: Callable[[list[tuple[Any, ...]]], None] | None = None,
    ) -> None:
        """Send a statement whose answer nobody needs before the next one's; its error comes with that one.

        `look` gets its rows, and may raise: then the answers to what was sent after it count for nothing.
        """
        message = self._message(statement, params)
        self._queue.append(message if look is None else message._replace(look=look))

    def forget(self) -> None:
        """Forget what waits; for the end of a call that had no transaction."""
        self._queue.clear()
        self._scope = None

    @property
    def unsent(self) -> bool:
        """Tell whether an open transaction is all in the queue, so that it can go over another connection."""
        texts = [message.text for message in self._queue]
        return BEGIN in texts and COMMIT not in texts

    # what is waited for

    def send(self, statement: Sql, params: Sequence[Any] | Mapping[str, Any]) -> Answer:
        """Send a statement, after what waits, and return its answer. Raises psycopg's errors.

        It is prepared when it comes for the second time with values of the same types.
        """
        message = self._message(statement, params)
        if not self._queue:
            return self._alone(message)
        self._queue.append(message)
        return self.flush()

    def command(self, words: bytes) -> None:
        """Send a command without values, after what waits."""
        self._queue.append(_Message(words))
        self.flush()

    def commit(self, guard: Callable[[], None] | None = None) -> None:
        """Commit unless `guard` raises; a transaction of which nothing was sent and nothing waits is simply forgotten.

        One that waits as a whole goes out before its COMMIT: when the connection turns out to have died, what was sent
        without a COMMIT can be sent again.
        """
        if self._queue and self._queue[-1].text is BEGIN:
            self._queue.pop()
            return
        if self.unsent or any(message.look is not None for message in self._queue):
            self.flush()
        if guard is not None:
            guard()
        self.command(COMMIT)

    def rollback(self) -> None:
        """Undo the transaction, and forget what waits; also of a connection that died, or it would go over the next."""
        begun = not (self.unsent or self._connection.closed)
        self._queue.clear()
        self._scope = None  # the rollback may take the setting back with it
        if begun:
            self._check(self._pgconn.exec_(ROLLBACK))

    def undo(self, words: bytes) -> None:
        """Go back to a savepoint, which was sent at once: what waits came after it, and is forgotten."""
        self._queue.clear()
        self._check(self._pgconn.exec_(words))

    def take_over(self, other: "Wire") -> Answer:
        """Send what waits in the talk over a connection that died, and return the last answer."""
        self._queue, other._queue = other._queue, []
        self._queue[:0] = [_entering(other._scope)] if other._scope is not None else []
        self._scope = other._scope
        return self.flush()

    def flush(self) -> Answer:
        """Send all that waits in one message; return the answer of the last. Raises the first error."""
        queue, wire = self._queue, self._pgconn
        if not queue:
            return Answer([], -1)
        names = [self._name(message) for message in queue]
        try:
            wire.enter_pipeline_mode()
            for message, name in zip(queue, names, strict=True):
                if name is None:
                    wire.send_query_params(message.text, message.values, message.types, message.formats)
                else:
                    wire.send_query_prepared(name, message.values, message.formats)
            wire.pipeline_sync()
            results = self._results(len(queue))
            wire.exit_pipeline_mode()
        except BaseException:
            self._connection.close()  # answers are still on their way: nobody else may take them for theirs
            raise
        self._queue = []
        failed = next((result for result in results if result.status not in _GOOD), None)
        if failed is None:
            self._show(queue, results)
            return self._answer(results[-1])
        self._scope = None  # a setting that was sent along has been taken back
        if self._gone(failed) and wire.transaction_status == TransactionStatus.IDLE and queue[-1].text is not COMMIT:
            self._queue = queue
            return self.flush()
        self._show(queue, results[: results.index(failed)])
        self._check(failed)
        raise AssertionError("unreachable")

    def _show(self, queue: Sequence[_Message], results: Sequence[Any]) -> None:
        for message, result in zip(queue, results, strict=False):
            if message.look is not None:
                message.look(self._answer(result).fetchall())

    # how

    def _message(self, statement: Sql, params: Sequence[Any] | Mapping[str, Any]) -> _Message:
        text = statement.wire
        given = [params[name] for name in statement.names] if isinstance(params, Mapping) else params
        dumped = self._values.dump_sequence(given, _AUTO * len(given))
        return _Message(text, dumped, self._values.types, self._values.formats)

    def _alone(self, message: _Message) -> Answer:
        wire, name = self._pgconn, self._name(message)
        if name is None:
            result = wire.exec_params(message.text, message.values, message.types, message.formats)
        else:
            result = wire.exec_prepared(name, message.values, message.formats)
            if self._gone(result) and wire.transaction_status == TransactionStatus.IDLE:
                result = wire.exec_params(message.text, message.values, message.types, message.formats)
        self._check(result)
        return self._answer(result)

    def _gone(self, result: Any) -> bool:
        """Tell whether what was prepared has been discarded (psycopg does after DDL, a pooler may): known no more.

        Outside a transaction the statement is sent again; inside one the whole transaction is run again.
        """
        gone = result.error_field(DiagnosticField.SQLSTATE) == GONE
        if gone:
            self._names.clear()
        return bool(gone)

    def _name(self, message: _Message) -> bytes | None:
        """Return under which name the statement is prepared; None the first time, and when there are too many."""
        if message.values is None:  # BEGIN and COMMIT too: a COMMIT that was discarded could not be sent again
            return None
        key = (message.text, message.types)
        if key not in self._names:
            if len(self._names) < MOST:
                self._names[key] = None
            return None
        name = self._names[key]
        if name is None:
            self._count += 1
            name = b"roost%d" % self._count
            self._check(self._pgconn.prepare(name, message.text, message.types))
            self._names[key] = name
        return name

    def _results(self, count: int) -> list[Any]:
        """Return the results of a pipeline, up to its sync; the interpreter is free for other threads meanwhile."""
        wire = self._pgconn
        results: list[Any] = []
        is_busy, get_result = wire.is_busy, wire.get_result
        unsent = wire.flush()  # of a message larger than the socket takes at once
        while True:
            while is_busy():
                if unsent:
                    self._poll.modify(wire.socket, BOTH)
                self._poll.poll()
                wire.consume_input()
                if unsent and not (unsent := wire.flush()):
                    self._poll.modify(wire.socket, select.POLLIN)
            got = get_result()
            if got is None:  # the end of one message's answer, or of the connection
                if self._connection.closed:
                    raise OperationalError("the server closed the connection")
            elif got.status == _SYNC:
                if len(results) != count:
                    raise OperationalError(f"{len(results)} answers to {count} statements")
                return results
            else:
                results.append(got)

    def _answer(self, result: Any) -> Answer:
        self._values.set_pgresult(result)
        rows = self._values.load_rows(0, result.ntuples, tuple) if result.ntuples else []
        touched = result.command_tuples
        return Answer(rows, -1 if touched is None else touched)

    def _check(self, result: Any) -> None:
        if result.status in _GOOD:
            return
        if self._connection.closed or result.error_field(DiagnosticField.SQLSTATE) is None:  # not PostgreSQL's own word
            self._connection.close()
            raise OperationalError("the server closed the connection")
        raise error_from_result(result, encoding=self._connection.info.encoding)
