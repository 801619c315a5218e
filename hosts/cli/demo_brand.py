"""Make the demonstration brand: a process of its own, so that what it loads is gone before the hosts are measured."""

import sys

from core import boot, identity, tenants
from core.config import Settings
from core.contract.context import Context
from core.migrate import migrate
from hosts.cli import demo_story
from hosts.schema import all_components


def make_brand(wechat_url: str, qinniao_url: str) -> None:
    """Migrate, create the brand with every plugin it starts with, a head-office account, and point it at the fakes."""
    runtime = boot.start(Settings(), strict=True)
    migrate(all_components(runtime))
    tenant = tenants.create_tenant(
        demo_story.BRAND,
        "归巢健身",
        zone=demo_story.ZONE,
        plugins=runtime.registry.starts_with,
        now=runtime.clock.now(),
    )
    ctx = runtime.system(tenant, "demo")
    fill(ctx, wechat_url, qinniao_url)


def fill(ctx: Context, wechat_url: str, qinniao_url: str) -> None:
    """Give a brand its head-office account, and point it at the fakes."""
    with ctx.transaction():
        permissions = sorted(identity.known_permissions(ctx))
        identity.save_role(ctx, "head-office", "总部", permissions)
        identity.create_staff(ctx, demo_story.STAFF, demo_story.PASSWORD, "总部运营", ["head-office"])
        tenants.save_settings(ctx, "wechat", demo_story.wechat_settings(wechat_url))
        tenants.save_settings(ctx, "qinniao", demo_story.qinniao_settings(qinniao_url))


if __name__ == "__main__":
    make_brand(*sys.argv[1:])
