"""Verbs about plugins: what is installed, what is on, whether the code keeps the rules."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hosts.cli.session import note, open_runtime, open_tenant, quiet_logs, show

if TYPE_CHECKING:
    from core.registry.registry import Registry

app = typer.Typer(help="Features, each a plugin.", no_args_is_help=True, rich_markup_mode=None)
Slug = Annotated[str, typer.Argument(help="The plugin's slug.")]
Tenant = Annotated[str, typer.Option(help="The tenant's slug.")]


@app.command("list")
def list_plugins(
    tenant: Annotated[str | None, typer.Option(help="Also say which are on for this tenant.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with permissions.")] = False,
) -> None:
    """List the installed plugins, and those that are broken and why."""
    from core import tenants
    from core.config import Settings
    from core.registry.registry import Registry, read_plugins_file

    quiet_logs()
    on: frozenset[str] = frozenset()
    if tenant:  # only this needs the database and its keys
        with open_runtime() as runtime:
            registry, on = runtime.registry, tenants.by_slug(tenant).plugins
    else:
        registry = Registry.load(read_plugins_file(Settings().plugins_file))
    rows: list[dict[str, Any]] = [
        {
            "slug": m.slug, "version": m.version, "name": m.name.zh, "summary": m.summary.en,
            "requires": list(m.requires), "permissions": m.permissions, "on": m.slug in on, "broken": "",
        }
        for m in registry.manifests()
    ]  # fmt: skip
    rows += [{"slug": slug, "broken": why} for slug, why in sorted(registry.broken.items())]
    if not json:
        rows = [{**row, "on": "on" if row.get("on") else ""} for row in rows]
    columns = ("slug", "version", *(("on",) if tenant else ()), "name", "summary", "broken")
    show(rows, columns, as_json=json)


@app.command("enable")
def enable(slug: Slug, tenant: Tenant) -> None:
    """Switch a plugin on for a tenant: at once, in every process. Audited."""
    from core import tenants

    with open_tenant(tenant, "plugins enable") as ctx:
        tenants.enable_plugin(ctx, slug)
    print(f"{slug} is on for {tenant}")


@app.command("disable")
def disable(slug: Slug, tenant: Tenant) -> None:
    """Switch a plugin off for a tenant; its data stays. Refused while it has money or goods in flight. Audited."""
    from core import tenants

    with open_tenant(tenant, "plugins disable") as ctx:
        tenants.disable_plugin(ctx, slug)
    print(f"{slug} is off for {tenant}")


@app.command("purge")
def purge(
    slug: Slug,
    tenant: Tenant,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Export what a plugin keeps for a tenant to a file, then delete it. The plugin must be off. Audited."""
    from core.runtime import runtime_of
    from hosts.cli.purging import purge_plugin

    with open_tenant(tenant, "plugins purge") as ctx:
        runtime_of(ctx).registry.plugin(slug)
        if not yes:
            typer.confirm(f"Delete everything that {slug} keeps for {tenant}?", abort=True)
        path, rows = purge_plugin(ctx, slug)
    print(f"{rows} rows of {slug} are in {path}, and no longer in the database")


@app.command("check")
def check() -> None:
    """Check every installed plugin: manifest, imports, hooks, tables and migrations; exit code 1 with what is wrong.

    Needs no keys and no database of yours: migrations are tried on an empty one of its own.
    """
    from hosts.cli.conformity import find_faults

    quiet_logs("CRITICAL")  # what is wrong is what we print
    registry, faults = find_faults()
    for fault in faults:
        print(fault)
    note(_summary(registry, len(faults)))
    raise typer.Exit(1 if faults else 0)


def _summary(registry: "Registry", faults: int) -> str:
    names = ", ".join(registry.plugins) or "none"
    return f"{len(registry.plugins)} plugins checked ({names}): {faults or 'no'} faults"
