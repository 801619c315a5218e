"""Which tables there are: core's, each plugin's, and those that hosts keep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from core.audit import models as audit_models
from core.events import models as event_models
from core.identity import models as identity_models
from core.inventory import models as inventory_models
from core.members import models as member_models
from core.points import models as points_models
from core.registry.registry import Registry
from core.rewards import models as reward_models
from core.tables import BaseModel, TenantModel
from core.tenants import models as tenant_models

CORE = (
    tenant_models,
    member_models,
    identity_models,
    points_models,
    inventory_models,
    reward_models,
    event_models,
    audit_models,
)


@dataclass(frozen=True, slots=True)
class Component:
    """A part that owns tables and the migrations that made them."""

    slug: str
    folder: Path  # its migrations are in `folder/migrations`
    models: Sequence[type[BaseModel]]


def models_of(modules: Iterable[ModuleType]) -> list[type[BaseModel]]:
    """Return the tables that modules define, in the order they are written."""
    return [
        model
        for module in modules
        for model in vars(module).values()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model not in (BaseModel, TenantModel)
        and model.__module__ == module.__name__
    ]


def components(registry: Registry) -> list[Component]:
    """Return core and every installed plugin, in the order they are migrated."""
    core = Component("core", Path(__file__).parent, models_of(CORE))
    return [core, *(Component(p.slug, p.folder, list(p.models)) for p in registry.plugins.values())]
