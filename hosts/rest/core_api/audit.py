"""Who did what."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from core import audit
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1/audit", tag="audit")


class AuditQuery(Input):
    """What to look for; `action` may end in `*`."""

    action: str = Field("", max_length=80)
    subject: str = Field("", max_length=200)
    actor: str = Field("", max_length=200)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AuditOut(BaseModel):
    """One act."""

    id: int
    at: datetime
    actor: str
    plugin: str
    action: str
    subject: str
    details: dict[str, Any]
    request_id: str
    cause: str
    sealed: bool = Field(description="part of a hash-chained block")


@group.get("", permission="audit.view")
def list_audit(ctx: Context, query: AuditQuery, page: PageQuery) -> Listing[AuditOut]:
    """List acts, newest first."""
    found = audit.find(
        ctx,
        action=query.action,
        subject=query.subject,
        actor=query.actor,
        since=query.since,
        until=query.until,
        page=page,
    )
    items = [AuditOut.model_validate(row, from_attributes=True) for row in found.items]
    return Listing[AuditOut](items=items, next_cursor=found.next_cursor)
