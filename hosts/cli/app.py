"""Every verb by name. Modules named here import only typer and the standard library until a verb runs."""

from importlib import import_module

import typer

from hosts.cli import access, backup, checks, plugins, run, tenants, work
from hosts.cli.session import quiet_logs

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="roost",
    help="Roost: a membership platform. Settings are ROOST_* variables, or a .env file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for name in ("up", "serve", "worker", "migrate"):
    app.command(name)(getattr(run, name))
app.add_typer(tenants.app, name="tenants")
app.add_typer(plugins.app, name="plugins")
app.add_typer(access.staff, name="staff")
app.add_typer(access.keys, name="keys")
app.add_typer(access.members, name="members")
app.add_typer(checks.ledger, name="ledger")
app.add_typer(checks.audit, name="audit")
app.add_typer(work.app, name="jobs")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("openapi")(checks.openapi)

imports = typer.Typer(help="Take data in from files.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(imports, name="import")


def _late(group: typer.Typer, name: str, module: str, function: str, help_text: str) -> None:
    """Declare a verb whose module is imported, and its options read, only when it is called."""

    def call(context: typer.Context) -> None:
        if name == "demo":  # it promises to fit a small box; a benchmark has databases of its own
            import_module("hosts.cli.lean").begin()
        quiet_logs()
        verb = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        verb.command()(getattr(import_module(module), function))
        verb(args=context.args, prog_name=context.command_path)

    group.command(name, help=help_text, context_settings=PASSED_ON, add_help_option=False)(call)


_late(imports, "purchases", "hosts.cli.import_", "import_purchases", "Import past purchases from a CSV file.")
_late(
    imports, "saas-members", "hosts.cli.import_saas", "import_saas_members", "Import a brand's members from a CSV file."
)
_late(app, "stats", "hosts.cli.stats", "stats", "Print a tenant's figures from the database.")
_late(app, "demo", "hosts.cli.demo", "demo", "Play the new-member journey on a fresh deployment.")
_late(app, "rotate-keys", "hosts.cli.rotation", "rotate_keys", "Bring everything sealed to the newest keys.")
_late(app, "bench", "hosts.cli.bench", "bench", "Measure speed against the floor of this machine.")
_late(plugins.app, "new", "hosts.cli.scaffold", "new", "Write a new plugin whose own tests pass.")
_late(plugins.app, "reference", "hosts.cli.reference", "reference", "Print all that a plugin may use, from the code.")
_late(
    plugins.app,
    "migration",
    "hosts.cli.migration",
    "migration",
    "Write the migration that models still need.",
)
