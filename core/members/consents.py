"""What a member agreed to: which policy, for what purpose, when and where; and the withdrawal."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.contract.context import Context
from core.errors import Invalid
from core.members.finding import row_of
from core.members.models import Consent

PURPOSE = re.compile(r"[a-z][a-z0-9_.]{0,39}")


@dataclass(frozen=True, slots=True)
class ConsentView:
    """The latest answer to one purpose."""

    purpose: str
    given: bool
    policy_version: str
    channel: str
    at: datetime


def _answer(ctx: Context, member_id: UUID, purpose: str, version: str, channel: str, given: bool) -> None:
    if not PURPOSE.fullmatch(purpose):
        raise Invalid("a purpose is 1 to 40 of a-z, 0-9, _ and .", "同意用途格式不正确")
    if len(version) > 40 or len(channel) > 40 or (given and not version):
        raise Invalid("a consent names the version of the policy, at most 40 characters", "请注明协议版本")
    row = row_of(ctx, member_id)
    if not (ctx.actor.kind == "member" and ctx.actor.id == row.id):
        ctx.require("members.edit")
    Consent.scoped(ctx).create(
        member=row.id, purpose=purpose, policy_version=version, given=given, channel=channel, at=ctx.now()
    )


def give_consent(ctx: Context, member_id: UUID, purpose: str, *, policy_version: str, channel: str = "") -> None:
    """Note that a member agreed to a purpose under a version of the policy."""
    _answer(ctx, member_id, purpose, policy_version, channel, True)


def withdraw_consent(ctx: Context, member_id: UUID, purpose: str, *, channel: str = "") -> None:
    """Note that a member took an agreement back: it holds from this moment."""
    held = consents(ctx, member_id).get(purpose)
    _answer(ctx, member_id, purpose, held.policy_version if held else "", channel, False)


def consents(ctx: Context, member_id: UUID) -> dict[str, ConsentView]:
    """Return a member's latest answer to every purpose they were asked about."""
    row = row_of(ctx, member_id)
    rows = Consent.scoped(ctx).select().where(Consent.member == row.id).order_by(Consent.at, Consent.id)
    return {c.purpose: ConsentView(c.purpose, c.given, c.policy_version, c.channel, c.at) for c in rows}


def answers(ctx: Context, ids: Iterable[UUID], purposes: Sequence[str]) -> dict[UUID, dict[str, ConsentView]]:
    """Return the latest answers of many members to some purposes, by the ids asked for, which are of survivors."""
    wanted = list(dict.fromkeys(ids))
    found: dict[UUID, dict[str, ConsentView]] = {member: {} for member in wanted}
    for start in range(0, len(wanted), 500):
        rows = (
            Consent.scoped(ctx)
            .select()
            .where(Consent.member.in_(wanted[start : start + 500]), Consent.purpose.in_(purposes))
            .order_by(Consent.at, Consent.id)
        )
        for c in rows:
            found[c.member][c.purpose] = ConsentView(c.purpose, c.given, c.policy_version, c.channel, c.at)
    return found


def has_consent(ctx: Context, member_id: UUID, purpose: str, *, policy_version: str = "") -> bool:
    """Tell whether a member agrees to a purpose; with `policy_version`, under exactly that one."""
    held = consents(ctx, member_id).get(purpose)
    return held is not None and held.given and policy_version in ("", held.policy_version)
