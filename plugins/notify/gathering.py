"""Write down whom a campaign goes to: a chain, a page of members at a time, then what was imported."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel

from plugins.notify import allowing
from plugins.notify.content import locale_of
from plugins.notify.models import NotifyCampaign, NotifyMember, NotifyMessage
from plugins.notify.settings import NotifySettings
from roost import Context, Next, PageQuery, blinds, insert_rows, members, unseal

PAGE = 100
SMS = "sms"
SHORT, PIECE = 70, 67  # characters of one text message, and of each piece of a longer one
SIGNATURE = 10  # characters that the sender's name takes, about
START = UUID(int=0)


class Gather(BaseModel):
    """What a step carries: whose turn it is, and what was counted so far."""

    campaign: UUID
    run: int
    states: list[str]  # those still to be read; empty: the imported addresses' turn
    cursor: str = ""
    after: UUID = START  # the imported message looked at last
    reachable: int = 0
    by_sms: int = 0


def gather(ctx: Context, step: Gather) -> Next | None:
    """Write the next persons down; at the end the campaign is ready."""
    row: NotifyCampaign = NotifyCampaign.scoped(ctx).lock(NotifyCampaign.id == step.campaign)
    if row.state != "gathering" or row.run != step.run:
        return None
    if not step.cursor and step.after == START and step.states == (list(row.states) if row.everybody else []):
        _forget(ctx, row)
    follows = _members(ctx, row, step) if step.states else _imported(ctx, row, step)
    return Next(follows) if follows is not None else None


def _forget(ctx: Context, row: NotifyCampaign) -> None:
    """Drop the members that an earlier preview wrote down; imported addresses stay, for the campaign as it is now."""
    mine = (NotifyMessage.campaign == row.id) & (NotifyMessage.state == "listed")
    NotifyMessage.scoped(ctx).delete().where(mine, NotifyMessage.address.is_null()).execute()
    NotifyMessage.scoped(ctx).update(
        channels=row.channels, marketing=row.marketing, notice=row.template or "campaign"
    ).where(mine).execute()


def _members(ctx: Context, row: NotifyCampaign, step: Gather) -> Gather:
    wanted = members.MemberFilter(state=step.states[0], venue=row.venue)
    page = members.find(ctx, wanted, PageQuery(limit=PAGE, cursor=step.cursor))
    found = [view for view in page.items if _fits(row, view)]
    insert_rows(ctx, NotifyMessage, [_message(ctx, row, view) for view in found], ignore_conflicts=True)
    reachable, by_sms = _count(ctx, row, found)
    return step.model_copy(
        update={
            "states": step.states if page.next_cursor else step.states[1:],
            "cursor": page.next_cursor or "",
            "reachable": step.reachable + reachable,
            "by_sms": step.by_sms + by_sms,
        }
    )


def _fits(row: NotifyCampaign, view: members.MemberView) -> bool:
    if row.levels and view.level not in row.levels:
        return False
    return not row.tag or str(view.attributes.get(row.tag, "")) == row.tag_value


def key_of(campaign: UUID, member: UUID) -> str:
    """Return the key under which a campaign is sent to a member: once."""
    return f"campaign:{campaign.hex}:{member.hex}"


def _message(ctx: Context, row: NotifyCampaign, view: members.MemberView) -> dict[str, object]:
    now = ctx.now()
    return {
        "key": key_of(row.id, view.id),
        "member": view.id,
        "venue": view.venue,
        "campaign": row.id,
        "group": "campaign",
        "notice": row.template or "campaign",
        "marketing": row.marketing,
        "locale": locale_of(view.locale),
        "channels": row.channels,
        "state": "listed",
        "due_at": now,
        "created_at": now,
    }


def _count(ctx: Context, row: NotifyCampaign, views: Sequence[members.MemberView]) -> tuple[int, int]:
    """Return how many of some members may be written to at all, and how many by SMS."""
    ids = [view.id for view in views]
    off, needed = allowing.preferences(ctx, ids), ctx.settings(NotifySettings).consent_needed
    answers = allowing.answers_of(ctx, ids, row.channels) if row.marketing else {}

    def open_to(member: UUID, channel: str) -> bool:
        if channel in off.get(member, {}).get("campaign", ()):
            return False
        return not row.marketing or allowing.agrees(answers.get(member, {}), channel, needed=needed)

    reachable = sum(any(open_to(member, channel) for channel in row.channels) for member in ids)
    by_sms = sum(open_to(member, SMS) for member in ids) if SMS in row.channels else 0
    return reachable, by_sms


# --- the imported ----------------------------------------------------------------------------------------------------


def _imported(ctx: Context, row: NotifyCampaign, step: Gather) -> Gather | None:
    """Look the next addresses up among the members: a member's own wishes count, and they are written to once."""
    query = NotifyMessage.scoped(ctx).select().where(NotifyMessage.campaign == row.id, NotifyMessage.state == "listed")
    query = query.where(NotifyMessage.address.is_null(False), NotifyMessage.id > step.after)
    rows = list(query.order_by(NotifyMessage.id).limit(PAGE))
    if not rows:
        _finish(ctx, row, step)
        return None
    views: list[members.MemberView] = []
    strangers = by_sms = 0
    for one in rows:
        usable = one.address_channel in row.channels
        view = _holder(ctx, one)
        twin = view and NotifyMessage.scoped(ctx).first(NotifyMessage.key == key_of(row.id, view.id))
        if view is None:
            strangers += usable
            by_sms += usable and one.address_channel == SMS
        elif twin and twin.id != one.id:
            NotifyMessage.scoped(ctx).delete().where(NotifyMessage.id == one.id).execute()
        else:
            views.append(view)
            _is_of(ctx, row, one, view)
    reachable, more_by_sms = _count(ctx, row, views)
    return step.model_copy(
        update={
            "after": rows[-1].id,
            "reachable": step.reachable + strangers + reachable,
            "by_sms": step.by_sms + by_sms + more_by_sms,
        }
    )


def _holder(ctx: Context, one: NotifyMessage) -> members.MemberView | None:
    """Return the member whose address it is, or None."""
    address = unseal(ctx, "address", one.address)
    if one.address_channel == SMS:
        return members.find_by_phone(ctx, address)
    held = NotifyMember.scoped(ctx).first(NotifyMember.email_blind.in_(blinds(ctx, "email", address)))
    return members.get(ctx, held.member) if held is not None else None


def _is_of(ctx: Context, row: NotifyCampaign, one: NotifyMessage, view: members.MemberView) -> None:
    """Make an imported address the member's whose it is."""
    NotifyMessage.scoped(ctx).update(
        key=key_of(row.id, view.id),
        member=view.id,
        venue=view.venue,
        locale=locale_of(view.locale),
    ).where(NotifyMessage.id == one.id).execute()


def _finish(ctx: Context, row: NotifyCampaign, step: Gather) -> None:
    """Write the preview: heads, how many may be written to, and the cost at most."""
    listed = NotifyMessage.scoped(ctx).select().where(NotifyMessage.campaign == row.id, NotifyMessage.state == "listed")
    thousand = ctx.settings(NotifySettings).sms_thousand_fen
    NotifyCampaign.scoped(ctx).update(
        state="ready",
        heads=listed.count(),
        reachable=step.reachable,
        cost_fen=-(-step.by_sms * pieces(max(row.text_zh, row.text_en, key=len)) * thousand // 1000),
    ).where(NotifyCampaign.id == row.id).execute()


def pieces(text: str) -> int:
    """Return as how many text messages a text is charged, the sender's name included."""
    length = len(text) + SIGNATURE
    return 1 if length <= SHORT else -(-length // PIECE)
