"""What becomes of a table's rows of a member: declared beside the columns, done by the runtime for every table."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any


class Move:
    """On merge every row of the merged member becomes the survivor's."""


@dataclass(frozen=True, slots=True)
class Unite:
    """On merge there stays one row for each value of `by` (none: one row a member); the others move.

    Where both members have one, the survivor's stays, or with `newest` the one whose column of that name is greater.
    The one that stays gets the sum of the columns in `add`, lists joined, and the later value of those in
    `latest`.
    """

    by: Sequence[str] = ()
    newest: str | None = None
    add: Sequence[str] = ()
    latest: Sequence[str] = ()


class Blank:
    """On erasure the rows stay and these columns get these values: `Blank(address=None, note="")`.

    Without a column: the rows stay as they are, as evidence, under an id that nobody is behind any more.
    """

    def __init__(self, **values: Any) -> None:  # Any: whatever the columns hold
        self.values = values


class Delete:
    """On erasure the rows go."""


class ByPlugin:
    """The plugin does it in its own lifecycle hook: `merge_members`, `erase_member`."""


MOVE, DELETE, KEEP, BY_PLUGIN = Move(), Delete(), Blank(), ByPlugin()


@dataclass(frozen=True, slots=True)
class MemberRows:
    """What a table with a member says of their rows: `member_rows = MemberRows(...)` in the model.

    `export` names the columns that a member takes away, each as it is or as (column, the word in the export); sealed
    columns are opened. None: the member takes nothing of it away; a comment beside it says why.
    """

    column: str = "member"  # the column with the member's id
    _: KW_ONLY
    erase: Delete | Blank | ByPlugin
    export: Sequence[str | tuple[str, str]] | None
    merge: Move | Unite | ByPlugin = MOVE
    name: str = ""  # in the export; the table's own without the slug where it is empty


def declared_rows(model: Any) -> tuple[MemberRows, ...]:  # Any: a table, which stands above this
    """Return what a table declares of the members in it, one for each column that holds one."""
    declared = model.member_rows
    return declared if isinstance(declared, tuple) else (declared,)
