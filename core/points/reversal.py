"""Take an operation back, all of it or in parts, along its allocations."""

from datetime import timedelta
from uuid import UUID

from core import db
from core.contract.context import Actor, Context
from core.errors import Conflict, Invalid, NotFound
from core.fields import uuid_of
from core.points.book import Book
from core.points.journal import Journal
from core.points.locking import lock, lock_by_id
from core.points.operations import (
    REVERSE,
    MainEntry,
    Story,
    begin,
    check_amount,
    first_result,
    main_entry,
    refusing,
    story,
)
from core.points.reading import balance
from core.points.spending import transfer
from core.points.values import Operation, Reversal

GRACE_DAYS = 7

_SO_FAR = db.Sql(
    "SELECT COALESCE(SUM(reversed), 0), COALESCE(SUM(reversed + amount - owed), 0) FROM entry"
    " WHERE tenant = %s AND reverses = %s"
)
_LOT = db.Sql("SELECT id, remaining, expires_at FROM lot WHERE tenant = %s AND id = %s")
_EXPIRED = db.Sql(
    "SELECT COALESCE(-SUM(x.amount), 0) FROM allocation x JOIN entry e ON e.id = x.entry AND e.tenant = x.tenant"
    " WHERE x.tenant = %s AND x.lot = %s AND e.kind = 'expiry'"
)
_SURVIVOR = db.Sql("SELECT merged_into FROM member WHERE tenant = %s AND id = %s AND merged_into IS NOT NULL")
# The lot that was spent last is given back first.
_SPENT = db.Sql(
    "SELECT l.id, l.remaining, l.expires_at, -x.amount FROM allocation x"
    " JOIN lot l ON l.id = x.lot AND l.tenant = x.tenant"
    " WHERE x.tenant = %s AND x.entry = %s ORDER BY l.expires_at DESC NULLS FIRST, l.id DESC"
)


def reverse(
    ctx: Context,
    operation_id: UUID,
    *,
    key: str,
    amount: int | None = None,
    reason: str,
    grace_days: int = GRACE_DAYS,
) -> Reversal:
    """Take back a credit, a debit or a capture: `amount` of it, or all that is left; again and again up to the whole.

    A credit: what is left of its own lot goes first; what has expired of it is gone and is not asked for; the rest is
    taken from the member's other lots, and what these cannot give is a shortfall that later credits repay first.
    A debit: the points return to their lots; what would die within `grace_days` becomes a new lot with that long to
    live.

    Of a member who was merged since, what comes back is passed on to the survivor, who answers for a shortfall too.

    Publishes `points_debited` for a credit and `points_credited` for a debit. Raises NotFound, Invalid for an
    operation that cannot be reversed, KeyReused, and Conflict (`over_reversal`) beyond the original.
    """
    if amount is not None:
        check_amount(amount)
    told = story(ctx, reason)
    begun = begin(ctx, REVERSE, key, operation_id, amount, reason, grace_days)
    if begun.again:
        return _first_reversal(ctx, begun.id)
    with refusing(ctx, begun.id):
        original = main_entry(ctx, operation_id)
        if original is None:
            raise NotFound(f"there is no operation {operation_id}", "找不到这笔操作")
        if original.kind not in ("credit", "debit"):
            raise Invalid(f"a {original.kind} cannot be reversed", "这类操作不能撤销", code="not_reversible")
        journal = Journal(ctx)
        book = lock_by_id(journal, [original.account])[original.account]
        row = db.fetch_one(ctx.scope, _SO_FAR, (ctx.tenant.id, operation_id))
        assert row is not None
        done, forgiven = int(row[0]), int(row[1])
        left = abs(original.amount) - done
        wanted = left if amount is None else amount
        if not 0 < wanted <= left:
            raise Conflict(
                f"{left} of {abs(original.amount)} can still be reversed, not {wanted or 'more'}",
                f"还可撤销 {left}",
                code="over_reversal",
                left=left,
            )
    if original.kind == "credit":
        taken, shortfall, expired = _take_back(journal, book, begun.id, operation_id, wanted, forgiven, told)
        moved = taken
    else:
        _give_back(journal, book, begun.id, operation_id, wanted, done, told, grace_days)
        moved, taken, shortfall, expired = wanted, 0, 0, 0
    journal.write()
    _settle_with_survivor(ctx, book, begun.id, back=0 if original.kind == "credit" else moved, shortfall=shortfall)
    return Reversal(Operation(begun.id, begun.id, book.balance, moved), taken, shortfall, expired)


