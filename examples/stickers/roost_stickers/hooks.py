"""What the plugin hears and declares: each hook is one call."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from roost import Context, Endpoints, LevelUp, Resource, RewardKind, Text, hookimpl
from roost_stickers import api, console, service
from roost_stickers.schemas import StickerReward, StickerSettings


@hookimpl
def register_settings() -> type[StickerSettings]:
    """Declare the settings."""
    return StickerSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the member API."""
    return (api.member,)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the console's tables."""
    return (console.designs, console.owned)


def _grant(ctx: Context, member: UUID, spec: StickerReward, key: str) -> dict[str, Any]:
    return {"sticker": str(service.give(ctx, member, spec.design, key))}


def _revoke(ctx: Context, member: UUID, spec: StickerReward, receipt: dict[str, Any]) -> str | None:
    service.take_back(ctx, UUID(receipt["sticker"]))
    return None


def _describe(spec: StickerReward, locale: str) -> str:
    return f"sticker {spec.design}" if locale.startswith("en") else f"贴纸 {spec.design}"


@hookimpl
def register_rewards() -> Sequence[RewardKind]:
    """Let any rule give a sticker."""
    return (RewardKind("sticker", Text(zh="贴纸", en="Sticker"), StickerReward, _grant, _revoke, _describe),)


@hookimpl
def level_up(ctx: Context, fact: LevelUp) -> None:
    """Give the sticker for a level-up, if the brand chose one."""
    design = ctx.settings(StickerSettings).for_level_up
    if design:
        service.give(ctx, fact.member, design, f"level:{fact.event}")


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget the member's stickers."""
    service.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's stickers."""
    service.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's stickers."""
    return service.export(ctx, member)
