"""Keep what a tenant sets for a plugin: checked by the plugin's model, its secrets sealed."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from core.contract import hookspecs
from core.contract.context import Context
from core.errors import ConfigurationError, Invalid
from core.tenants.models import TenantPlugin
from core.tenants.service import touch

SEALED = "$sealed"  # a secret setting is stored as {"$sealed": BASE64}


@dataclass(frozen=True, slots=True)
class SentTo:
    """Says of a secret setting which other ones name the server that it is sent to.

    `secret: Annotated[SecretStr, SentTo("base_url")]`: whoever changes one of them must know the secret and enter it
    again, so that nobody reads it by having it sent to a server of their own. Not for a secret that only signs.
    """

    fields: tuple[str, ...]

    def __init__(self, *fields: str) -> None:
        object.__setattr__(self, "fields", fields)


def settings_values(ctx: Context, slug: str) -> dict[str, Any]:
    """Return what this tenant set for a plugin, without defaults and without secrets: those can only be written."""
    return {name: value for name, value in _stored(ctx, slug).items() if not _is_sealed(value)}


def settings_with_secrets(ctx: Context, slug: str) -> dict[str, Any]:
    """Return what this tenant set for a plugin, its secrets opened: for the plugin itself, never to be shown."""
    ring, tenant = ctx.services.keyring, ctx.tenant.id
    return {
        name: ring.open(tenant, _purpose(slug, name), base64.b64decode(value[SEALED])) if _is_sealed(value) else value
        for name, value in _stored(ctx, slug).items()
    }


def save_settings(ctx: Context, slug: str, values: dict[str, Any]) -> BaseModel:
    """Check and store this tenant's settings of a plugin; return them validated. Audited.

    A field of the type `SecretStr` is stored sealed. One that `values` leaves out keeps what was set, so that a form
    need not know it; an empty one takes it away. Raises Invalid with a path for each wrong value, and for a secret
    left out while the server that it is sent to changes; Conflict when the plugin refuses (`may_change_settings`).
    Nothing is stored then.
    """
    model = ctx.services.registry.settings_model(slug)
    with ctx.transaction():
        secrets = dict(_secret_fields(model))
        before = settings_with_secrets(ctx, slug)
        held = {name: value for name, value in before.items() if name in secrets}
        try:
            checked = model.model_validate({**held, **values})
        except ValidationError as ex:
            raise Invalid(
                f"these settings of {slug} cannot be used",
                "设置有误",
                fields=[{"path": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in ex.errors()],
            ) from None
        unsaid = {name: secrets[name] for name in held if name not in values}
        _hold_to_their_servers(model, unsaid, before, checked)
        ctx.services.check(ctx, hookspecs.may_change_settings, {"settings": checked}, slug)
        stored = checked.model_dump(mode="json", exclude_unset=True, exclude=set(secrets))
        stored |= _sealed(ctx, slug, checked, secrets)
        if TenantPlugin.scoped(ctx).first(TenantPlugin.slug == slug):
            TenantPlugin.scoped(ctx).update(settings=stored).where(TenantPlugin.slug == slug).execute()
        else:
            TenantPlugin.scoped(ctx).create(slug=slug, enabled=False, settings=stored)
        touch(ctx)
        ctx.audit("plugin.gives.settings", slug, {"changed": sorted(stored)})
    return checked


def forget_settings(ctx: Context, slug: str) -> None:
    """Take away what this tenant set for a plugin, secrets included."""
    with ctx.transaction():
        TenantPlugin.scoped(ctx).update(settings={}).where(TenantPlugin.slug == slug).execute()
        touch(ctx)


def reseal_settings(ctx: Context) -> int:
    """Seal this tenant's secret settings with the newest key where they are not; return how many were. For rotation."""
    ring, changed = ctx.services.keyring, 0
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


def _secret_fields(model: type[BaseModel]) -> Iterator[tuple[str, SentTo]]:
    for name, field in model.model_fields.items():
        if field.annotation is SecretStr:
            sent_to = next((said for said in field.metadata if isinstance(said, SentTo)), SentTo())
            unknown = set(sent_to.fields) - set(model.model_fields)
            if unknown:
                raise ConfigurationError(f"{model.__name__}.{name} is sent to {sorted(unknown)}, which it has not")
            yield name, sent_to
        elif "SecretStr" in str(field.annotation):  # nested, it would be stored as asterisks
            raise ConfigurationError(
                f"{model.__name__}.{name}: a secret setting is a plain SecretStr field of the model"
            )


def _hold_to_their_servers(
    model: type[BaseModel], kept: Mapping[str, SentTo], before: Mapping[str, Any], now: BaseModel
) -> None:
    """Refuse to send a secret that was not entered again to another server than it was entered for."""
    said = now.model_dump(mode="json")
    wrong = []
    for name, sent_to in kept.items():
        for place in sent_to.fields:
            if said[place] != before.get(place, model.model_fields[place].default):
                wrong.append(
                    {"path": name, "message": f"{place} has changed: enter it again · {place} 已更改，请重新填写"}
                )
                break
    if wrong:
        raise Invalid(
            "a secret is entered again when the server that it is sent to changes",
            "更改服务器地址时须重新填写密钥",
            fields=wrong,
        )


def _sealed(ctx: Context, slug: str, checked: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    ring, found = ctx.services.keyring, {}
    for name in names:
        secret: SecretStr = getattr(checked, name)
        if name in checked.model_fields_set and secret.get_secret_value():
            sealed = ring.seal(ctx.tenant.id, _purpose(slug, name), secret.get_secret_value())
            found[name] = {SEALED: base64.b64encode(sealed).decode()}
    return found
