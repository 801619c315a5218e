"""How many requests of a process may wait for outside servers at once: one that hangs does not take all threads.

What is one too many is told to come again at once: a request that queued for a place would hold a thread too.
"""

import threading
from collections import Counter
from typing import Self

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

    def place(self, plugin: str, *, upload: bool = False) -> "Place":
        """Return a place that is not held yet.

        An upload waits for its sender and for no server of the plugin's, so only the bound for all holds it.
        """
        return Place(self, plugin, upload)

    def take(self, plugin: str, *, upload: bool) -> None:
        """Count one more; raise Unavailable when that is one too many."""
        with self._guard:
            if self._taken.total() >= self.most or (not upload and self._taken[plugin] >= self.share):
                raise Unavailable(
                    f"an outside service is slow, and too many calls wait for it; try again in {AGAIN_SECONDS} s",
                    f"外部服务响应缓慢，请 {AGAIN_SECONDS} 秒后再试",
                    code="outside_busy",
                    retry_after=AGAIN_SECONDS,
                )
            self._taken[plugin] += 1

    def give_back(self, plugin: str) -> None:
        """Count one less."""
        with self._guard:
            self._taken[plugin] -= 1


class Place:
    """A place of one call: taken when the call is about to wait, given back at the end of the `with`."""

    def __init__(self, places: OutsidePlaces, plugin: str, upload: bool) -> None:
        self._places, self._plugin, self._upload = places, plugin, upload
        self._held = False

    def hold(self) -> None:
        """Take it, unless it is held already. Raises Unavailable."""
        if not self._held:
            self._places.take(self._plugin, upload=self._upload)
            self._held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._held:
            self._held = False
            self._places.give_back(self._plugin)
