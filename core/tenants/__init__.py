"""Tenants, their venues, which plugins are on for them, and those plugins' settings."""

from core.tenants.models import Tenant as TenantRow
from core.tenants.models import TenantPlugin, Venue
from core.tenants.service import (
    add_venue,
    all_tenants,
    by_host,
    by_id,
    by_slug,
    create_tenant,
    disable_plugin,
    enable_plugin,
    forget_cached,
    plugin_states,
    reseal_settings,
    save_settings,
    settings_values,
    settings_with_secrets,
    touch,
    venue,
    venues,
)

__all__ = [
    "TenantPlugin",
    "TenantRow",
    "Venue",
    "add_venue",
    "all_tenants",
    "by_host",
    "by_id",
    "by_slug",
    "create_tenant",
    "disable_plugin",
    "enable_plugin",
    "forget_cached",
    "plugin_states",
    "reseal_settings",
    "save_settings",
    "settings_values",
    "settings_with_secrets",
    "touch",
    "venue",
    "venues",
]
