"""What the plugin hears and declares: each hook is one call."""

from typing import Any
from uuid import UUID

from roost import Context, Contribution, LevelUp, RewardKind, Text, hookimpl
from roost_stickers import api, console, service
from roost_stickers.schemas import StickerReward, StickerSettings


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=StickerSettings,
        endpoints=(api.member,),
        resources=(console.designs, console.owned),
        rewards=(RewardKind("sticker", Text("贴纸", "Sticker"), StickerReward, _grant, _revoke, _describe),),
    )


def _grant(ctx: Context, member: UUID, spec: StickerReward, key: str) -> dict[str, Any]:
    return {"sticker": str(service.give(ctx, member, spec.design, key))}


def _revoke(ctx: Context, member: UUID, spec: StickerReward, receipt: dict[str, Any]) -> str | None:
    service.take_back(ctx, UUID(receipt["sticker"]))
    return None


def _describe(spec: StickerReward, locale: str) -> str:
    return f"sticker {spec.design}" if locale.startswith("en") else f"贴纸 {spec.design}"


@hookimpl
def level_up(ctx: Context, fact: LevelUp) -> None:
    """Give the sticker for a level-up, if the brand chose one."""
    design = ctx.settings(StickerSettings).for_level_up
    if design:
        service.give(ctx, fact.member, design, f"level:{fact.event}")


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Leave one sticker worn; the runtime moves them all, as `StickersOwned.member_rows` says."""
    service.keep_one_worn(ctx, member, merged)
