"""What storage declares."""

from typing import cast

from integrations.storage import api, disk
from integrations.storage.schemas import StorageSettings
from integrations.storage.stores import store_of
from integrations.storage.values import Backend
from roost import Context, Contribution, Schedule, Storage, Store, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=StorageSettings,
        endpoints=(api.public, api.staff),
        schedules=(Schedule("tidy", _tidy, daily="04:20"),),
        provides=(Storage("storage", _store),),
    )


def _store(ctx: Context, backend: str) -> Store:
    return store_of(ctx, backend=cast(Backend, backend) if backend else None)


def _tidy(ctx: Context, slot: str) -> None:
    disk.tidy(ctx)
