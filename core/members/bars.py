"""Keep a member out of one function (a draw, a flash sale), with a reason and an end."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from core.clock import local_date, local_day_end, local_time
from core.contract.context import Context
from core.errors import Forbidden, Invalid, NotFound
from core.members.finding import row_of
from core.members.models import MemberBar


@dataclass(frozen=True, slots=True)
class BarView:
    """A member kept out of one function, until the instant `ends_at`, which is on the tenant's day `until`.

    Both are None: for good.
    """

    id: UUID
    member: UUID
    function: str
    reason: str
    until: date | None
    barred_at: datetime
    ends_at: datetime | None


def bar(
    ctx: Context,
    member_id: UUID,
    function: str,
    reason: str,
    *,
    until: date | None = None,
    ends_at: datetime | None = None,
) -> BarView:
    """Keep a member out of `function` until the end of a day, or until an instant; replaces what is in force. Audited.

    Neither is for good. Raises Invalid for an end that has passed, and for both at once.
    """
    if not 1 <= len(function) <= 60 or not reason.strip():
        raise Invalid("a bar names a function and a reason", "请填写功能和原因")
    if ends_at is not None:
        if until is not None or ends_at <= ctx.now():
            raise Invalid(f"a bar ends on a day or at a later instant, not {until} {ends_at}", "结束时间有误")
        until = local_date(ends_at - timedelta(microseconds=1), ctx.tenant.zone)  # midnight is of the day before
    if until is not None and until < ctx.today():
        raise Invalid(f"the end {until} has passed", "结束日期已过")
    row = row_of(ctx, member_id, lock=True)
    _lift(ctx, row.id, function)
    made = MemberBar.scoped(ctx).create(
        member=row.id,
        function=function,
        reason=reason.strip()[:200],
        until=until,
        ends_at=ends_at,
        barred_at=ctx.now(),
    )
    ctx.audit("member.barred", str(row.id), {"function": function, "reason": reason, "until": until})
    return _view(ctx, made)


def _view(ctx: Context, row: MemberBar) -> BarView:
    ends_at = row.ends_at
    if ends_at is None and row.until is not None:
        ends_at = local_day_end(row.until, ctx.tenant.zone)
    return BarView(row.id, row.member, row.function, row.reason, row.until, row.barred_at, ends_at)


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
    """Return the bars in force now, of one function or of all."""
    member, today = row_of(ctx, member_id).id, ctx.today()
    query = (
        MemberBar.scoped(ctx)
        .select()
        .where(
            MemberBar.member == member,
            MemberBar.lifted_at.is_null(),
            MemberBar.until.is_null() | (MemberBar.until >= today),
            MemberBar.ends_at.is_null() | (MemberBar.ends_at > ctx.now()),
        )
    )
    if function:
        query = query.where(MemberBar.function == function)
    return [_view(ctx, row) for row in query.order_by(MemberBar.id)]


def require_not_barred(ctx: Context, member_id: UUID, function: str) -> None:
    """Raise Forbidden (`barred`) when a member is kept out of `function` now, and say from when no longer."""
    held = [bar.ends_at for bar in bars(ctx, member_id, function)]  # a merge may have brought a second one
    if held:
        raise barred(ctx, None if None in held else max(end for end in held if end is not None))


def barred(ctx: Context, ends_at: datetime | None) -> Forbidden:
    """Return the refusal (`barred`) of a member who is kept out until an instant; None: for good."""
    if ends_at is None:
        return Forbidden("you are kept out of this", "您暂不能参加，请联系门店", code="barred", until=None)
    local = local_time(ends_at, ctx.tenant.zone)
    return Forbidden(
        f"you are kept out of this until {local:%Y-%m-%d %H:%M}",
        f"您暂不能参加，{local:%Y-%m-%d %H:%M} 后恢复",
        code="barred",
        until=local.isoformat(),
    )
