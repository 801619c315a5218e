"""The rules of the circuit, as the library pybreaker has them, over a row. Only `circuit` imports this, and late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pybreaker

from integrations.qinniao.answers import QinniaoError


class _Row(pybreaker.CircuitBreakerStorage):
    """Hold the state for pybreaker as the row has it.

    The library reads the clock of the machine; the row keeps the time of ours, so instants are moved between the two.
    """

    def __init__(self, row: Any, now: datetime) -> None:  # Any: a row
        super().__init__("row")
        self.row, self._now = row, now
        self._successes = 0

    @property
    def state(self) -> str:
        return str(self.row.state)

    @state.setter
    def state(self, state: str) -> None:
        self.row.state = state

    def increment_counter(self) -> None:
        self.row.failures += 1

    def reset_counter(self) -> None:
        self.row.failures = 0

    def increment_success_counter(self) -> None:
        self._successes += 1

    def reset_success_counter(self) -> None:
        self._successes = 0

    @property
    def counter(self) -> int:
        return int(self.row.failures)

    @property
    def success_counter(self) -> int:
        return self._successes

    @property
    def opened_at(self) -> datetime | None:
        opened = self.row.opened_at
        return None if opened is None else datetime.now(UTC) - (self._now - opened)

    @opened_at.setter
    def opened_at(self, instant: datetime) -> None:
        self.row.opened_at = self._now


def judge(row: Any, failure: QinniaoError | None, now: datetime, most: int, pause: timedelta) -> None:
    """Change the row by what came of a call. A refusal that will not pass says that the server is up.

    The library counts what it is told to exclude as a success, so `circuit` keeps refusals of a closed circuit away.
    """
    breaker = pybreaker.CircuitBreaker(
        fail_max=most,
        reset_timeout=pause.total_seconds(),
        exclude=[_is_refusal],
        state_storage=_Row(row, now),
        throw_new_error_on_trip=False,
    )
    try:
        breaker.call(_replay, failure)
    except QinniaoError:
        return  # it was told before, and is noted by who asked


def _is_refusal(ex: Any) -> bool:
    return isinstance(ex, QinniaoError) and not ex.retryable


def _replay(failure: QinniaoError | None) -> None:
    if failure is not None:
        raise failure
