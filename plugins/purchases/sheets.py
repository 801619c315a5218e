"""Read an Excel workbook row by row, as `Lines` reads CSV: its first sheet, in a stream, so that memory stays flat."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import import_module
from typing import Any, BinaryIO

from plugins.purchases.lines import Cells, Rejected, UnreadableFile


class Sheet:
    """The rows of the first sheet after its header. Raises UnreadableFile for what is no workbook, or is empty."""

    def __init__(self, stream: BinaryIO) -> None:
        excel = import_module("openpyxl")  # ten megabytes of each process, of which only an import reads such a file
        try:
            book = excel.load_workbook(stream, read_only=True, data_only=True)
        except (zipfile.BadZipFile, excel.utils.exceptions.InvalidFileException, KeyError, OSError):
            raise UnreadableFile("this is no .xlsx file that can be read: save it anew, or as CSV in UTF-8") from None
        self._rows = book.worksheets[0].iter_rows(values_only=True)
        self.header = [_text(value).strip() for value in next(self._rows, ())]
        while self.header and not self.header[-1]:
            self.header.pop()
        if not self.header:
            raise UnreadableFile("the first sheet has no header line: it is empty")

    def __iter__(self) -> Iterator[Cells | Rejected]:
        """Yield every row that is not blank, as wide as the header; what stands right of it is a fault."""
        width = len(self.header)
        for number, values in enumerate(self._rows, 2):
            cells = [_text(value) for value in values]
            if not any(cell.strip() for cell in cells):
                continue
            text = "\t".join(cells)
            if any(cells[width:]):
                yield Rejected(number, f"has {len(cells)} cells, the header has {width}", text)
            else:
                yield Cells(number, (cells + [""] * width)[:width], text)


def _text(value: Any) -> str:  # Any: a cell's value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return format(value, ".12g") if isinstance(value, float) else str(value)
