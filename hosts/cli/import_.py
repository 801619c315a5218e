"""`roost import purchases`: take a file of past purchases in. They earn; nobody gets a gift for them."""

import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

if TYPE_CHECKING:
    from core.context import Context
    from core.runtime.runtime import Runtime
    from plugins.purchases import FileRow, Rejected

BATCH = 1000  # rows of one transaction
PATIENCE = 10.0  # seconds beyond a lease that we wait for deliveries another process holds
PAUSE = 0.2  # seconds between two looks at them


def import_purchases(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header: customer_id, date, amount; items if there are any.")
    ],
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")],
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Which column holds customer, date, amount, items, venue, phone, name or id. Repeatable.",
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(help="The system the file came from: its customer numbers are unique within it.")
    ] = "file",
    encoding: Annotated[str, typer.Option(help="How the file is encoded: utf-8, gb18030, …")] = "utf-8",
    rejected: Annotated[
        Path | None, typer.Option(help="Where rows that cannot go in are written; default FILE.rejected.csv.")
    ] = None,
) -> None:
    """Import purchases from a CSV file. The same file again, or one that overlaps, changes nothing twice."""
    from rich.console import Console

    from core import boot, tenants
    from core.config import Settings
    from core.errors import RoostError

    console = Console(stderr=True, highlight=False)
    mapping = _mapping(console, map_ or [])
    _check_names(console, source, encoding)
    if not file.is_file():
        _refuse(console, f"there is no file {file}", "文件不存在")
    try:
        runtime = boot.start(Settings())
        ctx = runtime.system(tenants.by_slug(tenant), "import").caused_by("command:import")
        if not ctx.enabled("purchases"):
            _refuse(
                console,
                f"the plugin purchases is off for {tenant}: roost plugins enable purchases --tenant {tenant}",
                "请先启用消费记录插件",
            )
        beside = rejected or file.with_name(file.name + ".rejected.csv")
        with file.open("rb") as stream:
            _Import(ctx, console, file, beside).run(stream, mapping, source, encoding)
    except RoostError as ex:
        _refuse(console, ex.message, ex.message_zh)
    except OSError as ex:
        _refuse(console, f"{ex.filename or file}: {ex.strerror}", "文件读写失败")
    except KeyboardInterrupt:
        console.print("stopped; what is in stays in: run the same command again to go on")
        raise typer.Exit(130) from None


def _refuse(console: Any, message: str, message_zh: str) -> None:  # Any: rich's Console, imported late
    said = message if message == message_zh else f"{message} · {message_zh}"
    console.print(f"[bold red]refused[/] {_plain(said)}")
    raise typer.Exit(1)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _mapping(console: Any, given: Sequence[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for part in (part.strip() for item in given for part in item.split(",")):
        name, equals, column = part.partition("=")
        if not (name and equals and column):
            _refuse(
                console,
                f"--map {part!r}: write FIELD=COLUMN, as in --map customer=member_no",
                "列映射格式有误",
            )
        mapping[name.strip()] = column.strip()
    return mapping


def _check_names(console: Any, source: str, encoding: str) -> None:
    import codecs

    if not (source.isascii() and source.replace("-", "").replace("_", "").isalnum() and len(source) <= 30):
        _refuse(console, f"--source {source!r}: use 1 to 30 letters, digits, - or _", "来源名称有误")
    try:
        codecs.lookup(encoding)
    except LookupError:
        _refuse(
            console,
            f"--encoding {encoding!r} is not an encoding Python knows; try utf-8 or gb18030",
            "不支持的编码",
        )


@dataclass
class _Import:
    """One run over one file."""

    ctx: "Context"
    console: Any
    file: Path
    beside: Path  # where rejected rows go
    read: int = 0
    recorded: int = 0
    known: int = 0
    refused: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def runtime(self) -> "Runtime":
        return self.ctx.runtime

    def run(self, stream: BinaryIO, mapping: dict[str, str], source: str, encoding: str) -> None:
        from plugins.purchases import Lines, PurchaseFile, UnreadableFile

        try:
            rows = PurchaseFile(self.ctx, Lines(stream, encoding), mapping)
        except UnreadableFile as ex:
            _refuse(self.console, f"{self.file}: {ex}", "文件无法识别")
            raise
        started = self.runtime.clock.now()
        deliveries = _Deliveries(self.ctx)
        try:
            with _Rejections(self.beside) as rejections, self._bar(stream) as advance:
                for batch in _batches(rows):
                    self._take(batch, source, rejections)
                    deliveries.run()
                    advance()
                self.refused = rejections.count
        finally:
            rows.close()
        last_row = time.monotonic()
        unfinished = deliveries.wait(self.console)
        self._say(time.monotonic() - last_row, deliveries.told(started), unfinished)
        if unfinished:
            raise typer.Exit(1)

    def _take(self, batch: Sequence["FileRow | Rejected"], source: str, rejections: "_Rejections") -> None:
        from plugins.purchases import FileRow, Rejected, take_in

        good = [row for row in batch if isinstance(row, FileRow)]
        bad = [row for row in batch if isinstance(row, Rejected)]
        if good:
            taken = self.ctx.run(lambda: take_in(self.ctx, good, source))
            self.recorded += taken.recorded
            self.known += taken.known
            bad = sorted([*bad, *taken.rejected], key=lambda row: row.line)
        self.read += len(batch)
        rejections.add(bad)

    @contextmanager
    def _bar(self, stream: BinaryIO) -> Iterator[Any]:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rows]} rows, {task.fields[pace]}/s"), TimeRemainingColumn(),
        )  # fmt: skip
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as progress:
            task = progress.add_task(self.file.name, total=self.file.stat().st_size, rows="0", pace="0")

            def advance() -> None:
                pace = self.read / max(time.monotonic() - self.began, 0.001)
                progress.update(task, completed=stream.tell(), rows=f"{self.read:,}", pace=f"{pace:,.0f}")

            yield advance

    def _say(self, after_last: float, lag: "_Lag", unfinished: int) -> None:
        took = time.monotonic() - self.began
        print(
            f"rows        {self.read:,}: {self.recorded:,} recorded, {self.known:,} known already,"
            f" {self.refused:,} rejected"
        )
        if self.refused:
            print(f"rejected    {self.beside}")
        print(
            f"time        {took:.1f} s, {self.recorded / took:,.0f} purchases/s"
            " with points, growth, levels and facts"
        )
        print(
            f"deliveries  {lag.count:,}, {lag.mean:.2f} s behind on average, {lag.slowest:.2f} s at most;"
            f" all done {after_last:.2f} s after the last row"
        )
        if unfinished:
            print(
                f"unfinished  {unfinished:,} deliveries failed or are held elsewhere;"
                " a worker goes on with them (roost jobs list)"
            )


