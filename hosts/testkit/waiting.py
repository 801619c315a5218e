"""Wait for another process without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.01


def wait_until(
    look: Callable[[], T],
    timeout: float = 30.0,
    *,
    what: str = "",
    told: Callable[[], str] = str,
    every: float = LOOK_SECONDS,
) -> T:
    """Call `look` until what it returns is true, and return that; raise AssertionError after `timeout` seconds.

    `what` says what was waited for; `told()` adds what is known by then, such as a log.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what or 'it'}, in vain. {told()}")
        time.sleep(every)
