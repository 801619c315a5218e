"""Rows as an Excel file. Only `export` imports this, and late: the library is large."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

CHUNK = 64 * 1024


def write(name: str, header: Sequence[str], pages: Iterable[Sequence[Sequence[str | int | float]]]) -> Iterator[bytes]:
    """Yield an Excel file of one sheet; its rows go through a temporary file."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(name[:31])  # Any: the stubs know no write-only sheet
    sheet.append(list(header))
    for rows in pages:
        for row in rows:
            sheet.append(_cells(sheet, row))
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while chunk := file.read(CHUNK):
            yield chunk


def _cells(sheet: Any, row: Sequence[str | int | float]) -> list[Any]:
    cells = []
    for value in row:
        made = WriteOnlyCell(sheet, value=None)
        made.value = "".join(c for c in value if c >= " " or c in "\t\n") if isinstance(value, str) else value
        if isinstance(value, str):
            made.data_type = "s"  # never a formula, whatever it begins with
        cells.append(made)
    return cells
