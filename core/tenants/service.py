"""Create tenants and venues, switch plugins on and off.

A process keeps one frozen `Tenant` for each tenant and configuration version; the version is read with every session
and every job's claim, so a switch takes effect at once everywhere.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import overload
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peewee import IntegrityError

from core import db
from core.contract import hookspecs
from core.contract.context import Context, Tenant
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.tenants.models import Tenant as TenantRow
from core.tenants.models import TenantPlugin, Venue

SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
_BY_SLUG = db.Sql("SELECT id, version FROM tenant WHERE slug = %s")
_cache: dict[int, Tenant] = {}


class _Deployment:
    scope = db.EVERY_TENANT


def create_tenant(
    slug: str,
    name: str,
    *,
    zone: str = "Asia/Shanghai",
    plugins: Iterable[str] = (),
    now: datetime,
    host: str | None = None,
) -> Tenant:
    """Create a brand with `plugins` on; return it. Raises Invalid for a bad slug or zone, Conflict when it exists."""
    if not SLUG.fullmatch(slug):
        raise Invalid(f"a tenant's slug is 2 to 40 of a-z, 0-9 and -, starting with a letter; not {slug!r}")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(f"{zone!r} is not an IANA time zone such as Asia/Shanghai") from None
    try:
        with db.transaction(db.EVERY_TENANT):
            row = TenantRow.create(slug=slug, name=name, zone=zone, host=host, created_at=now)
            for plugin in plugins:
                TenantPlugin.scoped(_Deployment).create(tenant=row.id, slug=plugin, enabled=True, enabled_at=now)
    except IntegrityError:
        raise Conflict(f"there is a tenant {slug!r} already", f"租户 {slug} 已存在") from None
    return _load(row)


def _load(row: TenantRow) -> Tenant:
    held = _cache.get(row.id)
    if held is not None and held.version == row.version:
        return held
    on = (
        TenantPlugin.scoped(_Deployment)
        .select(TenantPlugin.slug)
        .where(TenantPlugin.tenant == row.id, TenantPlugin.enabled == True)  # noqa: E712 -- a query expression
    )
    tenant = Tenant(row.id, row.slug, row.name, row.zone, row.version, frozenset(p.slug for p in on))
    _cache[row.id] = tenant
    return tenant


def forget_cached() -> None:
    """Drop what this process remembers of tenants; for a process that opens another database."""
    _cache.clear()


def remembered(tenant_id: int) -> Tenant | None:
    """Return the tenant as this process last read it: the database may know a later version."""
    return _cache.get(tenant_id)


def by_id(tenant_id: int, version: int | None = None) -> Tenant:
    """Return a tenant; with the `version` just read from a row, from memory when it is the one held."""
    held = _cache.get(tenant_id)
    if held is not None and held.version == version:
        return held
    row = TenantRow.get_or_none(TenantRow.id == tenant_id)
    if row is None:
        raise NotFound(f"no tenant {tenant_id}")
    return _load(row)


def by_slug(slug: str) -> Tenant:
    """Return the tenant of that slug, or raise NotFound."""
    found = db.database.obj.send(_BY_SLUG, (slug,)).fetchone()  # on the way of every callback; in any scope
    if found is None:
        raise NotFound(f"there is no tenant {slug!r}", f"没有租户 {slug}")
    return by_id(*found)


def by_host(host: str) -> Tenant | None:
    """Return the tenant that answers to a Host header, or None."""
    row = TenantRow.get_or_none(TenantRow.host == host)
    return _load(row) if row else None


def all_tenants() -> list[Tenant]:
    """Return every tenant, by number. For hosts."""
    return [_load(row) for row in TenantRow.select().order_by(TenantRow.id)]


def are_there() -> bool:
    """Tell whether the database has a tenant yet, also before it was migrated."""
    return bool(db.database.table_exists("tenant") and TenantRow.select().exists())


def touch(ctx: Context) -> None:
    """Move the tenant's configuration version: every process reads anew what it keeps by it (settings, listeners)."""
    TenantRow.update(version=TenantRow.version + 1).where(TenantRow.id == ctx.tenant.id).execute()


