"""Verbs about tenants."""

from typing import Annotated

import typer

from hosts.cli.session import open_runtime, show

app = typer.Typer(help="The brands of this deployment.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_tenants(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the tenants and the plugins that are on for each."""
    from core import tenants

    with open_runtime():
        rows = [
            {"id": t.id, "slug": t.slug, "name": t.name, "zone": t.zone, "plugins": sorted(t.plugins)}
            for t in tenants.all_tenants()
        ]
    if not json:
        rows = [{**row, "plugins": " ".join(row["plugins"])} for row in rows]  # type: ignore[arg-type]  # a list of str
    show(rows, ("id", "slug", "name", "zone", "plugins"), as_json=json)


@app.command("create")
def create_tenant(
    slug: Annotated[str, typer.Argument(help="2 to 40 of a-z, 0-9 and -, starting with a letter.")],
    name: Annotated[str, typer.Option(help="The brand's name; default the slug.")] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone: what 'today' means.")] = "Asia/Shanghai",
    host: Annotated[str | None, typer.Option(help="A Host header that names this tenant.")] = None,
    plugins: Annotated[
        str | None, typer.Option(help="Plugins to switch on, with commas; default what plugins.toml starts with.")
    ] = None,
) -> None:
    """Create a brand with the plugins that plugins.toml starts with."""
    from core import tenants

    with open_runtime() as runtime:
        chosen = runtime.registry.starts_with if plugins is None else [p for p in plugins.split(",") if p]
        for plugin in chosen:
            runtime.registry.plugin(plugin)
        made = tenants.create_tenant(slug, name or slug, zone=zone, host=host, now=runtime.clock.now())
        ctx = runtime.system(made, "roost tenants create")
        for plugin in (p for p in runtime.registry.plugins if p in chosen):  # in the order that they require each other
            tenants.enable_plugin(ctx, plugin)
        print(f"tenant {made.slug} is number {made.id}, with {', '.join(sorted(chosen)) or 'no plugins'}")
