"""Working requests of media."""

import io
from typing import Any
from uuid import UUID

from plugins.media.models import MediaItem
from plugins.media.schemas import NewUpload
from plugins.media.uploads import begin, incoming, store_for
from roost import Actor, new_id
from tests.hosts.rest.working import Call, Maker, Stage

NEW = {"kind": "image", "size": 5, "content_type": "image/jpeg"}


def uploaded(stage: Stage, actor: Actor) -> Call:
    """Begin an upload and put the file where it belongs."""
    with stage.ctx.transaction():
        item, _ = begin(stage.ctx.acting(actor), NewUpload.model_validate(NEW))
    store_for(stage.ctx).put(f"{incoming(item)}/upload", io.BytesIO(b"words"), TYPE)
    return Call({"upload_id": item})


TYPE = "application/octet-stream"  # by the key, which has no suffix


def item(stage: Stage, state: str = "approved", *, of_owner: bool = True) -> UUID:
    """Make an item."""
    made = new_id()
    key = f"files/{made.hex}/view.webp"
    shown = {"view_webp": {"key": key, "type": "image/webp", "size": 1, "width": 1, "height": 1}}
    member = stage.owner.id if of_owner else stage.new_member().id
    with stage.ctx.transaction():
        MediaItem.scoped(stage.ctx).create(
            id=made, member=member, uploader=f"member:{member}", kind="image", scene="social", state=state,
            backend="disk", content_type="image/jpeg", size=5, variants=shown, ticket_until=stage.ctx.now(),
            created_at=stage.ctx.now(),
        )  # fmt: skip
    return made


def report(stage: Stage) -> Call:
    """Report somebody's item: anybody may."""
    return Call({"item_id": item(stage, of_owner=False)}, body={"reason": "privacy"}, shared=True)


def reported(stage: Stage) -> Call:
    """Name a report."""
    call = report(stage)
    stage.member("POST", f"/v1/media/items/{call.path['item_id']}/report", call.body)
    rows = stage.staff("GET", "/admin/v1/media/reports")["items"]
    return Call({"row_id": rows[0]["id"]})


def row(state: str, body: Any = None) -> Maker:
    """Return a maker of a staff call about an item."""
    return lambda stage: Call({"row_id": item(stage, state)}, body=body)


ITEMS = "/admin/v1/media/items/{row_id}"
WORKING: dict[str, Maker] = {
    "POST /v1/media/uploads": lambda stage: Call(body=NEW),
    "POST /admin/v1/media/uploads": lambda stage: Call(body=NEW),
    "POST /v1/media/uploads/{upload_id}/complete": lambda stage: uploaded(stage, Actor("member", stage.owner.id)),
    "POST /admin/v1/media/uploads/{upload_id}/complete": lambda stage: uploaded(
        stage, Actor("staff", stage.near.account.id)
    ),
    "GET /v1/media/items/{item_id}": lambda stage: Call({"item_id": item(stage)}),
    "DELETE /v1/media/items/{item_id}": lambda stage: Call({"item_id": item(stage)}),
    "POST /v1/media/items/{item_id}/report": report,
    f"GET {ITEMS}": row("review"),
    f"POST {ITEMS}/approve": row("review"),
    f"POST {ITEMS}/reject": row("review", {"note": "a stranger", "reason": "consent"}),
    f"POST {ITEMS}/delete": row("approved", {"reason": "asked to"}),
    "GET /admin/v1/media/reports/{row_id}": reported,
}