def add_venue(ctx: Context, code: str, name: str, region: str = "") -> Venue:
    """Add a shop; `code` is what the business software calls it. Raises Conflict when the code is taken."""
    if Venue.scoped(ctx).first(Venue.code == code):
        raise Conflict(f"there is a venue {code!r} already", f"门店编号 {code} 已存在")
    return Venue.scoped(ctx).create(code=code, name=name, region=region, created_at=ctx.now())  # type: ignore[no-any-return]


def venues(ctx: Context) -> list[Venue]:
    """Return the tenant's shops, by code."""
    return list(Venue.scoped(ctx).select().order_by(Venue.code))


def venue(ctx: Context, code_or_id: str | UUID) -> Venue:
    """Return a shop by its id or by the business software's code, or raise NotFound."""
    found = Venue.scoped(ctx).first(
        Venue.id == code_or_id if isinstance(code_or_id, UUID) else Venue.code == code_or_id
    )
    if found is None:
        raise NotFound(f"there is no venue {code_or_id}", f"没有门店 {code_or_id}")
    return found  # type: ignore[no-any-return]


@overload
def counter(ctx: Context, named: UUID) -> UUID: ...


@overload
def counter(ctx: Context, named: UUID | None) -> UUID | None: ...


def counter(ctx: Context, named: UUID | None) -> UUID | None:
    """Return the venue at whose counter the actor stands: the one they name, or the only one that is theirs.

    None is for who is held to none and names none. Raises Forbidden for another's, NotFound for one that there is not,
    Invalid (`venue_needed`) when they have several and name none.
    """
    if named is not None:
        if not ctx.covers(named):
            raise Forbidden("this venue is not yours", "不能为其他门店操作")
        return UUID(str(venue(ctx, named).id))
    if len(ctx.actor.venues) > 1:
        raise Invalid(
            "you work in several venues: say in which one",
            "您有多家门店，请选择其中一家",
            code="venue_needed",
            fields=[{"path": "body.venue", "message": "one of your venues"}],
        )
    return next(iter(ctx.actor.venues), None)


def plugin_states(ctx: Context) -> dict[str, TenantPlugin]:
    """Return the stored state of each plugin this tenant ever switched, by slug."""
    return {row.slug: row for row in TenantPlugin.scoped(ctx).select()}


def enable_plugin(ctx: Context, slug: str) -> None:
    """Switch a plugin on for this tenant, at once in every process. Idempotent; audited.

    Raises NotFound for one that is not installed, Conflict when a plugin it requires is off.
    """
    manifest = ctx.services.registry.manifest(slug)
    with ctx.transaction():
        states = plugin_states(ctx)
        off = [need for need in manifest.requires if not (states.get(need) and states[need].enabled)]
        if off:
            raise Conflict(
                f"{slug} needs {', '.join(off)}: switch them on first",
                f"请先启用：{', '.join(off)}",
                code="requires_off",
            )
        if slug in states and states[slug].enabled:
            return
        if slug in states:
            TenantPlugin.scoped(ctx).update(enabled=True, enabled_at=ctx.now()).where(
                TenantPlugin.slug == slug
            ).execute()
        else:
            TenantPlugin.scoped(ctx).create(slug=slug, enabled=True, enabled_at=ctx.now())
        touch(ctx)
        ctx.audit("plugin.enabled", slug)


def disable_plugin(ctx: Context, slug: str) -> None:
    """Switch a plugin off for this tenant; its data stays. Idempotent; audited.

    Raises Conflict while another plugin that is on requires it, or while it has money or goods in flight (its own
    answer to the decision `may_switch_off`).
    """
    ctx.services.registry.manifest(slug)
    with ctx.transaction():
        states = plugin_states(ctx)
        if not (slug in states and states[slug].enabled):
            return
        users = sorted(
            m.slug
            for m in ctx.services.registry.manifests()
            if slug in m.requires and m.slug in states and states[m.slug].enabled
        )
        if users:
            raise Conflict(
                f"{', '.join(users)} need {slug}: switch them off first",
                f"请先停用：{', '.join(users)}",
                code="required_on",
            )
        ctx.services.check(ctx, hookspecs.may_switch_off, {}, slug)
        TenantPlugin.scoped(ctx).update(enabled=False).where(TenantPlugin.slug == slug).execute()
        touch(ctx)
        ctx.audit("plugin.disabled", slug)
