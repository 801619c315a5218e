"""How many requests of a process may wait for outside servers at once: one that hangs does not take all threads.

What is one too many is told to come again at once: a request that queued for a place would hold a thread too.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from core.config import Settings
from core.errors import Unavailable

AGAIN_SECONDS = 2


class OutsidePlaces:
    """The places of one process: a share of the threads for each plugin, and one thread that none of them takes."""

    def __init__(self, threads: int, share: int) -> None:
        self.most = max(1, threads - 1)
        self.share = min(share or max(1, threads // 2), self.most)
        self._taken: Counter[str] = Counter()
        self._guard = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> "OutsidePlaces":
        """Return the places that the settings give a process."""
        return cls(settings.threads, settings.outside_threads)

    @contextmanager
    def taken(self, plugin: str, *, upload: bool = False) -> Iterator[None]:
        """Hold a place for the time of a call; raise Unavailable when none is free.

        An upload waits for its sender and for no server of the plugin's, so only the bound for all holds it.
        """
        with self._guard:
            if self._taken.total() >= self.most or (not upload and self._taken[plugin] >= self.share):
                raise Unavailable(
                    f"an outside service is slow, and too many calls wait for it; try again in {AGAIN_SECONDS} s",
                    f"外部服务响应缓慢，请 {AGAIN_SECONDS} 秒后再试",
                    code="outside_busy",
                    retry_after=AGAIN_SECONDS,
                )
            self._taken[plugin] += 1
        try:
            yield
        finally:
            with self._guard:
                self._taken[plugin] -= 1
