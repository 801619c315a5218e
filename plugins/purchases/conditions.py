"""Questions about a member's purchases that any rule may ask. What was refunded in whole does not count."""

from datetime import timedelta
from uuid import UUID

from peewee import fn
from pydantic import Field

from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.schemas import MOST_FEN, Fen
from plugins.purchases.service import not_undone
from roost import Body, ConditionKind, Context, Text


class CountSpec(Body):
    """How many purchases; `least` 1 and `most` 1 together are "the first purchase"."""

    least: int = Field(1, ge=0, le=1_000_000)
    most: int | None = Field(None, ge=0, le=1_000_000)
    days: int | None = Field(None, ge=1, le=36_500, description="within days; none: ever · 最近天数，留空为不限")


class SpentSpec(Body):
    """How much was spent, refunds taken off."""

    least_fen: Fen = Field(100_00, description="at least, in fen · 至少（分）")
    most_fen: int | None = Field(None, ge=0, le=MOST_FEN)
    days: int | None = Field(None, ge=1, le=36_500, description="within days; none: ever · 最近天数，留空为不限")


def _totals(ctx: Context, member: UUID, days: int | None) -> tuple[int, int]:
    query = (
        Purchase.scoped(ctx)
        .select(fn.COUNT(Purchase.id), fn.COALESCE(fn.SUM(Purchase.amount_fen - Purchase.refunded_fen), 0))
        .where(Purchase.member == member, not_undone())
    )
    if days is not None:
        query = query.where(Purchase.occurred_at >= ctx.now() - timedelta(days=days))
    count, fen = query.tuples().first()
    return int(count), int(fen)


def _has_bought(ctx: Context, member: UUID, spec: CountSpec) -> tuple[bool, int]:
    count, _ = _totals(ctx, member, spec.days)
    return spec.least <= count and (spec.most is None or count <= spec.most), count


def _has_spent(ctx: Context, member: UUID, spec: SpentSpec) -> tuple[bool, int]:
    _, fen = _totals(ctx, member, spec.days)
    return spec.least_fen <= fen and (spec.most_fen is None or fen <= spec.most_fen), fen


def _say_count(spec: CountSpec, locale: str) -> str:
    if locale.startswith("en"):
        when = f" in {spec.days} days" if spec.days else ""
        return f"{_range(spec.least, spec.most, locale)} purchases{when}"
    return f"{f'近 {spec.days} 天' if spec.days else ''}消费 {_range(spec.least, spec.most, locale)} 笔"


def _say_spent(spec: SpentSpec, locale: str) -> str:
    most = None if spec.most_fen is None else spec.most_fen // 100
    if locale.startswith("en"):
        when = f" in {spec.days} days" if spec.days else ""
        return f"spent {_range(spec.least_fen // 100, most, locale)} yuan{when}"
    return f"{f'近 {spec.days} 天' if spec.days else ''}消费满 {_range(spec.least_fen // 100, most, locale)} 元"


def _range(least: int, most: int | None, locale: str) -> str:
    if most is None:
        return f"at least {least}" if locale.startswith("en") else f"至少 {least}"
    return str(least) if least == most else f"{least}–{most}"


KINDS = (
    ConditionKind("purchase_count", Text("消费笔数", "Number of purchases"), CountSpec, _has_bought, _say_count),
    ConditionKind("spent", Text("消费金额", "Money spent"), SpentSpec, _has_spent, _say_spent),
)
