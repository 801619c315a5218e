"""Signing in and out: where a member is signed in; staff's way in with a password."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from core import identity
from core.contract.context import Context
from core.contract.rest import Endpoint, Endpoints
from core.errors import NotFound
from hosts.rest.core_api.me import own
from hosts.rest.core_api.schemas import Input

member = Endpoints("member", prefix="/v1/me", tag="me")
public = Endpoints("public", prefix="/admin/v1", tag="session")
staff = Endpoints("staff", prefix="/admin/v1", tag="session")


class SessionOut(BaseModel):
    """A sign-in."""

    id: UUID
    device: str
    opened_at: datetime
    seen_at: datetime = Field(description="to the hour")
    expires_at: datetime
    current: bool = Field(description="the one that asks")


class SessionsOut(BaseModel):
    """Where you are signed in, latest first."""

    items: list[SessionOut]


class SignInIn(Input):
    """A staff account's credentials."""

    username: str = Field(min_length=1, max_length=60)
    password: str = Field(min_length=1, max_length=200)
    device: str = Field("", max_length=100)


class TokenOut(BaseModel):
    """Send it as `Authorization: Bearer …`; it is not shown again."""

    token: str


class StaffMe(BaseModel):
    """Who the token belongs to, and what it may do."""

    id: UUID | None
    kind: str = Field(description="staff or key")
    username: str
    name: str
    permissions: list[str]
    venues: list[UUID] = Field(description="empty: all")


class PasswordIn(Input):
    """The password as it is and as it is to be."""

    old: str = Field(min_length=1, max_length=200)
    new: str = Field(min_length=1, max_length=200)


# --- members ---------------------------------------------------------------------------------------------------------


@member.post("/logout")
def log_out(ctx: Context, session: UUID | None) -> None:
    """End the session that asks."""
    if session is not None:
        identity.revoke_session(ctx, session)


@member.get("/sessions")
def list_sessions(ctx: Context, session: UUID | None) -> SessionsOut:
    """Return where you are signed in."""
    return SessionsOut(items=[_out(view, session) for view in identity.sessions_of(ctx, "member", own(ctx))])


@member.delete("/sessions")
def end_other_sessions(ctx: Context, session: UUID | None) -> None:
    """End every session but the one that asks."""
    identity.revoke_sessions_of(ctx, "member", own(ctx), but=session)


@member.delete("/sessions/{session_id}")
def end_session(ctx: Context, session_id: UUID) -> None:
    """End one of your sessions."""
    if all(view.id != session_id for view in identity.sessions_of(ctx, "member", own(ctx))):
        raise NotFound("you have no such session", "没有这个登录会话")
    identity.revoke_session(ctx, session_id)


def _out(view: identity.SessionView, current: UUID | None) -> SessionOut:
    return SessionOut(
        id=view.id,
        device=view.device,
        opened_at=view.opened_at,
        seen_at=view.seen_at,
        expires_at=view.expires_at,
        current=view.id == current,
    )


# --- staff -----------------------------------------------------------------------------------------------------------


@public.post("/session", rate="10/minute")
def sign_in(ctx: Context, body: SignInIn) -> TokenOut:
    """Sign a staff account in. Five wrong passwords lock it for a quarter of an hour."""
    return TokenOut(token=identity.sign_in_staff(ctx, body.username, body.password, device=body.device))


def read_staff_me(ctx: Context) -> StaffMe:
    """Return who you are and what you may do."""
    actor = ctx.actor
    account = identity.staff_account(ctx, actor.id) if actor.kind == "staff" and actor.id else None
    return StaffMe(
        id=actor.id,
        kind=actor.kind,
        username=account.username if account else "",
        name=account.name if account else "",
        permissions=sorted(actor.permissions),
        venues=sorted(actor.venues),
    )


def sign_out(ctx: Context, session: UUID | None) -> None:
    """End the session that asks."""
    if session is not None:
        identity.revoke_session(ctx, session)


def change_password(ctx: Context, body: PasswordIn, session: UUID | None) -> None:
    """Change your own password; your other sessions end."""
    if ctx.actor.kind != "staff" or ctx.actor.id is None:
        raise NotFound("an integration key has no password", "集成密钥没有密码")
    identity.change_password(ctx, ctx.actor.id, body.old, body.new, keep=session)


def _for_anyone(method: Any, path: str, function: Any, status: int, rate: str | None = None) -> None:
    """Declare what every account may do for itself, whatever its permissions."""
    staff.items.append(Endpoint(method, path, function, "staff", None, False, status, rate, "1.0"))


_for_anyone("GET", "/me", read_staff_me, 200)
_for_anyone("DELETE", "/session", sign_out, 204)
_for_anyone("PUT", "/me/password", change_password, 204, "10/minute")
