"""Rounds: one survey put to many members, a batch at a time, without asking anybody too often."""

from datetime import timedelta
from uuid import UUID

from plugins.feedback import surveys
from plugins.feedback.models import FeedbackRound, FeedbackSurvey
from plugins.feedback.schemas import FeedbackSettings, NewRound, RoundTurn
from roost import Conflict, Context, Next, PageQuery, members, tenants

BATCH = 100


def open_round(ctx: Context, new: NewRound) -> FeedbackRound:
    """Open a round and begin to ask. Raises NotFound for an unknown venue."""
    if new.venue is not None:
        tenants.venue(ctx, new.venue)
    now, states = ctx.now(), list(dict.fromkeys(new.states))
    row: FeedbackRound = FeedbackRound.scoped(ctx).create(
        title=new.title,
        questions=new.questions or ctx.settings(FeedbackSettings).survey_questions,
        states=states,
        venue=new.venue,
        created_by=ctx.actor.id if ctx.actor.kind == "staff" else None,
        created_at=now,
        closes_at=now + timedelta(days=new.days),
    )
    ctx.enqueue("feedback.ask", RoundTurn(round=row.id, states=states), dedupe=f"ask:{row.id}")
    return row


def ask(ctx: Context, turn: RoundTurn) -> Next | None:
    """Ask the next batch of a round's members; stops when the round was closed."""
    row = FeedbackRound.scoped(ctx).lock(FeedbackRound.id == turn.round)
    if row.state != "sending":
        return None
    wanted = members.MemberFilter(state=turn.states[0], venue=row.venue)
    page = members.find(ctx, wanted, PageQuery(limit=BATCH, cursor=turn.cursor))
    asked = [
        surveys.offer(ctx, view.id, row.questions, venue=view.venue, expires_at=row.closes_at, round=row.id)
        for view in sorted(page.items, key=lambda view: view.id)  # two rounds at once take the same order
    ]
    passed_over = asked.count(None)
    cursor = page.next_cursor or ""
    states = turn.states if cursor else turn.states[1:]
    FeedbackRound.scoped(ctx).update(
        offered=FeedbackRound.offered + len(asked) - passed_over,
        passed_over=FeedbackRound.passed_over + passed_over,
        state="sending" if states else "open",
    ).where(FeedbackRound.id == row.id).execute()
    return Next(RoundTurn(round=row.id, states=states, cursor=cursor)) if states else None


def close(ctx: Context, round_id: UUID, body: None) -> None:
    """Close a round now; what is unanswered has expired. Raises Conflict when it is closed."""
    row = FeedbackRound.scoped(ctx).lock(FeedbackRound.id == round_id)
    if row.state == "closed":
        raise Conflict("this round is closed", "这次调查已结束", code="closed")
    _close(ctx, row)


def close_due(ctx: Context) -> int:
    """Close the rounds whose days have passed; return how many."""
    query = FeedbackRound.scoped(ctx).select().where(FeedbackRound.state != "closed")
    due = list(query.where(FeedbackRound.closes_at <= ctx.now()).order_by(FeedbackRound.id))
    for row in due:
        _close(ctx, FeedbackRound.scoped(ctx).lock(FeedbackRound.id == row.id))
    return len(due)


def _close(ctx: Context, row: FeedbackRound) -> None:
    now = ctx.now()
    FeedbackRound.scoped(ctx).update(state="closed", closes_at=min(now, row.closes_at)).where(
        FeedbackRound.id == row.id
    ).execute()
    open_ = FeedbackSurvey.scoped(ctx).update(state="expired", ended_at=now)
    open_.where(FeedbackSurvey.round == row.id, FeedbackSurvey.state == "open").execute()
