"""A remote call in three steps: the first and the last see the database; no transaction is open between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.contract.context import Context


class Remote:
    """An endpoint or job that needs an outside call, in three steps; only `prepare` and `complete` see the database.

    `prepare(ctx, …arguments)` runs in a transaction and returns what the call needs; `call(prepared)` runs without
    one and may be slow or fail; `complete(ctx, prepared, answer)` runs in a transaction and returns the reply.
    """

    def prepare(self, ctx: Context, **arguments: Any) -> Any:
        """Read what the call needs."""
        raise NotImplementedError

    def waits(self, prepared: Any) -> bool:
        """Tell whether `call` waits for an outside server. Where not, an endpoint runs all three in one transaction."""
        return True

    def call(self, prepared: Any) -> Any:
        """Call the outside world; no transaction is open."""
        raise NotImplementedError

    def complete(self, ctx: Context, prepared: Any, answer: Any) -> Any:
        """Write what came of it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Steps:
    """The same three steps as functions: what a declaration offers to other plugins, whose own `Remote` runs them.

    `prepare(ctx, asked)` in a transaction, `call(prepared)` in none, `complete(ctx, prepared, answer)` in a transaction
    again. `call` raises RoostError only for what is certain not to have happened. `waits` is that of `Remote`.
    """

    prepare: Callable[[Context, Any], Any]
    call: Callable[[Any], Any]
    complete: Callable[[Context, Any, Any], Any]
    waits: Callable[[Any], bool] = lambda prepared: True
