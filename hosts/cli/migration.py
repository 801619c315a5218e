"""`roost plugins migration SLUG TITLE`: write the migration that a plugin's models still need."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from core import boot, db
from core.clock import SystemClock
from core.config import Settings
from core.errors import NotFound
from core.migrate import migrate
from core.migration_writer import write_migration
from core.privacy import Keyring, new_key
from core.registry.registry import Registry, read_plugins_file
from hosts.schema import all_components


def migration(
    slug: Annotated[str, typer.Argument(help="The plugin's slug; core, rest and console are parts of Roost itself.")],
    title: Annotated[str, typer.Argument(help="What changes, in a few words.")],
) -> None:
    """Write the migration that a plugin's models still need beyond those it has. Read it before you ship it."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'scratch.db'}"
        settings = Settings(
            database_url=url,
            encryption_keys=SecretStr(f"1:{new_key()}"),
            index_keys=SecretStr(f"1:{new_key()}"),
            token_key=SecretStr(new_key()),
        )
        registry = Registry.load(read_plugins_file(settings.plugins_file))
        db.open_database(url)
        try:
            runtime = boot.assemble(settings, SystemClock(), registry, Keyring.from_settings(settings))
            parts = all_components(runtime)
            component = next((part for part in parts if part.slug == slug), None)
            if component is None:
                raise NotFound(f"there is no part {slug!r}; there are {', '.join(part.slug for part in parts)}")
            migrate([component])
            path = write_migration(component, title)
        finally:
            db.close_database()
    print(path or f"{slug}: the migrations make what the models say; there is nothing to write")
