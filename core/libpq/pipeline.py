"""One connection's statements: what nobody waits for is queued, and goes out with the next that somebody waits for.

BEGIN, the tenant's scope and a fact's row wait for the next statement, or for COMMIT, and go out in one message.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus

from core.libpq.prepared import Prepared
from core.libpq.results import Result, Socket
from core.sql import Sql

GONE = b"26000"  # SQLSTATE: there is no such prepared statement
BEGIN, COMMIT, ROLLBACK = b"BEGIN", b"COMMIT", b"ROLLBACK"
_ENTER = b"SELECT set_config('roost.tenant', $1, false)"
_TEXT = (25,)  # the type's number
_GOOD = frozenset((ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK))
_AUTO = tuple((PyFormat.AUTO,) * count for count in range(64))  # by the number of values
Rows = list[tuple[Any, ...]]  # Any: a driver's values
Look = Callable[[Rows], None]


class _Message(NamedTuple):
    """A statement ready to go: its text and its values as libpq takes them."""

    text: bytes
    values: Any = None  # Any: psycopg's buffers; None for a command without values
    types: Any = None
    formats: Any = None
    look: Look | None = None  # at its rows, before any later answer is believed


def _entering(scope: int) -> _Message:
    return _Message(_ENTER, (b"%d" % scope,), _TEXT)


class Pipeline:
    """The statements of one connection; for one thread at a time, as the connection is."""

    def __init__(self, connection: "Connection[Any]") -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._values = Transformer.from_context(connection)
        self._prepared = Prepared(lambda *asked: self._check(self._pgconn.prepare(*asked)))
        self._socket = Socket(connection.pgconn)
        self._queue: list[_Message] = []
        self._scope: int | None = None

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

    def queue(self, statement: Sql, params: Any, look: Look | None = None) -> None:
        """Send a statement whose answer nobody needs before the next one's; its error comes with that one.

        `look` gets its rows, and may raise: then the answers to what was sent after it count for nothing.
        """
        self._queue.append(self._message(statement, params, look))

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

    def execute(self, statement: Sql, params: Any) -> Result:
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
        if any(message.look is not None or message.text is BEGIN for message in self._queue):
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

    def take_over(self, other: "Pipeline") -> Result:
        """Send what waits in the queue of a connection that died, and return the last answer."""
        self._queue, other._queue = other._queue, []
        self._queue[:0] = [_entering(other._scope)] if other._scope is not None else []
        self._scope = other._scope
        return self.flush()

    def flush(self) -> Result:
        """Send all that waits in one message; return the answer of the last. Raises the first error."""
        queue = self._queue
        if not queue:
            return Result([], -1)
        results = self._exchange(queue)
        self._queue = []
        failed = next((place for place, result in enumerate(results) if result.status not in _GOOD), None)
        if failed is not None and self._again(queue, results[failed]):
            return self.flush()
        for message, result in zip(queue[:failed], results, strict=False):
            if message.look is not None:
                message.look(self._rows(result))
        if failed is not None:
            self._check(results[failed])
        return self._result(results[-1])

    # how

    def _exchange(self, queue: list[_Message]) -> list[Any]:
        """Send a queue and return its results. Whatever interrupts it closes the connection: answers are on the way."""
        wire, name_of = self._pgconn, self._prepared.name
        named = [None if message.values is None else name_of(message.text, message.types) for message in queue]
        try:
            wire.enter_pipeline_mode()
            for message, name in zip(queue, named, strict=True):
                if name is None:
                    wire.send_query_params(message.text, message.values, message.types, message.formats)
                else:
                    wire.send_query_prepared(name, message.values, message.formats)
            wire.pipeline_sync()
            results = self._socket.results(len(queue))
            wire.exit_pipeline_mode()
        except BaseException:
            self._connection.close()
            raise
        return results

    def _again(self, queue: list[_Message], failure: Any) -> bool:
        """Queue all of it again where nothing was done, only what was prepared is forgotten; tell whether."""
        self._scope = None  # a setting that was sent along has been taken back
        idle = self._pgconn.transaction_status == TransactionStatus.IDLE
        if self._gone(failure) and idle and queue[-1].text is not COMMIT:
            self._queue = queue
            return True
        return False

    def _message(self, statement: Sql, params: Any, look: Look | None = None) -> _Message:
        text, values = statement.numbered or statement.number(), self._values
        given: Sequence[Any] = [params[name] for name in statement.names] if statement.names else params
        dumped = values.dump_sequence(given, _AUTO[len(given)] if len(given) < 64 else (PyFormat.AUTO,) * len(given))
        return _Message(text, dumped, values.types, values.formats, look)

    def _alone(self, message: _Message) -> Result:
        wire, name = self._pgconn, self._prepared.name(message.text, message.types)
        if name is None:
            result = wire.exec_params(message.text, message.values, message.types, message.formats)
        else:
            result = wire.exec_prepared(name, message.values, message.formats)
            if self._gone(result) and wire.transaction_status == TransactionStatus.IDLE:
                result = wire.exec_params(message.text, message.values, message.types, message.formats)
        self._check(result)
        return self._result(result)

    def _gone(self, result: Any) -> bool:
        """Tell whether what was prepared has been discarded (psycopg does after DDL, a pooler may): known no more.

        Outside a transaction the statement is sent again; inside one the whole transaction is run again.
        """
        gone = result.error_field(DiagnosticField.SQLSTATE) == GONE
        if gone:
            self._prepared.clear()
        return bool(gone)

    def _rows(self, result: Any) -> Rows:
        count = result.ntuples
        if not count:
            return []
        self._values.set_pgresult(result)
        return self._values.load_rows(0, count, tuple)

    def _result(self, result: Any) -> Result:
        touched = result.command_tuples
        return Result(self._rows(result), -1 if touched is None else touched)

    def _check(self, result: Any) -> None:
        if result.status in _GOOD:
            return
        if self._connection.closed or result.error_field(DiagnosticField.SQLSTATE) is None:  # not PostgreSQL's own word
            self._connection.close()
            raise OperationalError("the server closed the connection")
        raise error_from_result(result, encoding=self._connection.info.encoding)
