"""Integration keys: how another system signs in to `/admin/v1`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core import tenants
from core.contract.context import Context
from core.errors import Invalid, NotFound
from core.identity.models import AccessKey
from core.identity.permissions import checked_permissions, checked_venues, permission_set, stored, venue_set
from core.identity.tokens import hash_token, new_token


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key without its secret."""

    id: UUID
    name: str
    permissions: frozenset[str]
    venues: frozenset[UUID]
    created_at: datetime
    seen_on: date | None
    revoked: bool


def create_key(ctx: Context, name: str, permissions: Iterable[str], venues: Iterable[UUID] = ()) -> tuple[UUID, str]:
    """Return (id, token) of a fresh key; the token is shown this once. Needs staff.edit; audited.

    Raises Invalid for an unknown permission, Forbidden for permissions or venues that the actor does not
    have.
    """
    ctx.require("staff.edit")
    if not 1 <= len(name.strip()) <= 60:
        raise Invalid("a key has a name of 1 to 60 characters", "密钥名称需为 1 到 60 个字符")
    wanted, venues = checked_permissions(ctx, permissions), list(venues)
    for venue in venues:
        tenants.venue(ctx, venue)
    token = new_token("rsk", ctx.tenant.id)
    row = AccessKey.scoped(ctx).create(
        name=name.strip(),
        token=hash_token(token),
        permissions=stored(wanted),
        venues=checked_venues(ctx, venues),
        created_at=ctx.now(),
    )
    ctx.audit("key.created", str(row.id), {"name": name.strip(), "permissions": wanted})
    return row.id, token


def revoke_key(ctx: Context, key_id: UUID) -> None:
    """End a key, at once in every process. Needs staff.edit; audited. Raises NotFound."""
    ctx.require("staff.edit")
    open_ = (AccessKey.id == key_id) & AccessKey.revoked_at.is_null()
    if not AccessKey.scoped(ctx).update(revoked_at=ctx.now()).where(open_).execute():
        raise NotFound("no such key, or it is revoked already", "找不到密钥，或已吊销")
    ctx.audit("key.revoked", str(key_id))


def keys(ctx: Context) -> list[KeyView]:
    """Return the tenant's keys, oldest first. Needs staff.view."""
    ctx.require("staff.view")
    return [
        KeyView(
            k.id,
            k.name,
            permission_set(k.permissions),
            venue_set(k.venues),
            k.created_at,
            k.seen_on,
            k.revoked_at is not None,
        )
        for k in AccessKey.scoped(ctx).select().order_by(AccessKey.id)
    ]
