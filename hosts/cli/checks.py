"""Verbs that prove something: the ledger adds up, the audit trail is whole; and what the API offers."""

import json as json_text
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hosts.cli.session import note, open_runtime, quiet_logs

if TYPE_CHECKING:
    from core.contract.context import Context

ledger = typer.Typer(help="The points ledger.", no_args_is_help=True, rich_markup_mode=None)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True, rich_markup_mode=None)

Tenant = Annotated[str | None, typer.Option(help="The tenant's slug; default every tenant.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@ledger.callback()
def _ledger() -> None:
    """The points ledger."""


@ledger.command("verify")
def verify_ledger(tenant: Tenant = None, json: Json = False) -> None:
    """Prove that every balance is what its entries and lots add up to; exit code 1 and the rows when one is not."""
    from core import points

    _verify("ledger", points.verify, tenant, as_json=json)


@audit.callback()
def _audit() -> None:
    """The audit trail."""


@audit.command("verify")
def verify_audit(tenant: Tenant = None, json: Json = False) -> None:
    """Prove that no sealed audit row was altered, removed or put in; exit code 1 and the places when one was."""
    from core import audit as trail

    _verify("audit trail", trail.verify, tenant, as_json=json)


def _verify(what: str, check: "Callable[[Context], list[Any]]", tenant: str | None, *, as_json: bool) -> None:
    from rich.progress import track

    from core import tenants

    faults: list[dict[str, Any]] = []
    with open_runtime() as runtime:
        checked = [tenants.by_slug(tenant)] if tenant else tenants.all_tenants()
        for one in track(checked, f"the {what} of", console=_console(), transient=True):
            ctx = runtime.system(one, f"roost {what} verify")
            with ctx.transaction():
                faults += [{"tenant": one.slug, "fault": str(fault)} for fault in check(ctx)]
    if as_json:
        print(json_text.dumps({"tenants": len(checked), "faults": faults}, ensure_ascii=False, indent=2))
    else:
        for fault in faults:
            print(f"{fault['tenant']}: {fault['fault']}")
        note(f"{what} of {len(checked)} tenants: {len(faults) or 'no'} faults")
    raise typer.Exit(1 if faults else 0)


def _console() -> Any:  # Any: rich's Console, imported late
    from rich.console import Console

    return Console(stderr=True)


def openapi() -> None:
    """Print the OpenAPI 3.1 document of this deployment's API. Needs no keys and no database."""
    from core import boot
    from core.clock import SystemClock
    from core.privacy import Keyring
    from core.registry.registry import Registry, read_plugins_file
    from hosts.cli.conformity import throwaway_settings
    from hosts.rest import openapi as description
    from hosts.server.app import make_app

    quiet_logs()
    settings = throwaway_settings()
    registry = Registry.load(read_plugins_file(settings.plugins_file))
    runtime = boot.assemble(settings, SystemClock(), registry, Keyring.from_settings(settings))
    document = description.build(runtime, make_app(runtime).routes)
    print(json_text.dumps(document, ensure_ascii=False, indent=2, sort_keys=True))
