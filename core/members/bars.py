"""Keep a member out of one function (a draw, a flash sale), with a reason and an end."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.contract.context import Context
from core.errors import Forbidden, Invalid, NotFound
from core.members.finding import row_of
from core.members.models import MemberBar


@dataclass(frozen=True, slots=True)
class BarView:
    """A member kept out of one function. `until` is the last day, the tenant's date; None: for good."""

    id: UUID
    member: UUID
    function: str
    reason: str
    until: date | None
    barred_at: datetime


def bar(ctx: Context, member_id: UUID, function: str, reason: str, *, until: date | None = None) -> BarView:
    """Keep a member out of `function` until the end of a day; replaces what is in force. Audited."""
    if not 1 <= len(function) <= 60 or not reason.strip():
        raise Invalid("a bar names a function and a reason", "请填写功能和原因")
    if until is not None and until < ctx.today():
        raise Invalid(f"the end {until} has passed", "结束日期已过")
    row = row_of(ctx, member_id, lock=True)
    _lift(ctx, row.id, function)
    made = MemberBar.scoped(ctx).create(
        member=row.id, function=function, reason=reason.strip()[:200], until=until, barred_at=ctx.now()
    )
    ctx.audit("member.barred", str(row.id), {"function": function, "reason": reason, "until": until})
    return BarView(made.id, row.id, function, made.reason, until, made.barred_at)


def _lift(ctx: Context, member: UUID, function: str) -> int:
    open_ = (MemberBar.member == member) & (MemberBar.function == function) & MemberBar.lifted_at.is_null()
    return int(MemberBar.scoped(ctx).update(lifted_at=ctx.now()).where(open_).execute())


def lift_bar(ctx: Context, member_id: UUID, function: str, reason: str) -> None:
    """Let a member in again, after an appeal say. Raises NotFound when nothing is in force. Audited."""
    row = row_of(ctx, member_id, lock=True)
    if not bars(ctx, row.id, function) or not _lift(ctx, row.id, function):
        raise NotFound(f"this member is not barred from {function}", "该会员未被限制")
    ctx.audit("member.bar_lifted", str(row.id), {"function": function, "reason": reason})


def bars(ctx: Context, member_id: UUID, function: str = "") -> list[BarView]:
    """Return the bars in force today, of one function or of all."""
    member, today = row_of(ctx, member_id).id, ctx.today()
    query = (
        MemberBar.scoped(ctx)
        .select()
        .where(
            MemberBar.member == member,
            MemberBar.lifted_at.is_null(),
            MemberBar.until.is_null() | (MemberBar.until >= today),
        )
    )
    if function:
        query = query.where(MemberBar.function == function)
    return [BarView(b.id, b.member, b.function, b.reason, b.until, b.barred_at) for b in query.order_by(MemberBar.id)]


def require_not_barred(ctx: Context, member_id: UUID, function: str) -> None:
    """Raise Forbidden when a member is kept out of `function` today, and say until when."""
    held = bars(ctx, member_id, function)
    if held:
        until = held[0].until
        raise Forbidden(
            f"this member may not use this{f' until {until}' if until else ''}",
            f"该会员暂不能参与此活动{f'，{until} 后恢复' if until else ''}",
            code="barred",
            until=until.isoformat() if until else None,
        )
