"""Which statements a connection has prepared, and under which names."""

from collections.abc import Callable
from typing import Any

MOST = 500  # statements known of a connection; more are sent unprepared
Key = tuple[bytes, Any]  # the text, and the types of its values as psycopg tells them


class Prepared:
    """The statements of one connection: one is prepared when it comes for the second time."""

    __slots__ = ("_count", "_names", "_prepare")

    def __init__(self, prepare: Callable[[bytes, bytes, Any], None]) -> None:
        self._prepare = prepare
        self._names: dict[Key, bytes | None] = {}  # None: it came once, and is not prepared yet
        self._count = 0

    def name(self, text: bytes, types: Any) -> bytes | None:
        """Return the name of a statement; None for its first time, and when there are too many."""
        key = (text, types)
        name = self._names.get(key)
        if name is not None:
            return name
        if key not in self._names:
            if len(self._names) < MOST:
                self._names[key] = None
            return None
        self._count += 1
        name = b"roost%d" % self._count
        self._prepare(name, text, types)
        self._names[key] = name
        return name

    def clear(self) -> None:
        """Forget all: the server knows them no more."""
        self._names.clear()
