"""`roost import purchases`: take a file of past purchases in. They earn; nobody gets a gift for them."""

import codecs
import csv
import gc
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from core import db
from core.contract.context import Context
from core.errors import Conflict, Invalid, NotFound
from hosts.cli.import_deliveries import Deliveries, Lag
from hosts.cli.session import note, open_tenant
from plugins.purchases import (
    FileRow,
    Lines,
    PurchaseFile,
    Rejected,
    Sheet,
    Taken,
    UnreadableFile,
    Venues,
    order_matters,
    source_of,
    take_in,
)

MOST_REASONS = 10
_VALUES = re.compile(r"'(?:[^'\\]|\\.)*'|[-+]?[0-9][0-9.,:T/+-]*")  # what differs from row to row in one reason
Unknown = Literal["stop", "create", "skip", "reject"]
BATCH = 4000  # rows of one transaction
LANES = 2  # transactions at once, where their order does not matter; each customer has one, so that none waits
COLLECT_EVERY = 200_000  # objects: a batch makes many and keeps none, and looking through them took a third of the time


def import_purchases(
    file: Annotated[Path, typer.Argument(help="CSV or .xlsx with a header: customer_id, date, amount.")],
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")],
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Which column holds customer, date, amount, items, venue, phone, name, id or good. Repeatable.",
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(help="The system the file came from: its customer numbers are unique within it.")
    ] = "file",
    encoding: Annotated[str, typer.Option(help="How a CSV file is encoded: utf-8, gb18030, …")] = "utf-8",
    venues: Annotated[
        str,
        typer.Option(help="Of venues that are not there: stop, create, skip (the venue), reject (the row), map=FILE."),
    ] = "stop",
    lines: Annotated[
        bool,
        typer.Option("--lines", help="Rows that stand together and have one id are the lines of one sale: join them."),
    ] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rows that cannot go in are written; default FILE.rejected.csv.")
    ] = None,
) -> None:
    """Import purchases from a CSV or Excel file; the exit code is 1 when rows were rejected.

    The same file again, or one that overlaps, changes nothing twice.
    """
    mapping = read_mapping(map_ or [])
    _check_names(file, source, encoding)
    places = read_venues(venues)
    with open_tenant(tenant, "import purchases") as ctx:
        try:
            report = import_file(
                ctx, file, mapping, source=source, encoding=encoding, rejected=rejected, venues=places, join=lines
            )
        except KeyboardInterrupt:
            note("stopped; what is in stays in: run the same command again to go on")
            raise
    for line in report.lines():
        print(line)
    if report.unfinished or report.rejected:
        raise typer.Exit(1)


def read_mapping(given: Sequence[str]) -> dict[str, str]:
    """Read `--map`: each FIELD=COLUMN, or several with commas. Raises Invalid for anything else."""
    mapping: dict[str, str] = {}
    for part in (part.strip() for item in given for part in item.split(",")):
        name, _, column = (side.strip() for side in part.partition("="))
        if not (name and column):
            raise Invalid(f"--map {part!r}: write FIELD=COLUMN, as in --map customer=member_no", "列映射格式有误")
        mapping[name] = column
    return mapping


def read_venues(given: str) -> Venues:
    """Read `--venues`. Raises Invalid for anything but its words, and for a map that cannot be read."""
    how, _, name = given.strip().replace(" ", "=", 1).partition("=")
    if not name and how in get_args(Unknown):
        return Venues(unknown=how)  # type: ignore[arg-type]  # one of its words
    if how != "map" or not name:
        raise Invalid(f"--venues {given!r}: say {', '.join(get_args(Unknown))} or map=FILE", "门店处理方式有误")
    if not Path(name).is_file():
        raise NotFound(f"there is no file {name}", f"找不到文件 {name}")
    with Path(name).open(encoding="utf-8-sig", newline="") as lines:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines) if row]
    if any(len(row) != 2 or not all(row) for row in rows):
        raise Invalid(f"{name}: each line is CODE_IN_THE_FILE,VENUE_CODE", f"{name}：每行须为 文件中的编号,门店编号")
    return Venues(mapping=dict(rows))


