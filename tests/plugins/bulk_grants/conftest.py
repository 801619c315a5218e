"""What tests of bulk grants share."""

from collections.abc import Callable

import pytest

from core import points
from core.contract.context import Actor, Context
from core.ids import new_id
from core.members import MemberView


@pytest.fixture
def bulk(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    """Switch the plugin on and return the context in which it acts."""
    enable_plugin("bulk_grants")
    return tenant.for_plugin("bulk_grants")


@pytest.fixture
def somebody(bulk: Context) -> Callable[[], Context]:
    """Return a function that makes a context in which another member of staff acts."""
    return lambda: bulk.acting(Actor("staff", new_id()))


@pytest.fixture
def available(tenant: Context) -> Callable[[MemberView], int]:
    """Return a function that reads what points a member can spend."""

    def read(member: MemberView) -> int:
        with tenant.transaction():
            return points.balance(tenant, member.id).available

    return read
