"""Debit and transfer."""

from datetime import datetime
from uuid import UUID

from core.contract import hookspecs
from core.contract.context import Context
from core.errors import Invalid
from core.ids import new_id
from core.points.book import short
from core.points.journal import Journal
from core.points.locking import lock, lock_or_open, lock_owned
from core.points.operations import DEBIT, TRANSFER, begin, check_amount, check_asset, first_result, refusing, story
from core.points.values import Operation


def ask(ctx: Context, member: UUID, asset: str, amount: int, reason: str) -> None:
    """Ask every plugin whether a member's points may be spent; the account is locked, so what they read holds."""
    ctx.check(hookspecs.validate_redemption, member=member, asset=asset, amount=amount, reason=reason)


def debit(
    ctx: Context,
    member: UUID,
    asset: str,
    amount: int,
    *,
    key: str,
    reason: str,
    occurred_at: datetime | None = None,
    venue: UUID | None = None,
    cause: str | None = None,
) -> Operation:
    """Spend `amount` of a member's asset, earliest expiry first; publish `points_debited`.

    A known key returns the first result. Raises Invalid, KeyReused, InsufficientBalance, and Vetoed where a plugin
    answers `validate_redemption` with a veto.
    """
    check_asset(asset)
    check_amount(amount)
    told = story(ctx, reason, cause=cause, occurred_at=occurred_at, venue=venue)
    begun = begin(ctx, DEBIT, key, member, asset, amount, reason, venue, occurred_at)
    if begun.again:
        return first_result(ctx, begun.id)
    with refusing(ctx, begun.id):
        journal = Journal(ctx)
        book = lock(journal, member, asset)
        if book is None:
            raise short(asset, amount, 0)
        book.expire_dead(begun.id)
        book.require(amount)
        ask(ctx, member, asset, amount, reason)
        book.take(begun.id, amount)
    book.post(begun.id, "debit", -amount, told, entry=begun.id)
    journal.debited.append(book.movement(amount, reason, begun.id))
    journal.write(occurred_at=occurred_at)
    return Operation(begun.id, begun.id, book.balance, amount)


def transfer(
    ctx: Context, sender: UUID, receiver: UUID, asset: str, amount: int, *, key: str, reason: str
) -> Operation:
    """Move `amount` from one member to another; each lot keeps its expiry.

    Publishes `points_debited` and `points_credited`. Returns the sender's side. The accounts are locked in the order of
    their ids. Raises Invalid, KeyReused, InsufficientBalance, and Vetoed (the system at core's own work, a merge, is
    not asked).
    """
    check_asset(asset)
    check_amount(amount)
    if sender == receiver:
        raise Invalid("nobody can transfer to themselves", "不能转给自己", code="same_member")
    told = story(ctx, reason)
    begun = begin(ctx, TRANSFER, key, sender, receiver, asset, amount, reason)
    if begun.again:
        return first_result(ctx, begun.id)
    with refusing(ctx, begun.id):
        journal = Journal(ctx)
        books = lock_owned(journal, [(sender, asset), (receiver, asset)])
        giver = books.get((sender, asset))
        if giver is None:
            raise short(asset, amount, 0)
        giver.expire_dead(begun.id)
        giver.require(amount)
        if ctx.plugin != "core" or ctx.actor.kind != "system":
            ask(ctx, sender, asset, amount, reason)
        taken = giver.take(begun.id, amount)
    # An account made here has the newest id, so locking it last keeps the order.
    taker = books.get((receiver, asset)) or lock_or_open(journal, receiver, asset)
    giver.post(begun.id, "transfer_out", -amount, told, entry=begun.id)
    journal.debited.append(giver.movement(amount, reason, begun.id))
    taker.expire_dead(begun.id)
    by_expiry: dict[datetime | None, int] = {}
    for lot, part in taken:
        by_expiry[lot.expires_at] = by_expiry.get(lot.expires_at, 0) + part
    for expires_at, part in by_expiry.items():
        entry = taker.post(begun.id, "transfer_in", part, told, entry=new_id())
        taker.new_lot(entry, part, expires_at)
        journal.credited.append(taker.movement(part, reason, entry))
    taker.settle(begun.id)
    journal.write()
    return Operation(begun.id, begun.id, giver.balance, amount)