def _batches(rows: "Iterator[FileRow | Rejected] | Any") -> Iterator[list["FileRow | Rejected"]]:
    batch: list[FileRow | Rejected] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Rejections:
    """The file of rows that did not go in. Made when there is one; an older one goes when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None
        self._writer: Any = None
        self.count = 0

    def __enter__(self) -> "_Rejections":
        return self

    def add(self, rows: Sequence["Rejected"]) -> None:
        """Write rejected rows with their line and reason."""
        if rows and self._file is None:
            self._file = self._path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("line", "reason", "row"))
        for row in rows:
            self._writer.writerow((row.line, row.reason, row.text))
        self.count += len(rows)

    def __exit__(self, kind: object, ex: object, trace: object) -> None:
        if self._file is not None:
            self._file.close()
        elif kind is None:
            self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Lag:
    """How far behind its fact a delivery was done: `count` of them, in seconds."""

    count: int
    mean: float
    slowest: float


class _Deliveries:
    """The deliveries that an import's facts cause: run here as they come, with or without a worker."""

    def __init__(self, ctx: "Context") -> None:
        from core.events.outbox import delivery_kind

        self._ctx = ctx
        registry = ctx.runtime.registry
        self._kinds = [
            delivery_kind(impl.slug, name)
            for name in registry.facts
            for impl in registry.implementations(name)
            if "import" in impl.origins
        ]

    def run(self) -> None:
        """Run what is due."""
        from core.events import jobs

        if self._kinds:
            jobs.drain(self._ctx.runtime, only=self._kinds)

    def wait(self, console: Any) -> int:
        """Run all there is; wait for what another process holds, a lease long; return how many are left."""
        patience = self._ctx.runtime.settings.lease_seconds + PATIENCE
        until = time.monotonic() + patience
        said = False
        while True:
            self.run()
            held, failed = self._unfinished()
            if not held or time.monotonic() > until:
                return held + failed
            if not said:
                console.print(
                    f"waiting up to {patience:.0f} s for {held} deliveries that another process holds"
                )
                said = True
            time.sleep(PAUSE)

    def _unfinished(self) -> tuple[int, int]:
        from core.events.models import Job

        with self._ctx.transaction():
            rows = list(
                Job.scoped(self._ctx)
                .select(Job.state, Job.failures)
                .where(
                    Job.state.in_(("queued", "running", "dead")),
                    Job.origin == "import",
                    Job.kind.in_(self._kinds),
                )
                .tuples()
            )
        failed = sum(state == "dead" or (state == "queued" and failures > 0) for state, failures in rows)
        return len(rows) - failed, failed

    def told(self, since: Any) -> _Lag:  # Any: a datetime
        """Return how far behind the deliveries since an instant were."""
        from core.events.models import Job

        count, total, slowest = 0, 0.0, 0.0
        with self._ctx.transaction():
            rows = (
                Job.scoped(self._ctx)
                .select(Job.created_at, Job.finished_at)
                .where(
                    Job.state == "done",
                    Job.origin == "import",
                    Job.created_at >= since,
                    Job.kind.in_(self._kinds),
                )
                .tuples()
                .iterator()
            )
            for created_at, finished_at in rows:
                behind = (finished_at - created_at).total_seconds()
                count, total, slowest = count + 1, total + behind, max(slowest, behind)
        return _Lag(count, total / count if count else 0.0, slowest)
