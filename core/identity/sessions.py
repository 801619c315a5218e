"""Sessions: open, recognise, revoke. Recognising one is the hot path of every request: one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from core import db, presuming, tenants
from core.bulk import delete_some
from core.clock import local_date
from core.contract.context import Actor, Context, Services, Tenant
from core.errors import Unauthorized
from core.fields import as_time, as_uuid
from core.identity.models import OneTimeCode, Session, StaffAllowance
from core.identity.permissions import permission_set, venue_set
from core.identity.tokens import hash_token, new_token, read_token_text

MEMBER_IDLE = timedelta(days=30)
STAFF_IDLE = timedelta(hours=12)
SLIDE = timedelta(hours=1)  # a session in use is written at most this often
MOST_KNOWN = 1000  # staff sessions and keys of which a process remembers the row
FORGET = timedelta(days=30)  # how long a dead session stays to be looked at

# The actor's own row decides with the session's: a member who was erased and staff who were switched off
# are out at once, a merged member goes on as the survivor.
# Its end is looked at in Python: without statistics PostgreSQL takes the index on it, and reads every session.
_SESSION = db.Sql(
    "SELECT s.id, s.kind, s.expires_at, s.seen_at, t.version, COALESCE(m.merged_into, m.id),"
    " f.id, f.permissions, f.venues"
    " FROM session s JOIN tenant t ON t.id = s.tenant"
    " LEFT JOIN member m ON s.kind = 'member' AND m.tenant = s.tenant AND m.id = s.subject"
    " AND m.erased_at IS NULL"
    " LEFT JOIN staff f ON s.kind = 'staff' AND f.tenant = s.tenant AND f.id = s.subject AND f.active"
    " WHERE s.tenant = %s AND s.token = %s AND s.revoked_at IS NULL"
)
_KEY = db.Sql(
    "SELECT k.id, k.permissions, k.venues, k.seen_on, t.version"
    " FROM access_key k JOIN tenant t ON t.id = k.tenant"
    " WHERE k.tenant = %s AND k.token = %s AND k.revoked_at IS NULL"
)
_SLIDE = db.Sql("UPDATE session SET seen_at = %s, expires_at = %s WHERE tenant = %s AND id = %s AND revoked_at IS NULL")
_SEEN = db.Sql("UPDATE access_key SET seen_on = %s WHERE tenant = %s AND id = %s")


@dataclass(frozen=True, slots=True)
class Signed:
    """Who a token belongs to, and at which brand. `session` is None for an integration key."""

    tenant: Tenant
    actor: Actor
    session: UUID | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A sign-in as its owner sees it."""

    id: UUID
    device: str
    opened_at: datetime
    seen_at: datetime  # to the hour
    expires_at: datetime


def _idle(kind: str) -> timedelta:
    return STAFF_IDLE if kind == "staff" else MEMBER_IDLE


def open_session(ctx: Context, kind: Literal["member", "staff"], subject: UUID, *, device: str = "") -> str:
    """Sign somebody in and return the token; it is not stored and cannot be shown again.

    It lasts 30 days for a member and 12 hours for staff, from the last use.
    """
    token, now = new_token("rst", ctx.tenant.id, subject if kind == "member" else None), ctx.now()
    Session.scoped(ctx).insert(
        token=hash_token(token),
        kind=kind,
        subject=subject,
        device=device[:100],
        opened_at=now,
        seen_at=now,
        expires_at=now + _idle(kind),
    ).execute()
    return token


def _refused() -> Unauthorized:
    return Unauthorized("this session has ended or the token is not valid: sign in again", "登录已失效，请重新登录")


def authenticate(services: Services, token: str) -> Signed:
    """Return who a bearer token belongs to, by one statement.

    A session in use is kept alive by a second one, at most once an hour. Raises Unauthorized, without
    saying why: unknown, expired, revoked, switched off, erased.
    """
    read = read_token_text(token)
    if read is None:
        raise _refused()
    prefix, tenant_id, _ = read
    return (_by_session if prefix == "rst" else _by_key)(services, tenant_id, hash_token(token))


