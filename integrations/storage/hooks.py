"""What storage declares."""

from collections.abc import Sequence

from integrations.storage import api, disk
from integrations.storage.schemas import StorageSettings
from roost import Context, Endpoints, Schedule, hookimpl


@hookimpl
def register_settings() -> type[StorageSettings]:
    """Declare the settings."""
    return StorageSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the addresses of files, and the check."""
    return (api.public, api.staff)


def _tidy(ctx: Context, slot: str) -> None:
    disk.tidy(ctx)


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare the removal of what was never whole."""
    return (Schedule("tidy", _tidy, daily="04:20"),)
