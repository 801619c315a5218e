"""By which way a message goes next, and why not by the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.notify import allowing, content
from plugins.notify.allowing import INBOX
from plugins.notify.content import Content
from plugins.notify.models import NotifyCampaign, NotifyInbox, NotifyMessage, NotifyTemplate
from plugins.notify.settings import NotifySettings
from plugins.notify.wording import fill
from roost import Channel, Context, Outgoing, RoostError, Steps, insert_rows, members, savepoint, unseal

UNWANTED = frozenset(("no_consent", "off", "blocked"))  # the person's own wish: no failure


@dataclass(frozen=True, slots=True)
class Going:
    """A message that a channel is about to send."""

    message: UUID
    slug: str  # whose channel it is
    send: Steps
    prepared: Any = field(repr=False)  # Any: the channel's own


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a row now, and the call to make, if any."""

    changes: dict[str, Any]
    going: Going | None = None


class Refusal(Exception):  # a way that is closed, not an error
    """Why a channel is not taken."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def subject_of(row: NotifyMessage) -> UUID:
    """Return who a message is for, as contacts are counted: the member, or an id made of the address."""
    if row.member is not None:
        return row.member
    return UUID(bytes=bytes(row.address_blind)) if row.address_blind is not None else row.id


class Round:
    """What a batch of messages needs to know, read together; contacts are locked."""

    def __init__(self, ctx: Context, rows: Sequence[NotifyMessage]) -> None:
        self.ctx = ctx
        self.settings = ctx.settings(NotifySettings)
        self.people = members.get_many(ctx, [row.member for row in rows if row.member is not None])
        self.channels = {channel.name: (slug, channel) for slug, channel in ctx.providers(Channel)}
        ids = [view.id for view in self.people.values()]
        self.off = allowing.preferences(ctx, ids)
        marketing = [row for row in rows if row.marketing]
        self.answers = allowing.answers_of(ctx, ids, self.channels.keys() | {INBOX}) if marketing else {}
        self.contacts = allowing.lock_contacts(ctx, [subject_of(r) for r in marketing if r.counted_on is None])
        self._inbox: list[dict[str, Any]] = []
        self._templates: dict[tuple[str, str, str], NotifyTemplate | None] = {}
        self._campaigns: dict[UUID, NotifyCampaign] = {}

    def campaign(self, campaign: UUID) -> NotifyCampaign:
        """Return a campaign, read once."""
        if campaign not in self._campaigns:
            self._campaigns[campaign] = NotifyCampaign.scoped(self.ctx).get(NotifyCampaign.id == campaign)
        return self._campaigns[campaign]

    def template(self, code: str, channel: str, locale: str) -> NotifyTemplate | None:
        """Return a provider's template, read once."""
        asked = (code, channel, locale)
        if asked not in self._templates:
            self._templates[asked] = content.template_of(self.ctx, *asked)
        return self._templates[asked]

    def view(self, row: NotifyMessage) -> members.MemberView | None:
        """Return the member a message is for."""
        return self.people.get(row.member) if row.member is not None else None

    def words(self, row: NotifyMessage) -> Content:
        """Return what a message says."""
        if row.content is not None:
            return content.opened(self.ctx, row.content)
        if row.campaign is None:  # it was erased: nothing is left to be said
            raise Refusal("gone")
        return content.of_campaign(self.ctx, self.campaign(row.campaign), self.view(row), row.locale)

    def show(self, row: NotifyMessage) -> None:
        """Lay a message in the member's inbox, when the round is written."""
        self._inbox.append(
            {
                "message": row.id,
                "member": row.member,
                "group": row.group,
                "campaign": row.campaign,
                "locale": row.locale,
                "content": bytes(row.content) if row.content is not None else None,
                "created_at": self.ctx.now(),
            }
        )

    def write(self) -> None:
        """Write the inboxes."""
        insert_rows(self.ctx, NotifyInbox, self._inbox, ignore_conflicts=True)