def presume(services: Services, token: str) -> Signed | None:
    """Return who a token is presumed to belong to; None where the database must be asked first.

    Only within `Presuming`: the same statement as of `authenticate` goes out before whatever is asked next, and what
    that gives is believed only when the session or key is still good, and whose it was presumed to be.
    """
    read = read_token_text(token)
    if read is None:
        return None
    prefix, tenant_id, member = read
    hashed, now = hash_token(token), services.clock.now()
    if member is not None:
        tenant = tenants.remembered(tenant_id)
        if tenant is None:
            return None
        version = tenant.version

        def good(rows: list[Any]) -> bool:
            return bool(rows) and rows[0][1] == "member" and rows[0][4:6] == (version, member) and _fresh(rows[0], now)

        presumed = Signed(tenant, Actor("member", member), None)
        return presumed if presuming.presume(tenant_id, _SESSION, (tenant_id, hashed), good) else None
    known = _known.get(hashed)
    if known is None or not (_fresh(known.row, now) if prefix == "rst" else _seen_today(known, now)):
        return None
    statement = _SESSION if prefix == "rst" else _KEY
    same = presuming.presume(tenant_id, statement, (tenant_id, hashed), lambda rows: rows == [known.row])
    return known.signed if same else None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a staff session or a key when it was last used here: presumed, never trusted."""

    row: tuple[Any, ...]  # Any: a driver's values
    signed: Signed


_known: dict[bytes, _Known] = {}


def _keep(hashed: bytes, row: tuple[Any, ...], signed: Signed) -> Signed:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[hashed] = _Known(row, signed)
    return signed


def _fresh(row: tuple[Any, ...], now: datetime) -> bool:
    """Tell whether a session's row is good and need not be written."""
    return row[2] > now and now - row[3] < SLIDE  # type: ignore[no-any-return]  # PostgreSQL's own instants


def _seen_today(known: _Known, now: datetime) -> bool:
    return str(known.row[3]) == local_date(now, known.signed.tenant.zone).isoformat()


def _by_session(services: Services, tenant_id: int, hashed: bytes) -> Signed:
    now = services.clock.now()
    row: Any = db.fetch_one(tenant_id, _SESSION, (tenant_id, hashed))
    if row is None:
        raise _refused()
    session, kind, expires_at, seen_at, version, member, staff, permissions, venues = row
    subject = as_uuid(member if kind == "member" else staff)
    ends = as_time(expires_at)
    if subject is None or ends is None or ends <= now:
        raise _refused()
    session = as_uuid(session)
    if now - (as_time(seen_at) or now) >= SLIDE:
        values = (now, now + _idle(kind), tenant_id, session)
        db.run_in_transaction(tenant_id, lambda: db.run(tenant_id, _SLIDE, values))
    tenant = tenants.by_id(tenant_id, version)
    if kind == "member":
        return Signed(tenant, Actor("member", subject), session)
    actor = Actor("staff", subject, permissions=permission_set(permissions), venues=venue_set(venues))
    return _keep(hashed, row, Signed(tenant, actor, session))


def _by_key(services: Services, tenant_id: int, hashed: bytes) -> Signed:
    row: Any = db.fetch_one(tenant_id, _KEY, (tenant_id, hashed))
    if row is None:
        raise _refused()
    key, permissions, venues, seen_on, version = row
    tenant = tenants.by_id(tenant_id, version)
    today = local_date(services.clock.now(), tenant.zone)
    if str(seen_on) != today.isoformat():
        db.run_in_transaction(tenant_id, lambda: db.run(tenant_id, _SEEN, (today, tenant_id, key)))
    actor = Actor("key", as_uuid(key), permissions=permission_set(permissions), venues=venue_set(venues))
    return _keep(hashed, row, Signed(tenant, actor, None))


def sessions_of(ctx: Context, kind: Literal["member", "staff"], subject: UUID) -> list[SessionView]:
    """Return where somebody is signed in, latest first."""
    rows = (
        Session.scoped(ctx)
        .select()
        .where(
            Session.kind == kind,
            Session.subject == subject,
            Session.revoked_at.is_null(),
            Session.expires_at > ctx.now(),
        )
    )
    return [
        SessionView(r.id, r.device, r.opened_at, r.seen_at, r.expires_at)
        for r in rows.order_by(Session.opened_at.desc())
    ]


def revoke_session(ctx: Context, session_id: UUID) -> bool:
    """End one session, at once in every process; False when it had ended."""
    open_ = (Session.id == session_id) & Session.revoked_at.is_null()
    return bool(Session.scoped(ctx).update(revoked_at=ctx.now()).where(open_).execute())


def revoke_sessions_of(
    ctx: Context, kind: Literal["member", "staff"], subject: UUID, *, but: UUID | None = None
) -> int:
    """End all sessions of somebody, at once in every process, but for one if asked; return how many."""
    query = Session.scoped(ctx).update(revoked_at=ctx.now())
    query = query.where(Session.kind == kind, Session.subject == subject, Session.revoked_at.is_null())
    return int((query.where(Session.id != but) if but is not None else query).execute())


def clean(ctx: Context) -> bool:
    """Delete some of what is past its keeping; tell whether more may be left.

    Sessions that ended, codes that died and counts of what staff did alone, each more than 30 days ago.
    """
    before = ctx.now() - FORGET
    counts = StaffAllowance.day < ctx.today() - FORGET
    ended = (Session.expires_at < before) | (Session.revoked_at < before)
    more = (
        delete_some(ctx, Session, ended),
        delete_some(ctx, OneTimeCode, OneTimeCode.expires_at < before),
        delete_some(ctx, StaffAllowance, counts),
    )
    return any(more)
