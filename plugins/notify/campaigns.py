"""A message to many, from the draft to the last outcome.

draft ──preview──▶ gathering ──▶ ready ──start──▶ running ──▶ done ──retry──▶ running
  ▲                                │                 │  ▲
  └───────────── edit ─────────────┘            stop ▼  │ resume
                                                stopped ┘──cancel──▶ cancelled

Every campaign is marketing until two members of staff say that it is none (`exempt`). That was said of its words and
its audience: whoever changes either makes it marketing again.

Whom it goes to is written down by the preview, one row each, so that the start confirms a known number, and a row is
sent once. A step of the chain sends a chunk; a stop ends the chain before its next step.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import fn
from pydantic import BaseModel

from plugins.notify import content
from plugins.notify.allowing import INBOX
from plugins.notify.gathering import Gather
from plugins.notify.importing import receivable
from plugins.notify.models import NotifyCampaign, NotifyMessage
from plugins.notify.posting import Deliver, Letter, post
from plugins.notify.preferences import CAMPAIGN
from plugins.notify.settings import NotifySettings
from plugins.notify.staff_schemas import CampaignIn, ExemptIn, StartIn, TrialIn
from plugins.notify.wording import check
from roost import Channel, Conflict, Context, Invalid, NotFound, members, new_id, tenants

MARKS = {"zh": "【测试】", "en": "[Test] "}
EDITABLE = ("draft", "ready")
MARKETING = {"marketing": True, "exempt_reason": ""}
EXEMPTION_STANDS_ON = (
    "marketing", "channels", "template", "title_zh", "title_en", "text_zh", "text_en", "link",
    "everybody", "states", "levels", "venue", "tag", "tag_value", "basis", "imported",
)  # fmt: skip


class Chunk(BaseModel):
    """What a step of a campaign carries: which run of it, and which of the steps side by side."""

    campaign: UUID
    run: int
    lane: int
    step: int = 0

    @property
    def claim(self) -> str:
        """Return the mark of the rows that this step sends."""
        return f"{self.campaign.hex[:12]}:{self.run}:{self.lane}:{self.step}"


def _lock(ctx: Context, campaign: UUID, *states: str) -> NotifyCampaign:
    row: NotifyCampaign = NotifyCampaign.scoped(ctx).lock(NotifyCampaign.id == campaign)
    if row.state not in states:
        raise Conflict(
            f"this campaign is {row.state}; that is for one that is {' or '.join(states)}",
            "当前状态不能执行此操作",
            code="wrong_state",
        )
    return row


def update(ctx: Context, row: NotifyCampaign, **values: Any) -> None:
    """Write some columns of a campaign that is locked."""
    NotifyCampaign.scoped(ctx).update(**values).where(NotifyCampaign.id == row.id).execute()
    for name, value in values.items():
        setattr(row, name, value)


# --- words and audience ----------------------------------------------------------------------------------------------


def _check(ctx: Context, body: CampaignIn) -> None:
    for name in ("title_zh", "title_en", "text_zh", "text_en", "link"):
        check(name, getattr(body, name), ())
    known = {INBOX, *(channel.name for _, channel in ctx.providers(Channel))}
    strange = [name for name in body.channels if name not in known]
    if strange:
        raise Invalid(
            f"there is no channel {strange[0]!r} here; there are {', '.join(sorted(known))}",
            f"没有渠道 {strange[0]}，可选：{'、'.join(sorted(known))}",
            fields=[{"path": "channels", "message": f"one of {', '.join(sorted(known))}"}],
        )
    if body.venue is not None:
        tenants.venue(ctx, body.venue)


def draft(ctx: Context, body: CampaignIn) -> NotifyCampaign:
    """Write a campaign down; nothing is sent. Raises Invalid for a placeholder or a channel that is not there."""
    _check(ctx, body)
    made: NotifyCampaign = NotifyCampaign.scoped(ctx).create(
        **_values(body),
        state="draft",
        created_by=ctx.actor.id if ctx.actor.kind == "staff" else None,
        created_at=ctx.now(),
    )
    return made


def _values(body: CampaignIn) -> dict[str, Any]:
    return {**body.model_dump(), "channels": list(dict.fromkeys(body.channels)), "states": sorted(set(body.states))}


def edit(ctx: Context, campaign: UUID, body: CampaignIn) -> NotifyCampaign:
    """Change a campaign that was not started; it must be previewed again. Raises Conflict for a started one."""
    row = _lock(ctx, campaign, *EDITABLE)
    _check(ctx, body)
    update(ctx, row, **_values(body), **MARKETING, state="draft")
    return row


def exempt(ctx: Context, campaign: UUID, body: ExemptIn) -> None:
    """Take a campaign for no marketing: caps, quiet hours and consent hold it no more. It must be previewed again.

    The console has a second person approve this, whatever the number of heads. Raises Conflict for a started campaign,
    or one that is exempt already.
    """
    row = _lock(ctx, campaign, *EDITABLE)
    if not row.marketing:
        raise Conflict("this campaign is no marketing already", "该群发已设为非营销消息", code="exempt")
    update(ctx, row, marketing=False, exempt_reason=body.reason, state="draft")


def preview(ctx: Context, campaign: UUID, body: None = None) -> None:
    """Find out whom it goes to, how many that are, and what it costs at most: a chain that writes them down."""
    row = _lock(ctx, campaign, *EDITABLE)
    update(ctx, row, state="gathering", run=row.run + 1, heads=0, reachable=0, cost_fen=0)
    states = list(row.states) if row.everybody else []
    ctx.enqueue("notify.gather", Gather(campaign=row.id, run=row.run, states=states))


# --- sending ---------------------------------------------------------------------------------------------------------


def start(ctx: Context, campaign: UUID, body: StartIn) -> None:
    """Send it, now or at a given time. Raises Conflict when the number is not the preview's: look again first."""
    row = _lock(ctx, campaign, "ready")
    if body.heads != row.heads:
        raise Conflict(
            f"the preview found {row.heads} persons, not {body.heads}: look at it again",
            f"预览人数为 {row.heads}，与确认的 {body.heads} 不符，请重新核对",
            code="other_heads",
        )
    if body.at is not None and body.at < ctx.now():
        raise Invalid("it cannot begin in the past", "发送时间不能早于现在", fields=[{"path": "at", "message": "past"}])
    listed = NotifyMessage.scoped(ctx).update(state="waiting", due_at=body.at or ctx.now())
    listed.where(NotifyMessage.campaign == row.id, NotifyMessage.state == "listed").execute()
    _run(ctx, row, body.at)


