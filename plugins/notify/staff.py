"""What staff are told, by the ways that they gave for it themselves."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from plugins.notify import content, noticing
from plugins.notify.importing import receivable
from plugins.notify.models import NotifyStaff
from plugins.notify.posting import Letter, post
from plugins.notify.staff_schemas import StaffIn
from roost import Context, Fact, Forbidden, Invalid, StaffTold, Text, identity, seal, unseal


def offered(ctx: Context) -> list[tuple[str, Text]]:
    """Return the notices that staff may ask for, by fact: those of what the actor may see."""
    return [
        (fact, notice.title)
        for fact, (_, notice) in noticing.offered(ctx).items()
        if notice.permission and ctx.has(notice.permission)
    ]


def subscribe(ctx: Context, body: StaffIn) -> UUID:
    """Keep where the acting account is told, in the place of what it gave for this way before.

    Raises Forbidden for whoever is no account of staff, Invalid for what is no address or a notice they may not see.
    """
    if ctx.actor.kind != "staff" or ctx.actor.id is None:
        raise Forbidden("only an account of staff is told of things", "仅员工账号可登记通知方式")
    unknown = sorted(set(body.notices) - {fact for fact, _ in offered(ctx)})
    if unknown:
        raise Invalid(
            f"no notice {unknown[0]!r} is there for you: choose of those on the page",
            "没有可接收的该通知，请在页面中选择",
            fields=[{"path": "notices", "message": unknown[0]}],
        )
    rows = NotifyStaff.scoped(ctx)
    values = {
        "staff_address": seal(ctx, "staff_address", receivable(body.channel, body.address)),
        "notices": sorted(set(body.notices)),
        "locale": content.locale_of(ctx.locale),
    }
    mine = (NotifyStaff.account == ctx.actor.id, NotifyStaff.channel == body.channel)
    rows.insert(
        account=ctx.actor.id, channel=body.channel, created_at=ctx.now(), **values
    ).on_conflict_ignore().execute()
    rows.update(**values).where(*mine).execute()
    found: UUID = rows.get(*mine).id
    return found


def end(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Tell an account nothing more by one way, and forget the address."""
    NotifyStaff.scoped(ctx).delete().where(NotifyStaff.id == row_id).execute()


def tell(ctx: Context, fact: Fact) -> int:
    """Post a fact to the staff who may see its venue and asked for it; return to how many."""
    wanted = noticing.chosen(ctx, fact.fact_name())
    if wanted is None or not wanted.enabled:
        return 0
    rows = [row for row in NotifyStaff.scoped(ctx).select() if wanted.notice.fact in row.notices]
    accounts = {one.id: one for one in identity.all_staff(ctx)} if rows else {}
    told: dict[str, StaffTold | None] = {}
    sent = 0
    for row in rows:
        account, locale = accounts.get(row.account), content.locale_of(row.locale)
        if account is None or not account.active or wanted.notice.permission not in account.permissions:
            continue
        if locale not in told:
            said = wanted.notice.read(replace(ctx.for_plugin(wanted.group), locale=locale), fact)
            told[locale] = said if isinstance(said, StaffTold) else None
        said = told[locale]
        if said is None or (account.venues and said.venue not in account.venues):
            continue
        values = {"name": account.name, "brand": ctx.tenant.name, **said.values}
        letter = Letter(
            key=f"{wanted.notice.fact}:{fact.event}:{row.id.hex}",
            group=wanted.group,
            notice=wanted.notice.fact,
            content=content.compose(wanted.title.in_(locale), wanted.text.in_(locale), "", values),
            channels=[row.channel],
            address=unseal(ctx, "staff_address", row.staff_address),
            address_channel=row.channel,
            venue=said.venue,
            locale=locale,
        )
        sent += post(ctx, letter) is not None
    return sent


def forget_gone(ctx: Context) -> None:
    """Forget the addresses of accounts that were switched off."""
    rows: Sequence[NotifyStaff] = list(NotifyStaff.scoped(ctx).select())
    if rows:
        active = {one.id for one in identity.all_staff(ctx) if one.active}
        gone = [row.id for row in rows if row.account not in active]
        NotifyStaff.scoped(ctx).delete().where(NotifyStaff.id.in_(gone or [None])).execute()
