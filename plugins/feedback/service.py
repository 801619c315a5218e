"""A case from the first word to the end.

new ──take──▶ working ──reply──▶ replied ──solve──▶ solved ──7 days──▶ closed
 └──reply──────────────────────────▲  ▲              │
                 a member's answer ┘  └──── reopen ──┘
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.feedback import pictures, surveys
from plugins.feedback.hookspecs import FeedbackEscalated, FeedbackReceived, FeedbackReplied
from plugins.feedback.models import FeedbackCase, FeedbackMessage
from plugins.feedback.schemas import Compensation, FeedbackSettings, NewCase, Said
from roost import Conflict, Context, Invalid, points, tenants

OPEN = ("new", "working", "replied")
BATCH = 500


def open_case(ctx: Context, member: UUID, new: NewCase) -> FeedbackCase:
    """Write down a member's feedback.

    Raises NotFound for an unknown venue, Conflict with too many cases open, Invalid for a picture that is not theirs.
    """
    settings, now = ctx.settings(FeedbackSettings), ctx.now()
    tenants.venue(ctx, new.venue)
    mine = FeedbackCase.scoped(ctx).select().where(FeedbackCase.member == member, FeedbackCase.state.in_(OPEN))
    if mine.count() >= settings.open_cases:
        raise Conflict(
            "please wait for an answer to your earlier feedback", "请等待之前的反馈处理完成", code="too_many_open"
        )
    case: FeedbackCase = FeedbackCase.scoped(ctx).create(
        member=member,
        reply_by=now + timedelta(hours=settings.reply_hours),
        solve_by=now + timedelta(hours=settings.solve_hours),
        created_at=now,
        **new.model_dump(exclude={"pictures"}),
    )
    pictures.attach(ctx, case.id, member, new.pictures)
    ctx.publish(FeedbackReceived(member=member, case=case.id, venue=case.venue))
    return case


def of_member(ctx: Context, member: UUID, case: UUID) -> FeedbackCase:
    """Return a member's own case, or raise NotFound."""
    row: FeedbackCase = FeedbackCase.scoped(ctx).get(FeedbackCase.id == case, FeedbackCase.member == member)
    return row


def messages(ctx: Context, cases: list[UUID], *, internal: bool) -> dict[UUID, list[FeedbackMessage]]:
    """Return what was said in some cases, oldest first; staff's own notes only with `internal`."""
    found: dict[UUID, list[FeedbackMessage]] = {case: [] for case in cases}
    if cases:
        query = FeedbackMessage.scoped(ctx).select().where(FeedbackMessage.case.in_(cases))
        query = query if internal else query.where(FeedbackMessage.internal == False)  # noqa: E712 -- a query expression
        for row in query.order_by(FeedbackMessage.id):
            found[row.case].append(row)
    return found


def _lock(ctx: Context, case: UUID) -> FeedbackCase:
    row: FeedbackCase = FeedbackCase.scoped(ctx).lock(FeedbackCase.id == case)
    return row


def _set(ctx: Context, case: FeedbackCase, **values: object) -> None:
    FeedbackCase.scoped(ctx).update(**values).where(FeedbackCase.id == case.id).execute()


def _say(ctx: Context, case: FeedbackCase, text: str, *, internal: bool = False) -> None:
    author = ctx.actor.kind if ctx.actor.kind in ("member", "staff") else "system"
    FeedbackMessage.scoped(ctx).create(
        case=case.id,
        author=author,
        staff=ctx.actor.id if author == "staff" else None,
        internal=internal,
        text=text,
        created_at=ctx.now(),
    )


# --- the member ------------------------------------------------------------------------------------------------------


def answer(ctx: Context, member: UUID, case_id: UUID, text: str) -> None:
    """Add a member's word to an open case; staff owe an answer again."""
    of_member(ctx, member, case_id)
    case = _lock(ctx, case_id)
    if case.state not in OPEN:
        raise Conflict("this case has ended; reopen it first", "反馈已结束，请先重新打开", code="ended")
    _say(ctx, case, text)
    if case.state == "replied":
        hours = ctx.settings(FeedbackSettings).reply_hours
        _set(ctx, case, state="working", reply_by=ctx.now() + timedelta(hours=hours), reply_late=False)


def reopen(ctx: Context, member: UUID, case_id: UUID, text: str) -> None:
    """Take up a solved case again. Raises Conflict past the days for it."""
    of_member(ctx, member, case_id)
    case = _lock(ctx, case_id)
    settings, now = ctx.settings(FeedbackSettings), ctx.now()
    in_time = case.solved_at is not None and now <= case.solved_at + timedelta(days=settings.reopen_days)
    if case.state not in ("solved", "closed") or not in_time:
        raise Conflict(
            f"a case can be reopened within {settings.reopen_days} days of being solved",
            f"解决后 {settings.reopen_days} 天内可重新打开",
            code="too_late",
        )
    _set(
        ctx,
        case,
        state="working",
        solved_at=None,
        reopened=case.reopened + 1,
        escalated=False,
        reply_late=False,
        solve_late=False,
        reply_by=now + timedelta(hours=settings.reply_hours),
        solve_by=now + timedelta(hours=settings.solve_hours),
    )
    _say(ctx, case, text)


