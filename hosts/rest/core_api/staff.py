"""Staff accounts, roles and integration keys. Nobody gives a permission or a venue that he does not have."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from core import identity
from core.contract.context import Context
from core.contract.rest import Endpoints
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1", tag="staff")

CODES: Any = Field(max_length=200, description="codes")
VENUES: Any = Field([], max_length=500, description="empty: all venues")


class StaffOut(BaseModel):
    """A staff account."""

    id: UUID
    username: str
    name: str
    roles: list[str]
    permissions: list[str]
    venues: list[UUID] = Field(description="empty: all")
    active: bool
    locked_until: datetime | None
    signed_in_at: datetime | None


class StaffListOut(BaseModel):
    """All accounts, by username."""

    items: list[StaffOut]


class StaffIn(Input):
    """A new account."""

    username: str = Field(min_length=3, max_length=60)
    password: str = Field(min_length=1, max_length=200)
    name: str = Field(min_length=1, max_length=60)
    roles: list[str] = CODES
    venues: list[UUID] = VENUES


class StaffChange(Input):
    """What to change; roles and venues go together."""

    active: bool | None = None
    roles: list[str] | None = Field(None, max_length=200)
    venues: list[UUID] = VENUES


class NewPassword(Input):
    """Another password for the account."""

    password: str = Field(min_length=1, max_length=200)


class RoleOut(BaseModel):
    """A named set of permissions."""

    code: str
    name: str
    permissions: list[str]


class RolesOut(BaseModel):
    """The roles, and every permission that can be given, with what staff read."""

    items: list[RoleOut]
    permissions: dict[str, str]


class RoleIn(Input):
    """A role as it is to be."""

    name: str = Field(min_length=1, max_length=60)
    permissions: list[str] = CODES


class KeyOut(BaseModel):
    """An integration key without its secret."""

    id: UUID
    name: str
    permissions: list[str]
    venues: list[UUID]
    created_at: datetime
    seen_on: date | None
    revoked: bool


class KeysOut(BaseModel):
    """The keys, oldest first."""

    items: list[KeyOut]


class KeyIn(Input):
    """A new key."""

    name: str = Field(min_length=1, max_length=60)
    permissions: list[str] = CODES
    venues: list[UUID] = VENUES


class NewKeyOut(BaseModel):
    """The token is shown this once."""

    id: UUID
    token: str


@group.get("/staff", permission="staff.view")
def list_staff(ctx: Context) -> StaffListOut:
    """List the staff accounts."""
    return StaffListOut(items=[_out(view) for view in identity.all_staff(ctx)])


@group.post("/staff", permission="staff.edit", status=201)
def create_staff(ctx: Context, body: StaffIn) -> StaffOut:
    """Create a staff account."""
    return _out(identity.create_staff(ctx, body.username, body.password, body.name, body.roles, body.venues))


@group.get("/staff/{staff_id}", permission="staff.view")
def read_staff(ctx: Context, staff_id: UUID) -> StaffOut:
    """Return a staff account."""
    return _out(identity.staff_account(ctx, staff_id))


@group.patch("/staff/{staff_id}", permission="staff.edit")
def change_staff(ctx: Context, staff_id: UUID, body: StaffChange) -> StaffOut:
    """Give an account other roles and venues, or switch it on or off; in force at once."""
    if body.roles is not None:
        identity.set_staff_roles(ctx, staff_id, body.roles, body.venues)
    if body.active is not None:
        identity.set_staff_active(ctx, staff_id, body.active)
    return _out(identity.staff_account(ctx, staff_id))


@group.put("/staff/{staff_id}/password", permission="staff.edit")
def reset_password(ctx: Context, staff_id: UUID, body: NewPassword) -> None:
    """Give an account another password; its sessions end."""
    identity.reset_password(ctx, staff_id, body.password)


@group.get("/roles", permission="staff.view")
def list_roles(ctx: Context) -> RolesOut:
    """List the roles and the permissions there are."""
    return RolesOut(items=[_role(view) for view in identity.roles(ctx)], permissions=identity.known_permissions(ctx))


@group.put("/roles/{code}", permission="staff.edit")
def save_role(ctx: Context, code: str, body: RoleIn) -> RoleOut:
    """Create or change a role; who has it gains or loses at once."""
    return _role(identity.save_role(ctx, code, body.name, body.permissions))


@group.get("/keys", permission="staff.view")
def list_keys(ctx: Context) -> KeysOut:
    """List the integration keys."""
    return KeysOut(
        items=[
            KeyOut(
                id=key.id,
                name=key.name,
                permissions=sorted(key.permissions),
                venues=sorted(key.venues),
                created_at=key.created_at,
                seen_on=key.seen_on,
                revoked=key.revoked,
            )
            for key in identity.keys(ctx)
        ]
    )


@group.post("/keys", permission="staff.edit", status=201)
def create_key(ctx: Context, body: KeyIn) -> NewKeyOut:
    """Create an integration key."""
    key_id, token = identity.create_key(ctx, body.name, body.permissions, body.venues)
    return NewKeyOut(id=key_id, token=token)


@group.delete("/keys/{key_id}", permission="staff.edit")
def revoke_key(ctx: Context, key_id: UUID) -> None:
    """End an integration key, at once in every process."""
    identity.revoke_key(ctx, key_id)


def _out(view: identity.StaffView) -> StaffOut:
    return StaffOut(
        id=view.id,
        username=view.username,
        name=view.name,
        roles=list(view.roles),
        permissions=sorted(view.permissions),
        venues=sorted(view.venues),
        active=view.active,
        locked_until=view.locked_until,
        signed_in_at=view.signed_in_at,
    )


def _role(view: identity.RoleView) -> RoleOut:
    return RoleOut(code=view.code, name=view.name, permissions=sorted(view.permissions))
