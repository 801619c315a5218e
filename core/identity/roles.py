"""Roles: named sets of permissions. An account holds the union of its roles'."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core import db
from core.contract.context import Context
from core.errors import Forbidden, Invalid
from core.identity.models import Staff, StaffRole
from core.identity.permissions import checked_permissions, stored

CODE = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class RoleView:
    """A named set of permissions."""

    code: str
    name: str
    permissions: frozenset[str]


def save_role(ctx: Context, code: str, name: str, permissions: Iterable[str]) -> RoleView:
    """Create or change a role; every account that has it gains or loses at once. Needs staff.edit; audited.

    Raises Invalid for an unknown permission, Forbidden for one that the actor does not hold.
    """
    ctx.require("staff.edit")
    if not CODE.fullmatch(code) or not 1 <= len(name.strip()) <= 60:
        raise Invalid(
            "a role has a code of a-z, 0-9, ., _ and -, and a name of at most 60 characters",
            "角色编码或名称不正确",
        )
    wanted = checked_permissions(ctx, permissions)
    fresh = {"name": name.strip(), "permissions": wanted, "updated_at": ctx.now()}
    made = StaffRole.scoped(ctx).insert(code=code, **fresh).on_conflict_ignore().returning(StaffRole.id).execute()
    if not list(made):
        held = StaffRole.scoped(ctx).lock(StaffRole.code == code)
        taken = set(held.permissions) - set(wanted)
        if any(not ctx.has(permission) for permission in taken):
            raise Forbidden(
                "this role has permissions that you do not hold",
                "该角色包含您没有的权限",
                code="not_yours_to_give",
            )
        StaffRole.scoped(ctx).update(**fresh).where(StaffRole.id == held.id).execute()
        for row in Staff.scoped(ctx).select():
            if code in row.roles:
                _grant(ctx, row.id, row.roles)
    ctx.audit("role.saved", code, {"permissions": wanted})
    return RoleView(code, name.strip(), frozenset(wanted))


def roles(ctx: Context) -> list[RoleView]:
    """Return the tenant's roles, by code."""
    rows = StaffRole.scoped(ctx).select().order_by(StaffRole.code)
    return [RoleView(r.code, r.name, frozenset(r.permissions)) for r in rows]


def permissions_of(ctx: Context, codes: Sequence[str]) -> list[str]:
    """Return the union of some roles, locked: one that changes meanwhile is read before or after."""
    query = StaffRole.scoped(ctx).select().where(StaffRole.code.in_(list(codes) or [""])).order_by(StaffRole.id)
    found = list(query.for_update() if db.dialect() == "postgresql" else query)
    missing = sorted(set(codes) - {r.code for r in found})
    if missing:
        raise Invalid(
            f"there is no role {', '.join(missing)[:200]}",
            f"没有角色 {', '.join(missing)[:200]}",
            code="unknown_role",
        )
    return sorted({permission for r in found for permission in r.permissions})


def _grant(ctx: Context, staff: UUID, codes: Sequence[str]) -> None:
    Staff.scoped(ctx).update(permissions=stored(permissions_of(ctx, codes))).where(Staff.id == staff).execute()
