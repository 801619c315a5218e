"""Verbs that take the whole database out, and put it back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hosts.cli.session import note

if TYPE_CHECKING:
    from core.config import Settings

PAGES = 2000  # of a SQLite database copied at a time


def backup(
    file: Annotated[Path, typer.Argument(help="Where to; it must not be there yet.")],
) -> None:
    """Copy the database to a file while it is in use. The keys are not in it: keep var/keys.env apart."""
    from core.errors import Conflict

    settings = _settings()
    if file.exists():
        raise Conflict(f"{file} is there already; name a new file", f"文件 {file} 已存在")
    draft = file.with_name(file.name + ".part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    if settings.database_url.startswith("sqlite"):
        _copy_sqlite(_sqlite_file(settings), draft)
    else:
        # Tables hold their owner to row-level security too: he asks as one who may see every tenant.
        into, source = f"--file={draft}", f"--dbname={settings.database_url}"
        _postgres("pg_dump", "--format=custom", "--enable-row-security", into, source)
    draft.replace(file)
    note(f"{file}: {file.stat().st_size:,} bytes; the keys are not in it")


def restore(
    file: Annotated[Path, typer.Argument(help="What `roost backup` wrote.", exists=True, dir_okay=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the database by a backup. Stop every process of Roost first."""
    settings = _settings()
    if not yes:
        typer.confirm("Replace all data of this deployment by the backup?", abort=True)
    if settings.database_url.startswith("sqlite"):
        _restore_sqlite(file, _sqlite_file(settings))
    else:
        _postgres(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error",
            f"--dbname={settings.database_url}", str(file),
        )  # fmt: skip
    note("restored; run roost migrate, then start Roost again")


def _settings() -> "Settings":
    from core.config import Settings

    return Settings()


def _sqlite_file(settings: "Settings") -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///").partition("?")[0])


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup: a writer meanwhile goes on, and is in the copy or not, whole."""
    import sqlite3
    from contextlib import closing

    from rich.console import Console
    from rich.progress import Progress

    from core.errors import NotFound

    if not source.exists():
        raise NotFound(f"there is no database at {source}", f"数据库 {source} 不存在")
    with (
        closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=30)) as old,
        closing(sqlite3.connect(target)) as new,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("copying", total=None)
        old.backup(
            new,
            pages=PAGES,
            progress=lambda status, left, total: progress.update(task, completed=total - left, total=total),
        )
        new.execute("PRAGMA journal_mode = delete")


def _restore_sqlite(file: Path, target: Path) -> None:
    import sqlite3
    from contextlib import closing

    from core.errors import Invalid

    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            healthy = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            known = copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'tenant'").fetchone() == (1,)
    except sqlite3.DatabaseError:
        healthy = known = False
    if not (healthy and known):
        raise Invalid(f"{file} is not a backup of Roost, or it is damaged", f"{file} 不是有效的备份文件")
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(target, timeout=5)) as present:
        try:
            present.execute("PRAGMA journal_mode = delete")  # refused while another process has it open
            present.execute("BEGIN EXCLUSIVE")
            present.rollback()
        except sqlite3.OperationalError:
            raise Invalid(
                "the database is in use: stop every process of Roost first", "数据库正在使用，请先停止所有进程"
            ) from None
    draft = target.with_name(target.name + ".restoring")
    _copy_sqlite(file, draft)
    draft.replace(target)
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)


def _postgres(program: str, *arguments: str) -> None:
    """Run a tool of PostgreSQL's own, which knows best; raise Unavailable when this machine has none."""
    import os
    import shutil
    import subprocess

    from core.errors import Unavailable

    path = shutil.which(program)
    if path is None:
        raise Unavailable(
            f"{program} is not on this machine: install PostgreSQL's client programs, or run it where they are",
            f"本机没有 {program}，请安装 PostgreSQL 客户端工具",
        )
    environment = {**os.environ, "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c roost.tenant=0".strip()}
    done = subprocess.run([path, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Unavailable(f"{program} failed: {said[-1] if said else done.returncode}", f"{program} 执行失败")
