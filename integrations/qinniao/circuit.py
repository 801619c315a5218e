"""Stop asking a server that is down: a circuit breaker for each brand and server, seen by every process.

The rules are pybreaker's; its state is a row, so that all workers and the desk see the same. It is read before a call
and told afterwards what came of it, in the two transactions around the call: nothing is locked while a server thinks.
"""

from collections.abc import Iterable
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from integrations.qinniao.answers import QinniaoError
from integrations.qinniao.models import QinniaoCircuit
from roost import Context

FAILURES = 5  # calls in a row, each of which was tried again already
PAUSE = timedelta(seconds=60)
NOTE_LENGTH = 300
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"  # pybreaker's words


def pause(ctx: Context, target: str) -> timedelta | None:
    """Return how long `target` (a base URL) is not to be asked; None when it may be, now.

    After a pause one caller may go and see; the others wait for what comes of it, or for another pause.
    """
    row = _first(ctx, target)
    if row is None or row.state == CLOSED:
        return None
    row = QinniaoCircuit.scoped(ctx).lock(QinniaoCircuit.id == row.id)
    left: timedelta = row.opened_at + PAUSE - ctx.now() if row.opened_at else timedelta(0)
    if row.state == CLOSED:
        return None
    if left > timedelta(0):
        return left
    row.state, row.opened_at = HALF_OPEN, ctx.now()
    _write(ctx, row)
    return None


def note(ctx: Context, target: str, failure: QinniaoError | None) -> None:
    """Tell the circuit what came of a call.

    A refusal that will not pass closes a circuit that was open, for the server is up; it does not clear the failures of
    a closed one: a call refused now and then says nothing of those that had no answer.
    """
    row = _first(ctx, target)
    fine = failure is None or not failure.retryable
    if fine and (row is None or (row.state == CLOSED and (failure is not None or row.failures == 0))):
        return
    circuits = QinniaoCircuit.scoped(ctx)
    if row is None:
        circuits.insert(target=target, changed_at=ctx.now()).on_conflict_ignore().execute()
        row = _first(ctx, target)
    assert row is not None
    row = circuits.lock(QinniaoCircuit.id == row.id)
    if row.state == OPEN:
        return  # this call was on its way when it opened
    # pybreaker imports the client of Redis wherever that is installed: six megabytes in each process, which only a
    # server that fails is worth.
    rules: Any = import_module("integrations.qinniao.breaker")
    rules.judge(row, failure, ctx.now(), FAILURES, PAUSE)
    if failure is not None and failure.retryable:
        row.error = str(failure)[:NOTE_LENGTH]
    _write(ctx, row)


def close(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Ask again at once, for staff who know that the server is back."""
    row = QinniaoCircuit.scoped(ctx).lock(QinniaoCircuit.id == row_id)
    row.state, row.failures = CLOSED, 0
    _write(ctx, row)


def broken(ctx: Context) -> Iterable[Any]:
    return list(QinniaoCircuit.scoped(ctx).select().where(QinniaoCircuit.state != CLOSED))


def is_broken(row: Any) -> bool:
    return bool(row.state != CLOSED)


def _first(ctx: Context, target: str) -> Any:
    return QinniaoCircuit.scoped(ctx).first(QinniaoCircuit.target == target)


def _write(ctx: Context, row: Any) -> None:
    QinniaoCircuit.scoped(ctx).update(
        state=row.state, failures=row.failures, opened_at=row.opened_at, error=row.error, changed_at=ctx.now()
    ).where(QinniaoCircuit.id == row.id).execute()
