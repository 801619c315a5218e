"""What storage declares."""

from integrations.storage import api, disk
from integrations.storage.schemas import StorageSettings
from roost import Context, Contribution, Schedule, hookimpl


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=StorageSettings,
        endpoints=(api.public, api.staff),
        schedules=(Schedule("tidy", _tidy, daily="04:20"),),
    )


def _tidy(ctx: Context, slot: str) -> None:
    disk.tidy(ctx)
