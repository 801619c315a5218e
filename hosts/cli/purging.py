"""Take a plugin's data of one tenant out of the database, into a file first."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import tenants
from core.contract import hookspecs
from core.contract.context import Context
from core.contract.plugin import Plugin
from core.errors import Conflict
from core.runtime import runtime_of


def purge_plugin(ctx: Context, slug: str) -> tuple[Path, int]:
    """Export and then delete what a plugin keeps for a tenant; return the file and how many rows are in it.

    The file, JSON lines that only its owner can read, is written whole before anything is deleted. Raises Conflict
    while the plugin is on.
    """
    plugin = runtime_of(ctx).registry.plugin(slug)
    if ctx.enabled(slug):
        raise Conflict(f"{slug} is on for {ctx.tenant.slug}: switch it off first", f"请先停用 {slug}")
    path = _new_file(ctx, slug)
    with ctx.transaction():
        rows = _export(ctx, plugin, path)
        runtime_of(ctx).dispatcher.lifecycle(ctx, hookspecs.purge_tenant, {}, only=slug)
        for model in reversed(plugin.models):
            model.scoped(ctx).delete().execute()
        tenants.forget_settings(ctx, slug)
        ctx.audit("plugin.purged", slug, {"rows": rows, "file": path.name})
    return path, rows


def _new_file(ctx: Context, slug: str) -> Path:
    folder = ctx.services.settings.var / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = ctx.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{ctx.tenant.slug}-{slug}-{stamp}.jsonl"
    path.touch(mode=0o600, exist_ok=False)
    return path


def _export(ctx: Context, plugin: Plugin, path: Path) -> int:
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        for model in plugin.models:
            for row in model.scoped(ctx).select().dicts().iterator():
                file.write(
                    json.dumps({"table": model._meta.table_name, "row": row}, default=_plain, ensure_ascii=False)
                )
                file.write("\n")
                rows += 1
    return rows


def _plain(value: Any) -> str:  # Any: whatever a column holds
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
