"""What staff see and do at the SaaS desk."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from peewee import fn

from integrations.qinniao import circuit, leads, reconcile, service
from integrations.qinniao.connection import require
from integrations.qinniao.inbox import INBOX
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject, QinniaoRetry
from integrations.qinniao.schemas import Assignment, NewRetry, QinniaoSettings, RetryJob
from integrations.qinniao.wire import ITEM_MODELS, ObjectKind, SaasLead, SaasMember
from roost import Conflict, Context, Forbidden, Next, mask_phone, members, unseal

LATELY = timedelta(days=7)
RETRIES = 100  # tried again in one step
NAMES = {
    "members": "会籍", "cards": "卡", "orders": "订单", "refunds": "退款", "checkins": "到店", "bookings": "预约",
    "classes": "课程", "staff": "员工", "stores": "门店",
}  # fmt: skip


def present_objects(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    """Add the masked phone of people who wait to be matched."""
    return [{"phone": _phone(ctx, row)} for row in rows]


def _phone(ctx: Context, row: Any) -> str:
    if row.kind not in ("members", "leads") or row.body is None:
        return ""
    model = ITEM_MODELS[cast(ObjectKind, row.kind)]
    item = model.model_validate_json(unseal(ctx.for_plugin(service.SLUG), "object", row.body))
    return mask_phone(item.phone) if isinstance(item, SaasMember | SaasLead) else ""


def retry_object(ctx: Context, object_id: UUID, body: None = None) -> None:
    """Try an object again. Raises Conflict when it still cannot be taken over, and says why."""
    row = QinniaoObject.scoped(ctx).get(QinniaoObject.id == object_id)
    if row.body is None:
        raise Conflict("there is nothing to try again", "没有可重试的内容")
    outcome = service.resume(ctx, row)
    if outcome.state in ("waiting", "failed"):
        raise Conflict(
            f"it is still {outcome.state}: {outcome.note}", f"仍未成功：{outcome.note}", code="still_waiting"
        )


def assign(ctx: Context, object_id: UUID, body: Assignment) -> None:
    """Say whose record of the SaaS it is, and take over all that waited for that person.

    Raises NotFound for an unknown member, Conflict when the record is another member's.
    """
    row = QinniaoObject.scoped(ctx).get(QinniaoObject.id == object_id)
    if not row.owner:
        raise Conflict("this object does not say whose it is", "该记录没有归属编号")
    person = members.get(ctx, body.member)
    service.link(ctx, person.id, row.owner)
    service.resolve_owner(ctx, row.owner)


# --- all of it again --------------------------------------------------------------------------------------


def retry_all(ctx: Context, body: NewRetry) -> QinniaoRetry:
    """Begin to try again all that is open; the row shows how far it has come.

    Raises Conflict while one like it is at work, and for leads when nothing is connected; Forbidden for an account of
    single venues, since it is for all of them.
    """
    if ctx.actor.venues:
        raise Forbidden("an account of single venues tries rows again one by one", "门店账号请逐条重试")
    retries = QinniaoRetry.scoped(ctx)
    if retries.first(QinniaoRetry.what == body.what, QinniaoRetry.state == "running"):
        raise Conflict("it is being tried again already", "正在重试中，请稍后查看结果", code="at_work")
    if body.what == "leads":
        require(ctx.settings(QinniaoSettings))
    made: QinniaoRetry = retries.create(what=body.what, created_at=ctx.now())
    ctx.enqueue("qinniao.retry", RetryJob(retry=made.id))
    return made


def go_on(ctx: Context, payload: RetryJob) -> Next | None:
    """Try the next hundred again; the job `qinniao.retry`."""
    retry = QinniaoRetry.scoped(ctx).lock(QinniaoRetry.id == payload.retry)
    model, states = _OPEN_OF[retry.what]
    rows = model.scoped(ctx).select().where(model.state.in_(states))
    if payload.after is not None:
        rows = rows.where(model.id > payload.after)
    found = list(rows.order_by(model.id).limit(RETRIES))
    settled = sum(_again(ctx, retry.what, row) for row in found)
    ended = len(found) < RETRIES
    QinniaoRetry.scoped(ctx).update(
        found=retry.found + len(found), settled=retry.settled + settled,
        state="done" if ended else "running", finished_at=ctx.now() if ended else None,
    ).where(QinniaoRetry.id == retry.id).execute()  # fmt: skip
    return None if ended else Next(RetryJob(retry=retry.id, after=found[-1].id))


_OPEN_OF: dict[str, tuple[Any, Sequence[str]]] = {
    "leads": (QinniaoLead, ("pending", "failed")),
    "events": (QinniaoEvent, INBOX.open),
    "records": (QinniaoObject, ("waiting", "failed")),
}


def _again(ctx: Context, what: str, row: Any) -> bool:
    """Try one thing again; return whether that settled it. A lead is put in line."""
    if what == "leads":
        leads.again(ctx, row)
        return True
    if what == "events":
        return INBOX.process(ctx, row.id) not in INBOX.open
    return service.resume(ctx, row).state not in ("waiting", "failed")


# --- the panel --------------------------------------------------------------------------------------------


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return the lag panel: what waits, failed or came late, and when pushes and pulls last worked."""
    since = ctx.now() - LATELY
    events = _counts(ctx, QinniaoEvent, QinniaoEvent.state.in_(("received", "failed")))
    objects = _counts(ctx, QinniaoObject, QinniaoObject.state.in_(("waiting", "failed")))
    found = _counts(ctx, QinniaoLead, QinniaoLead.state.in_(("pending", "failed")))
    conversions = QinniaoLead.scoped(ctx).select().where(QinniaoLead.converted_at > since, QinniaoLead.late)
    objects_of = QinniaoObject.scoped(ctx)
    unmatched = objects_of.select().where(QinniaoObject.kind == "members", QinniaoObject.state == "waiting")
    stores = objects_of.select().where(QinniaoObject.kind == "stores", QinniaoObject.venue.is_null())
    last = QinniaoEvent.scoped(ctx).select(QinniaoEvent.received_at).order_by(QinniaoEvent.received_at.desc()).first()
    oldest = (
        QinniaoEvent.scoped(ctx)
        .select(QinniaoEvent.received_at)
        .where(QinniaoEvent.state == "received")
        .order_by(QinniaoEvent.id)
        .first()
    )
    shown = [
        ("待推送 / 失败潜客", f"{found.get('pending', 0)} / {found.get('failed', 0)}"),
        ("待匹配 / 失败记录", f"{objects.get('waiting', 0)} / {objects.get('failed', 0)}"),
        ("待处理 / 失败推送", f"{events.get('received', 0)} / {events.get('failed', 0)}"),
        ("最早未处理推送", _ago(ctx, oldest.received_at if oldest else None)),
        ("最近一次推送", _ago(ctx, last.received_at if last else None)),
        ("近 7 天延迟转会员", str(conversions.count())),
        ("未匹配手机号", str(unmatched.count())),
        ("无对应门店的 SaaS 门店", str(stores.count())),
    ]
    for row in circuit.broken(ctx):
        state = "试探" if row.state == "half-open" else "熔断"
        shown.append((f"接口 {row.target}", f"{state}：{_ago(ctx, row.opened_at)}；{row.error}"))
    for kind, state, finished_at, error in reconcile.Pull.states(ctx):
        shown.append((f"对账 · {NAMES[kind]}", f"失败：{error}" if state == "failed" else _ago(ctx, finished_at)))
    return shown


def _counts(ctx: Context, model: Any, where: Any) -> dict[str, int]:
    rows = model.scoped(ctx).select(model.state, fn.COUNT(model.id)).where(where).group_by(model.state).tuples()
    return {str(state): int(count) for state, count in rows}


def _ago(ctx: Context, instant: datetime | None) -> str:
    if instant is None:
        return "—"
    minutes = int((ctx.now() - instant).total_seconds() // 60)
    return f"{minutes} 分钟前" if minutes < 120 else f"{minutes // 60} 小时前"
