"""Write an audit row, and read them for staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.audit.models import Audit
from core.contract.context import Context
from core.contract.rest import PageQuery
from core.paging import keyset
from core.privacy.masking import redact_phones

MOST = 100  # rows of a page


@dataclass(frozen=True, slots=True)
class AuditView:
    """One act as staff see it."""

    id: int
    at: datetime
    actor: str
    plugin: str
    action: str
    subject: str
    details: dict[str, Any]  # JSON values
    request_id: str
    cause: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A keyset page, newest first; `next_cursor` is None on the last."""

    items: list[AuditView]
    next_cursor: str | None


def _clean(value: Any) -> Any:  # Any: a JSON value
    """Mask phone numbers that people typed into a reason: no personal data stands in the trail."""
    if isinstance(value, str):
        return redact_phones(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def record(ctx: Context, action: str, subject: str = "", details: Mapping[str, Any] | None = None) -> None:
    """Write who did what to which subject, in the open transaction.

    `action` is `thing.done` ("member.merged"), `subject` an id or slug, `details` small values: ids, names
    of fields, amounts, a reason. Never personal data.
    """
    Audit.scoped(ctx).insert(
        at=ctx.now(),
        actor=str(ctx.actor)[:200],
        plugin=ctx.plugin,
        action=action,
        subject=redact_phones(subject)[:200],
        details=_clean(details or {}),
        request_id=ctx.request_id[:64],
        cause=ctx.cause[:100],
    ).execute()


def find(
    ctx: Context,
    *,
    action: str = "",
    subject: str = "",
    actor: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    page: PageQuery | None = None,
) -> AuditPage:
    """Return acts, newest first; needs audit.view.

    `action` may end in `*`. Raises Invalid for a bad cursor.
    """
    ctx.require("audit.view")
    query = Audit.scoped(ctx).select()
    if action:
        query = query.where(Audit.action.startswith(action[:-1]) if action.endswith("*") else Audit.action == action)
    if subject:
        query = query.where(Audit.subject == subject)
    if actor:
        query = query.where(Audit.actor == actor)
    if since is not None:
        query = query.where(Audit.at >= since)
    if until is not None:
        query = query.where(Audit.at < until)
    page = page or PageQuery()
    page = page.model_copy(update={"limit": max(1, min(page.limit, MOST))})
    rows, after = keyset(query, Audit.id, page)
    items = [
        AuditView(
            r.id,
            r.at,
            r.actor,
            r.plugin,
            r.action,
            r.subject,
            r.details,
            r.request_id,
            r.cause,
            r.block is not None,
        )
        for r in rows
    ]
    return AuditPage(items, after)