def _check_names(file: Path, source: str, encoding: str) -> None:
    if not file.is_file():
        raise NotFound(f"there is no file {file}", f"找不到文件 {file}")
    if not (source.isascii() and source.replace("-", "").replace("_", "").isalnum() and len(source) <= 30):
        raise Invalid(f"--source {source!r}: use 1 to 30 letters, digits, - or _", "来源名称有误")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise Invalid(f"--encoding {encoding!r} is unknown; use utf-8 or gb18030", f"不支持的编码 {encoding}") from None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one run. `seconds` include the deliveries; `after_last`, what came after the last row."""

    read: int
    recorded: int
    known: int
    rejected: int
    rejected_file: Path
    seconds: float
    after_last: float
    lag: Lag
    unfinished: int
    reasons: tuple[tuple[str, int], ...] = ()  # why rows were rejected, and how many, the most first

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        yield (
            f"rows        {self.read:,}: {self.recorded:,} recorded, {self.known:,} known already,"
            f" {self.rejected:,} rejected"
        )
        if self.rejected:
            yield f"rejected    {self.rejected_file}"
            for reason, count in self.reasons[:MOST_REASONS]:
                yield f"            {count:,} × {reason}"
            if len(self.reasons) > MOST_REASONS:
                yield f"            and {len(self.reasons) - MOST_REASONS} more reasons in the file"
        pace = self.recorded / self.seconds
        yield f"time        {self.seconds:.1f} s, {pace:,.0f} purchases/s, all that they cause included"
        yield (
            f"deliveries  {self.lag.count:,}, behind {self.lag.mean:.2f} s on average and"
            f" {self.lag.slowest:.2f} s at most; all done {self.after_last:.2f} s after the last row"
        )
        if self.unfinished:
            yield (
                f"unfinished  {self.unfinished:,} deliveries failed or are held elsewhere;"
                " a worker goes on with them: see roost jobs list"
            )


def import_file(
    ctx: Context,
    file: Path,
    mapping: Mapping[str, str],
    *,
    source: str = "file",
    encoding: str = "utf-8",
    rejected: Path | None = None,
    venues: Venues | None = None,
    join: bool = False,
) -> Report:
    """Take a file in, a transaction for each `BATCH` rows, and do what its facts cause. Memory stays flat.

    Rows that cannot go in are written to `rejected`, by default beside the file. Raises Conflict when the
    plugin purchases is off, Invalid when the file as a whole cannot be read.
    """
    if not ctx.enabled("purchases"):
        slug = ctx.tenant.slug
        raise Conflict(
            f"the plugin purchases is off for {slug}: roost plugins enable purchases --tenant {slug}",
            f"请先为 {slug} 启用消费记录插件",
        )
    run = _Run(ctx, source, rejected or file.with_name(file.name + ".rejected.csv"))
    try:
        with file.open("rb") as stream:
            lines = Sheet(stream) if file.suffix.lower() == ".xlsx" else Lines(stream, encoding)
            named = source_of(source)
            return run.over(file, stream, PurchaseFile(ctx, lines, mapping, venues, source=named, join=join))
    except UnreadableFile as ex:
        raise Invalid(f"{file}: {ex}", f"无法识别文件 {file}") from None
    except OSError as ex:
        raise Invalid(f"{ex.filename or file}: {ex.strerror}", f"文件读写失败：{ex.filename or file}") from None


@dataclass(frozen=True, slots=True)
class _Batch:
    """What became of a batch. `rejected` holds the rows refused by the reader and by the database."""

    read: int
    taken: Taken
    rejected: list[Rejected]


class _Run:
    """One run over one file."""

    def __init__(self, ctx: Context, source: str, rejected: Path) -> None:
        self.ctx = ctx
        self.source = source
        self.rejected = rejected
        self.read = self.recorded = self.known = 0
        self.began = time.monotonic()

    def over(self, file: Path, stream: BinaryIO, rows: PurchaseFile) -> Report:
        """Read it to its end."""
        deliveries = Deliveries(self.ctx)
        alone = db.dialect() == "sqlite" or rows.have_ids or order_matters(self.ctx)
        try:
            with (
                _collecting_seldom(),
                _Rejections(self.rejected) as rejections,
                self._progress(file, stream) as advance,
                _threads(1 if alone else LANES) as lanes,
                ThreadPoolExecutor(1, "deliveries") as beside,
            ):
                taking: deque[list[Future[_Batch]]] = deque()
                behind: Future[None] | None = None
                for part in _parts(rows, BATCH * len(lanes)):  # while the parts before are being taken in
                    taking.append(self._send(part, lanes))
                    if len(taking) > 1 or db.dialect() == "sqlite":  # which has one writer at a time
                        self._count(taking.popleft(), rejections)
                    if db.dialect() == "sqlite":
                        deliveries.run()
                    elif behind is None or behind.done():
                        _raise_of(behind)
                        behind = beside.submit(deliveries.run)
                    advance()
                for last in taking:
                    self._count(last, rejections)
                _raise_of(behind)
                deliveries.run()
                advance()
        finally:
            rows.close()
        last_row = time.monotonic()
        unfinished = deliveries.finish()
        end = time.monotonic()
        return Report(
            self.read, self.recorded, self.known, rejections.count, self.rejected,
            end - self.began, end - last_row, deliveries.lag(), unfinished, tuple(rejections.reasons.most_common()),
        )  # fmt: skip

    def _send(self, part: Sequence[FileRow | Rejected], lanes: "Sequence[ThreadPoolExecutor]") -> list[Future[_Batch]]:
        """Have a part of the file taken in: the rows of one customer in one lane, one after the other."""
        batches: list[list[FileRow | Rejected]] = [[] for _ in lanes]
        for row in part:
            named = isinstance(row, FileRow) and row.customer
            batches[hash(named or row.line) % len(lanes)].append(row)
        return [lane.submit(self._take, batch) for lane, batch in zip(lanes, batches, strict=True) if batch]

    def _take(self, batch: Sequence[FileRow | Rejected]) -> "_Batch":
        """Take the good rows of a batch in, in a thread of its own.

        The database works on one batch while we read, deliver, and make ready the next.
        """
        good = [row for row in batch if isinstance(row, FileRow)]
        bad = [row for row in batch if isinstance(row, Rejected)]
        if not good:
            return _Batch(len(batch), Taken(0, 0, []), bad)
        with db.connection():
            taken = self.ctx.run(lambda: take_in(self.ctx, good, self.source))
        return _Batch(len(batch), taken, [*bad, *taken.rejected])

    def _count(self, taking: Sequence[Future[_Batch]], rejections: "_Rejections") -> None:
        """Wait for the batches of a part and add them up."""
        batches = [one.result() for one in taking]
        self.read += sum(batch.read for batch in batches)
        self.recorded += sum(batch.taken.recorded for batch in batches)
        self.known += sum(batch.taken.known for batch in batches)
        rejections.add(sorted((row for batch in batches for row in batch.rejected), key=lambda row: row.line))

    @contextmanager
    def _progress(self, file: Path, stream: BinaryIO) -> Iterator[Callable[[], None]]:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rows]} rows, {task.fields[pace]}/s"), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task(file.name, total=file.stat().st_size, rows="0", pace="0")

            def advance() -> None:
                pace = self.read / max(time.monotonic() - self.began, 0.001)
                progress.update(task, completed=stream.tell(), rows=f"{self.read:,}", pace=f"{pace:,.0f}")

            yield advance


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _threads(count: int) -> Iterator[list[ThreadPoolExecutor]]:
    with ExitStack() as opened:
        yield [opened.enter_context(ThreadPoolExecutor(1, "import")) for _ in range(count)]


def _parts(rows: Iterable[FileRow | Rejected], size: int) -> Iterator[list[FileRow | Rejected]]:
    following = iter(rows)
    while part := list(islice(following, size)):
        yield part


def _raise_of(behind: Future[None] | None) -> None:
    if behind is not None:
        behind.result()


class _Rejections:
    """The file of rows that did not go in. Made when there is one; an older one goes when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None  # Any: a text file, and csv's untyped writer on it
        self._writer: Any = None
        self.count = 0
        self.reasons: Counter[str] = Counter()

    def __enter__(self) -> "_Rejections":
        return self

    def add(self, rows: Sequence[Rejected]) -> None:
        """Write rejected rows with their line and the reason."""
        if rows and self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("line", "reason", "row"))
        for row in rows:
            self._writer.writerow((row.line, row.reason, row.text))
            self.reasons[_VALUES.sub("…", row.reason)] += 1
        self.count += len(rows)

    def __exit__(self, kind: object, ex: object, trace: object) -> None:
        if self._file is not None:
            self._file.close()
        elif kind is None:
            self._path.unlink(missing_ok=True)
