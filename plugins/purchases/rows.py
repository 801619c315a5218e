"""Turn the cells of a file into purchases to record, or say what is wrong with them."""

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Literal
from uuid import UUID

from plugins.purchases.joining import FileRow, joined
from plugins.purchases.lines import Cells, Lines, Rejected, UnreadableFile
from plugins.purchases.numbers import scopes
from plugins.purchases.schemas import MOST_FEN, MOST_ITEMS, NewPurchase, PurchaseLine
from plugins.purchases.service import AHEAD, EARLIEST
from plugins.purchases.sheets import Sheet
from roost import Context, Invalid, local_instant, local_midnight, normalise_phone, tenants

FIELDS = ("customer", "date", "amount", "items", "venue", "phone", "name", "id", "good")
REQUIRED = ("customer", "date", "amount")
GUESSES: dict[str, tuple[str, ...]] = {  # column names that need no mapping; `id` always does
    "customer": ("customer_id", "customer", "member_id", "客户编号", "会员编号", "会员号"),
    "date": ("date", "occurred_at", "paid_at", "日期", "消费日期", "消费时间"),
    "amount": ("amount", "金额", "消费金额", "实付金额"),
    "items": ("items", "quantity", "件数", "数量"),
    "venue": ("venue", "store", "门店编号"),
    "phone": ("phone", "mobile", "手机号"),
    "name": ("name", "姓名"),
    "good": ("good", "sku", "product_id", "商品编号", "商品编码"),
}
MOST_COUNTS = 50_000  # of rows held in memory, some hundred bytes each
LONGEST_SHOWN = 200  # characters of a row that another one contradicts
LENGTHS = {"customer": 100, "id": 100, "name": 60, "venue": 40, "good": 100}
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"))  # put there by spreadsheets
_MONEY = re.compile(r"(?:¥|￥|\$|RMB|CNY|人民币)?\s*([^\s]*?)\s*(?:元|圆|RMB|CNY)?", re.IGNORECASE)
_AMOUNT = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{1,2})0*)?")
_NUMBER = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?")
_DAY = re.compile(
    r"(?:([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?|([0-9]{4})([0-9]{2})([0-9]{2}))"
    r"(?:[T\s]*([0-9]{1,2})\s*[:时]\s*([0-9]{2})(?:\s*[:分]\s*([0-9]{2}))?[分秒]?)?"
)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)


@dataclass(frozen=True, slots=True)
class Venues:
    """What to do with a venue's code that no venue has: stop, or what `unknown` says. `mapping` goes before."""

    unknown: Literal["stop", "create", "skip", "reject"] = "stop"
    mapping: Mapping[str, str] | None = None


class _Wrong(ValueError):
    """What is wrong with a row, in words."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell holds which field."""

    place: Mapping[str, int]

    @classmethod
    def of(cls, header: Sequence[str], mapping: Mapping[str, str]) -> "Columns":
        """Find the columns by `mapping` (field → column name), else by their usual names.

        Raises UnreadableFile for a field we do not know, a column the file does not have, or a required field
        without a column.
        """
        known = ", ".join(header)
        for name, column in mapping.items():
            if name not in FIELDS:
                raise UnreadableFile(
                    f"--map {name}={column}: there is no field {name!r}; there are {', '.join(FIELDS)}"
                )
            if column not in header:
                raise UnreadableFile(f"--map {name}={column}: the file has no column {column!r}; it has {known}")
        low = [name.casefold() for name in header]
        place = {}
        for name in FIELDS:
            usual = next((low.index(guess) for guess in GUESSES.get(name, ()) if guess in low), None)
            found = header.index(mapping[name]) if name in mapping else usual
            if found is not None:
                place[name] = found
        for name in REQUIRED:
            if name not in place:
                raise UnreadableFile(
                    f"no column for {name}: say --map {name}=COLUMN; the file has {known}. Without --map its first line"
                    " has to be a header such as customer_id,date,amount or 会员号,日期,金额"
                )
        return cls(place)


