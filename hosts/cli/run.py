"""Verbs that run Roost: everything at once, or a host in a process of its own."""

from typing import TYPE_CHECKING, Annotated

import typer

from hosts.cli.session import note

if TYPE_CHECKING:
    from core.config import Settings

Host = Annotated[str | None, typer.Option(help="The address to listen on; default ROOST_HOST, 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="The port to listen on; default ROOST_PORT, 8000.")]


def up(host: Host = None, port: Port = None) -> None:
    """Run everything under one command: REST, console and a worker. On SQLite unless ROOST_DATABASE_URL says else."""
    from hosts.cli.supervisor import Child, Supervisor

    settings = _settings(host, port)
    _migrate(settings)
    environment = {"ROOST_HOST": settings.host, "ROOST_PORT": str(settings.port)}
    note(f"http://{settings.host}:{settings.port}/docs  http://{settings.host}:{settings.port}/console  (ctrl-C stops)")
    children = (Child("rest", ("serve",), environment), Child("worker", ("worker",), environment))
    raise typer.Exit(Supervisor(children).run())


def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="REST processes; default ROOST_WORKERS, 1.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="Requests at once in each; default 4.")] = None,
) -> None:
    """Run the REST API and the console."""
    from hosts.server.serve import serve as serve_rest

    changes = {"workers": workers, "threads": threads}
    settings = _settings(host, port)
    serve_rest(settings.model_copy(update={name: value for name, value in changes.items() if value is not None}))


def worker(
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at once; default 4, and always 1 on SQLite.")
    ] = None,
) -> None:
    """Run a worker: deliveries of facts, jobs and schedules. As many as you like on PostgreSQL."""
    from hosts.worker.serve import work

    work(_settings(None, None), threads=threads)


def migrate(
    pending: Annotated[
        bool, typer.Option("--pending", help="Only say what has not run; exit code 1 if anything.")
    ] = False,
) -> None:
    """Bring the database to the present schema: core's tables, every installed plugin's, and the hosts'."""
    settings = _settings(None, None)
    if not pending:
        count = _migrate(settings)
        print(f"{count} migrations ran" if count else "the database is up to date")
        return
    from core import migrate as migrations
    from hosts.cli.session import open_runtime
    from hosts.schema import all_components

    with open_runtime() as runtime:
        waiting = migrations.pending(all_components(runtime))
    for name in waiting:
        print(name)
    raise typer.Exit(1 if waiting else 0)


def _settings(host: str | None, port: int | None) -> "Settings":
    from core.config import Settings
    from hosts.cli.keys import ensure_keys
    from hosts.cli.lean import begin

    settings = ensure_keys(Settings())
    begin(settings)
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update=changes)


def _migrate(settings: "Settings") -> int:
    from pathlib import Path

    from core import boot, db
    from core import migrate as migrations
    from hosts.schema import all_components

    if settings.database_url.startswith("sqlite:///"):
        Path(settings.database_url.removeprefix("sqlite:///").partition("?")[0]).parent.mkdir(
            parents=True, exist_ok=True
        )
    runtime = boot.start(settings)
    try:
        return len(migrations.migrate(all_components(runtime), say=lambda line: note(f"migrated {line}")))
    finally:
        db.close_database()
