"""Working requests of the storage."""

import io
from urllib.parse import parse_qs, urlsplit

from integrations.storage import store_of
from tests.hosts.rest.working import UPLOAD, Call, Maker, Stage


def upload(stage: Stage) -> Call:
    """Upload with a ticket."""
    key = f"notes/{stage.unique()}"
    ticket = store_of(stage.ctx).upload_ticket(key, content_type=UPLOAD, least=5, most=5, ttl=600)
    return _named(ticket.url, b"words")


def download(stage: Stage) -> Call:
    """Read what was stored."""
    store, key = store_of(stage.ctx), f"notes/{stage.unique()}.txt"
    store.put(key, io.BytesIO(b"words"), "text/plain")
    return _named(store.download_url(key, ttl=600), None)


def _named(url: str, data: bytes | None) -> Call:
    parts = urlsplit(url)
    _, _, _, tenant, _, name = parts.path.split("/")
    return Call({"tenant": tenant, "name": name}, query={"token": parse_qs(parts.query)["token"][0]}, data=data)


WORKING: dict[str, Maker] = {
    "PUT /v1/storage/{tenant}/files/{name}": upload,
    "POST /v1/storage/{tenant}/files/{name}": upload,
    "GET /v1/storage/{tenant}/files/{name}": download,
    "POST /admin/v1/storage/check": lambda stage: Call(),
}
