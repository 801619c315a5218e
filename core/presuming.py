"""Go on before the database has answered: a question goes out with the next statement, and what it gives is presumed.

Nothing that came of it counts unless it was so. A wrong presumption raises `Misjudged` before any answer to what was
sent after it is believed, and no transaction commits while a presumption is open or was wrong. Whoever presumes does
all of it again then, asking first. It pays on PostgreSQL, where one message carries several statements.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import peewee

from core import db

_local = threading.local()
Rows = list[tuple[Any, ...]]  # Any: a driver's values


class Presuming:
    """Within it `presume` may go on; `held` tells at the end whether all was as presumed.

    When it was not, an error that came of it is dropped.
    """

    __slots__ = ("failed", "held", "waiting")

    def __init__(self) -> None:
        self.waiting = 0  # presumptions that the database has not answered
        self.failed = False
        self.held = False

    def __enter__(self) -> "Presuming":
        _local.presuming = self
        db.guard_commits(self._settled)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        _local.presuming = None
        if kind is None and self.waiting:  # nothing was asked of the database since
            with suppress(peewee.PeeweeException):
                db.database.obj.flush()
        self.held = not (self.failed or self.waiting)
        db.guard_commits(None)
        if self.waiting and not db.database.is_closed():
            db.database.obj.forget()
        return not self.held and kind is not None and issubclass(kind, Exception)

    def _settled(self) -> None:
        """Raise Misjudged when something presumed does not hold, or was never answered: its savepoint was undone."""
        if self.failed or self.waiting:
            raise db.Misjudged

    def expect(self, fits: Callable[[Rows], bool]) -> Callable[[Rows], None]:
        """Return what looks at the rows of one presumption."""
        self.waiting += 1

        def look(rows: Rows) -> None:
            if not fits(rows):
                self.failed = True
                raise db.Misjudged
            self.waiting -= 1

        return look


def may_presume() -> bool:
    """Tell whether it pays to presume."""
    return db.dialect() == "postgresql"


def presume(scope: int, statement: db.Sql, params: Sequence[Any], fits: Callable[[Rows], bool]) -> bool:
    """Go on as if the rows of a statement were to fit; False where that may not be presumed, and nothing was sent."""
    presuming: Presuming | None = getattr(_local, "presuming", None)
    if presuming is None:
        return False
    db.look_later(scope, statement, params, presuming.expect(fits))
    return True


def ask(scope: int, statement: db.Sql, params: Sequence[Any] = ()) -> Callable[[], Rows]:
    """Send a reading statement with the next one; return what gives its rows, and sends it if none came."""
    answers: list[Rows] = []
    db.look_later(scope, statement, params, answers.append)

    def rows() -> Rows:
        if not answers:
            db.database.obj.flush()
        return answers[0]

    return rows
