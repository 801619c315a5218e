"""What the integrations' tests share."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.contract.context import Context
from core.registry.registry import PluginsFile
from hosts.cli.purging import purge_plugin


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load the integrations and what they require."""
    return PluginsFile(load=("purchases", "qinniao", "visits", "wechat"))


@pytest.fixture
def purge() -> Callable[[Context, str], None]:
    """Take a plugin's data of a tenant out, as `roost plugins purge` does once it is off."""

    def do(ctx: Context, slug: str) -> None:
        off = replace(ctx, tenant=replace(ctx.tenant, plugins=ctx.tenant.plugins - {slug}))
        purge_plugin(off, slug)

    return do
