"""What waits for a second pair of eyes, and the two buttons."""

from typing import Any
from uuid import UUID

from core.errors import NotFound
from hosts.console import approvals
from hosts.console.core_resources import staff_names
from hosts.console.forms import form_words
from hosts.console.pages.rows import row_path
from hosts.console.resources import plugin_name
from hosts.console.showing import local_time
from hosts.console.web import Reply, Route, Visit

PATH = "/console/core/approvals"


def listing(visit: Visit) -> Reply:
    """Show what the account may decide on, and what it asked for itself."""
    ctx = visit.ctx
    waiting = approvals.waiting(ctx, visit.console.desks)
    decided = approvals.waiting(ctx, visit.console.desks, state="approved", most=20)
    names = staff_names(ctx, {w.row.requested_by for w in (*waiting, *decided) if w.row.requested_by})
    lines = [_line(visit, held, names) for held in waiting]
    return visit.page("approvals.html", title=visit.say("待审批"), lines=lines)


def _line(visit: Visit, held: approvals.Waiting, names: dict[UUID, str]) -> dict[str, Any]:
    row = held.row
    named = plugin_name(visit.console.runtime, row.plugin)
    body = {k: v for k, v in (row.body or {}).items() if k != "reason"}
    return {
        "id": str(row.id),
        "what": f"{named.in_(visit.locale)} · {held.action.title.in_(visit.locale)}",
        "row": row_path(held.desk, row.subject),
        "amount": f"{row.amount:,}",
        "body": form_words(visit.ctx, held.action.form, body, held.desk.resource.columns) if held.action.form else [],
        "reason": row.reason,
        "by": names.get(row.requested_by, "—") if row.requested_by else "—",
        "at": local_time(visit.ctx, row.requested_at),
        "own": row.requested_by == visit.ctx.actor.id,
    }


def decide(visit: Visit, *, approval_id: str, decision: str) -> Reply:
    """Approve or reject."""
    try:
        key = UUID(approval_id)
    except ValueError:
        raise NotFound("there is no such approval", "找不到该审批") from None
    if decision == "approve":
        approvals.approve(visit.ctx, visit.console.desks, key)
        return visit.go(PATH, visit.say("已批准并执行"))
    if decision != "reject":
        raise NotFound(f"there is no decision {decision}", "没有这个页面")
    approvals.reject(visit.ctx, visit.console.desks, key, visit.sent("reason"))
    return visit.go(PATH, visit.say("已驳回"))


ROUTES = (
    Route(PATH, get=listing),
    Route(PATH + "/{approval_id}/{decision}", post=decide),
)