def _run(ctx: Context, row: NotifyCampaign, at: datetime | None = None) -> None:
    begun = row.started_at or at or ctx.now()
    update(ctx, row, state="running", run=row.run + 1, started_at=begun, ended_at=None)
    for lane in range(ctx.settings(NotifySettings).lanes):
        ctx.enqueue("notify.send", Chunk(campaign=row.id, run=row.run, lane=lane), run_at=at)


def stop(ctx: Context, campaign: UUID, body: None = None) -> None:
    """Stop it half-way: what a channel has not been handed yet stays where it is, and may be resumed."""
    row = _lock(ctx, campaign, "running")
    update(ctx, row, state="stopped", run=row.run + 1)


def resume(ctx: Context, campaign: UUID, body: None = None) -> None:
    """Go on where it was stopped."""
    _run(ctx, _lock(ctx, campaign, "stopped"))


def cancel(ctx: Context, campaign: UUID, body: None = None) -> None:
    """End it for good: whoever was not written to will not be."""
    row = _lock(ctx, campaign, "draft", "gathering", "ready", "stopped")
    left = NotifyMessage.scoped(ctx).update(state="skipped", code="cancelled", ended_at=ctx.now())
    left.where(NotifyMessage.campaign == row.id, NotifyMessage.state.in_(("listed", "waiting"))).execute()
    update(ctx, row, state="cancelled", run=row.run + 1, ended_at=ctx.now())


