"""`roost import saas-members FILE`: bring a brand's people in where its business software has no API."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.errors import Conflict, Invalid
from hosts.cli.session import note, open_tenant
from integrations.qinniao.csv_import import import_csv

SLUG = "qinniao"


def import_saas_members(
    file: Annotated[
        Path, typer.Argument(help="CSV: id, phone, status; optionally name, joined_on, ends_on, store_id.")
    ],
    tenant: Annotated[str, typer.Option(help="The brand's slug.")],
    register: Annotated[
        bool, typer.Option(help="Make people we do not know leads; else they wait until they register.")
    ] = False,
    as_of: Annotated[datetime | None, typer.Option(help="When the file was written (UTC); default now.")] = None,
) -> None:
    """Take over the members of a CSV file; safe to run again."""
    if not file.is_file():
        raise Invalid(f"there is no file {file}", f"找不到文件 {file}")
    with open_tenant(tenant, "import saas-members") as ctx:
        if not ctx.enabled(SLUG):
            raise Conflict(f"switch {SLUG} on first: roost plugins enable {SLUG} --tenant {tenant}", f"请先启用 {SLUG}")
        with file.open(encoding="utf-8-sig", newline="") as lines:
            written = as_of.replace(tzinfo=UTC) if as_of is not None else None
            report = import_csv(ctx, lines, register=register, as_of=written)
    for line, why in report.errors:
        note(f"{file}:{line}: {why}")
    print(
        f"{report.rows} rows: {report.applied} taken over, {report.registered} made leads,"
        f" {report.waiting} wait for their person, {report.unchanged} known already, {report.failed} refused"
    )
    raise typer.Exit(1 if report.failed else 0)
