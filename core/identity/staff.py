"""Staff accounts: sign-in with lock-out, passwords, venue scope."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import IntegrityError

from core import db, tenants
from core.contract.context import Context
from core.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unauthorized
from core.identity import passwords
from core.identity.models import Staff
from core.identity.permissions import checked_permissions, checked_venues, permission_set, stored, venue_set
from core.identity.roles import permissions_of
from core.identity.sessions import open_session, revoke_sessions_of

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{2,59}")
FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class StaffView:
    """A staff account; no venues means all."""

    id: UUID
    username: str
    name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    venues: frozenset[UUID]
    active: bool
    locked_until: datetime | None
    signed_in_at: datetime | None


def _view(row: Staff) -> StaffView:
    return StaffView(
        row.id,
        row.username,
        row.name,
        tuple(row.roles),
        permission_set(row.permissions),
        venue_set(row.venues),
        row.active,
        row.locked_until,
        row.signed_in_at,
    )


# --- accounts -----------------------------------------------------------------------------------------------


def create_staff(
    ctx: Context, username: str, password: str, name: str, roles: Sequence[str], venues: Iterable[UUID] = ()
) -> StaffView:
    """Create an account; no venues means all. Needs staff.edit; audited.

    Raises Invalid for a bad username, a weak password or an unknown role, Conflict for a username that is
    taken, Forbidden for permissions or venues that the actor does not have.
    """
    ctx.require("staff.edit")
    username = username.strip().lower()
    if not USERNAME.fullmatch(username) or not 1 <= len(name.strip()) <= 60:
        raise Invalid(
            "a username is 3 to 60 of a-z, 0-9, ., _, @ and -, with a name of at most 60 characters",
            "用户名或姓名不正确",
        )
    passwords.check_rules(username, password)
    permissions = checked_permissions(ctx, permissions_of(ctx, roles))
    venues = list(venues)
    for venue in venues:
        tenants.venue(ctx, venue)
    now = ctx.now()
    try:
        with db.savepoint():
            row = Staff.scoped(ctx).create(
                username=username,
                name=name.strip(),
                password=passwords.hash_password(password),
                roles=sorted(set(roles)),
                permissions=stored(permissions),
                venues=checked_venues(ctx, venues),
                password_changed_at=now,
                created_at=now,
            )
    except IntegrityError:
        raise Conflict(
            f"there is an account {username!r} already", f"账号 {username} 已存在", code="username_taken"
        ) from None
    ctx.audit("staff.created", str(row.id), {"username": username, "roles": sorted(set(roles))})
    return _view(row)


def staff(ctx: Context, staff_id: UUID) -> StaffView:
    """Return an account. Raises NotFound."""
    return _view(_row(ctx, staff_id))


def all_staff(ctx: Context) -> list[StaffView]:
    """Return every account, by username. Needs staff.view."""
    ctx.require("staff.view")
    return [_view(row) for row in Staff.scoped(ctx).select().order_by(Staff.username)]


def _row(ctx: Context, staff_id: UUID, *, lock: bool = False) -> Any:  # Any: peewee's row
    row = Staff.scoped(ctx).lock(Staff.id == staff_id) if lock else Staff.scoped(ctx).first(Staff.id == staff_id)
    if row is None:
        raise NotFound("no such staff account", "找不到员工账号")
    return row


def _may_govern(ctx: Context, row: Staff) -> None:
    """Refuse to change an account that may do more than oneself: it could be taken over by its password."""
    ctx.require("staff.edit")
    beyond = [code for code in permission_set(row.permissions) if not ctx.has(code)]
    venues = venue_set(row.venues)
    if beyond or (ctx.actor.venues and (not venues or not venues <= ctx.actor.venues)):
        raise Forbidden("this account may do more than yours", "该账号权限高于您", code="not_yours_to_give")


def set_staff_roles(ctx: Context, staff_id: UUID, roles: Sequence[str], venues: Iterable[UUID] = ()) -> StaffView:
    """Give an account other roles and venues, at once in every process. Needs staff.edit; audited."""
    row = _row(ctx, staff_id, lock=True)
    _may_govern(ctx, row)
    permissions = checked_permissions(ctx, permissions_of(ctx, roles))
    venues = list(venues)
    for venue in venues:
        tenants.venue(ctx, venue)
    Staff.scoped(ctx).update(
        roles=sorted(set(roles)), permissions=stored(permissions), venues=checked_venues(ctx, venues)
    ).where(Staff.id == row.id).execute()
    ctx.audit("staff.roles_set", str(row.id), {"roles": sorted(set(roles)), "venues": venues})
    return staff(ctx, staff_id)


def set_staff_active(ctx: Context, staff_id: UUID, active: bool) -> None:
    """Switch an account on or off; off ends its sessions at once. Needs staff.edit; audited."""
    row = _row(ctx, staff_id, lock=True)
    _may_govern(ctx, row)
    if not active and ctx.actor.kind == "staff" and ctx.actor.id == row.id:
        raise Conflict("you cannot switch your own account off", "不能停用自己的账号")
    Staff.scoped(ctx).update(active=active, failures=0, locked_until=None).where(Staff.id == row.id).execute()
    if not active:
        revoke_sessions_of(ctx, "staff", row.id)
    ctx.audit("staff.switched_on" if active else "staff.switched_off", str(row.id))


# --- signing in ---------------------------------------------------------------------------------------------


def sign_in_staff(ctx: Context, username: str, password: str, *, device: str = "") -> str:
    """Return a session token for a username and password. Audited.

    Five wrong passwords lock the account for 15 minutes, for the right one too. Raises Unauthorized, which
    does not say whether the username exists, and TooManyRequests while it is locked. A failure is counted
    although the caller's transaction is refused (the error is `kept`), so call this before writing
    anything.
    """
    now = ctx.now()
    query = Staff.scoped(ctx).select().where(Staff.username == username.strip().lower()[:60])
    row = (query.for_update() if db.dialect() == "postgresql" else query).first()  # guesses queue here, one by one
    if row is not None and row.locked_until is not None and now < row.locked_until:
        wait = int((row.locked_until - now).total_seconds()) + 1
        raise TooManyRequests(
            "too many wrong passwords: the account is locked for a while",
            "密码错误次数过多，账号已临时锁定",
            code="locked",
            retry_after=wait,
        )
    if not passwords.matches(row.password if row is not None else None, password) or not row.active:
        if row is not None:
            _count_failure(ctx, row)
        error = Unauthorized("the username or the password is wrong", "用户名或密码错误", code="bad_credentials")
        error.kept = True
        raise error
    values: dict[str, Any] = {"failures": 0, "locked_until": None, "signed_in_at": now}
    if passwords.outdated(row.password):
        values["password"] = passwords.hash_password(password)
    Staff.scoped(ctx).update(**values).where(Staff.id == row.id).execute()
    ctx.audit("staff.signed_in", str(row.id))
    return open_session(ctx, "staff", row.id, device=device)


def _count_failure(ctx: Context, row: Staff) -> None:
    failures = row.failures + 1
    locked = failures >= FAILURES
    Staff.scoped(ctx).update(
        failures=0 if locked else failures, locked_until=ctx.now() + LOCKED_FOR if locked else None
    ).where(Staff.id == row.id).execute()
    ctx.audit("staff.locked" if locked else "staff.sign_in_failed", str(row.id))


def change_password(ctx: Context, staff_id: UUID, old: str, new: str, *, keep: UUID | None = None) -> None:
    """Change one's own password; every session of the account ends, but for `keep`. Audited.

    Raises Unauthorized when the old one is wrong (which counts as a failed sign-in), Invalid when the new
    one is weak or the same.
    """
    row = _row(ctx, staff_id, lock=True)
    if row.locked_until is not None and ctx.now() < row.locked_until:
        raise TooManyRequests(
            "too many wrong passwords: the account is locked for a while", "账号已临时锁定", code="locked"
        )
    if not passwords.matches(row.password, old):
        _count_failure(ctx, row)
        error = Unauthorized("the present password is wrong", "原密码错误", code="bad_credentials")
        error.kept = True
        raise error
    if old == new:
        raise Invalid("the new password is the old one", "新密码不能与原密码相同", code="weak_password")
    _set_password(ctx, row, new, keep)
    ctx.audit("staff.password_changed", str(row.id))


def reset_password(ctx: Context, staff_id: UUID, new: str) -> None:
    """Give an account another password and unlock it; every session of it ends. Needs staff.edit; audited."""
    row = _row(ctx, staff_id, lock=True)
    _may_govern(ctx, row)
    _set_password(ctx, row, new, None)
    ctx.audit("staff.password_reset", str(row.id))


def _set_password(ctx: Context, row: Staff, new: str, keep: UUID | None) -> None:
    passwords.check_rules(row.username, new)
    Staff.scoped(ctx).update(
        password=passwords.hash_password(new), password_changed_at=ctx.now(), failures=0, locked_until=None
    ).where(Staff.id == row.id).execute()
    revoke_sessions_of(ctx, "staff", row.id, but=keep)