def choose(round_: Round, row: NotifyMessage) -> Step:
    """Return what becomes of a waiting message: it lies in the inbox, it goes to a channel, or it is over."""
    ctx = round_.ctx
    view = round_.view(row)
    if row.member is not None and (view is None or view.erased):
        return _over(ctx, row, "skipped", "gone")
    age = ctx.now() - row.created_at
    if row.campaign is None and age > timedelta(hours=round_.settings.give_up_hours) and not row.round:
        return _over(ctx, row, "sent" if row.shown else "skipped", "" if row.shown else "expired")
    show = INBOX in row.channels and not row.shown and view is not None and _permits(round_, row, view, INBOX) is None
    changes: dict[str, Any] = {"trail": list(row.trail)}
    if row.marketing and row.counted_on is None and not _has_room(round_, row):
        return _over(ctx, row, "skipped", "capped")
    going = _first_open(round_, row, view, changes)
    if going is None and not show and not row.shown:
        code = changes["trail"][-1][1] if changes["trail"] else "no_channel"
        unwanted = all(tried[1] in UNWANTED for tried in changes["trail"]) and changes["trail"]
        return _over(ctx, row, "skipped" if unwanted or code in UNWANTED else "failed", code, changes)
    if show:
        round_.show(row)
        changes["shown"] = True
    if row.marketing and row.counted_on is None:
        changes["counted_on"] = ctx.today()
        days = round_.contacts[subject_of(row)]
        days.append(ctx.today())
        allowing.keep_contacts(ctx, subject_of(row), days, ctx.today())
    if going is not None:
        return Step({**changes, "state": "sending"}, going)
    return _over(ctx, row, "sent", "", {**changes, "channel": INBOX})


def _over(ctx: Context, row: NotifyMessage, state: str, code: str, changes: dict[str, Any] | None = None) -> Step:
    return Step({**(changes or {}), "state": state, "code": code, "ended_at": ctx.now()})


def _has_room(round_: Round, row: NotifyMessage) -> bool:
    return allowing.has_room(round_.contacts[subject_of(row)], round_.ctx.today(), round_.settings)


def _first_open(
    round_: Round, row: NotifyMessage, view: members.MemberView | None, changes: dict[str, Any]
) -> Going | None:
    """Return the call by the first channel that takes the message; note in `changes` why others do not."""
    for step, name in enumerate(row.channels[row.step :], row.step):
        if name == INBOX:
            why = _permits(round_, row, view, INBOX) if view is not None else "no_address"
            if why is not None and not row.shown:
                changes["trail"].append([name, why, ""])
            continue
        try:
            with savepoint():
                going = _by(round_, row, view, name)
        except (Refusal, RoostError) as ex:
            changes["trail"].append([name, ex.code, ""])
            continue
        changes.update(step=step, channel=name, tries=row.tries if step == row.step else 0)
        return going
    return None


def _permits(round_: Round, row: NotifyMessage, view: members.MemberView | None, channel: str) -> str | None:
    """Return why a person does not want a message by a channel, or None."""
    if view is None:
        return None  # an imported address: the brand says on what basis it may be written to
    if channel in round_.off.get(view.id, {}).get(row.group, ()):
        return "off"
    if row.marketing and not allowing.agrees(
        round_.answers.get(view.id, {}), channel, needed=round_.settings.consent_needed
    ):
        return "no_consent"
    return None


def _by(round_: Round, row: NotifyMessage, view: members.MemberView | None, name: str) -> Going:
    """Return the call that sends a message by one channel. Raises Refusal, or what the channel raises."""
    ctx = round_.ctx
    if name not in round_.channels:
        raise Refusal("not_configured")
    slug, channel = round_.channels[name]
    why = _permits(round_, row, view, name)
    if why is not None:
        raise Refusal(why)
    address = _address(ctx, row, view, slug, channel)
    if row.marketing and allowing.is_blocked(ctx, name, address):
        raise Refusal("blocked")
    words = round_.words(row)
    code = row.notice if row.campaign is None else round_.campaign(row.campaign).template
    template = round_.template(code, name, row.locale) if code else None
    if channel.templates and template is None:
        raise Refusal("no_template")
    outgoing = Outgoing(
        key=f"{row.id.hex}-{name}"[:60] + (f"-{row.round}" if row.round else ""),
        member=view.id if view is not None else None,
        address=address,
        template=template.template if template is not None else "",
        params={k: fill(text, words.values) for k, text in template.params.items()} if template is not None else {},
        title=words.title,
        text=words.text,
        link=words.link,
        locale=row.locale,
        marketing=row.marketing,
    )
    return Going(row.id, slug, channel.send, channel.send.prepare(ctx.for_plugin(slug), outgoing))


def _address(ctx: Context, row: NotifyMessage, view: members.MemberView | None, slug: str, channel: Channel) -> str:
    if row.address is not None:
        if row.address_channel != channel.name:
            raise Refusal("no_address")
        return unseal(ctx, "address", row.address)
    if view is None:
        raise Refusal("no_address")
    found = channel.address(ctx.for_plugin(slug), view.id)
    if not found:
        raise Refusal("no_address")
    return found
