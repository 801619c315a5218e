"""Read accounts: what can be spent, what happened, what was earned. Dead lots are never counted, expired yet or not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db, presuming
from core.bulk import any_of, plan_anew
from core.contract.context import Context
from core.contract.rest import Listing
from core.errors import Invalid
from core.fields import as_time, as_uuid, uuid_of
from core.points.operations import check_asset
from core.points.values import Balance, EntryView
from core.words import said

MOST_LINES = 100
MOST_MEMBERS = 10_000  # of one statement

# The lots of an account by when they die; without LATERAL a planner without statistics reads every lot of the tenant.
_DATED = (
    "SELECT l.expires_at, SUM(l.remaining) AS amount FROM lot l WHERE l.tenant = a.tenant AND l.account = a.id"
    " AND l.remaining > 0 AND l.expires_at IS NOT NULL AND a.next_expiry IS NOT NULL GROUP BY l.expires_at"
)
_BALANCES = (
    "SELECT a.asset, a.balance, a.held, a.debt, {columns} FROM account a {lots}"
    " WHERE a.tenant = %s AND a.member = %s {grouped}ORDER BY {columns}"
)
_ACCOUNTS = db.Sql(
    _BALANCES.format(columns="d.expires_at, d.amount", lots=f"LEFT JOIN LATERAL ({_DATED}) d ON true", grouped=""),
    sqlite=_BALANCES.format(
        columns="l.expires_at, SUM(l.remaining)",
        lots="LEFT JOIN lot l ON l.tenant = a.tenant AND l.account = a.id AND l.remaining > 0"
        " AND l.expires_at IS NOT NULL AND a.next_expiry IS NOT NULL",
        grouped="GROUP BY a.id, l.expires_at ",
    ),
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
    " FROM entry e WHERE e.tenant = %s AND e.account {among} AND e.recorded_at >= %s"
    " AND (e.kind = 'credit' OR e.kind = 'reversal' AND (SELECT o.kind = 'credit' AND o.recorded_at >= %s"
    " FROM entry o WHERE o.tenant = e.tenant AND o.id = e.reverses){moved}) GROUP BY e.account"
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
    """Return the balance of each asset that the member has an account of, by one statement."""
    return ask_balances(ctx, member)()


def ask_balances(ctx: Context, member: UUID) -> Callable[[], dict[str, Balance]]:
    """Ask for the balances with the next statement; return what gives them."""
    asked = presuming.ask(ctx.scope, _ACCOUNTS, (ctx.tenant.id, member))

    def answer() -> dict[str, Balance]:
        now, found = ctx.now(), dict[str, Balance]()
        for asset, whole, held, debt, at, amount in asked():
            known = found.get(asset) or Balance(int(whole), int(held), None, 0, int(debt))
            found[asset] = known if at is None else _counting(known, _instant(at), int(amount), now)
        return found

    return answer


def _counting(known: Balance, at: datetime, amount: int, now: datetime) -> Balance:
    """Return a balance with its next lots counted, which come in the order of their ends."""
    if at <= now:
        return replace(known, available=known.available - amount)
    return known if known.next_expiry is not None else replace(known, next_expiry=at, expiring=amount)


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
    if len(every) > 1:
        plan_anew(ctx.scope)
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
