"""Providers' templates: under which id each knows a text, and how our values fill it."""

from uuid import UUID

from plugins.notify import noticing
from plugins.notify.models import NotifyTemplate
from plugins.notify.staff_schemas import TemplateIn
from plugins.notify.wording import check
from roost import Conflict, Context, new_id


def _check(ctx: Context, body: TemplateIn, row_id: UUID) -> None:
    found = noticing.offered(ctx).get(body.code)
    allowed = noticing.values_of(found[1]) if found is not None else ()
    for text in body.params.values():
        check("params", text, allowed)
    held = NotifyTemplate.scoped(ctx).first(
        NotifyTemplate.code == body.code, NotifyTemplate.channel == body.channel, NotifyTemplate.locale == body.locale
    )
    if held is not None and held.id != row_id:
        raise Conflict(
            "there is a template for this text, channel and language already: change that one",
            "该通知在此渠道和语言下已有模板，请直接修改",
            code="template_exists",
        )


def add(ctx: Context, body: TemplateIn) -> NotifyTemplate:
    """Register a template. Raises Invalid for a placeholder without a value, Conflict for a second of the same."""
    row_id = new_id()
    _check(ctx, body, row_id)
    row: NotifyTemplate = NotifyTemplate.scoped(ctx).create(id=row_id, **body.model_dump())
    return row


def edit(ctx: Context, row_id: UUID, body: TemplateIn) -> NotifyTemplate:
    _check(ctx, body, row_id)
    NotifyTemplate.scoped(ctx).update(**body.model_dump()).where(NotifyTemplate.id == row_id).execute()
    row: NotifyTemplate = NotifyTemplate.scoped(ctx).get(NotifyTemplate.id == row_id)
    return row


def remove(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Forget a template: what needs it goes by the next channel."""
    NotifyTemplate.scoped(ctx).delete().where(NotifyTemplate.id == row_id).execute()
