"""What members are told of: the notices that plugins contribute, as the tenant wants them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from plugins.notify import content
from plugins.notify.models import NotifyNotice
from plugins.notify.posting import Letter, post
from plugins.notify.settings import NotifySettings
from plugins.notify.staff_schemas import NoticeEdit
from plugins.notify.wording import check, placeholders
from roost import Context, Fact, Invalid, NotFound, Notice, Text, Told, members, new_id, tenants


@dataclass(frozen=True, slots=True)
class Chosen:
    """A notice as a tenant wants it."""

    group: str
    notice: Notice
    enabled: bool
    channels: tuple[str, ...]
    title: Text
    text: Text


def offered(ctx: Context) -> dict[str, tuple[str, Notice]]:
    """Return the notices of the plugins that are on, by fact: (slug, notice)."""
    return {notice.fact: (slug, notice) for slug, notice in ctx.providers(Notice)}


def named(ctx: Context) -> list[tuple[str, Text]]:
    """Return what the notices are called, by fact: what staff read in the place of its name."""
    return [(fact, notice.title) for fact, (_, notice) in offered(ctx).items()]


def wants(ctx: Context) -> Collection[str]:
    """Return the facts whose notices the tenant has on."""
    off = NotifyNotice.scoped(ctx).select(NotifyNotice.fact).where(NotifyNotice.enabled == False)  # noqa: E712 -- a query
    return offered(ctx).keys() - {row.fact for row in off}


def chosen(ctx: Context, fact: str) -> Chosen | None:
    """Return a notice as the tenant wants it; None when no plugin that is on contributes it."""
    found = offered(ctx).get(fact)
    if found is None:
        return None
    slug, notice = found
    usual = tuple(ctx.settings(NotifySettings).channels)
    row = NotifyNotice.scoped(ctx).first(NotifyNotice.fact == fact)
    if row is None:
        return Chosen(slug, notice, True, usual, notice.title, notice.text)
    title = Text(row.title_zh or notice.title.zh, row.title_en or notice.title.en)
    text = Text(row.text_zh or notice.text.zh, row.text_en or notice.text.en)
    return Chosen(slug, notice, row.enabled, tuple(row.channels) or usual, title, text)


def for_staff(ctx: Context, fact: str) -> bool:
    """Tell whether it is staff who are told of a fact."""
    found = offered(ctx).get(fact)
    return found is not None and bool(found[1].permission)


def values_of(notice: Notice) -> frozenset[str]:
    """Return the values that a notice has: those that its plugin's own words use."""
    return placeholders(notice.title.zh, notice.title.en, notice.text.zh, notice.text.en, notice.link)


# --- telling ---------------------------------------------------------------------------------------------------------


def hear(ctx: Context, fact: Fact) -> None:
    """Tell a member of a fact, if the tenant wants them told."""
    wanted = chosen(ctx, fact.fact_name())
    if wanted is None or not wanted.enabled:
        return
    reader = ctx.for_plugin(wanted.group)
    told = wanted.notice.read(reader, fact)
    if not isinstance(told, Told):
        return
    view = _person(ctx, told.member)
    if view is None:
        return
    locale = content.locale_of(view.locale)
    if locale != content.locale_of(reader.locale):  # names of levels and gifts in the member's own language
        again = wanted.notice.read(replace(reader, locale=locale), fact)
        told = again if isinstance(again, Told) else told
    tell(ctx, wanted, view, told, key=f"{fact.fact_name()}:{fact.event}")


def tell(ctx: Context, wanted: Chosen, view: members.MemberView, told: Told, *, key: str) -> UUID | None:
    """Post a notice to a member; None when that was done under this key before."""
    locale = content.locale_of(view.locale)
    values = {**content.common_values(ctx, view, locale), **told.values}
    words = content.compose(wanted.title.in_(locale), wanted.text.in_(locale), wanted.notice.link, values)
    letter = Letter(
        key=key,
        group=wanted.group,
        notice=wanted.notice.fact,
        content=words,
        channels=wanted.channels,
        member=view.id,
        venue=view.venue,
        locale=locale,
        marketing=wanted.notice.marketing,
    )
    return post(ctx, letter)


def _person(ctx: Context, member: UUID) -> members.MemberView | None:
    try:
        view = members.get(ctx, member)
    except NotFound:
        return None
    return None if view.erased else view


# --- what staff decide -----------------------------------------------------------------------------------------------


def write_down(ctx: Context) -> int:
    """Give every notice that is offered a row for staff to change; return how many were new."""
    known = {row.fact for row in NotifyNotice.scoped(ctx).select(NotifyNotice.fact)}
    fresh = [(fact, slug) for fact, (slug, _) in offered(ctx).items() if fact not in known]
    for fact, slug in fresh:
        NotifyNotice.scoped(ctx).insert(id=new_id(), fact=fact, group=slug).on_conflict_ignore().execute()
    return len(fresh)


def edit(ctx: Context, row_id: UUID, body: NoticeEdit) -> NotifyNotice:
    """Change a notice's switch, channels or words. Raises Invalid for a placeholder that has no value."""
    row = NotifyNotice.scoped(ctx).lock(NotifyNotice.id == row_id)
    found = offered(ctx).get(row.fact)
    if found is None:
        raise Invalid(
            f"the plugin of {row.fact} is off: switch it on to change its notice", "该通知所属功能未启用，请先启用"
        )
    allowed = values_of(found[1])
    for name in ("title_zh", "title_en", "text_zh", "text_en"):
        check(name, getattr(body, name), allowed)
    NotifyNotice.scoped(ctx).update(**body.model_dump()).where(NotifyNotice.id == row_id).execute()
    tenants.touch(ctx)  # what is listened to may have changed
    changed: NotifyNotice = NotifyNotice.scoped(ctx).get(NotifyNotice.id == row_id)
    return changed
