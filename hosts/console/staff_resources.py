"""Staff accounts, roles and integration keys as resources. `core.identity` refuses what nobody may give."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from core import identity, tenants
from core.contract.console import Action, Column, Form, Resource
from core.contract.context import Context
from core.identity import AccessKey, Staff, StaffRole
from core.words import Text

Word = Annotated[str, Field(max_length=60)]


class StaffOut(BaseModel):
    """A staff account; no venues means all."""

    id: UUID
    username: str
    name: str
    roles: list[str]
    venues: list[UUID]
    active: bool
    locked_until: datetime | None
    signed_in_at: datetime | None
    created_at: datetime


class StaffIn(BaseModel):
    """An account to open."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(
        min_length=3,
        max_length=60,
        description="small letters, digits and . _ @ - · 小写字母、数字和 . _ @ -",
        json_schema_extra={"zh": "用户名", "en": "Username"},
    )
    name: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "姓名", "en": "Name"})
    password: SecretStr = Field(json_schema_extra={"zh": "初始密码", "en": "First password"})
    roles: list[Word] = Field(
        min_length=1, max_length=50, json_schema_extra={"zh": "角色", "en": "Roles", "source": "roles"}
    )
    venues: list[UUID] = Field(
        [],
        max_length=1000,
        description="none: all venues · 不选表示全部门店",
        json_schema_extra={"zh": "可见门店", "en": "Venues"},
    )


class StaffEdit(BaseModel):
    """What an account may do, and where."""

    model_config = ConfigDict(extra="forbid")

    roles: list[Word] = Field(max_length=50, json_schema_extra={"zh": "角色", "en": "Roles", "source": "roles"})
    venues: list[UUID] = Field(
        [],
        max_length=1000,
        description="none: all venues · 不选表示全部门店",
        json_schema_extra={"zh": "可见门店", "en": "Venues"},
    )


class PasswordIn(BaseModel):
    """A password to give an account."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr = Field(json_schema_extra={"zh": "新密码", "en": "New password"})


def _staff(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    named = {venue.id: venue.name for venue in tenants.venues(ctx)}
    shown = []
    for row in rows:
        values = {name: getattr(row, name) for name in StaffOut.model_fields if name != "venues"}
        venues = [UUID(text) for text in json.loads(row.venues)]
        shown.append({**values, "venues": venues, "venue_names": "、".join(named.get(v, str(v)) for v in venues)})
    return [{**one, "role_names": "、".join(one["roles"])} for one in shown]


def _create(ctx: Context, body: StaffIn) -> UUID:
    made = identity.create_staff(
        ctx, body.username, body.password.get_secret_value(), body.name, body.roles, body.venues
    )
    return made.id


def _edit(ctx: Context, staff: UUID, body: StaffEdit) -> None:
    identity.set_staff_roles(ctx, staff, body.roles, body.venues)


def _switch_off(ctx: Context, staff: UUID, body: None) -> None:
    identity.set_staff_active(ctx, staff, False)


def _switch_on(ctx: Context, staff: UUID, body: None) -> None:
    identity.set_staff_active(ctx, staff, True)


def _reset(ctx: Context, staff: UUID, body: PasswordIn) -> None:
    identity.reset_password(ctx, staff, body.password.get_secret_value())


STAFF = Resource(
    name="staff",
    title=Text("员工账号", "Staff"),
    model=Staff,
    reply=StaffOut,
    permission="staff.view",
    edit_permission="staff.edit",
    member=None,
    present=_staff,
    create=Form(StaffIn, _create),
    edit=Form(StaffEdit, _edit),
    actions=(
        Action("reset-password", Text("重置密码", "Reset password"), _reset, "staff.edit", form=PasswordIn),
        Action(
            "switch-off",
            Text("停用", "Switch off"),
            _switch_off,
            "staff.edit",
            shown=lambda row: bool(row.active),
        ),
        Action(
            "switch-on",
            Text("启用", "Switch on"),
            _switch_on,
            "staff.edit",
            shown=lambda row: not row.active,
        ),
    ),
    columns=(
        Column("username", Text("用户名", "Username"), filter=True),
        Column("name", Text("姓名", "Name")),
        Column("role_names", Text("角色", "Roles")),
        Column("venue_names", Text("可见门店", "Venues")),
        Column("active", Text("启用", "Active"), "bool", filter=True),
        Column("signed_in_at", Text("最近登录", "Last sign-in"), "time"),
        Column("locked_until", Text("锁定至", "Locked until"), "time", list=False),
        Column("created_at", Text("建立时间", "Created"), "time", list=False),
    ),
)


class RoleOut(BaseModel):
    """A named set of permissions."""

    id: UUID
    code: str
    name: str
    permissions: list[str]


class RoleIn(BaseModel):
    """A role to add."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1,
        max_length=60,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        json_schema_extra={"zh": "角色编码", "en": "Code"},
    )
    name: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "角色名称", "en": "Name"})
    permissions: list[Word] = Field(
        max_length=1000, json_schema_extra={"zh": "权限", "en": "Permissions", "source": "permissions"}
    )


