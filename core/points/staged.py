"""Thousands of credits at once, for imports: staged, and written in a handful of statements whatever their number.

It is `credit_many` where nothing stands in the way: every credit is in order, every key new, and the accounts owe
nothing and have no dead lot; so a credit is one entry and one lot. Where any of that does not hold, all is taken back
and `credit_many` does it, or refuses it. As there the accounts are locked, in the order of their ids, before anything
is reckoned from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils
from peewee import IntegrityError

from core import db
from core.bulk import Stage, any_of
from core.contract.context import Context
from core.contract.facts import PointsCredited
from core.fields import as_time, uuid_of
from core.points.earning import MOST_CREDITS, credit_many
from core.points.operations import CREDIT, LONGEST_KEY, require_transaction, story
from core.points.policy import expiry
from core.points.values import ASSETS, LARGEST_AMOUNT, Credit

FOR_UPDATE = "FOR UPDATE"
FEW = 100  # credits that go the way of `credit_many`
_CREDITS = Stage(
    "stage_credit",
    (
        ("id", "uuid"), ("key", "text"), ("digest", "text"), ("account", "uuid"), ("seq", "integer"),
        ("amount", "bigint"), ("balance_after", "bigint"), ("venue", "uuid"), ("occurred_at", "timestamptz"),
        ("expires_at", "timestamptz"),
    ),
)  # fmt: skip
_ACCOUNTS = Stage(
    "stage_account",
    (
        ("id", "uuid"), ("member", "uuid"), ("asset", "text"), ("more", "bigint"), ("entries", "integer"),
        ("next_look", "timestamptz"),
    ),
)  # fmt: skip
_BEGIN = db.Sql(
    "INSERT INTO operation (tenant, id, plugin, key, door, digest, recorded_at)"
    " SELECT %s, id, %s, key, 'credit', digest, %s FROM stage_credit"
)
_CHANGE = db.Sql(  # an upsert, which always goes by the index; of another's new account it leaves the hands off
    "INSERT INTO account AS held (tenant, id, member, asset, balance, held, debt, next_expiry, version, created_at)"
    " SELECT %s, id, member, asset, more, 0, 0, next_look, entries, %s FROM stage_account WHERE true"
    " ON CONFLICT (tenant, member, asset) DO UPDATE SET balance = held.balance + excluded.balance,"
    " version = held.version + excluded.version, next_expiry = excluded.next_expiry WHERE held.id = excluded.id"
)
_WRITE = db.Sql(
    "INSERT INTO entry (tenant, id, operation, account, seq, kind, amount, balance_after, owed, reversed, reason,"
    " venue, cause, rule, rule_version, occurred_at, recorded_at) SELECT %s, id, id, account, seq, 'credit', amount,"
    " balance_after, 0, 0, %s, venue, %s, %s, %s, occurred_at, %s FROM stage_credit",
)
_MAKE_LOTS = db.Sql(
    "INSERT INTO lot (tenant, id, account, amount, remaining, expires_at)"
    " SELECT %s, id, account, amount, amount, expires_at FROM stage_credit"
)
_FIND = "SELECT id, member, asset, balance, debt, next_expiry, version FROM account WHERE tenant = %s AND "


@dataclass(frozen=True, slots=True)
class Credits:
    """Many credits, given by column, each in the words of `Credit`. All have one reason and one rule.

    What they give ends as the tenant's policy says.
    """

    members: Sequence[UUID]
    assets: Sequence[str]
    amounts: Sequence[int]
    keys: Sequence[str]
    occurred_at: Sequence[datetime | None]
    venues: Sequence[UUID | None]
    reason: str
    rule: object = None
    rule_version: int | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def each(self) -> list[Credit]:
        """Return them one by one."""
        columns = (self.members, self.assets, self.amounts, self.keys, self.occurred_at, self.venues)
        return [
            Credit(member, asset, amount, key, self.reason, at, venue, rule=self.rule, rule_version=self.rule_version)
            for member, asset, amount, key, at, venue in zip(*columns, strict=True)
        ]


class _NotPlain(Exception):
    """Something stands in the way: `credit_many` has to look at each."""


@dataclass(slots=True)
class _Account:
    """An account while its credits are added up: as it was found, or a new one."""

    id: Any  # Any: an id of either library
    member: UUID
    asset: str
    balance: int
    version: int
    next_expiry: datetime | None
    balance_before: int = 0
    version_before: int = 0


def credit_columns(ctx: Context, credits: Credits) -> list[str]:
    """Give many credits in their order; return the operations' ids, as 32 digits. One `points_credited` tells all.

    A key that is known gives its first operation. Raises Invalid and KeyReused; nothing is written then.
    """
    require_transaction()
    if len(credits) > FEW and _are_plain(credits):
        try:
            with db.savepoint():
                return _write(ctx, credits)
        except (_NotPlain, IntegrityError):  # a key that is known
            pass
    return [operation.id.hex for operation in credit_many(ctx, credits.each())]


def _are_plain(credits: Credits) -> bool:
    """Tell whether they are in order; `credit_many` says what is wrong with others."""
    return (
        len(credits) <= MOST_CREDITS
        and set(credits.assets) <= set(ASSETS)
        and set(map(type, credits.amounts)) == {int}
        and 1 <= min(credits.amounts) <= max(credits.amounts) <= LARGEST_AMOUNT
        and all(0 < len(key) <= LONGEST_KEY and "\x00" not in key for key in credits.keys)
        and all(at is None or at.tzinfo is not None for at in credits.occurred_at)
    )


def _write(ctx: Context, credits: Credits) -> list[str]:
    now, count = ctx.now(), len(credits)
    ends = {asset: expiry(ctx, asset) for asset in set(credits.assets)}
    told = story(ctx, credits.reason, rule=credits.rule, rule_version=credits.rule_version)
    ids = [uuid_utils.uuid7() for _ in range(count)]
    accounts = _lock(ctx, credits, now)
    owners: list[Any] = []  # Any: ids of either library
    balances: list[int] = []
    seqs: list[int] = []
    for member, asset, amount in zip(credits.members, credits.assets, credits.amounts, strict=True):
        account = accounts[asset].get(member.int)
        if account is None:
            account = accounts[asset][member.int] = _Account(uuid_utils.uuid7(), member, asset, 0, 0, None)
        account.balance += amount
        account.version += 1
        expires_at = ends[asset]
        if expires_at is not None and (account.next_expiry is None or expires_at < account.next_expiry):
            account.next_expiry = expires_at
        owners.append(account.id)
        balances.append(account.balance)
        seqs.append(account.version)
    _change(ctx, [account for held in accounts.values() for account in held.values()], now)
    instants = [at or now for at in credits.occurred_at]
    rows = (ids, credits.keys, _digests(credits, told.rule), owners, seqs, credits.amounts, balances, credits.venues,
            instants, [ends[asset] for asset in credits.assets])  # fmt: skip
    with _CREDITS.filled(ctx.scope, rows):
        db.run(ctx.scope, _BEGIN, (ctx.tenant.id, ctx.plugin, now))
        db.run(ctx.scope, _WRITE, (ctx.tenant.id, told.reason, told.cause, told.rule, told.rule_version, now))
        db.run(ctx.scope, _MAKE_LOTS, (ctx.tenant.id,))
    movements = [
        {"member": member, "asset": asset, "amount": amount, "reason": credits.reason, "entry": entry}
        for member, asset, amount, entry in zip(
            credits.members, credits.assets, credits.amounts, map(str, ids), strict=True
        )
    ]
    ctx.publish_alike(PointsCredited, [{"movements": movements}], [None])
    return [operation.hex for operation in ids]


def _digests(credits: Credits, rule: str | None) -> list[str]:
    count = len(credits)
    columns = (credits.members, credits.assets, credits.amounts, [credits.reason] * count, credits.venues,
               credits.occurred_at, ["policy"] * count, [rule] * count, [credits.rule_version] * count)  # fmt: skip
    return CREDIT.digests(columns)


def _lock(ctx: Context, credits: Credits, now: datetime) -> dict[str, dict[int, _Account]]:
    """Lock the accounts that exist, in the order of their ids; return them by asset and member.int."""
    owners: dict[str, dict[int, UUID]] = {asset: {} for asset in sorted(set(credits.assets))}
    for member, asset in zip(credits.members, credits.assets, strict=True):
        owners[asset][member.int] = member
    conditions, values = [], []
    for asset, members in owners.items():
        condition, parameters = any_of("uuid", list(members.values()))
        conditions.append(f"(asset = %s AND member {condition})")
        values += [asset, *parameters]
    text = f"{_FIND}({' OR '.join(conditions)}) ORDER BY id"
    accounts: dict[str, dict[int, _Account]] = {asset: {} for asset in owners}
    statement = db.Sql(f"{text} {FOR_UPDATE}", sqlite=text)
    for account, member, asset, balance, debt, next_expiry, version in db.fetch_all(
        ctx.scope, statement, [ctx.tenant.id, *values]
    ):
        first = as_time(next_expiry)
        if debt or (first is not None and first <= now):
            raise _NotPlain
        owner = uuid_of(member)
        found = (int(balance), int(version))
        accounts[asset][owner.int] = _Account(uuid_of(account), owner, asset, *found, first, *found)
    return accounts


def _change(ctx: Context, accounts: list[_Account], now: datetime) -> None:
    """Make the accounts that are new, in a stable order, and add to the others, which are locked."""
    accounts.sort(key=lambda account: (account.member.int, account.asset))
    columns = (
        [account.id for account in accounts],
        [account.member for account in accounts],
        [account.asset for account in accounts],
        [account.balance - account.balance_before for account in accounts],
        [account.version - account.version_before for account in accounts],
        [account.next_expiry for account in accounts],
    )
    with _ACCOUNTS.filled(ctx.scope, columns):
        changed = db.run(ctx.scope, _CHANGE, (ctx.tenant.id, now)).rowcount
    if changed != len(accounts):  # somebody opened one just now
        raise _NotPlain
