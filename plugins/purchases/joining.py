"""One purchase of a file, and several rows of it as one: the lines of one sale."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, groupby, islice
from typing import NamedTuple
from uuid import UUID

from plugins.purchases.lines import Rejected
from plugins.purchases.schemas import MOST_FEN, MOST_ITEMS, PurchaseLine

MOST_LINES = 200  # of one sale


class FileRow(NamedTuple):
    """One purchase of a file. `key` names it in its source, in whichever file it is told."""

    line: int
    text: str
    key: str
    customer: str  # "" is a sale to nobody known
    occurred_at: datetime
    amount_fen: int
    items: int
    venue: UUID | None
    phone: str | None
    name: str | None
    own_id: bool = False  # the key is the file's own number, and not made of the row's content
    lines: tuple[PurchaseLine, ...] = ()
    twin: str = ""  # what to say of an earlier row of the file with this number, should this one be refused


def joined(rows: Iterable[FileRow | Rejected]) -> Iterator[FileRow | Rejected]:
    """Make one purchase of the rows that stand together and have the same number, customer, time and venue.

    Each row has its one line. Those of one number go in together or not at all.
    """
    for _, group in groupby(rows, _number):
        sale = list(islice(group, MOST_LINES + 1))
        good = [row for row in sale if isinstance(row, FileRow)]
        if len(sale) > MOST_LINES:
            wrong = f"more than {MOST_LINES} rows have this number"
        else:
            wrong = _wrong(good) if len(good) == len(sale) else "another row of this sale cannot go in"
        if wrong:
            yield from (r if isinstance(r, Rejected) else Rejected(r.line, wrong, r.text) for r in chain(sale, group))
        else:
            yield from (_one(list(rows)) for _, rows in groupby(good, _sale))


def _number(row: FileRow | Rejected) -> str | int:
    return row.key if isinstance(row, FileRow) else row.sale or row.line


def _sale(row: FileRow) -> tuple[object, ...]:
    return row.customer, row.occurred_at, row.venue


def _wrong(rows: list[FileRow]) -> str:
    """Say what is wrong with the sum of rows of one number; "" when nothing is."""
    if sum(row.amount_fen for row in rows) > MOST_FEN:
        return f"the rows of this sale add up to more than {MOST_FEN // 100} yuan"
    return f"more than {MOST_ITEMS} items in one sale" if sum(row.items for row in rows) > MOST_ITEMS else ""


def _one(rows: list[FileRow]) -> FileRow:
    return rows[0]._replace(
        text="\n".join(row.text for row in rows),
        amount_fen=sum(row.amount_fen for row in rows),
        items=sum(row.items for row in rows),
        lines=tuple(line for row in rows for line in row.lines),
    )
