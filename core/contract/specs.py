"""How a hook is specified and implemented. Four kinds:

- a *fact* is heard after commit, by a worker, with retries;
- a *decision* is asked inside the caller's transaction; it reads and never writes;
- the *contribution* is asked once, at start-up, and returns one frozen declaration;
- a *lifecycle hook* (erase, merge, export, money that was settled) reaches every installed plugin, on or off, in the
  caller's transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

import pluggy

from core.contract.facts import Fact, Origin
from core.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["fact", "decision", "contribution", "lifecycle"]
_spec_marker = pluggy.HookspecMarker("roost")
_impl_marker = pluggy.HookimplMarker("roost")


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of a hook beside its signature."""

    name: str
    kind: Kind
    since: str
    combine: Literal["all", "first", "collect"] = "collect"
    on_error: Literal["fail_closed", "skip_and_log"] = "fail_closed"
    fact: type[Fact] | None = None


@dataclass(frozen=True, slots=True)
class Veto:
    """A decision's answer "no": a stable `code` and words in English and Chinese for whoever asked."""

    code: str
    message: str
    message_zh: str = ""


def _mark(function: F, spec: Spec) -> F:
    if not (function.__doc__ or "").strip():
        raise ConfigurationError(f"hook {spec.name} has no docstring: say when it fires and what may be returned")
    function.roost_spec_of = spec  # type: ignore[attr-defined]  # read back by `spec_of`
    return _spec_marker(function, warn_on_impl=None)


def fact(*, since: str) -> Callable[[F], F]:
    """Specify a fact's hook: `def name(ctx: Context, fact: TheFact) -> None`, named as the fact is."""

    def mark(function: F) -> F:
        model: type[Fact] = function.__annotations__["fact"]
        if model.fact_name() != function.__name__:
            raise ConfigurationError(f"hook {function.__name__} hears {model.__name__}: call it {model.fact_name()}")
        return _mark(function, Spec(function.__name__, "fact", since, fact=model))

    return mark


def decision(
    *,
    since: str,
    combine: Literal["all", "first", "collect"],
    on_error: Literal["fail_closed", "skip_and_log"] = "fail_closed",
) -> Callable[[F], F]:
    """Specify a decision. `all`: any may return a Veto. `first`: the first answer that is not None. `collect`: each."""

    def mark(function: F) -> F:
        return _mark(function, Spec(function.__name__, "decision", since, combine, on_error))

    return mark


def contribution(*, since: str) -> Callable[[F], F]:
    """Specify a contribution, asked once at start-up without arguments."""

    def mark(function: F) -> F:
        return _mark(function, Spec(function.__name__, "contribution", since))

    return mark


def lifecycle(*, since: str) -> Callable[[F], F]:
    """Specify a lifecycle hook: it reaches every installed plugin, on or off; an exception fails the caller."""

    def mark(function: F) -> F:
        return _mark(function, Spec(function.__name__, "lifecycle", since))

    return mark


def spec_of(function: Any) -> Spec | None:
    """Return the Spec of a hook specification, or None for any other function."""
    return getattr(function, "roost_spec_of", None)


def require_spec(function: Callable[..., Any]) -> Spec:
    """Return the Spec of a hook specification that is about to be called. Raises ConfigurationError for a function."""
    spec = spec_of(function)
    if spec is None:
        raise ConfigurationError(f"{function.__qualname__} is no hook: give the specification, not an implementation")
    return spec


@overload
def hookimpl(function: F) -> F: ...
@overload
def hookimpl(*, origins: tuple[Origin, ...] = ("live",)) -> Callable[[F], F]: ...
def hookimpl(function: F | None = None, *, origins: tuple[Origin, ...] = ("live",)) -> Any:
    """Mark a function of `hooks.py` as the implementation of the hook of its name.

    A fact's handler hears only what happened live; name other `origins` to hear imports and replays too.
    """

    def mark(implementation: F) -> F:
        implementation.roost_origins = frozenset(origins)  # type: ignore[attr-defined]  # read by the registry
        return _impl_marker(implementation)

    return mark if function is None else mark(function)