class RoleEdit(BaseModel):
    """What a role is called and may do."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "角色名称", "en": "Name"})
    permissions: list[Word] = Field(
        max_length=1000, json_schema_extra={"zh": "权限", "en": "Permissions", "source": "permissions"}
    )


def _roles(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    known = identity.known_permissions(ctx)
    return [
        {
            "id": row.id,
            "code": row.code,
            "name": row.name,
            "permissions": list(row.permissions),
            "in_words": "、".join(known.get(code, code) for code in row.permissions),
        }
        for row in rows
    ]


def _add_role(ctx: Context, body: RoleIn) -> UUID:
    identity.save_role(ctx, body.code, body.name, body.permissions)
    return StaffRole.scoped(ctx).get(StaffRole.code == body.code).id  # type: ignore[no-any-return]  # untyped fields


def _edit_role(ctx: Context, role: UUID, body: RoleEdit) -> None:
    code = StaffRole.scoped(ctx).get(StaffRole.id == role).code
    identity.save_role(ctx, code, body.name, body.permissions)


ROLES = Resource(
    name="roles",
    title=Text("角色", "Roles"),
    model=StaffRole,
    reply=RoleOut,
    permission="staff.view",
    edit_permission="staff.edit",
    member=None,
    order="code",
    present=_roles,
    create=Form(RoleIn, _add_role),
    edit=Form(RoleEdit, _edit_role),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("code", Text("编码", "Code"), filter=True, list=False),
        Column("in_words", Text("权限", "Permissions")),
    ),
)


class KeyOut(BaseModel):
    """An integration key without its secret."""

    id: UUID
    name: str
    permissions: list[str]
    venues: list[UUID]
    created_at: datetime
    seen_on: date | None
    revoked_at: datetime | None


class KeyIn(BaseModel):
    """A key to make: what another system may do, and where."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1,
        max_length=60,
        description="which system uses it · 哪个系统使用",
        json_schema_extra={"zh": "名称", "en": "Name"},
    )
    permissions: list[Word] = Field(
        min_length=1,
        max_length=1000,
        json_schema_extra={"zh": "权限", "en": "Permissions", "source": "permissions"},
    )
    venues: list[UUID] = Field(
        [],
        max_length=1000,
        description="none: all venues · 不选表示全部门店",
        json_schema_extra={"zh": "可见门店", "en": "Venues"},
    )


def _keys(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    known = identity.known_permissions(ctx)
    shown = []
    for row in rows:
        permissions = list(json.loads(row.permissions))
        shown.append(
            {
                "permissions": permissions,
                "venues": [UUID(text) for text in json.loads(row.venues)],
                "in_words": "、".join(known.get(code, code) for code in permissions),
            }
        )
    return shown


def _revoke(ctx: Context, key: UUID, body: None) -> None:
    identity.revoke_key(ctx, key)


KEYS = Resource(
    name="keys",
    area="integrations",
    title=Text("接口密钥", "Access keys"),
    model=AccessKey,
    reply=KeyOut,
    permission="staff.view",
    edit_permission="staff.edit",
    member=None,
    present=_keys,
    actions=(
        Action(
            "revoke",
            Text("吊销", "Revoke"),
            _revoke,
            "staff.edit",
            shown=lambda row: row.revoked_at is None,
        ),
    ),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("in_words", Text("权限", "Permissions")),
        Column("created_at", Text("建立时间", "Created"), "time"),
        Column("seen_on", Text("最近使用", "Last used"), "date"),
        Column("revoked_at", Text("吊销时间", "Revoked"), "time"),
    ),
)
