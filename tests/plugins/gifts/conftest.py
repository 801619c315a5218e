"""What tests of gifts share."""

from collections.abc import Callable
from typing import Any

import pytest

from core import members, points, tenants
from core.contract.context import Context
from core.ids import new_id
from core.members import MemberView
from plugins.gifts.models import GiftsClaim

ADDRESS = {"name": "李雷", "phone": "13800000000", "region": "上海市静安区", "detail": "南京西路 1 号"}


@pytest.fixture
def gifts(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    """Switch gifts on and return the context in which the plugin acts."""
    enable_plugin("gifts")
    return tenant.for_plugin("gifts")


@pytest.fixture
def claims(tenant: Context) -> Callable[..., list[GiftsClaim]]:
    """Return a function that reads a member's claims, oldest first."""

    def read(member: MemberView) -> list[GiftsClaim]:
        return list(GiftsClaim.scoped(tenant).select().where(GiftsClaim.member == member.id).order_by(GiftsClaim.id))

    return read


@pytest.fixture
def available(tenant: Context) -> Callable[[MemberView], int]:
    """Return a function that reads what points a member can spend."""

    def read(member: MemberView) -> int:
        with tenant.transaction():
            return points.balance(tenant, member.id).available

    return read


@pytest.fixture
def earn(tenant: Context, drain: Callable[[], int]) -> Callable[[MemberView, int], None]:
    """Return a function that gives a member growth and lets everybody hear of it."""

    def give(member: MemberView, amount: int) -> None:
        with tenant.transaction():
            points.credit(tenant, member.id, "growth", amount, key=str(new_id()), reason="purchase")
        drain()

    return give


@pytest.fixture
def convert(tenant: Context, drain: Callable[[], int]) -> Callable[..., None]:
    """Return a function that takes over a membership from the business software."""

    def become(member: MemberView, *, state: Any = "member", ctx: Context | None = None, **more: Any) -> None:
        ctx = ctx or tenant
        with ctx.transaction():
            members.set_membership(ctx, member.id, state=state, **more)
        drain()

    return become


@pytest.fixture
def shop(tenant: Context) -> tenants.Venue:
    """Return a venue."""
    with tenant.transaction():
        return tenants.add_venue(tenant, "001", "Centre")