class PurchaseFile:
    """The rows of a purchases file of one tenant.

    A row without an id of its own is named by its content and by how many rows of the same content came
    before it in the file. So repeated rows are purchases of their own, while a file that overlaps, or starts
    earlier or later, names the same purchases the same. The counts are kept on disk.

    With `join` each row is a line of the sale that its id names. `source` is whose numbers the ids are.
    """

    def __init__(
        self,
        ctx: Context,
        lines: Lines | Sheet,
        mapping: Mapping[str, str],
        venues: Venues | None = None,
        *,
        source: str = "",
        join: bool = False,
    ) -> None:
        self._ctx = ctx
        self._source = source
        self._join = join
        self._how = venues or Venues()
        self._lines = lines
        self._place = Columns.of(lines.header, mapping).place
        if join and not {"id", "good"} <= self._place.keys():
            raise UnreadableFile(
                "--lines joins the rows of one number: say --map id=COLUMN, and --map good=COLUMN for the good's code"
            )
        self._zone = ctx.tenant.zone
        self._latest = ctx.now() + AHEAD
        self._venues = {venue.code: venue.id for venue in tenants.venues(ctx)}
        self._instant = lru_cache(maxsize=10_000)(self._read_instant)
        self._counts: dict[bytes, int] = {}  # of the rows last read; what was counted before them is in the file
        self._spilled = False
        self._seen = sqlite3.connect("", isolation_level=None)  # "": a file that the system removes, whatever happens
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("PRAGMA cache_size = -16000")
        self._seen.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")
        self._first: dict[bytes, tuple[int, str]] = {}  # rows that brought a number of their own, as the counts
        self._seen.execute("CREATE TABLE first (name BLOB PRIMARY KEY, line INTEGER, text TEXT) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def __iter__(self) -> Iterator[FileRow | Rejected]:
        """Yield each row, ready to record, or rejected with the reason; in the file's order."""
        rows = joined(self._rows()) if self._join else self._rows()
        return map(self._with_twin, rows) if self.have_ids else rows

    def _rows(self) -> Iterator[FileRow | Rejected]:
        for line in self._lines:
            if isinstance(line, Rejected):
                yield line
                continue
            try:
                yield self._row(line)
            except _Wrong as ex:
                yield Rejected(line.line, str(ex), line.text, self._number(line))

    @property
    def have_ids(self) -> bool:
        """Tell whether rows bring ids of their own: then two may contradict each other, and the first counts."""
        return "id" in self._place

    def close(self) -> None:
        self._seen.close()

    def _row(self, line: Cells) -> FileRow:
        cells, place = line.cells, self._place
        customer = self._word(cells, "customer") or ""
        occurred_at, instant = self._instant(_plain(cells[place["date"]]))
        amount_fen = _fen(_plain(cells[place["amount"]]))
        items = _count(_plain(cells[place["items"]])) if "items" in place else 1
        code = self._word(cells, "venue")
        venue = None if code is None else self._venues.get(code)
        if code is not None and venue is None:
            venue = self._unknown_venue(code)
        phone = _phone(cells[place["phone"]].strip()) if "phone" in place else None
        name = self._word(cells, "name")
        if "id" in place:
            key = self._word(cells, "id")
            if key is None:
                raise _Wrong("the id is empty")
        else:
            key = self._key(customer, instant, amount_fen, items, code or "")
        lines: tuple[PurchaseLine, ...] = ()
        if self._join:
            good = self._word(cells, "good")
            if good is None:
                raise _Wrong("the good's code is empty")
            lines = (PurchaseLine(code=good, quantity=items, amount_fen=amount_fen),)
        return FileRow(
            line.line, line.text, key, customer, occurred_at, amount_fen, items, venue, phone, name, "id" in place,
            lines,
        )  # fmt: skip

    def _number(self, line: Cells) -> str:
        """Return a row's own number; "" where it has none that can be read."""
        try:
            return self._word(line.cells, "id") or ""
        except _Wrong:
            return ""

    def _with_twin(self, row: FileRow | Rejected) -> FileRow | Rejected:
        """Say of a row whether one before it in the file has its number, and which."""
        if isinstance(row, Rejected):
            return row
        asked = NewPurchase(self._source, row.key, row.amount_fen, row.occurred_at, venue=row.venue)
        named = f"{scopes(self._ctx, asked)[0]}\x1f{row.key}".encode()
        name = hashlib.blake2b(named, digest_size=16).digest()
        first = self._first.get(name)
        if first is None and self._spilled:
            first = self._seen.execute("SELECT line, text FROM first WHERE name = ?", (name,)).fetchone()
        if first is None:
            self._first[name] = (row.line, row.text[:LONGEST_SHOWN])
            if len(self._first) >= MOST_COUNTS:
                self._spill()
            return row
        how = "its lines do not stand together" if self._join else "if they are lines of one sale, say --lines"
        both = f"line {first[0]}: {first[1]!r} and line {row.line}: {row.text[:LONGEST_SHOWN]!r}"
        return row._replace(twin=f"two rows of this file have the number; {how}: {both}")

    def _unknown_venue(self, code: str) -> UUID | None:
        """Do with a venue that is not there what was asked for."""
        how = self._how
        if how.mapping is not None and code in how.mapping:
            known = self._venues.get(how.mapping[code])
            if known is None:
                raise UnreadableFile(f"the venue map says {code} = {how.mapping[code]}, and there is no such venue")
            self._venues[code] = known
            return known
        if how.unknown == "create":
            with self._ctx.transaction():
                made: UUID = tenants.add_venue(self._ctx, code, code).id
            self._venues[code] = made
            return made
        if how.unknown == "skip":
            return None
        if how.unknown == "reject":
            raise _Wrong(f"there is no venue {code!r}")
        raise UnreadableFile(
            f"there is no venue {code!r}: say --venues create to make what is missing, --venues map=FILE"
            " (lines CODE_IN_THE_FILE,VENUE_CODE) to use others, --venues skip to leave the venue out, or"
            " --venues reject to leave those rows out"
        )

    def _key(self, customer: str, instant: str, amount_fen: int, items: int, venue: str) -> str:
        content = f"{customer}\x1f{instant}\x1f{amount_fen}\x1f{items}\x1f{venue}".encode()
        name = hashlib.blake2b(content, digest_size=16).digest()
        times = self._counts.get(name)
        if times is None and self._spilled:
            (times,) = self._seen.execute("SELECT times FROM seen WHERE content = ?", (name,)).fetchone() or (0,)
        self._counts[name] = times = (times or 0) + 1
        if len(self._counts) >= MOST_COUNTS:
            self._spill()
        return f"{name.hex()}-{times}"

    def _spill(self) -> None:
        """Write the counts to the file: memory stays flat."""
        self._seen.executemany(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO UPDATE SET times = excluded.times", self._counts.items()
        )
        self._seen.executemany("INSERT INTO first VALUES (?, ?, ?)", ((k, *row) for k, row in self._first.items()))
        self._counts.clear()
        self._first.clear()
        self._spilled = True

    def _word(self, cells: list[str], field: str) -> str | None:
        place = self._place.get(field)
        text = cells[place].strip() if place is not None else ""
        if not text:
            return None
        if len(text) > LENGTHS[field]:
            raise _Wrong(f"{field} is too long: {len(text)} characters, at most {LENGTHS[field]}")
        if not text.isprintable():
            raise _Wrong(f"{field} holds characters that cannot be printed")
        return text

    def _read_instant(self, text: str) -> tuple[datetime, str]:
        """Return the instant of a cell, and its text."""
        try:
            found = _instant(text, self._zone)
        except (ValueError, OverflowError):
            found = None
        if found is None:
            raise _Wrong(f"{text[:40]!r} is not a date like 2026-01-31")
        if not EARLIEST <= found <= self._latest:
            raise _Wrong(f"the date {text} is before 1970 or in the future")
        return found, found.isoformat()


def _instant(text: str, zone: str) -> datetime | None:
    day = _DAY.fullmatch(text)
    if day is not None:
        parts = [int(part) for part in day.groups() if part is not None]
        if len(parts) == 3:
            return local_midnight(date(*parts), zone)
        return local_instant(date(*parts[:3]), time(*parts[3:]), zone)  # type: ignore[arg-type]  # hour, minute, second
    if _INSTANT.fullmatch(text) is None:
        return None
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else local_instant(instant.date(), instant.time(), zone)


def _fen(text: str) -> int:
    found = _AMOUNT.fullmatch(_bare(text))
    if found is None:
        raise _Wrong(_why_no_amount(text))
    yuan, cents = found.groups()
    fen = int(yuan.replace(",", "")) * 100 + (int(cents.ljust(2, "0")) if cents else 0)
    if fen > MOST_FEN:
        raise _Wrong(f"the amount {text} is more than {MOST_FEN // 100} yuan")
    return fen


def _bare(text: str) -> str:
    """Return an amount without its currency."""
    found = _MONEY.fullmatch(text)
    return found[1] if found is not None else text


def _why_no_amount(text: str) -> str:
    plain = _bare(text)
    if not plain:
        return "the amount is empty"
    if plain[0] in "-−(" and _NUMBER.match(plain[1:]):
        return f"the amount {text[:40]} is negative: register a refund instead"
    if _NUMBER.fullmatch(plain) and len(plain) < 40:
        return f"the amount {text} has more than two decimals or too many digits"
    return f"the amount {text[:40]!r} is not a number"


def _count(text: str) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ITEMS)) and int(text) <= MOST_ITEMS):
        raise _Wrong(f"items {text[:40]!r} is not a whole number from 0 to {MOST_ITEMS}")
    return int(text)


def _phone(text: str) -> str | None:
    if not text:
        return None
    try:
        return normalise_phone(text)
    except Invalid:
        raise _Wrong("the phone is not a mainland mobile number") from None  # never said: it is personal data


def _plain(text: str) -> str:
    """Return a cell as it was meant: full-width forms as ASCII, without marks that nobody sees."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text.translate(UNSEEN)).strip()
