"""Import of purchases with all that they cause: this build, an earlier one, and the floor of the same rows, in one run.

The file is the sample of real purchases that the tests have, repeated with other customers. The floor is what the same
rows cost PostgreSQL and SQLite themselves: what an import left is staged by COPY (executemany) and goes by one INSERT a
table into copies of the tables, with their indexes and without anything that a rule would have to look at.
"""

import csv
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.deployment import ROOT, environment
from core.config import Settings

SAMPLE = ROOT / "tests" / "data" / "cdnow_sample.csv"
PLUGINS = ("levels", "purchases")
TABLES = (
    "member", "member_identity", "account", "operation", "entry", "lot", "purchases_purchase", "event",
)  # fmt: skip
CHUNK = 4000  # purchases of one transaction of the floor, as of the import


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import did: purchases a second by its own clock, megabytes at most, and processor seconds of ours."""

    rate: float
    megabytes: float
    processor: float


def write(file: Path, purchases: int) -> int:
    """Write a file of at least so many purchases; return how many."""
    with SAMPLE.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    times = -(-purchases // len(rows))
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        for number in range(times):
            writer.writerows([f"{number}-{customer}", *rest] for customer, *rest in rows)
    return times * len(rows)


def run(settings: Settings, file: Path, root: Path = ROOT) -> Imported:
    """Have a build make its tables and a brand, and import a file in a process of its own; prove the ledger."""
    listed = settings.var / "plugins.toml"
    listed.write_text(f"load = {list(PLUGINS)!r}\n".replace("'", '"'))
    known = environment(settings, ROOST_PLUGINS_FILE=str(listed)) | {"PYTHONPATH": str(root)}

    def roost(*words: str) -> tuple[str, float, float]:
        """Run one verb; return what it printed, the megabytes it had at most, and its processor seconds."""
        out = settings.var / "verb.out"
        with out.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "hosts.cli", *words], env=known, cwd=settings.var, stdout=said, stderr=said
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        printed = out.read_text("utf-8", "replace")
        if process.returncode:
            raise RuntimeError(f"roost {words[0]} ended with {process.returncode}:\n{printed[-3000:]}")
        return printed, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime

    roost("migrate")
    roost("tenants", "create", "bench", "--plugins", ",".join(PLUGINS))
    printed, megabytes, processor = roost("import", "purchases", str(file), "--tenant", "bench")
    roost("ledger", "verify")
    found = re.search(r"([\d,]+) purchases/s", printed)
    assert found is not None, printed
    return Imported(float(found[1].replace(",", "")), megabytes, processor)


def floor(settings: Settings, purchases: int) -> float:
    """Return purchases a second of the floor, over what an import left in the database of `settings`."""
    url = settings.database_url
    return _postgres(url, purchases) if url.startswith("postgres") else _sqlite(Path(url[10:]), purchases)


def _chunks(count: int, purchases: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the number of rows of each chunk of a table, as many as the purchases have."""
    size = -(-count * CHUNK // purchases)
    return ((start, min(size, count - start)) for start in range(0, count, size))


def _postgres(url: str, purchases: int) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT set_config('roost.tenant', '0', false)")
        ready: list[tuple[str, list[bytes]]] = []
        for table in TABLES:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
                lines = list(b"".join(bytes(data) for data in copy).splitlines(keepends=True))
            parts = [b"".join(lines[start : start + size]) for start, size in _chunks(len(lines), purchases)]
            ready.append((table, parts))
            connection.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
            connection.execute(f"CREATE TEMPORARY TABLE staged_{table} (LIKE {table}) ON COMMIT DELETE ROWS")
        began = time.perf_counter()
        for number in range(max(len(parts) for _, parts in ready)):
            with connection.transaction(), connection.cursor() as cursor:
                for table, parts in ready:
                    if number < len(parts):
                        with cursor.copy(f"COPY staged_{table} FROM STDIN") as copy:
                            copy.write(parts[number])
                        cursor.execute(f"INSERT INTO floor_{table} SELECT * FROM staged_{table}")
        return purchases / (time.perf_counter() - began)


def _sqlite(file: Path, purchases: int) -> float:
    with sqlite3.connect(file, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        ready = []
        for table in TABLES:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            schema = connection.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (table,)
            )
            for (text,) in schema.fetchall():
                made = re.sub(rf'"{table}"', f'"floor_{table}"', text)
                connection.execute(
                    re.sub(r'(INDEX (?:IF NOT EXISTS )?)"', r'\1"floor_', made).replace("floor_floor_", "floor_")
                )
            connection.execute(f"CREATE TEMPORARY TABLE staged_{table} AS SELECT * FROM {table} LIMIT 0")
            ready.append((table, [rows[start : start + size] for start, size in _chunks(len(rows), purchases)]))
        began = time.perf_counter()
        for number in range(max(len(parts) for _, parts in ready)):
            connection.execute("BEGIN IMMEDIATE")
            for table, parts in ready:
                if number < len(parts):
                    marks = ",".join("?" * len(parts[number][0]))
                    connection.executemany(f"INSERT INTO staged_{table} VALUES ({marks})", parts[number])
                    connection.execute(f"INSERT INTO floor_{table} SELECT * FROM staged_{table}")
                    connection.execute(f"DELETE FROM staged_{table}")
            connection.execute("COMMIT")
        return purchases / (time.perf_counter() - began)
