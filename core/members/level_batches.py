"""Levels of many members at once: for a policy that judges a thousand movements in one delivery.

Core keeps the state; who deserves which level is the policy of a plugin. `set_levels` compares and sets: a
member whose level is no longer the one that was judged stays as they are. Lock first (`levels_of(…,
lock=True)`), then judge.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core import db
from core.bulk import any_of, plan_anew
from core.contract.context import Context
from core.contract.facts import Fact, LevelDown, LevelUp
from core.fields import uuid_of
from core.members.models import Member

ROWS = 5000  # ids of one statement
DEPTH = 8  # merges of merges that are followed

_READ = "SELECT id, level, merged_into, erased_at FROM member WHERE tenant = %s"
_SET = "UPDATE member SET level = %s WHERE tenant = %s AND level = %s"


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A member's move from one level to another.

    `passed` names each level reached on the way up, lowest first, the new one last. A `silent` change
    publishes nothing: the level that everybody begins with is not a rise.
    """

    member: UUID
    old: str
    new: str
    up: bool
    passed: tuple[str, ...] = ()
    silent: bool = False


def levels_of(ctx: Context, members: Iterable[UUID], *, lock: bool = False) -> dict[UUID, str]:
    """Return the level of each member by id.

    A merged member counts as who they became, an erased one is left out. With `lock` the rows stay locked,
    in the order of their ids, until the transaction ends.
    """
    found: dict[UUID, str] = {}
    wanted = sorted(set(members))
    plan_anew(ctx.scope)
    for _ in range(DEPTH):
        became: set[UUID] = set()
        for start in range(0, len(wanted), ROWS):
            condition, values = any_of("uuid", wanted[start : start + ROWS])
            text = f"{_READ} AND id {condition} ORDER BY id"
            statement = db.Sql(f"{text} FOR UPDATE" if lock else text, sqlite=text)
            for row in db.fetch_all(ctx.scope, statement, (ctx.tenant.id, *values)):
                if row[2] is not None:
                    became.add(uuid_of(row[2]))
                elif row[3] is None:
                    found[uuid_of(row[0])] = row[1]
        wanted = sorted(became - set(found))
        if not wanted:
            break
    return found


def merged_into(ctx: Context, members: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the records that were merged into some members, each with who it became."""
    found: dict[UUID, UUID] = {}
    wanted = sorted(set(members))
    plan_anew(ctx.scope)
    for start in range(0, len(wanted), ROWS):
        condition, values = any_of("uuid", wanted[start : start + ROWS])
        statement = db.Sql(f"SELECT id, merged_into FROM member WHERE tenant = %s AND merged_into {condition}")
        for merged, survivor in db.fetch_all(ctx.scope, statement, (ctx.tenant.id, *values)):
            found[uuid_of(merged)] = uuid_of(survivor)
    return found


def without_level(ctx: Context, limit: int) -> list[UUID]:
    """Return members who have no level yet, by id."""
    query = Member.scoped(ctx).select(Member.id).where(Member.level == "", Member.merged_into.is_null())
    return [row.id for row in query.where(Member.erased_at.is_null()).order_by(Member.id).limit(limit)]


def set_levels(ctx: Context, changes: Sequence[LevelChange]) -> list[LevelChange]:
    """Set levels in few statements and publish the facts; return the changes that took effect."""
    groups: dict[tuple[str, str], dict[UUID, LevelChange]] = defaultdict(dict)
    for change in changes:
        if change.old != change.new:
            groups[(change.old, change.new)][change.member] = change
    done: list[LevelChange] = []
    plan_anew(ctx.scope)
    for (old, new), group in sorted(groups.items()):
        ids = sorted(group)
        for start in range(0, len(ids), ROWS):
            condition, values = any_of("uuid", ids[start : start + ROWS])
            statement = db.Sql(f"{_SET} AND id {condition} RETURNING id")
            moved = db.fetch_all(ctx.scope, statement, (new, ctx.tenant.id, old, *values))
            done += [group[uuid_of(row[0])] for row in moved]
    facts: list[Fact] = [
        LevelUp(member=c.member, old=c.old, new=c.new, passed=c.passed)
        if c.up
        else LevelDown(member=c.member, old=c.old, new=c.new)
        for c in done
        if not c.silent
    ]
    if facts:
        ctx.publish(*facts)
    return done
