"""Credit, one or many."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core import db
from core.bulk import Write, any_of, write_returning
from core.contract.context import Context
from core.errors import Invalid, RoostError
from core.fields import uuid_of
from core.ids import new_id
from core.points.book import Book
from core.points.journal import Journal
from core.points.locking import lock_or_open, lock_owned, open_accounts
from core.points.operations import (
    CREDIT,
    Story,
    begin,
    check_amount,
    check_asset,
    check_key,
    first_result,
    first_results,
    key_reused,
    refusing,
    require_transaction,
    story,
)
from core.points.policy import Expiry, expiry
from core.points.quick import quick_credit
from core.points.values import Credit, Credited, Operation

MOST_CREDITS = 10_000
_OPERATIONS = Write(
    "INSERT INTO operation (tenant, id, plugin, key, door, digest, recorded_at) SELECT {tenant}, d.* FROM {rows}"
    " WHERE true ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id",
    (
        ("id", "uuid"), ("plugin", "text"), ("key", "text"), ("door", "text"), ("digest", "text"),
        ("recorded_at", "timestamptz"),
    ),
)  # fmt: skip


def _check(asset: str, amount: object, expires_at: Expiry) -> None:
    check_asset(asset)
    check_amount(amount)
    if expires_at == "policy":
        return
    if expires_at is not None and asset == "growth":
        raise Invalid("growth does not expire by lot; leave expires_at out", "成长值没有有效期")
    if expires_at is not None and expires_at.tzinfo is None:
        raise Invalid(f"expires_at {expires_at} has no time zone", "时间缺少时区")


def credit(
    ctx: Context,
    member: UUID,
    asset: str,
    amount: int,
    *,
    key: str,
    reason: str,
    expires_at: Expiry = "policy",
    source: str = "",
    occurred_at: datetime | None = None,
    venue: UUID | None = None,
    rule: object = None,
    rule_version: int | None = None,
    cause: str | None = None,
) -> Operation:
    """Give a member `amount` of an asset; publish `points_credited`.

    A lot is made that dies at `expires_at` (None: never; left out: by the tenant's policy for `source`, which is the
    plugin that gives unless it is named). What the account owes from reversals is repaid at once, and
    a lot that is dead already (imports) expires at once. A known key returns the first result. Raises Invalid and
    KeyReused.
    """
    _check(asset, amount, expires_at)
    told = story(ctx, reason, cause=cause, occurred_at=occurred_at, venue=venue, rule=rule, rule_version=rule_version)
    content = (member, asset, amount, reason, venue, occurred_at, expires_at, told.rule, rule_version)
    journal, ends = Journal(ctx), expiry(ctx, asset, expires_at, source)
    if db.dialect() == "postgresql" and (ends is None or ends > journal.now):
        begun, balance = quick_credit(journal, key, content, told, ends)
        if balance is not None:
            journal.write(occurred_at=occurred_at)
            return Operation(begun.id, begun.id, balance, amount)
    else:
        begun = begin(ctx, CREDIT, key, *content)
    if begun.again:
        return first_result(ctx, begun.id)
    book = lock_or_open(journal, member, asset)
    book.expire_dead(begun.id)
    book.credit(begun.id, amount, told, ends)
    journal.write(occurred_at=occurred_at)
    return Operation(begun.id, begun.id, book.balance, amount)


def credit_many(ctx: Context, credits: Sequence[Credit]) -> list[Operation]:
    """Give many credits in few statements, in their order; publish one `points_credited` with all movements.

    The results stand in the order of `credits`; a known key gives its first result, also within one call. At most
    `MOST_CREDITS` in a call: a thousand at once is the quickest. Raises Invalid and KeyReused; nothing is written then.
    """
    wanted = _Wanted(ctx, credits)
    for item in credits:
        said = wanted.add(item)
        if wanted.digests[item.key] != said:
            wanted.conflict(item)
    wanted.carry_out(strict=True)
    return [wanted.results[item.key] for item in credits]


def credit_each(ctx: Context, credits: Sequence[Credit]) -> list[Credited]:
    """Do the same, and refuse one by one: what is wrong with a credit, or its key, keeps none of the others back."""
    wanted = _Wanted(ctx, credits)
    asked: list[str | RoostError] = []  # what each says, or why it cannot be given
    for item in credits:
        try:
            asked.append(wanted.add(item))
        except RoostError as ex:
            asked.append(ex)
    wanted.carry_out(strict=False)
    return [wanted.outcome(item, said) for item, said in zip(credits, asked, strict=True)]


class _Wanted:
    """Credits of one call by their keys, and what became of them."""

    def __init__(self, ctx: Context, credits: Sequence[Credit]) -> None:
        require_transaction()
        if len(credits) > MOST_CREDITS:
            raise Invalid(
                f"{len(credits)} credits in one call; give at most {MOST_CREDITS}", f"一次最多 {MOST_CREDITS} 笔"
            )
        self.ctx = ctx
        self.results: dict[str, Operation] = {}
        self.digests: dict[str, str] = {}  # what each key stands for: as the table has it, else as it came first
        self._new: set[str] = set()  # keys given now, of which nobody was told yet
        self._items: dict[str, tuple[Credit, Story]] = {}

    def add(self, item: Credit) -> str:
        """Take a credit in; return its digest. Of several with one key the first counts. Raises Invalid."""
        _check(item.asset, item.amount, item.expires_at)
        check_key(item.key)
        told = story(
            self.ctx, item.reason, occurred_at=item.occurred_at, venue=item.venue, rule=item.rule,
            rule_version=item.rule_version,
        )  # fmt: skip
        said = CREDIT.digest(_content(item))
        self.digests.setdefault(item.key, said)
        self._items.setdefault(item.key, (item, told))
        return said

    def conflict(self, item: Credit) -> None:
        """Raise KeyReused for a credit whose key came with other content in the same call."""
        first, again = _content(self._items[item.key][0]), _content(item)
        CREDIT.check(
            item.key, dict(zip(CREDIT.fields, first, strict=True)), dict(zip(CREDIT.fields, again, strict=True))
        )

    def outcome(self, item: Credit, said: str | RoostError) -> Credited:
        """Return what became of the next credit."""
        key = item.key
        if isinstance(said, RoostError):
            return Credited(refusal=said)
        if said != self.digests[key]:
            return Credited(refusal=key_reused(self.ctx, CREDIT, key, self.results[key].id, _content(item)))
        repeated = key not in self._new
        self._new.discard(key)
        return Credited(self.results[key], repeated=repeated)

    def carry_out(self, *, strict: bool) -> None:
        """Give what is new, and find what was given. With `strict` raises KeyReused for a conflict, nothing written."""
        if not self._items:
            return
        ctx, ids = self.ctx, {key: new_id() for key in self._items}
        new = _begin_many(ctx, ids, self.digests)
        self._new = {key for key, operation in ids.items() if operation in new}
        with refusing(ctx, *new):
            self._find(sorted(ids.keys() - self._new), strict=strict)
        if not self._new:
            return
        journal = Journal(ctx)
        todo = [(ids[key], item, told) for key, (item, told) in self._items.items() if key in self._new]
        books = _lock_all(journal, {(item.member, item.asset) for _, item, _ in todo})
        by_policy = {asset: expiry(ctx, asset) for asset in {item.asset for _, item, _ in todo}}
        for operation, item, told in todo:
            book = books[(item.member, item.asset)]
            book.expire_dead(operation)
            ends = by_policy[item.asset] if item.expires_at == "policy" else item.expires_at
            book.credit(operation, item.amount, told, ends)
            self.results[item.key] = Operation(operation, operation, book.balance, item.amount)
        journal.write()

    def _find(self, keys: Sequence[str], *, strict: bool) -> None:
        if not keys:
            return
        ctx = self.ctx
        condition, values = any_of("text", keys)
        statement = db.Sql(
            f"SELECT key, id, digest FROM operation WHERE tenant = %s AND plugin = %s AND key {condition}"
        )
        known: dict[UUID, str] = {}
        for key, operation, said in db.fetch_all(ctx.scope, statement, [ctx.tenant.id, ctx.plugin, *values]):
            if strict and said != self.digests[key]:
                raise key_reused(ctx, CREDIT, key, uuid_of(operation), _content(self._items[key][0]))
            self.digests[key] = said
            known[uuid_of(operation)] = key
        self.results.update((known[found.id], found) for found in first_results(ctx, list(known)))


def _begin_many(ctx: Context, ids: dict[str, UUID], digests: dict[str, str]) -> set[UUID]:
    """Insert the operations in the order of their keys; return those that were new."""
    now = ctx.now()
    rows = [(ids[key], ctx.plugin, key, "credit", digests[key], now) for key in sorted(ids)]
    return {uuid_of(row[0]) for row in write_returning(ctx.scope, ctx.tenant.id, _OPERATIONS, rows)}


def _content(item: Credit) -> tuple[object, ...]:
    """Return what a credit is asked, as `CREDIT` declares it."""
    rule = None if item.rule is None else str(item.rule)
    return (
        item.named or item.member, item.asset, item.amount, item.reason, item.venue, item.occurred_at,
        item.expires_at, rule, item.rule_version,
    )  # fmt: skip


def _lock_all(journal: Journal, owners: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], Book]:
    books = lock_owned(journal, owners)
    missing = sorted(owners - books.keys(), key=lambda owner: (owner[0].int, owner[1]))
    if missing:
        open_accounts(journal, missing)
        books.update(lock_owned(journal, missing))
    return books
