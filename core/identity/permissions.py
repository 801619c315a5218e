"""What staff and keys may be allowed: core's own permissions, and those that plugins' manifests declare."""

import json
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from core.contract.context import Context
from core.errors import Forbidden, Invalid

CORE_PERMISSIONS = {
    "members.view": "查看会员",
    "members.edit": "编辑会员",
    "members.code": "识别会员码（闸机）",
    "members.bar": "限制会员参加",
    "members.reveal": "查看完整手机号",
    "members.export": "导出会员数据",
    "members.merge": "合并会员",
    "members.erase": "注销会员",
    "points.view": "查看积分",
    "points.adjust": "调整积分",
    "rewards.view": "查看奖励",
    "rewards.approve": "收回奖励",
    "inventory.view": "查看库存",
    "inventory.edit": "调整库存",
    "venues.view": "查看门店",
    "venues.edit": "编辑门店",
    "plugins.view": "查看功能",
    "plugins.edit": "启用与设置功能",
    "staff.view": "查看员工账号",
    "staff.edit": "管理员工账号与密钥",
    "audit.view": "查看审计记录",
    "jobs.view": "查看任务",
    "jobs.replay": "重试失败任务",
}


def known_permissions(ctx: Context) -> dict[str, str]:
    """Return every permission that can be given, code to what staff read: core's, then each plugin's."""
    known = dict(CORE_PERMISSIONS)
    for manifest in ctx.services.registry.manifests():
        known.update(manifest.permissions)
    return known


def checked_permissions(ctx: Context, permissions: Iterable[str]) -> list[str]:
    """Return permissions sorted, each once.

    Raises Invalid for one that does not exist, Forbidden for one that the actor does not hold: nobody gives
    what he has not.
    """
    wanted = sorted(set(permissions))
    known = known_permissions(ctx)
    unknown = [code for code in wanted if code not in known]
    if unknown:
        raise Invalid(
            f"there is no permission {', '.join(unknown)[:200]}",
            f"没有权限 {', '.join(unknown)[:200]}",
            code="unknown_permission",
        )
    lacking = [code for code in wanted if not ctx.has(code)]
    if lacking:
        raise Forbidden(
            f"you cannot give {', '.join(lacking)}: you do not hold it yourself",
            f"不能授予自己没有的权限：{', '.join(lacking)}",
            code="not_yours_to_give",
        )
    return wanted


def checked_venues(ctx: Context, venues: Iterable[UUID]) -> str:
    """Return a venue scope as it is stored; empty is all venues.

    Raises Forbidden when it reaches beyond the actor's own.
    """
    wanted = set(venues)
    if ctx.actor.venues and (not wanted or not wanted <= ctx.actor.venues):
        raise Forbidden(
            "you cannot give more venues than your own",
            "不能授予超出自己范围的门店",
            code="not_yours_to_give",
        )
    return json.dumps(sorted(map(str, wanted)), separators=(",", ":"))


@lru_cache(maxsize=4096)
def permission_set(stored: str) -> frozenset[str]:
    """Return the permissions of a stored list: one frozenset per distinct list, whoever holds it."""
    return frozenset(json.loads(stored))


@lru_cache(maxsize=4096)
def venue_set(stored: str) -> frozenset[UUID]:
    """Return the venues of a stored list."""
    return frozenset(map(UUID, json.loads(stored)))


def stored(values: Iterable[str]) -> str:
    """Return values as their column holds them: a sorted JSON list."""
    return json.dumps(sorted(set(values)), separators=(",", ":"))
