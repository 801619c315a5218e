"""Gift rules: what staff write, kept as rules of core's rewards; and the standard ones a tenant begins
with.
"""

from typing import Any
from uuid import UUID

from peewee import IntegrityError

from plugins.gifts import catalog
from plugins.gifts.models import GiftsGift, GiftsRule
from plugins.gifts.schemas import GiftIn, GiftSettings, RuleIn, State
from roost import Conflict, Context, new_id, rewards, savepoint

AS_JSON = {"states", "conditions", "rewards"}
EVERYONE: list[State] = ["lead", "member", "lapsed"]


def trigger_of(moment: str, level: str = "") -> str:
    """Return the name under which core keeps the rules of a moment; growth rules are kept by the level
    reached.
    """
    return f"growth:{level}" if moment == "growth" and level else moment


def _core_rule(body: RuleIn) -> rewards.RuleSpec:
    conditions = [rewards.ConditionSpec(kind="state", spec={"values": list(body.states)})]
    if body.level and body.moment != "growth":  # the level that was reached may be passed already
        conditions.append(rewards.ConditionSpec(kind="level", spec={"values": [body.level]}))
    return rewards.RuleSpec(
        name=body.name,
        trigger=trigger_of(body.moment, body.level),
        conditions=[*conditions, *body.conditions],
        rewards=[_at(body.moment, wanted) for wanted in body.rewards],
        limits=rewards.Limits(
            per_member=None if body.moment == "growth" else 1,  # once per level for life: GiftsOnce
            per_member_period="year" if body.moment == "birthday" else "life",
            total=body.total,
            budget_points=body.budget_points,
        ),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        active=body.active,
    )


def _at(moment: str, wanted: rewards.RewardSpec) -> rewards.RewardSpec:
    """Tell a gift or voucher at which moment it is given, so that its claim can say so."""
    if wanted.kind not in ("gift", "voucher"):
        return wanted
    return rewards.RewardSpec(kind=wanted.kind, spec={**wanted.spec, "moment": moment})


def _values(body: RuleIn) -> dict[str, Any]:
    return body.model_dump(exclude=AS_JSON) | body.model_dump(mode="json", include=AS_JSON)


def create(ctx: Context, body: RuleIn, *, standard: str | None = None) -> GiftsRule:
    """Save a new rule. Raises Invalid or Conflict for what cannot be given or asked."""
    with ctx.transaction():
        _check_gifts(ctx, body)
        saved = rewards.save_rule(ctx, _core_rule(body))
        return GiftsRule.scoped(ctx).create(  # type: ignore[no-any-return]  # peewee
            id=new_id(),
            rule=saved.id,
            version=saved.version,
            standard=standard,
            created_at=ctx.now(),
            **_values(body),
        )


def edit(ctx: Context, rule_id: UUID, body: RuleIn) -> GiftsRule:
    """Save a new version of a rule; grants keep the version they were made by."""
    with ctx.transaction():
        row = GiftsRule.scoped(ctx).lock(GiftsRule.id == rule_id)
        _check_gifts(ctx, body)
        saved = rewards.save_rule(ctx, _core_rule(body), row.rule)
        GiftsRule.scoped(ctx).update(version=saved.version, **_values(body)).where(GiftsRule.id == rule_id).execute()
        return GiftsRule.scoped(ctx).get(GiftsRule.id == rule_id)  # type: ignore[no-any-return]  # peewee


def _check_gifts(ctx: Context, body: RuleIn) -> None:
    """Refuse a rule whose gift does not exist, before a birthday finds out."""
    if body.active:
        for wanted in body.rewards:
            if wanted.kind == "gift":
                catalog.gift_by_code(ctx, str(wanted.spec.get("gift", "")))


# --- the standard ones ------------------------------------------------------------------------------------

STANDARD_GIFTS = (
    GiftIn(code="towel", name="运动毛巾", kind="physical", amount_fen=3900),
    GiftIn(code="bottle", name="运动水壶", kind="physical", amount_fen=8900),
    GiftIn(code="bag", name="健身包", kind="physical", amount_fen=19900),
)


def _points(amount: int) -> rewards.RewardSpec:
    return rewards.RewardSpec(kind="points", spec={"amount": amount})


def _gift(code: str) -> rewards.RewardSpec:
    return rewards.RewardSpec(kind="gift", spec={"gift": code})


def _voucher(name: str, amount_fen: int, days: int) -> rewards.RewardSpec:
    return rewards.RewardSpec(kind="voucher", spec={"name": name, "amount_fen": amount_fen, "valid_days": days})


STANDARD_RULES = {
    "new_member": RuleIn(
        name="新会员礼", moment="new_member", rewards=[_points(200), _voucher("新会员欢迎券", 5000, 30)]
    ),
    "growth_silver": RuleIn(
        name="银卡成长礼", moment="growth", level="silver", states=EVERYONE, rewards=[_gift("towel")]
    ),
    "growth_gold": RuleIn(name="金卡成长礼", moment="growth", level="gold", states=EVERYONE, rewards=[_gift("bottle")]),
    "growth_platinum": RuleIn(
        name="白金卡成长礼", moment="growth", level="platinum", states=EVERYONE, rewards=[_gift("bag")]
    ),
    "birthday_bronze": RuleIn(name="普卡生日礼", moment="birthday", level="bronze", rewards=[_points(50)]),
    "birthday_silver": RuleIn(name="银卡生日礼", moment="birthday", level="silver", rewards=[_points(100)]),
    "birthday_gold": RuleIn(
        name="金卡生日礼",
        moment="birthday",
        level="gold",
        rewards=[_points(200), _voucher("生日体验券", 5000, 30)],
    ),
    "birthday_platinum": RuleIn(
        name="白金卡生日礼",
        moment="birthday",
        level="platinum",
        rewards=[_points(500), _voucher("生日体验券", 10000, 30)],
    ),
}


def ensure_standard(ctx: Context) -> int:
    """Write the standard gifts and rules that this tenant never had; return how many rules are new.

    They are rows like any other from then on: staff change them, or switch them off.
    """
    if not ctx.settings(GiftSettings).standard_rules:
        return 0
    had = {row.standard for row in GiftsRule.scoped(ctx).select(GiftsRule.standard)}
    missing = [name for name in STANDARD_RULES if name not in had]
    if not missing:
        return 0
    codes = {row.code for row in GiftsGift.scoped(ctx).select(GiftsGift.code)}
    made = 0
    try:
        with savepoint():
            for gift in STANDARD_GIFTS:
                if gift.code not in codes:
                    catalog.define(ctx, gift)
            for name in missing:
                create(ctx, STANDARD_RULES[name], standard=name)
                made += 1
    except (Conflict, IntegrityError):  # another worker writes them at this moment
        return 0
    return made
