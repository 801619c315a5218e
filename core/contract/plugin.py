"""All that a plugin gives, in one declaration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from core.contract.console import Page, Panel, Resource
from core.contract.manifest import Manifest
from core.contract.ports import Channel, ContentCheck, Listener, Notice, PaymentMethod, RiskCheck
from core.contract.rest import Callback, Endpoints
from core.contract.rewards import ConditionKind, RewardKind
from core.contract.work import Job, Schedule
from core.tables import TenantModel


class NoSettings(BaseModel):
    """The settings of a plugin that has none."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What `contribute()` in a plugin's `hooks.py` returns; every part may be left out."""

    settings: type[BaseModel] = NoSettings  # of a tenant: every field has a default and a description
    endpoints: Sequence[Endpoints] = ()  # of `api.py`
    callbacks: Sequence[Callback] = ()  # what answers `/callbacks/{slug}/{tenant}`
    resources: Sequence[Resource] = ()  # what staff work with, of `console.py`
    pages: Sequence[Page] = ()  # console pages that are no resources
    panels: Sequence[Panel] = ()  # of the console's dashboard
    jobs: Sequence[Job] = ()  # what `ctx.enqueue` may put in the table
    schedules: Sequence[Schedule] = ()  # what runs by the clock, in each tenant's own zone
    rewards: Sequence[RewardKind] = ()  # what rules of any plugin may give
    conditions: Sequence[ConditionKind] = ()  # what rules of any plugin may ask
    notices: Sequence[Notice] = ()  # which facts members are told of, and in which words
    channels: Sequence[Channel] = ()  # ways to reach a member
    payments: Sequence[PaymentMethod] = ()  # ways to be paid from outside
    checks: Sequence[ContentCheck] = ()  # machines that judge texts and pictures
    risks: Sequence[RiskCheck] = ()  # whoever can tell that a member collects rewards as a trade
    provides: Sequence[object] = ()  # declarations of a kind that another plugin defines and asks for
    listener: Listener | None = None  # facts of plugins that this one does not require

    @property
    def provided(self) -> tuple[object, ...]:
        """Return what other plugins may ask for with `ctx.providers`."""
        kinds = (
            self.rewards, self.conditions, self.notices, self.channels, self.payments, self.checks, self.risks,
            self.provides,
        )  # fmt: skip
        return tuple(one for kind in kinds for one in kind)


@dataclass(slots=True)
class Plugin:
    """One installed plugin: its manifest, where it lies, what it gives, its tables."""

    manifest: Manifest
    package: str
    folder: Path
    hooks: ModuleType | None = None
    gives: Contribution = field(default_factory=Contribution)
    models: list[type[TenantModel]] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """Return the plugin's slug."""
        return self.manifest.slug


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's function for one hook."""

    slug: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    origins: frozenset[str]
