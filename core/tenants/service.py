"""Create tenants and venues, switch plugins on and off, keep their settings.

A process keeps one frozen `Tenant` for each tenant and configuration version; the version is read with every session
and every job's claim, so a switch takes effect at once everywhere.
"""

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peewee import IntegrityError
from pydantic import BaseModel, SecretStr, ValidationError

from core import db
from core.context import Context, Tenant
from core.errors import ConfigurationError, Conflict, Invalid, NotFound
from core.tenants.models import Tenant as TenantRow
from core.tenants.models import TenantPlugin, Venue

SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
SEALED = "$sealed"  # a secret setting is stored as {"$sealed": BASE64}
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


def plugin_states(ctx: Context) -> dict[str, TenantPlugin]:
    """Return the stored state of each plugin this tenant ever switched, by slug."""
    return {row.slug: row for row in TenantPlugin.scoped(ctx).select()}


def enable_plugin(ctx: Context, slug: str) -> None:
    """Switch a plugin on for this tenant, at once in every process. Idempotent; audited.

    Raises NotFound for one that is not installed, Conflict when a plugin it requires is off.
    """
    manifest = ctx.runtime.registry.manifest(slug)
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
        ctx.runtime.audit(ctx, "plugin.enabled", slug)


def disable_plugin(ctx: Context, slug: str) -> None:
    """Switch a plugin off for this tenant; its data stays. Idempotent; audited.

    Raises Conflict while another plugin that is on requires it, or while it has money or goods in flight (its own
    answer to the decision `may_switch_off`).
    """
    ctx.runtime.registry.manifest(slug)
    with ctx.transaction():
        states = plugin_states(ctx)
        if not (slug in states and states[slug].enabled):
            return
        users = sorted(
            m.slug
            for m in ctx.runtime.registry.manifests()
            if slug in m.requires and m.slug in states and states[m.slug].enabled
        )
        if users:
            raise Conflict(
                f"{', '.join(users)} need {slug}: switch them off first",
                f"请先停用：{', '.join(users)}",
                code="required_on",
            )
        ctx.runtime.dispatcher.decide(ctx, "may_switch_off", only=slug)
        TenantPlugin.scoped(ctx).update(enabled=False).where(TenantPlugin.slug == slug).execute()
        touch(ctx)
        ctx.runtime.audit(ctx, "plugin.disabled", slug)


# --- settings --------------------------------------------------------------------------------------------------------


def settings_values(ctx: Context, slug: str) -> dict[str, Any]:
    """Return what this tenant set for a plugin, without defaults and without secrets: those can only be written."""
    return {name: value for name, value in _stored(ctx, slug).items() if not _is_sealed(value)}


def settings_with_secrets(ctx: Context, slug: str) -> dict[str, Any]:
    """Return what this tenant set for a plugin, its secrets opened: for the plugin itself, never to be shown."""
    ring, tenant = ctx.runtime.keyring, ctx.tenant.id
    return {
        name: ring.open(tenant, _purpose(slug, name), base64.b64decode(value[SEALED])) if _is_sealed(value) else value
        for name, value in _stored(ctx, slug).items()
    }


def save_settings(ctx: Context, slug: str, values: dict[str, Any]) -> BaseModel:
    """Check and store this tenant's settings of a plugin; return them validated. Audited.

    A field of the type `SecretStr` is stored sealed. One that `values` leaves out keeps what was set, so that a form
    need not know it; an empty one takes it away. Raises Invalid with a path for each wrong value; nothing
    is stored then.
    """
    model = ctx.runtime.registry.settings_model(slug)
    with ctx.transaction():
        secrets = set(_secret_fields(model))
        held = {name: value for name, value in settings_with_secrets(ctx, slug).items() if name in secrets}
        try:
            checked = model.model_validate({**held, **values})
        except ValidationError as ex:
            raise Invalid(
                f"these settings of {slug} cannot be used",
                "设置有误",
                fields=[{"path": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in ex.errors()],
            ) from None
        stored = checked.model_dump(mode="json", exclude_unset=True, exclude=secrets)
        stored |= _sealed(ctx, slug, checked, secrets)
        if TenantPlugin.scoped(ctx).first(TenantPlugin.slug == slug):
            TenantPlugin.scoped(ctx).update(settings=stored).where(TenantPlugin.slug == slug).execute()
        else:
            TenantPlugin.scoped(ctx).create(slug=slug, enabled=False, settings=stored)
        touch(ctx)
        ctx.runtime.audit(ctx, "plugin.settings", slug, {"changed": sorted(stored)})
    return checked


def reseal_settings(ctx: Context) -> int:
    """Seal this tenant's secret settings with the newest key where they are not; return how many were. For rotation."""
    ring, changed = ctx.runtime.keyring, 0
    for row in TenantPlugin.scoped(ctx).select():
        values = dict(row.settings)
        for name, value in values.items():
            if _is_sealed(value) and ring.needs_rotation(base64.b64decode(value[SEALED])):
                clear = ring.open(ctx.tenant.id, _purpose(row.slug, name), base64.b64decode(value[SEALED]))
                fresh = ring.seal(ctx.tenant.id, _purpose(row.slug, name), clear)
                values[name] = {SEALED: base64.b64encode(fresh).decode()}
                changed += 1
        if values != row.settings:
            TenantPlugin.scoped(ctx).update(settings=values).where(TenantPlugin.slug == row.slug).execute()
    return changed


def _stored(ctx: Context, slug: str) -> dict[str, Any]:
    row = TenantPlugin.scoped(ctx).first(TenantPlugin.slug == slug)
    return dict(row.settings) if row else {}


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {SEALED}


def _purpose(slug: str, name: str) -> str:
    return f"{slug}.settings.{name}"


def _secret_fields(model: type[BaseModel]) -> Iterable[str]:
    for name, field in model.model_fields.items():
        if field.annotation is SecretStr:
            yield name
        elif "SecretStr" in str(field.annotation):  # nested, it would be stored as asterisks
            raise ConfigurationError(
                f"{model.__name__}.{name}: a secret setting is a plain SecretStr field of the model"
            )


def _sealed(ctx: Context, slug: str, checked: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    ring, found = ctx.runtime.keyring, {}
    for name in names:
        secret: SecretStr = getattr(checked, name)
        if name in checked.model_fields_set and secret.get_secret_value():
            sealed = ring.seal(ctx.tenant.id, _purpose(slug, name), secret.get_secret_value())
            found[name] = {SEALED: base64.b64encode(sealed).decode()}
    return found
