"""What tests of core share beside the test kit."""

from collections.abc import Callable
from uuid import UUID

import pytest

from core.contract.context import Actor, Context
from core.ids import new_id


@pytest.fixture
def staff(tenant: Context) -> Callable[..., Context]:
    """Return a function that makes a context in which a staff account with these permissions acts."""

    def make(*permissions: str, venues: tuple[UUID, ...] = ()) -> Context:
        return tenant.acting(Actor("staff", new_id(), permissions=frozenset(permissions), venues=frozenset(venues)))

    return make
