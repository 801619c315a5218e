"""Read accounts: what can be spent, what happened, what was earned. Dead lots are never counted, expired yet or not."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db, presuming
from core.bulk import any_of
from core.contract.context import Context
from core.contract.rest import Listing
from core.errors import Invalid
from core.fields import as_time, as_uuid, uuid_of
from core.points.operations import check_asset
from core.points.values import Balance, EntryView
from core.words import said

MOST_LINES = 100
MOST_MEMBERS = 10_000  # of one statement

_ACCOUNTS = db.Sql("SELECT id, asset, balance, held, debt, next_expiry FROM account WHERE tenant = %s AND member = %s")
_DATED = (
    "SELECT account, expires_at, SUM(remaining) FROM lot WHERE tenant = %s AND account {among}"
    " AND remaining > 0 AND expires_at IS NOT NULL GROUP BY account, expires_at ORDER BY expires_at"
)
_STATEMENT = db.Sql(
    "SELECT e.id, e.operation, e.kind, e.amount, e.balance_after, e.reason, e.venue, e.cause, e.rule, e.rule_version,"
    " e.occurred_at, e.recorded_at, e.seq FROM entry e JOIN account a ON a.id = e.account AND a.tenant = e.tenant"
    " WHERE a.tenant = %s AND a.member = %s AND a.asset = %s AND e.seq < %s ORDER BY e.seq DESC LIMIT %s"
)
# Accounts first, and their entries in a statement of its own: a join would let a planner without statistics, as in
# an import's first minute, read every entry of the tenant.
_EARNERS = "SELECT id, member FROM account WHERE tenant = %s AND asset = %s AND member {among}"
_EARNED = (
    "SELECT e.account, SUM(CASE WHEN e.kind = 'reversal' THEN -e.reversed ELSE e.amount END)"
    " FROM entry e LEFT JOIN entry o ON o.tenant = e.tenant AND o.id = e.reverses"
    " WHERE e.tenant = %s AND e.account {among} AND e.recorded_at >= %s"
    " AND (e.kind = 'credit' OR e.kind = 'reversal' AND o.kind = 'credit' AND o.recorded_at >= %s{moved})"
    " GROUP BY e.account"
)
_MOVED = " OR e.kind IN ('transfer_in', 'transfer_out')"
_OUTSTANDING = db.Sql(
    "SELECT COALESCE(SUM(balance + held), 0) - COALESCE((SELECT SUM(l.remaining) FROM account d JOIN lot l"
    " ON l.tenant = d.tenant AND l.account = d.id AND l.remaining > 0 AND l.expires_at <= %s"
    " WHERE d.tenant = %s AND d.asset = %s AND d.next_expiry <= %s), 0) FROM account WHERE tenant = %s AND asset = %s"
)


def balance(ctx: Context, member: UUID, asset: str = "points") -> Balance:
    """Return what a member can spend of an asset, what is held, and what dies next; zeros without an account."""
    check_asset(asset)
    return balances(ctx, member).get(asset, Balance())


def balances(ctx: Context, member: UUID) -> dict[str, Balance]:
    """Return the balance of each asset that the member has an account of: one statement, two where lots have a date."""
    return ask_balances(ctx, member)()


def ask_balances(ctx: Context, member: UUID) -> Callable[[], dict[str, Balance]]:
    """Ask for the balances with the next statement; return what gives them."""
    asked = presuming.ask(ctx.scope, _ACCOUNTS, (ctx.tenant.id, member))

    def answer() -> dict[str, Balance]:
        now, rows = ctx.now(), asked()
        dated: dict[UUID, list[tuple[datetime, int]]] = {uuid_of(row[0]): [] for row in rows if row[5] is not None}
        if dated:
            condition, accounts = any_of("uuid", list(dated))
            statement = db.Sql(_DATED.format(among=condition))
            for account, expires_at, amount in db.fetch_all(ctx.scope, statement, [ctx.tenant.id, *accounts]):
                at = as_time(expires_at)
                assert at is not None
                dated[uuid_of(account)].append((at, int(amount)))
        return {row[1]: _balance(row, dated.get(uuid_of(row[0]), []), now) for row in rows}

    return answer


def _balance(row: Sequence[Any], dated: list[tuple[datetime, int]], now: datetime) -> Balance:
    dead = sum(amount for at, amount in dated if at <= now)
    next_expiry, expiring = next(((at, amount) for at, amount in dated if at > now), (None, 0))
    return Balance(int(row[2]) - dead, int(row[3]), next_expiry, expiring, int(row[4]))


def statement(
    ctx: Context, member: UUID, asset: str = "points", *, limit: int = 20, cursor: str = ""
) -> Listing[EntryView]:
    """Return a member's movements, newest first, a keyset page at a time. Raises Invalid for a foreign cursor."""
    check_asset(asset)
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Invalid(f"the cursor {cursor[:20]!r} is not one of ours", "翻页标记无效", code="invalid_cursor")
    limit = max(1, min(limit, MOST_LINES))
    before = int(cursor) if cursor else 2**31 - 1
    rows = db.fetch_all(ctx.scope, _STATEMENT, (ctx.tenant.id, member, asset, before, limit + 1))
    items = [_line(row, ctx.locale) for row in rows[:limit]]
    return Listing[EntryView](items=items, next_cursor=str(rows[limit - 1][12]) if len(rows) > limit else None)


def _line(row: Sequence[Any], locale: str) -> EntryView:
    return EntryView(
        id=uuid_of(row[0]), operation=uuid_of(row[1]), kind=row[2], amount=int(row[3]), balance=int(row[4]),
        reason=said(row[5], locale), venue=as_uuid(row[6]), cause=row[7], rule=row[8], rule_version=row[9],
        occurred_at=_instant(row[10]), recorded_at=_instant(row[11]),
    )  # fmt: skip


def _instant(value: Any) -> datetime:
    instant = as_time(value)
    assert instant is not None
    return instant


def earned(ctx: Context, members: Sequence[UUID], asset: str, since: datetime) -> dict[UUID, int]:
    """Return what each member earned: credits recorded since `since`, less what was reversed of those very credits.

    A reversal counts whole, also what could only be owed. Transfers, releases and returned debits are not earnings, but
    for growth: that moves only when members are merged or parted. Members who earned nothing are there with 0.
    """
    check_asset(asset)
    total = dict.fromkeys(members, 0)
    every = list(total)
    for start in range(0, len(every), MOST_MEMBERS):
        condition, ids = any_of("uuid", every[start : start + MOST_MEMBERS])
        owners = db.fetch_all(ctx.scope, db.Sql(_EARNERS.format(among=condition)), [ctx.tenant.id, asset, *ids])
        if not owners:
            continue
        owner = {uuid_of(account): uuid_of(member) for account, member in owners}
        condition, accounts = any_of("uuid", list(owner))
        sql = db.Sql(_EARNED.format(among=condition, moved=_MOVED if asset == "growth" else ""))
        for account, amount in db.fetch_all(ctx.scope, sql, [ctx.tenant.id, *accounts, since, since]):
            total[owner[uuid_of(account)]] = int(amount)
    return total


def outstanding(ctx: Context, asset: str = "points") -> int:
    """Return what members could still spend of an asset, held included: the tenant's liability."""
    check_asset(asset)
    now = ctx.now()
    values = (now, ctx.tenant.id, asset, now, ctx.tenant.id, asset)
    row = db.fetch_one(ctx.scope, _OUTSTANDING, values)
    assert row is not None
    return int(row[0])
