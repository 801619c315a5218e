"""Files on S3-compatible storage or on disk.

The face of the plugin. `store_of(ctx)` gives what a plugin keeps its files in, each plugin of each brand apart from all
others; one that does not require this asks `ctx.providers(Storage)`. A `Store` calls the outside world, so it is used
outside transactions (in the `call` of a `Remote`), but for `upload_ticket` and `download_url`, which only sign.
"""

from integrations.storage.stores import store_of
from integrations.storage.values import Backend, ObjectMissing, StorageRefused, StorageUnavailable
from roost import Stat, Store, Ticket

__all__ = [
    "Backend",
    "ObjectMissing",
    "Stat",
    "StorageRefused",
    "StorageUnavailable",
    "Store",
    "store_of",
    "Ticket",
]
