"""The reward kinds that any rule of any plugin may name: `gift` and `voucher`."""

from typing import Any
from uuid import UUID

from plugins.gifts import claims
from plugins.gifts.schemas import GiftReward, VoucherReward
from roost import Context, RewardKind, Text


def _revoke(ctx: Context, member: UUID, spec: Any, receipt: dict[str, Any]) -> str | None:  # Any: either spec
    return claims.take_back(ctx, UUID(receipt["claim"]), "revoked")


def _voucher_words(spec: VoucherReward, locale: str) -> str:
    yuan = f"{spec.amount_fen / 100:g}"
    if not spec.amount_fen:
        return spec.name
    return f"{spec.name} ({yuan} yuan)" if locale.startswith("en") else f"{spec.name}（{yuan} 元）"


KINDS = (
    RewardKind(
        name="gift",
        title=Text("礼品", "Gift"),
        spec=GiftReward,
        grant=claims.offer,
        revoke=_revoke,
        describe=lambda spec, locale: f"gift {spec.gift}" if locale.startswith("en") else f"礼品 {spec.gift}",
    ),
    RewardKind(
        name="voucher",
        title=Text("券", "Voucher"),
        spec=VoucherReward,
        grant=claims.issue_voucher,
        revoke=_revoke,
        describe=_voucher_words,
    ),
)
