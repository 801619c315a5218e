"""Plans, sessions and items: what staff prepare, and what opens by itself."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from plugins.seckill.hookspecs import SeckillOpening
from plugins.seckill.models import SeckillItem, SeckillPlan, SeckillSession
from plugins.seckill.schemas import ItemCreate, ItemForm, PlanForm, SeckillSettings, SessionForm, SessionRef
from roost import Conflict, Context, Invalid, inventory, local_instant, tenants


def stock_key(item: UUID) -> str:
    return f"item:{item}"


def create_session(ctx: Context, form: SessionForm) -> UUID:
    """Create a draft session. Raises Invalid when it would already be over, NotFound for a venue that is not there."""
    if form.ends_at <= ctx.now():
        raise Invalid("this session would already be over", "场次结束时间已过")
    row = SeckillSession.scoped(ctx).create(created_at=ctx.now(), **_values(ctx, form))
    return row.id  # type: ignore[no-any-return]  # peewee rows are untyped


def edit_session(ctx: Context, session: UUID, form: SessionForm) -> None:
    """Change a draft. Raises Conflict once it is published: what was announced stays."""
    _draft(ctx, session)
    SeckillSession.scoped(ctx).update(**_values(ctx, form)).where(SeckillSession.id == session).execute()


def _values(ctx: Context, form: SessionForm) -> dict[str, Any]:
    return {**form.model_dump(exclude={"venues"}), "venues": _venues(ctx, form.venues)}


def _venues(ctx: Context, venues: Sequence[UUID]) -> list[str]:
    """Return ids of venues as JSON values. Raises NotFound for one that is not there."""
    return [str(tenants.venue(ctx, venue).id) for venue in venues]


def _draft(ctx: Context, session: UUID) -> SeckillSession:
    row: SeckillSession = SeckillSession.scoped(ctx).lock(SeckillSession.id == session)
    if row.state != "draft":
        raise Conflict("a published session cannot be changed; close it and make another", "场次已发布，不能修改")
    return row


def add_item(ctx: Context, form: ItemCreate) -> UUID:
    """Put an item into a draft session. Raises NotFound for a venue that is not there."""
    _draft(ctx, form.session)
    return _add_item(ctx, form.session, form)


def _add_item(ctx: Context, session: UUID, form: ItemForm) -> UUID:
    _venues(ctx, form.venues)
    values = form.model_dump(mode="json", include=set(ItemForm.model_fields))
    item: SeckillItem = SeckillItem.scoped(ctx).create(session=session, created_at=ctx.now(), **values)
    return item.id


def remove_item(ctx: Context, item: UUID, body: None = None) -> None:
    """Take an item out of a draft session."""
    row = SeckillItem.scoped(ctx).get(SeckillItem.id == item)
    _draft(ctx, row.session)
    SeckillItem.scoped(ctx).delete().where(SeckillItem.id == item).execute()


def publish_session(ctx: Context, session: UUID, body: None = None) -> None:
    """Publish a draft: its items get their stock, members see it. Raises Invalid when it has no item or is over."""
    row = _draft(ctx, session)
    items = items_of(ctx, [session])
    if not items:
        raise Invalid("a session without items cannot be published", "请先添加商品")
    if row.ends_at <= ctx.now():
        raise Invalid("this session is already over", "场次结束时间已过")
    for item in items:
        inventory.define(ctx, stock_key(item.id), item.stock)
    SeckillSession.scoped(ctx).update(state="published").where(SeckillSession.id == session).execute()


def close_session(ctx: Context, session: UUID, body: None = None) -> None:
    """End a session at once; what was won is honoured, what is held may still be confirmed."""
    row = SeckillSession.scoped(ctx).lock(SeckillSession.id == session)
    if row.state != "published":
        raise Conflict("only a published session can be closed", "只有已发布的场次可以结束")
    SeckillSession.scoped(ctx).update(state="closed", ends_at=min(row.ends_at, ctx.now())).where(
        SeckillSession.id == session
    ).execute()


def items_of(ctx: Context, sessions: Sequence[UUID]) -> list[SeckillItem]:
    """Return the items of some sessions, in the order they were added."""
    if not sessions:
        return []
    return list(SeckillItem.scoped(ctx).select().where(SeckillItem.session.in_(sessions)).order_by(SeckillItem.id))


def shown(ctx: Context) -> list[SeckillSession]:
    """Return the published sessions that a member may see now: open, about to open, or over since a day."""
    settings, now = ctx.settings(SeckillSettings), ctx.now()
    query = (
        SeckillSession.scoped(ctx)
        .select()
        .where(
            SeckillSession.state.in_(("published", "closed")),
            SeckillSession.starts_at <= now + timedelta(hours=settings.preview_hours),
            SeckillSession.ends_at > now - timedelta(days=1),
        )
    )
    return list(query.order_by(SeckillSession.starts_at))


# --- plans -----------------------------------------------------------------------------------------------------------


USUAL: tuple[tuple[str, str, int, str], ...] = (
    ("每日 10:00 场", "daily", 0, "10:00"),
    ("周三 20:00 场", "weekly", 3, "20:00"),
    ("每月 8 日 20:00 场", "monthly", 8, "20:00"),
)
"""The plans that a new tenant finds: two hours each, asleep until staff give them items and switch them on."""


def offer_usual_plans(ctx: Context) -> int:
    """Give a tenant that has no plan yet the usual ones, asleep; return how many."""
    if SeckillPlan.scoped(ctx).first() is not None:
        return 0
    for title, repeat, day, at in USUAL:
        SeckillPlan.scoped(ctx).create(title=title, repeat=repeat, day=day, at=at, active=False, created_at=ctx.now())
    return len(USUAL)


def create_plan(ctx: Context, form: PlanForm) -> UUID:
    """Create a plan; its next sessions appear at once. Raises NotFound for a venue that is not there."""
    _check_venues(ctx, form)
    row = SeckillPlan.scoped(ctx).create(created_at=ctx.now(), **form.model_dump(mode="json"))
    make_sessions(ctx)
    return row.id  # type: ignore[no-any-return]  # peewee rows are untyped


def edit_plan(ctx: Context, plan: UUID, form: PlanForm) -> None:
    """Change a plan; sessions that exist stay as they are, new ones appear at once."""
    SeckillPlan.scoped(ctx).get(SeckillPlan.id == plan)
    _check_venues(ctx, form)
    SeckillPlan.scoped(ctx).update(**form.model_dump(mode="json")).where(SeckillPlan.id == plan).execute()
    make_sessions(ctx)


def _check_venues(ctx: Context, form: PlanForm) -> None:
    for venues in (form.venues, *(item.venues for item in form.items)):
        _venues(ctx, venues)


def falls_on(plan: SeckillPlan, day: date) -> bool:
    """Tell whether a plan has a session on a local day."""
    if plan.repeat == "weekly":
        return day.isoweekday() == plan.day
    return plan.repeat == "daily" or day.day == plan.day


def make_sessions(ctx: Context) -> int:
    """Create and publish the sessions of active plans for the days ahead; return how many are new."""
    settings, today, made = ctx.settings(SeckillSettings), ctx.today(), 0
    for plan in SeckillPlan.scoped(ctx).select().where(SeckillPlan.active == True):  # noqa: E712 -- a query expression
        at = time.fromisoformat(plan.at)
        for offset in range(settings.ahead_days + 1):
            day = today + timedelta(days=offset)
            starts_at = local_instant(day, at, ctx.tenant.zone)
            ends_at = starts_at + timedelta(minutes=plan.minutes)
            if not falls_on(plan, day) or ends_at <= ctx.now():
                continue
            made += _make_session(ctx, plan, starts_at, ends_at)
    return made


def _make_session(ctx: Context, plan: SeckillPlan, starts_at: datetime, ends_at: datetime) -> int:
    values = {"plan": plan.id, "title": plan.title, "venues": plan.venues, "created_at": ctx.now()}
    new = SeckillSession.scoped(ctx).insert(starts_at=starts_at, ends_at=ends_at, **values).on_conflict_ignore()
    for row in new.returning(SeckillSession.id).execute():
        for item in plan.items:
            _add_item(ctx, row.id, ItemForm.model_validate(item))
        publish_session(ctx, row.id)
        return 1
    return 0


def announce(ctx: Context) -> int:
    """Publish `seckill_opening` for sessions about to open, once each, and remind who asked; return how many."""
    settings, now = ctx.settings(SeckillSettings), ctx.now()
    due = (
        SeckillSession.scoped(ctx)
        .select(SeckillSession.id)
        .where(
            SeckillSession.state == "published",
            SeckillSession.announced == False,  # noqa: E712 -- a query expression
            SeckillSession.starts_at > now,
            SeckillSession.starts_at <= now + timedelta(minutes=settings.reminder_minutes),
        )
    )
    ids = [row.id for row in due]
    for session in ids:
        SeckillSession.scoped(ctx).update(announced=True).where(SeckillSession.id == session).execute()
        ctx.publish(SeckillOpening(session=session))
        ctx.enqueue("seckill.remind", SessionRef(session=session), dedupe=f"remind:{session}")
    return len(ids)
