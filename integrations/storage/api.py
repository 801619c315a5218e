"""Addresses that carry their own permission, for files on our disk; and a check of the storage for staff."""

import io
from dataclasses import dataclass
from urllib.parse import quote

from integrations.storage.disk import GET, PUT, DiskStore, allowed_by
from integrations.storage.schemas import Checked, FileQuery, Received, StorageSettings
from integrations.storage.stores import store_of
from integrations.storage.values import ObjectMissing, StorageRefused, StorageUnavailable, is_shown, type_of
from roost import Answer, Context, Endpoints, Invalid, NotFound, Remote, Store, Upload, new_id

MOST_BYTES = 512 * 1024 * 1024  # of any upload through us; a ticket allows less
FORM = "multipart/form-data"
CACHE_SECONDS = 3600
# What is served here was made by a member: no scripts, no frames. The host says nosniff of every reply.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": f"private, max-age={CACHE_SECONDS}",
    "Referrer-Policy": "no-referrer",
}

public = Endpoints("public")
staff = Endpoints("staff")


@dataclass(frozen=True, slots=True)
class _Coming:
    store: DiskStore
    key: str
    least: int
    most: int
    data: Upload


class _Receive(Remote):
    """Take a file with a ticket; the ticket is the permission, and says size and type."""

    def prepare(self, ctx: Context, tenant: str, name: str, query: FileQuery, data: Upload) -> _Coming:  # type: ignore[override]  # the endpoint's own
        store, allowed = allowed_by(ctx, PUT, query.token, name)
        kind = data.content_type.partition(";")[0].strip().lower()
        if kind not in (FORM, allowed["t"]):
            raise Invalid(f"this ticket is for {allowed['t']}", f"文件类型应为 {allowed['t']}", code="wrong_type")
        least, most = allowed["n"]
        return _Coming(store, allowed["k"], least, most, data)

    def call(self, prepared: _Coming) -> int:
        """Write it to disk as it comes."""
        return prepared.store.write(prepared.key, prepared.data.chunks(), least=prepared.least, most=prepared.most)

    def complete(self, ctx: Context, prepared: _Coming, answer: int) -> Received:
        return Received(size=answer)


@public.put("/{tenant}/files/{name}", upload=MOST_BYTES, rate="6000/hour")
class PutFile(_Receive):
    """Upload a file as it is, with the address of a ticket and the content type it is for."""


@public.post("/{tenant}/files/{name}", upload=MOST_BYTES, rate="6000/hour")
class PostFile(_Receive):
    """Upload a file in a multipart form, as `wx.uploadFile` sends it, with the address of a ticket."""


@public.get("/{tenant}/files/{name}")
def get_file(ctx: Context, tenant: str, name: str, query: FileQuery) -> Answer:
    """Give a file to whoever has its address."""
    try:
        store, allowed = allowed_by(ctx, GET, query.token, name)
    except Invalid as ex:
        raise NotFound(ex.message, ex.message_zh, code=ex.code) from None
    path, kind = store.path(allowed["k"]), type_of(allowed["k"])
    if not path.is_file():
        raise ObjectMissing(allowed["k"])
    place = "inline" if is_shown(kind) else "attachment"
    shown = {**HEADERS, "Content-Disposition": f"{place}; filename*=UTF-8''{quote(name)}"}
    return Answer(200, content_type=kind, headers=shown, file=path)


@staff.post("/check", permission="storage.check", rate="20/hour")
class Check(Remote):
    """Write a small file to the storage, read it, and delete it again: say whether it works."""

    def prepare(self, ctx: Context) -> tuple[str, Store | None, str]:  # type: ignore[override]  # takes nothing
        backend = ctx.settings(StorageSettings).backend
        try:
            return backend, store_of(ctx), ""
        except StorageRefused as ex:
            return backend, None, ex.message_zh if ctx.locale == "zh" else ex.message

    def call(self, prepared: tuple[str, Store | None, str]) -> Checked:
        backend, store, detail = prepared
        if store is None:
            return Checked(backend=backend, works=False, detail=detail)
        key, said = f"check/{new_id().hex}.txt", b"roost"
        try:
            store.put(key, io.BytesIO(said), "text/plain")
            found = b"".join(store.stream(key))
            store.delete(key)
        except (StorageUnavailable, StorageRefused, ObjectMissing) as ex:
            return Checked(backend=backend, works=False, detail=ex.message)
        return Checked(backend=backend, works=found == said, detail="" if found == said else "read something else")

    def complete(self, ctx: Context, prepared: tuple[str, Store | None, str], answer: Checked) -> Checked:
        return answer
