"""Tenants, their venues, which plugins are on for them, and those plugins' settings.

- tenants: create_tenant, by_id, by_slug, by_host, remembered, all_tenants, touch, forget_cached
- venues: venue, venues, counter, add_venue, are_there
- plugins: enable_plugin, disable_plugin, plugin_states
- settings: settings_values, save_settings, settings_with_secrets, forget_settings, reseal_settings
"""

from core.tenants.models import Tenant as TenantRow
from core.tenants.models import TenantPlugin, Venue
from core.tenants.service import (
    add_venue,
    all_tenants,
    are_there,
    by_host,
    by_id,
    by_slug,
    counter,
    create_tenant,
    disable_plugin,
    enable_plugin,
    forget_cached,
    plugin_states,
    remembered,
    touch,
    venue,
    venues,
)
from core.tenants.settings import (
    SentTo,
    forget_settings,
    reseal_settings,
    save_settings,
    settings_values,
    settings_with_secrets,
)

__all__ = [
    "SentTo",
    "TenantPlugin",
    "TenantRow",
    "Venue",
    "add_venue",
    "all_tenants",
    "are_there",
    "by_host",
    "by_id",
    "by_slug",
    "counter",
    "create_tenant",
    "disable_plugin",
    "enable_plugin",
    "forget_cached",
    "forget_settings",
    "plugin_states",
    "remembered",
    "reseal_settings",
    "save_settings",
    "settings_values",
    "settings_with_secrets",
    "touch",
    "venue",
    "venues",
]
