"""Which plugins are on for the brand, and their settings."""

from typing import Any

from pydantic import BaseModel, Field, SecretStr

from core import tenants
from core.contract.context import Context
from core.contract.rest import Endpoints
from core.words import Text
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1/plugins", tag="plugins")


class PluginOut(BaseModel):
    """An installed plugin."""

    slug: str
    name: Text
    summary: Text
    version: str
    requires: list[str]
    enabled: bool


class PluginsOut(BaseModel):
    """What is installed."""

    items: list[PluginOut]


class SettingsOut(BaseModel):
    """A plugin's settings for this brand, defaults filled in and secrets left out, and their JSON schema."""

    values: dict[str, Any]
    schema_: dict[str, Any] = Field(serialization_alias="schema")


class SettingsIn(Input):
    """All values that differ from the defaults; a secret that is left out stays, an empty one goes."""

    values: dict[str, Any]


@group.get("", permission="plugins.view")
def list_plugins(ctx: Context) -> PluginsOut:
    """List the installed plugins and which of them are on."""
    return PluginsOut(items=[_out(ctx, manifest.slug) for manifest in ctx.services.registry.manifests()])


@group.get("/{slug}", permission="plugins.view")
def read_plugin(ctx: Context, slug: str) -> PluginOut:
    """Return one plugin."""
    return _out(ctx, slug)


@group.post("/{slug}/enable", permission="plugins.edit")
def enable_plugin(ctx: Context, slug: str) -> PluginOut:
    """Switch a plugin on, at once in every process; 409 while one it requires is off."""
    tenants.enable_plugin(ctx, slug)
    return _out(ctx, slug, enabled=True)


@group.post("/{slug}/disable", permission="plugins.edit")
def disable_plugin(ctx: Context, slug: str) -> PluginOut:
    """Switch a plugin off; its data stays. 409 while another needs it, or it has money or goods in flight."""
    tenants.disable_plugin(ctx, slug)
    return _out(ctx, slug, enabled=False)


@group.get("/{slug}/settings", permission="plugins.view")
def read_settings(ctx: Context, slug: str) -> SettingsOut:
    """Return a plugin's settings."""
    model = ctx.services.registry.settings_model(slug)
    values = model.model_validate(tenants.settings_values(ctx, slug))
    return _settings(values)


@group.put("/{slug}/settings", permission="plugins.edit")
def save_settings(ctx: Context, slug: str, body: SettingsIn) -> SettingsOut:
    """Replace a plugin's settings; in force at once in every process."""
    return _settings(tenants.save_settings(ctx, slug, body.values))


def _settings(values: BaseModel) -> SettingsOut:
    """Return settings without secrets: sent back as they are shown, they would be overwritten with asterisks."""
    model = type(values)
    secret = {name for name, field in model.model_fields.items() if field.annotation is SecretStr}
    return SettingsOut(values=values.model_dump(mode="json", exclude=secret), schema_=model.model_json_schema())


def _out(ctx: Context, slug: str, *, enabled: bool | None = None) -> PluginOut:
    manifest = ctx.services.registry.manifest(slug)
    return PluginOut(
        slug=slug,
        name=manifest.name,
        summary=manifest.summary,
        version=manifest.version,
        requires=list(manifest.requires),
        enabled=ctx.enabled(slug) if enabled is None else enabled,
    )
