"""The rules that purchases earn by, in versions: so what one earned can be told, and reckoned again, at any time."""

from typing import Any

from plugins.purchases.models import PurchasesRules as Rules
from plugins.purchases.schemas import EarningRules, PurchaseSettings
from roost import Conflict, Context, new_id

RACES = 3
NAME = "purchases"  # as the ledger's entries call them


def current(ctx: Context) -> tuple[int, EarningRules]:
    """Return the version of the tenant's present rules, and the rules; what was changed becomes a new version."""
    settings = ctx.settings(PurchaseSettings)
    rules = EarningRules(**{name: getattr(settings, name) for name in EarningRules.model_fields})
    spec = rules.model_dump(mode="json")
    for _ in range(RACES):
        last = Rules.scoped(ctx).select().order_by(Rules.version.desc()).first()
        if last is not None and last.spec == spec:
            return last.version, rules
        version = last.version + 1 if last is not None else 1
        values: dict[str, Any] = {"id": new_id(), "version": version, "spec": spec, "since": ctx.now()}
        fresh = Rules.scoped(ctx).insert(**values).on_conflict_ignore().returning(Rules.id).execute()
        if list(fresh):
            return version, rules
    raise Conflict("the rules of earning are being changed at this moment: try again", "积分规则正在变更，请稍后重试")


def of_version(ctx: Context, version: int) -> EarningRules | None:
    """Return the rules of a version; None for what was recorded before versions were kept."""
    row = Rules.scoped(ctx).first(Rules.version == version) if version else None
    return None if row is None else EarningRules.model_validate(row.spec)
