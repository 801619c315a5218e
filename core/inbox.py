"""An inbox: what an outside system pushed. A job handles it, staff have it tried again, time deletes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.bulk import delete_some
from core.contract.context import Context
from core.errors import Conflict
from core.tables import TenantModel
from core.words import Words, kept


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of a push: its state from now on, a note for staff, and whose it is where that is known."""

    state: str
    note: Words = ""
    member: UUID | None = None


@dataclass(frozen=True, slots=True)
class Inbox:
    """A table of pushes, with `state`, `note`, `received_at`, `processed_at`; `body` and `member` where it has them.

    A callback verifies a push, inserts it as `received` and enqueues the job, which calls `process`. `handle(ctx, row)`
    does what the push says, once: the row is locked, and only one in an `open` state, whose body is still there, is
    handled. `keep_days(ctx)` is how long a push is kept, and `ended` which states end one; none: all.
    """

    slug: str
    model: type[TenantModel]
    handle: Callable[[Context, Any], Handled]  # Any: a row
    keep_days: Callable[[Context], int]
    open: Sequence[str] = ("received", "waiting", "failed")
    ended: Sequence[str] = ()

    def is_open(self, row: Any) -> bool:
        """Tell whether a push may still be handled."""
        return row.state in self.open and getattr(row, "body", b"") is not None

    def process(self, ctx: Context, push: UUID) -> str:
        """Handle a push; return its state. Nothing happens to one that is done."""
        ctx, table = ctx.for_plugin(self.slug), self._table
        row = table.scoped(ctx).lock(table.id == push)
        if not self.is_open(row):
            return str(row.state)
        done = self.handle(ctx, row)
        values = {"state": done.state, "note": kept(done.note, table.note.max_length), "processed_at": ctx.now()}
        if done.member is not None:
            values["member"] = done.member
        table.scoped(ctx).update(**values).where(table.id == push).execute()
        return done.state

    def retry(self, ctx: Context, push: UUID, body: None = None) -> None:
        """Handle a push again, for staff. Raises Conflict for one that is done."""
        row = self._table.scoped(ctx).get(self._table.id == push)
        if not self.is_open(row):
            raise Conflict(f"this push is {row.state}: there is nothing to do", "该推送已处理，无需重试")
        self.process(ctx, push)

    def clean(self, ctx: Context) -> bool:
        """Delete some pushes past their keeping; tell whether more may be left. What they told stays."""
        past = self._table.received_at < ctx.now() - timedelta(days=self.keep_days(ctx))
        return delete_some(ctx, self.model, past, *([self._table.state.in_(self.ended)] if self.ended else ()))

    @property
    def _table(self) -> Any:  # the columns that the class asks for
        return self.model