def rate(ctx: Context, member: UUID, case_id: UUID, score: int) -> None:
    """Keep the member's score of a solved case; it may be given once."""
    of_member(ctx, member, case_id)
    case = _lock(ctx, case_id)
    if case.state not in ("solved", "closed"):
        raise Conflict("a case is rated once it is solved", "解决后才能评分", code="not_solved")
    if case.score is not None:
        raise Conflict("this case has been rated", "已评分", code="rated")
    _set(ctx, case, score=score)


# --- staff -----------------------------------------------------------------------------------------------------------


def take(ctx: Context, case_id: UUID, body: None) -> None:
    """Accept a case (受理)."""
    case = _lock(ctx, case_id)
    if case.state != "new":
        raise Conflict(f"this case is {case.state} already", "已受理")
    _set(ctx, case, state="working", handler=ctx.actor.id)


def reply(ctx: Context, case_id: UUID, body: Said) -> None:
    """Answer the member. Raises Conflict when the case has ended."""
    _reply(ctx, case_id, body, state="replied")


def _reply(ctx: Context, case_id: UUID, body: Said, **values: object) -> FeedbackCase:
    case = _lock(ctx, case_id)
    if case.state not in OPEN:
        raise Conflict("this case has ended", "反馈已结束", code="ended")
    _say(ctx, case, body.text)
    _set(ctx, case, reply_by=None, handler=case.handler or ctx.actor.id, **values)
    ctx.publish(FeedbackReplied(member=case.member, case=case.id))
    return case


def note(ctx: Context, case_id: UUID, body: Said) -> None:
    """Add a note that only staff see."""
    _say(ctx, _lock(ctx, case_id), body.text, internal=True)


def solve(ctx: Context, case_id: UUID, body: Said) -> None:
    """Say how it was solved; the member may rate it, or reopen it, and is put a survey."""
    case = _reply(ctx, case_id, body, state="solved", solved_at=ctx.now(), solve_by=None)
    surveys.offer_after(ctx, case, "solved")


def compensate(ctx: Context, case_id: UUID, body: Compensation) -> None:
    """Give the member points to make good. Raises Invalid above the most that a case may cost."""
    case, amount = _lock(ctx, case_id), body.points
    most = ctx.settings(FeedbackSettings).compensation_most
    if case.compensated + amount > most:
        raise Invalid(
            f"a case may cost at most {most} points; {case.compensated} were given", f"单次反馈最多补偿 {most} 积分"
        )
    points.credit(
        ctx,
        case.member,
        "points",
        amount,
        key=f"compensation:{case.id}:{case.compensated}",
        reason="feedback_compensation",
        venue=case.venue,
    )
    _set(ctx, case, compensated=case.compensated + amount)


# --- the clock -------------------------------------------------------------------------------------------------------


def escalate_due(ctx: Context) -> int:
    """Pass to head office what was not answered, and what was not solved, in time; return how many deadlines."""
    return _escalate(ctx, "reply", FeedbackCase.reply_by, FeedbackCase.reply_late) + _escalate(
        ctx, "solve", FeedbackCase.solve_by, FeedbackCase.solve_late
    )


def _escalate(ctx: Context, why: str, by: Any, late: Any) -> int:  # Any: peewee's columns
    due = FeedbackCase.scoped(ctx).select()
    due = due.where(late == False, by <= ctx.now(), FeedbackCase.state.in_(OPEN))  # noqa: E712 -- a query expression
    rows = list(due.order_by(FeedbackCase.id).limit(BATCH))
    for case in rows:
        _set(ctx, case, escalated=True, **{late.name: True})
        ctx.publish(FeedbackEscalated(case=case.id, venue=case.venue, why=why))
    return len(rows)


def close_due(ctx: Context) -> int:
    """Close what was solved long enough ago, some at a time; return how many."""
    before = ctx.now() - timedelta(days=ctx.settings(FeedbackSettings).close_days)
    due = FeedbackCase.scoped(ctx).select().where(FeedbackCase.state == "solved", FeedbackCase.solved_at <= before)
    rows = list(due.order_by(FeedbackCase.member).limit(BATCH))
    for case in rows:
        _set(ctx, case, state="closed")
        surveys.offer_after(ctx, case, "closed")
    return len(rows)
