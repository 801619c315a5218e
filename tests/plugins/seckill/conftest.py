"""A flash sale, and a provider of payments that lives in memory: the one of the tests of orders."""

import sys
from pathlib import Path

import pytest

from core.registry.registry import PluginsFile, Registry

PAYBOX = Path(__file__).parents[1] / "orders" / "paybox"


@pytest.fixture(scope="session")
def paybox_registry():
    """Load every installed plugin, and the payment method of the tests."""
    if str(PAYBOX.parent) not in sys.path:
        sys.path.insert(0, str(PAYBOX.parent))
    registry = Registry.load(PluginsFile())
    registry.add({"paybox": ("paybox", PAYBOX)}, strict=True)
    return registry


@pytest.fixture
def registry(paybox_registry):
    return paybox_registry


@pytest.fixture
def box(paybox_registry):
    """Return the provider, empty."""
    return sys.modules["paybox.box"].fresh()
