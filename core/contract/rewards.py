"""Kinds of reward and of condition, by which rules of any plugin are made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.contract.context import Context
from core.words import Text


@dataclass(frozen=True, slots=True)
class RewardKind:
    """Something a rule can give. `grant` returns what `revoke` will need, as JSON values.

    `grant(ctx, member, spec, key)` gives it, exactly once for a key; `revoke(ctx, member, spec, receipt)` takes back
    what is left and returns what could not be taken, in words, or None; `describe(spec, locale)` is what people read.
    `points(spec)` is how many points it mints, for budgets.
    """

    name: str
    title: Text
    spec: type[BaseModel]
    grant: Callable[[Context, UUID, Any, str], dict[str, Any]]
    revoke: Callable[[Context, UUID, Any, dict[str, Any]], str | None]
    describe: Callable[[Any, str], str]
    points: Callable[[Any], int] = lambda spec: 0


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """A question about a member. `evaluate` returns the answer and the value that was read, for "why"."""

    name: str
    title: Text
    spec: type[BaseModel]
    evaluate: Callable[[Context, UUID, Any], tuple[bool, Any]]
    explain: Callable[[Any, str], str]
