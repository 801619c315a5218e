"""Read a CSV file line by line: broken lines cost only themselves, and memory does not grow with the file."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 65_536  # bytes
MOST_JOINED = 20  # lines that a quoted cell may run over
NO_TEXT = {
    b"PK\x03\x04": "this is an Excel workbook or another zip: give it the ending .xlsx, or save it as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "this is an old Excel file (.xls): save it as .xlsx, or as CSV in UTF-8",
}
BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class UnreadableFile(ValueError):
    """The file as a whole cannot be read: its words say why and what to do."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one record, and the number of the line it begins on (the header is line 1)."""

    line: int
    cells: list[str]
    text: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that does not go in, and why."""

    line: int
    reason: str
    text: str
    sale: str = ""  # the number of the sale, where it could be read


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    fault: str = ""


class Lines:
    """The records of a CSV file after its header. A BOM is skipped; the header's separator counts.

    Raises UnreadableFile for an empty file, a header that is no text in `encoding`, or UTF-16.
    """

    def __init__(self, stream: BinaryIO, encoding: str = "utf-8") -> None:
        self._stream = stream
        self._encoding = encoding
        self._number = 0
        self._ahead: deque[_Line] = deque()
        self.separator = ","
        start = stream.read(4)
        if start in NO_TEXT:
            raise UnreadableFile(NO_TEXT[start])
        if start[:2] in BYTE_ORDER_MARKS:
            raise UnreadableFile("the file is UTF-16: save it as CSV in UTF-8")
        stream.seek(3 if start[:3] == b"\xef\xbb\xbf" else 0)
        header = self._next()
        if header is None or not header.text.strip() or header.fault:
            why = header.fault if header and header.fault else "it is empty"
            hint = "; if it comes from Excel in China, say --encoding gb18030" if header and header.fault else ""
            raise UnreadableFile(f"the file has no header line: {why}{hint}")
        self.separator = max(",;\t", key=header.text.count)
        self.header = [name.strip() for name in self._split(header.text)]

    def __iter__(self) -> Iterator[Cells | Rejected]:
        """Yield every record that has as many cells as the header, and every line that is no such record."""
        width = len(self.header)
        while (line := self._next()) is not None:
            if line.fault:
                yield Rejected(line.number, line.fault, line.text)
                continue
            if not line.text.strip():
                continue
            cells = self._split(line.text)
            if len(cells) == width:
                yield Cells(line.number, cells, line.text)
            else:
                yield self._joined(line, width) or self._wrong(line, cells, width)

    def _wrong(self, line: _Line, cells: list[str], width: int) -> Rejected:
        if not cells:
            return Rejected(line.number, "a quotation mark is never closed, or stands where none may", line.text)
        return Rejected(line.number, f"has {len(cells)} cells, the header has {width}", line.text)

    def _joined(self, line: _Line, width: int) -> Cells | None:
        """Return the record of a quoted cell that runs over lines; else leave those lines for later."""
        text = line.text
        taken: list[_Line] = []
        while text.count('"') % 2 and len(taken) < MOST_JOINED and len(text) < LONGEST_LINE:
            following = self._next()
            if following is None:
                break
            taken.append(following)
            if following.fault:
                break
            text += "\n" + following.text
        if taken and not taken[-1].fault and text.count('"') % 2 == 0:
            cells = self._split(text)
            if len(cells) == width:
                return Cells(line.number, cells, text)
        self._ahead.extendleft(reversed(taken))
        return None

    def _split(self, text: str) -> list[str]:
        """Return the cells of a record; none when its quotation marks do not fit."""
        if '"' not in text:
            return text.split(self.separator)
        try:
            return next(csv.reader(text.splitlines(keepends=True), delimiter=self.separator, strict=True))
        except csv.Error:
            return []

    def _next(self) -> _Line | None:
        if self._ahead:
            return self._ahead.popleft()
        raw = self._stream.readline(LONGEST_LINE)
        if not raw:
            return None
        self._number += 1
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            while (more := self._stream.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                pass
            text = raw[:100].decode(self._encoding, "backslashreplace") + "…"
            return _Line(self._number, text, f"the line is longer than {LONGEST_LINE} bytes")
        raw = raw.rstrip(b"\r\n")
        try:
            return _Line(self._number, raw.decode(self._encoding))
        except UnicodeDecodeError as ex:
            text = raw.decode(self._encoding, "backslashreplace")
            return _Line(self._number, text, f"byte {ex.start + 1} of the line is not {self._encoding}")
