"""The second pair of eyes: what waits for approval, and what an approver decides."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.contract.console import Action
from core.contract.context import Context
from core.errors import Conflict, Forbidden, NotFound
from core.words import Text
from hosts.console import keyset
from hosts.console.models import Approval
from hosts.console.resources import Desk, checked_reason, fingerprint

TITLE = Text("审批", "Approvals")
Desks = dict[tuple[str, str], Desk]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that waits for approval, or did."""

    row: Approval
    desk: Desk
    action: Action


def _action(desks: Desks, row: Approval) -> tuple[Desk, Action] | None:
    desk = desks.get((row.plugin, row.resource))
    action = next((a for a in desk.resource.actions if a.name == row.action), None) if desk else None
    return (desk, action) if desk is not None and action is not None else None


def may_see(ctx: Context, desk: Desk, action: Action, row: Approval) -> bool:
    """Tell whether an account may decide on an act: the act's own permission, and its venue."""
    within = not ctx.actor.venues or row.venue in ctx.actor.venues or desk.resource.venue is None
    return desk.visible(ctx) and ctx.has(action.permission) and within


def waiting(ctx: Context, desks: Desks, *, state: str = "pending", most: int = 200) -> list[Waiting]:
    """Return what the account may decide on, oldest first; nothing of plugins that are off."""
    rows = Approval.scoped(ctx).select().where(Approval.state == state).order_by(Approval.id).limit(most)
    found = []
    for row in rows:
        place = _action(desks, row)
        if place is not None and may_see(ctx, *place, row):
            found.append(Waiting(row, *place))
    return found


def open_one(ctx: Context, desks: Desks, approval_id: UUID) -> Waiting:
    """Return one act, locked until the transaction ends; NotFound when the account may not see it."""
    row = Approval.scoped(ctx).lock(Approval.id == approval_id)
    place = _action(desks, row)
    if place is None or not may_see(ctx, *place, row):
        raise NotFound(f"there is no approval {approval_id}", "找不到该审批")
    return Waiting(row, *place)


def body_of(held: Waiting) -> BaseModel | None:
    """Return the form of the act as it was sent."""
    form = held.action.form
    return None if form is None else form.model_validate(held.row.body or {})


def approve(ctx: Context, desks: Desks, approval_id: UUID) -> Any:
    """Run an act that waited, as its approver; return what it returned.

    Raises Forbidden for whoever asked for it, Conflict when it has been decided already or when what it stands on
    has changed since it was asked for: nobody approves what they were not shown.
    """
    held = _decide(ctx, desks, approval_id, "approved", "")
    row = held.row
    details = {
        "reason": row.reason,
        "approval": str(row.id),
        "requested_by": str(row.requested_by),
        "amount": row.amount,
    }
    key = keyset.read_key(held.desk.resource, row.subject)
    held.desk.lock(ctx, key, held.action)
    subject = held.desk.detail(ctx, key)
    if held.action.shown is not None and not held.action.shown(subject.stored):
        raise Conflict("the row has changed: this does not fit it any more", "记录状态已变化，不能再执行此操作")
    if fingerprint(subject.stored, held.action) != row.stood:
        raise Conflict(
            "the row has been changed since this was asked for: look at it, reject this, and have it asked for anew",
            "提交后内容已被修改，请核对后驳回并重新提交",
        )
    return held.desk.perform(ctx, subject.id, held.action, body_of(held), details)


def reject(ctx: Context, desks: Desks, approval_id: UUID, note: str) -> None:
    """Refuse an act that waits, with a reason; whoever asked for it may take it back this way."""
    note = checked_reason(note)
    held = _decide(ctx, desks, approval_id, "rejected", note)
    details = {"approval": str(approval_id), "reason": note}
    ctx.services.audit(
        ctx.for_plugin(held.desk.slug),
        f"{held.desk.code}.{held.action.name}.rejected",
        held.row.subject,
        details,
    )


def _decide(ctx: Context, desks: Desks, approval_id: UUID, state: str, note: str) -> Waiting:
    held = open_one(ctx, desks, approval_id)
    if held.row.state != "pending":
        raise Conflict("this has been decided already", "该申请已处理", state=held.row.state)
    if state == "approved" and (ctx.actor.kind != "staff" or ctx.actor.id == held.row.requested_by):
        raise Forbidden("somebody else must approve this", "须由另一位同事审批", code="second_person")
    Approval.scoped(ctx).update(state=state, decided_by=ctx.actor.id, decided_at=ctx.now(), note=note).where(
        Approval.id == approval_id
    ).execute()
    return held
