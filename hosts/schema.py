"""All tables of a deployment: core's, the plugins', and what hosts keep for themselves."""

from collections.abc import Sequence
from pathlib import Path

from core.runtime import Runtime
from core.schema import Component, components, models_of
from hosts.console import models as console_models
from hosts.rest import models as rest_models

HOSTS = Path(__file__).parent


def all_components(runtime: Runtime) -> Sequence[Component]:
    """Return every part that owns tables, in the order they are migrated."""
    return [
        *components(runtime.registry),
        Component("rest", HOSTS / "rest", models_of((rest_models,))),
        Component("console", HOSTS / "console", models_of((console_models,))),
    ]
