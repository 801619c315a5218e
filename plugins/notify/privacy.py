"""What happens to messages when a member leaves, joins another record, or asks for what is kept of them."""

from typing import Any
from uuid import UUID

from plugins.notify import allowing, content
from plugins.notify.models import NotifyCampaign, NotifyContact, NotifyInbox, NotifyMember, NotifyMessage
from plugins.notify.preferences import email
from roost import Context, Veto, unseal

OPEN = ("listed", "waiting")


def erase(ctx: Context, member: UUID) -> None:
    """Send nothing more to a member; of each message stays that one was sent, to nobody."""
    allowing.lock_contacts(ctx, [member])
    skip = NotifyMessage.scoped(ctx).update(state="skipped", code="gone", ended_at=ctx.now())
    skip.where(NotifyMessage.member == member, NotifyMessage.state.in_(OPEN)).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Add up contacts and wishes. Nobody gets a campaign twice, and each refusal stays one."""
    days = allowing.lock_contacts(ctx, [member, merged])
    allowing.keep_contacts(ctx, member, days[member] + days[merged], ctx.today())
    NotifyContact.scoped(ctx).delete().where(NotifyContact.subject == merged).execute()
    _merge_wishes(ctx, member, merged)
    has = (
        NotifyMessage.scoped(ctx)
        .select(NotifyMessage.campaign)
        .where(NotifyMessage.member == member, NotifyMessage.campaign.is_null(False))
    )
    NotifyMessage.scoped(ctx).update(state="skipped", code="merged", ended_at=ctx.now()).where(
        NotifyMessage.member == merged, NotifyMessage.state.in_(OPEN), NotifyMessage.campaign.in_(has)
    ).execute()


def _merge_wishes(ctx: Context, member: UUID, merged: UUID) -> None:
    rows = {
        row.member: row for row in NotifyMember.scoped(ctx).select().where(NotifyMember.member.in_([member, merged]))
    }
    theirs, mine = rows.get(merged), rows.get(member)
    if theirs is None:
        return
    if mine is None:
        NotifyMember.scoped(ctx).update(member=member).where(NotifyMember.id == theirs.id).execute()
        return
    groups = mine.off.keys() | theirs.off.keys()
    values: dict[str, Any] = {
        "off": {g: sorted({*mine.off.get(g, []), *theirs.off.get(g, [])}) for g in sorted(groups)}
    }
    if mine.email is None:
        values |= {"email": theirs.email, "email_blind": theirs.email_blind}
    NotifyMember.scoped(ctx).delete().where(NotifyMember.id == theirs.id).execute()
    NotifyMember.scoped(ctx).update(**values).where(NotifyMember.id == mine.id).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return what a member wished, and their inbox with its words, as JSON values."""
    row = NotifyMember.scoped(ctx).first(NotifyMember.member == member)
    inbox = NotifyInbox.scoped(ctx).select().where(NotifyInbox.member == member).order_by(NotifyInbox.id)
    return {
        "off": row.off if row is not None else {},
        "email": unseal(ctx, "email", row.email) if row is not None and row.email is not None else None,
        "email_asked": email(ctx, member).asked,
        "inbox": [
            {
                "group": one.group,
                "at": one.created_at.isoformat(),
                "read_at": one.read_at.isoformat() if one.read_at else None,
                **_words(ctx, one),
            }
            for one in inbox
        ],
    }


def _words(ctx: Context, one: NotifyInbox) -> dict[str, str]:
    if one.content is not None:
        words = content.opened(ctx, one.content)
        return {"title": words.title, "text": words.text}
    campaign = NotifyCampaign.scoped(ctx).first(NotifyCampaign.id == one.campaign)
    return {"title": campaign.title_zh, "text": campaign.text_zh} if campaign is not None else {}


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while a campaign is on its way."""
    running = NotifyCampaign.scoped(ctx).select().where(NotifyCampaign.state.in_(("running", "gathering"))).count()
    if not running:
        return None
    return Veto(
        "campaign_running",
        f"{running} campaigns are being sent: stop them first",
        f"有 {running} 个群发正在进行，请先停止",
    )
