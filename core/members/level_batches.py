"""Levels of many members at once: for a policy that judges a thousand movements in one delivery.

Core keeps the state; who deserves which level is the policy of a plugin. `set_levels` compares and sets: a
member whose level is no longer the one that was judged stays as they are. Lock first (`levels_of(…,
lock=True)`), then judge.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.contract.context import Context
from core.contract.facts import Fact, LevelDown, LevelUp
from core.db import dialect
from core.members.models import Member

ROWS = 500  # ids of one statement
DEPTH = 8  # merges of merges that are followed


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
    for _ in range(DEPTH):
        became: set[UUID] = set()
        for start in range(0, len(wanted), ROWS):
            query = (
                Member.scoped(ctx)
                .select(Member.id, Member.level, Member.merged_into, Member.erased_at)
                .where(Member.id.in_(wanted[start : start + ROWS]))
                .order_by(Member.id)
            )
            if lock and dialect() == "postgresql":
                query = query.for_update()
            for member, level, survivor, erased_at in query.tuples():
                if survivor is not None:
                    became.add(survivor)
                elif erased_at is None:
                    found[member] = level
        wanted = sorted(became - set(found))
        if not wanted:
            break
    return found


def merged_into(ctx: Context, members: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the records that were merged into some members, each with who it became."""
    found: dict[UUID, UUID] = {}
    wanted = sorted(set(members))
    for start in range(0, len(wanted), ROWS):
        query = Member.scoped(ctx).select(Member.id, Member.merged_into)
        rows = query.where(Member.merged_into.in_(wanted[start : start + ROWS])).tuples()
        found.update(dict(rows))
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
    for (old, new), group in sorted(groups.items()):
        ids = sorted(group)
        for start in range(0, len(ids), ROWS):
            update: Any = (  # Any: peewee's query builder
                Member.scoped(ctx)
                .update(level=new)
                .where(Member.id.in_(ids[start : start + ROWS]), Member.level == old)
                .returning(Member.id)
            )
            done += [group[row.id] for row in update.execute()]
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
