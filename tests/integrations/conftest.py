"""What the integrations' tests share."""

import pytest

from core.registry.registry import PluginsFile


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load the integrations and what they require."""
    return PluginsFile(load=("purchases", "qinniao", "visits", "wechat"))
