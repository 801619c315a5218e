"""The store of a tenant, by its settings."""

import importlib
from typing import TYPE_CHECKING

from integrations.storage.disk import DiskStore
from integrations.storage.schemas import StorageSettings
from integrations.storage.values import Backend, StorageRefused
from roost import Context, Store, egress

if TYPE_CHECKING:
    from integrations.storage.s3 import S3Store


def store_of(ctx: Context, *, backend: Backend | None = None, plugin: str | None = None) -> Store:
    """Return where `ctx.plugin` keeps its files for the tenant: by the settings, or where they were put before.

    The value may be used outside the transaction. In a request it waits `request_seconds` for the storage, once. Raises
    StorageRefused when the S3 storage is not set up.
    """
    settings = ctx.settings(StorageSettings)
    whose = plugin or ctx.plugin
    return _s3(ctx, settings, whose) if (backend or settings.backend) == "s3" else DiskStore(ctx, whose)


def _s3(ctx: Context, settings: StorageSettings, plugin: str) -> "S3Store":
    if not (settings.endpoint and settings.bucket and settings.access_key and settings.secret_key.get_secret_value()):
        raise StorageRefused(
            "the S3 storage is not set up: endpoint, bucket, access key and secret are needed",
            "S3 存储尚未配置：需要服务地址、存储桶与密钥",
            code="storage_not_configured",
        )
    # The library takes 30 MB, which a brand that keeps its files on disk should not pay for: so only here.
    module = importlib.import_module("integrations.storage.s3")
    hasty = settings.request_seconds if ctx.request_id else 0
    store: S3Store = module.S3Store(settings, f"t{ctx.tenant.id}/{plugin}", egress.policy(ctx), hasty)
    return store
