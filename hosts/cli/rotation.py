"""Bring everything sealed to the newest keys, after a new one was put before the old in ROOST_ENCRYPTION_KEYS."""

from functools import partial
from typing import Annotated

import typer

from core import members, tenants
from hosts.cli.session import note, open_runtime

Tenant = Annotated[str | None, typer.Option(help="The tenant's slug; default every tenant.")]


def rotate_keys(tenant: Tenant = None) -> None:
    """Start the rotation of keys; a worker does it, and the audit trail says `keys.rotated` when it is done.

    The old keys stay in the settings until then, and 72 hours longer for replies kept for their Idempotency-Key.
    """
    with open_runtime() as runtime:
        for one in [tenants.by_slug(tenant)] if tenant else tenants.all_tenants():
            ctx = runtime.system(one, "roost rotate-keys").caused_by("command:rotate-keys")
            ctx.run(partial(members.start_rotation, ctx))
            note(f"{one.slug}: the rotation is in the work table; the audit trail says when the old keys can go")
