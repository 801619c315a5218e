"""Hold, capture, release: points promised to something that may not come about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.contract.context import Context
from core.errors import Conflict, Invalid, NotFound
from core.fields import as_time, uuid_of
from core.points.book import Book, short
from core.points.journal import Journal, WorkingLot
from core.points.locking import lock, lock_by_id
from core.points.operations import (
    CAPTURE,
    HOLD,
    RELEASE,
    Story,
    begin,
    check_amount,
    check_asset,
    first_result,
    refusing,
    story,
)
from core.points.spending import ask
from core.points.values import HoldState, HoldView, Operation

_INSERT = db.Sql("INSERT INTO hold (id, tenant, account, amount, deadline, state) VALUES (%s, %s, %s, %s, %s, 'open')")
_FIND = db.Sql("SELECT account, amount, state, deadline FROM hold WHERE tenant = %s AND id = %s")
_CLOSE = db.Sql("UPDATE hold SET state = %s WHERE tenant = %s AND id = %s AND state = 'open' RETURNING amount")
_PARTS = db.Sql(
    "SELECT l.id, l.remaining, l.expires_at, -x.amount FROM allocation x"
    " JOIN lot l ON l.id = x.lot AND l.tenant = x.tenant"
    " WHERE x.tenant = %s AND x.entry = %s ORDER BY l.expires_at NULLS LAST, l.id"
)


def hold(ctx: Context, member: UUID, asset: str, amount: int, *, key: str, deadline: datetime, reason: str) -> HoldView:
    """Set `amount` aside for a later `capture` or `release`; held points do not expire.

    Nothing happens by itself at the `deadline`: whoever holds gives the points back (`release`) together with the stock
    that stands beside them. A known key returns the hold as it stands. Raises Invalid, KeyReused,
    InsufficientBalance, Vetoed.
    """
    check_asset(asset)
    check_amount(amount)
    told = story(ctx, reason)
    begun = begin(ctx, HOLD, key, member, asset, amount, reason)
    if begun.again:
        return held(ctx, begun.id)
    with refusing(ctx, begun.id):
        if deadline.tzinfo is None or deadline <= ctx.now():
            raise Invalid(f"the deadline {deadline} is not an instant in the future", "截止时间必须晚于现在")
        journal = Journal(ctx)
        book = lock(journal, member, asset)
        if book is None:
            raise short(asset, amount, 0)
        book.expire_dead(begun.id)
        book.require(amount)
        ask(ctx, member, asset, amount, reason)
        book.take(begun.id, amount)
    book.post(begun.id, "hold", -amount, told, entry=begun.id)
    book.held += amount
    db.run(ctx.scope, _INSERT, (begun.id, ctx.tenant.id, book.id, amount, deadline))
    journal.write()
    return HoldView(begun.id, amount, "open", deadline)


def held(ctx: Context, hold: UUID) -> HoldView:
    """Return a hold as it stands. Raises NotFound."""
    return _view(hold, _row(ctx, hold))


def capture(ctx: Context, hold: UUID, *, key: str, amount: int | None = None) -> Operation:
    """Spend what a hold set aside, or `amount` of it and give back the rest; publish `points_debited`.

    A deadline that has passed does not matter as long as no sweep has come. Raises NotFound, Invalid, KeyReused, and
    Conflict (`hold_closed`) when it was captured or released before.
    """
    if amount is not None:
        check_amount(amount)
    begun = begin(ctx, CAPTURE, key, hold, amount)
    if begun.again:
        return first_result(ctx, begun.id)
    with refusing(ctx, begun.id):
        view = held(ctx, hold)
        spent = view.amount if amount is None else amount
        if spent > view.amount:
            raise Invalid(f"the hold is of {view.amount}; {spent} cannot be captured", f"最多可用 {view.amount}")
        journal, book = _lock(ctx, hold)
        _close(ctx, hold, "captured")
    reason = _reason(ctx, hold)
    told = story(ctx, reason)
    parts = _give_back(journal, book, begun.id, hold, view.amount, told)
    book.post(begun.id, "debit", -spent, told, entry=begun.id)
    left = spent
    for lot, part in parts:
        used = min(part, left)
        left -= used
        if used:
            book.put_back(begun.id, lot, -used)
    journal.debited.append(book.movement(spent, reason, begun.id))
    book.settle(begun.id)
    journal.write()
    return Operation(begun.id, begun.id, book.balance, spent)


def release(ctx: Context, hold: UUID, *, key: str) -> HoldView:
    """Give back what a hold set aside; what went out of a lot that has died since expires at once.

    Raises NotFound, KeyReused, and Conflict (`hold_closed`) when it was captured or released before.
    """
    begun = begin(ctx, RELEASE, key, hold)
    if begun.again:
        return held(ctx, hold)
    with refusing(ctx, begun.id):
        view = held(ctx, hold)
        journal, book = _lock(ctx, hold)
        _close(ctx, hold, "released")
    _release(journal, book, begun.id, view, story(ctx, _reason(ctx, hold)))
    return HoldView(hold, view.amount, "released", view.deadline)


# --- parts -----------------------------------------------------------------------------------------------------------


def _row(ctx: Context, hold: UUID) -> Sequence[Any]:
    row = db.fetch_one(ctx.scope, _FIND, (ctx.tenant.id, hold))
    if row is None:
        raise NotFound(f"there is no hold {hold}", "找不到这笔冻结")
    return row


def _view(hold: UUID, row: Sequence[Any]) -> HoldView:
    deadline = as_time(row[3])
    assert deadline is not None
    return HoldView(hold, int(row[1]), row[2], deadline)


def _lock(ctx: Context, hold: UUID) -> tuple[Journal, Book]:
    journal = Journal(ctx)
    return journal, next(iter(lock_by_id(journal, [uuid_of(_row(ctx, hold)[0])]).values()))


def _close(ctx: Context, hold: UUID, state: HoldState) -> None:
    """Decide by the row's own update, under the account's lock, what becomes of the hold."""
    if db.fetch_one(ctx.scope, _CLOSE, (state, ctx.tenant.id, hold)) is None:
        now = held(ctx, hold).state
        raise Conflict(f"the hold {hold} is {now} already", "这笔冻结已结束", code="hold_closed", state=now)


def _reason(ctx: Context, hold: UUID) -> str:
    row = db.fetch_one(
        ctx.scope, db.Sql("SELECT reason FROM entry WHERE tenant = %s AND id = %s"), (ctx.tenant.id, hold)
    )
    return str(row[0]) if row else "hold"


def _give_back(
    journal: Journal, book: Book, operation: UUID, hold: UUID, amount: int, told: Story
) -> list[tuple[WorkingLot, int]]:
    """Return all of a hold to its lots, dead ones too; return what went where, earliest expiry first."""
    ctx = journal.ctx
    book.expire_dead(operation)  # before the lots get back what was held: that is not dead yet
    entry = book.post(operation, "release", amount, told)
    book.held -= amount
    parts: list[tuple[WorkingLot, int]] = []
    for row in db.fetch_all(ctx.scope, _PARTS, (ctx.tenant.id, hold)):
        lot, part = book.know(row), int(row[3])
        book.put_back(entry, lot, part)
        parts.append((lot, part))
    return parts


def _release(journal: Journal, book: Book, operation: UUID, view: HoldView, told: Story) -> None:
    _give_back(journal, book, operation, view.id, view.amount, told)
    book.settle(operation)
    journal.write()
