"""Answer "why" and "why not" for one member, across plugins."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from core import members
from core.choices import in_words
from core.contract.context import Context
from core.errors import Conflict
from core.rewards import kinds
from core.rewards.models import RewardGrant, RewardItem
from core.rewards.specs import ConditionSpec, RewardSpec, WhyRow
from core.words import said


def describe(ctx: Context, wanted: RewardSpec) -> str:
    """Return a reward in words, in the locale of `ctx`; its kind's title where it does not fit any more."""
    try:
        _, kind = kinds.installed_reward(ctx, wanted.kind)
    except Conflict:
        return "Something of a plugin that is gone" if ctx.locale == "en" else "已卸载插件的奖励"
    try:
        return kind.describe(in_words(ctx, kind.spec.model_validate(wanted.spec)), ctx.locale)
    except ValidationError:
        return kind.title.in_(ctx.locale)


def describe_condition(ctx: Context, asked: ConditionSpec) -> str:
    """Return a condition in words, in the locale of `ctx`."""
    english = ctx.locale == "en"
    try:
        _, kind = kinds.condition(ctx, asked.kind)
    except Conflict:
        return "a question of a plugin that is off" if english else "已停用插件的条件"
    try:
        said = kind.explain(in_words(ctx, kind.spec.model_validate(asked.spec)), ctx.locale)
    except ValidationError:
        said = kind.title.in_(ctx.locale)
    return (f"not ({said})" if english else f"不满足“{said}”") if asked.negate else said


def why(ctx: Context, member: UUID, limit: int = 50) -> list[WhyRow]:
    """Return what was decided about a member, newest first: given, refused with the reason, taken back,
    noted.
    """
    member = members.resolve(ctx, member)
    merged = members.Member.scoped(ctx).select(members.Member.id).where(members.Member.merged_into == member)
    rows = list(
        RewardGrant.scoped(ctx)
        .select()
        .where(RewardGrant.member.in_([member, *(row.id for row in merged)]))
        .order_by(RewardGrant.at.desc(), RewardGrant.id.desc())
        .limit(limit)
    )
    items: dict[UUID, list[Any]] = defaultdict(list)
    wanted = [row.id for row in rows if row.key is not None]
    if wanted:
        for item in RewardItem.scoped(ctx).select().where(RewardItem.grant.in_(wanted)).order_by(RewardItem.position):
            items[item.grant].append(item)
    return [
        WhyRow(
            row.id,
            row.at,
            row.plugin,
            said(row.subject, ctx.locale),
            row.rule,
            row.rule_version,
            row.state,
            said(row.revoke_reason or row.reason, ctx.locale),
            row.evidence,
            row.cause,
            tuple(describe(ctx, RewardSpec(kind=i.kind, spec=i.spec)) for i in items[row.id]),
        )
        for row in rows
    ]