def _take_back(
    journal: Journal, book: Book, operation: UUID, credited: UUID, wanted: int, forgiven: int, told: Story
) -> tuple[int, int, int]:
    """Reverse a credit; return what was taken, what is owed, and what had expired.

    `forgiven` is what earlier reversals of it found expired: that counts once.
    """
    ctx = journal.ctx
    row = db.fetch_one(ctx.scope, _LOT, (ctx.tenant.id, credited))
    gone = db.fetch_one(ctx.scope, _EXPIRED, (ctx.tenant.id, credited))
    assert row is not None
    assert gone is not None
    own = book.know(row)
    stored = own.remaining
    book.expire_dead(operation)
    expired_of_it = int(gone[0]) + stored - own.remaining
    rest = wanted - min(wanted, own.remaining)
    expired = min(rest, expired_of_it - forgiven)
    taken = min(wanted - expired, book.balance)
    shortfall = wanted - expired - taken
    book.post(
        operation,
        "reversal",
        -taken,
        told,
        entry=operation,
        owed=shortfall,
        reverses=credited,
        reversed=wanted,
    )
    if taken:
        book.take(operation, taken, first={credited})
        journal.debited.append(book.movement(taken, told.reason, operation))
    return taken, shortfall, expired


def _give_back(
    journal: Journal,
    book: Book,
    operation: UUID,
    debited: UUID,
    wanted: int,
    done: int,
    told: Story,
    grace_days: int,
) -> None:
    """Reverse a debit: its allocations in a fixed order, from where the last reversal stopped."""
    ctx = journal.ctx
    book.expire_dead(operation)
    book.post(operation, "reversal", wanted, told, entry=operation, reverses=debited, reversed=wanted)
    until = journal.now + timedelta(days=grace_days)
    skip, left, grace = done, wanted, 0
    for row in db.fetch_all(ctx.scope, _SPENT, (ctx.tenant.id, debited)):
        part = int(row[3])
        skipped = min(skip, part)
        skip -= skipped
        back = min(part - skipped, left)
        left -= back
        if not back:
            continue
        lot = book.know(row)
        if lot.expires_at is not None and lot.expires_at <= until:
            grace += back
        else:
            book.put_back(operation, lot, back)
    if grace:
        book.new_lot(operation, grace, until)
    journal.credited.append(book.movement(wanted, told.reason, operation))
    book.settle(operation)


def _settle_with_survivor(ctx: Context, book: Book, operation: UUID, *, back: int, shortfall: int) -> None:
    """Move what came back to an account that nobody can use any more, or fetch what it could not give."""
    row = db.fetch_one(ctx.scope, _SURVIVOR, (ctx.tenant.id, book.member))
    if row is None:
        return
    survivor, asset = uuid_of(row[0]), book.asset
    core = ctx.for_plugin("core").acting(Actor("system", reason="merge"))
    key = f"survivor:{operation}"
    passed = min(back, book.balance)
    if passed:
        transfer(core, book.member, survivor, asset, passed, key=key, reason="merge")
    elif shortfall and lock(Journal(ctx), survivor, asset) is not None:
        fetched = min(shortfall, balance(ctx, survivor, asset).available)
        if fetched:
            transfer(core, survivor, book.member, asset, fetched, key=key, reason="merge")


def _first_reversal(ctx: Context, operation: UUID) -> Reversal:
    main: MainEntry | None = main_entry(ctx, operation)
    result = first_result(ctx, operation)
    assert main is not None
    if main.amount > 0:
        return Reversal(result, 0, 0, 0)
    return Reversal(result, -main.amount, main.owed, main.reversed + main.amount - main.owed)
