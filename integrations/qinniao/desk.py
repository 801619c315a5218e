"""What staff see and do at the SaaS desk."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from integrations.qinniao import reconcile, service
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject
from integrations.qinniao.schemas import Assignment, ObjectRow, QinniaoSettings
from integrations.qinniao.wire import SaasMember
from roost import Conflict, Context, mask_phone, members, unseal

LATELY = timedelta(days=7)
NAMES = {"members": "会籍", "cards": "卡", "orders": "订单", "refunds": "退款", "checkins": "到店"}


def present_objects(ctx: Context, rows: Sequence[Any]) -> Sequence[ObjectRow]:
    """Add the masked phone of people who wait to be matched."""
    return [ObjectRow.model_validate(row).model_copy(update={"phone": _phone(ctx, row)}) for row in rows]


def _phone(ctx: Context, row: Any) -> str:
    if row.kind != "members" or row.body is None:
        return ""
    item = SaasMember.model_validate_json(unseal(ctx.for_plugin(service.SLUG), "object", row.body))
    return mask_phone(item.phone)


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


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return the lag panel: what waits, failed or came late, and when pushes and pulls last worked."""
    since = ctx.now() - LATELY
    late = ctx.settings(QinniaoSettings).late_minutes * 60
    events = _counts(ctx, QinniaoEvent, QinniaoEvent.state.in_(("received", "failed")))
    objects = _counts(ctx, QinniaoObject, QinniaoObject.state.in_(("waiting", "failed")))
    found = _counts(ctx, QinniaoLead, QinniaoLead.state.in_(("pending", "failed")))
    conversions = (
        QinniaoLead.scoped(ctx).select().where(QinniaoLead.converted_at > since, QinniaoLead.conversion_lag > late)
    )
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
    ]
    for kind, state, finished_at, error in reconcile.states(ctx):
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