def retry_failed(ctx: Context, campaign: UUID, body: None = None) -> None:
    """Try the failed ones once more, from their first channel. Those that nobody knows of are left alone."""
    row = _lock(ctx, campaign, "done")
    failed = NotifyMessage.scoped(ctx).update(**again(ctx))
    count = failed.where(NotifyMessage.campaign == row.id, NotifyMessage.state == "failed").execute()
    if not count:
        raise Conflict("nothing has failed", "没有发送失败的消息", code="nothing_failed")
    _run(ctx, row)


def again(ctx: Context) -> dict[str, Any]:
    """Return what makes a failed message wait again. Its round is part of its key: the provider takes it for new."""
    return {
        "state": "waiting",
        "step": 0,
        "tries": 0,
        "round": NotifyMessage.round + 1,
        "due_at": ctx.now(),
        "ended_at": None,
        "code": "",
    }


def try_out(ctx: Context, campaign: UUID, body: TrialIn) -> None:
    """Send a campaign's words to one address or member, marked as a test; it counts for nothing."""
    row = NotifyCampaign.scoped(ctx).get(NotifyCampaign.id == campaign)
    if (body.member is None) == (not body.address):
        raise Invalid("give an address, or a member", "请填写地址，或选择会员")
    if body.address and body.channel == INBOX:
        raise Invalid("an inbox is a member's: choose one", "站内信请选择会员")
    view = members.get_in_scope(ctx, body.member) if body.member is not None else None
    words = content.of_campaign(ctx, row, view, body.locale)
    words = content.Content(MARKS[body.locale] + words.title, words.text, words.link, words.values)
    letter = Letter(
        key=f"test:{new_id()}",
        group=CAMPAIGN,
        notice=row.template or "test",
        content=words,
        channels=[body.channel],
        member=view.id if view is not None else None,
        address=receivable(body.channel, body.address) if body.address else "",
        address_channel=body.channel if body.address else "",
        locale=body.locale,
    )
    post(ctx, letter)


def retry_one(ctx: Context, message: UUID, body: None = None) -> None:
    """Try one failed message again; a campaign's goes with its campaign."""
    row = NotifyMessage.scoped(ctx).get(NotifyMessage.id == message)
    campaign = None
    if row.campaign is not None:  # a campaign is locked before its messages
        campaign = NotifyCampaign.scoped(ctx).lock(NotifyCampaign.id == row.campaign)
    failed = NotifyMessage.scoped(ctx).update(**again(ctx))
    if not failed.where(NotifyMessage.id == row.id, NotifyMessage.state == "failed").execute():
        raise Conflict("only what has failed is tried again", "只能重试发送失败的消息", code="wrong_state")
    if campaign is None:
        ctx.enqueue("notify.deliver", Deliver(message=row.id))
    elif campaign.state == "done":
        _run(ctx, campaign)


# --- progress --------------------------------------------------------------------------------------------------------


def progress(ctx: Context, campaigns: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Return how many messages of some campaigns are in each state."""
    found: dict[UUID, dict[str, int]] = {campaign: {} for campaign in campaigns}
    if not campaigns:
        return found
    counts = NotifyMessage.scoped(ctx).select(NotifyMessage.campaign, NotifyMessage.state, fn.COUNT(NotifyMessage.id))
    counts = counts.where(NotifyMessage.campaign.in_(list(campaigns)))
    for campaign, state, count in counts.group_by(NotifyMessage.campaign, NotifyMessage.state).tuples():
        found[campaign][state] = int(count)
    return found


def require(ctx: Context, campaign: UUID) -> NotifyCampaign:
    row: NotifyCampaign | None = NotifyCampaign.scoped(ctx).first(NotifyCampaign.id == campaign)
    if row is None:
        raise NotFound("no such campaign", "找不到该群发")
    return row
