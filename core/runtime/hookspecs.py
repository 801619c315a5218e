"""Core's hooks: every one that a plugin may implement, grouped by kind. Plugins add theirs in their `hookspecs.py`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.context import Context
from core.events import facts
from core.runtime.declarations import (
    Callback,
    ConditionKind,
    Endpoints,
    Job,
    Page,
    Panel,
    Resource,
    RewardKind,
    Schedule,
)
from core.runtime.ports import Channel, ContentCheck, Listener, Notice, PaymentMethod, Settlement, Verdict
from core.runtime.specs import Veto, contribution, decision, duty, fact

# --- contributions: asked once, at start-up --------------------------------------------------------------------------


@contribution(since="1.0")
def register_settings() -> type[BaseModel]:  # type: ignore[empty-body]
    """Return the pydantic model of the plugin's settings: every field has a default and a description."""


@contribution(since="1.0")
def register_routes() -> Sequence[Endpoints]:  # type: ignore[empty-body]
    """Return the endpoint groups of the plugin's `api.py`."""


@contribution(since="1.0")
def register_callbacks() -> Sequence[Callback]:  # type: ignore[empty-body]
    """Return what answers `/callbacks/{slug}/{tenant}`: for pushes of an outside system, verified by the plugin."""


@contribution(since="1.0")
def register_resources() -> Sequence[Resource]:  # type: ignore[empty-body]
    """Return the console resources of the plugin's `console.py`."""


@contribution(since="1.0")
def register_pages() -> Sequence[Page]:  # type: ignore[empty-body]
    """Return console pages that are not resources; their templates are in the plugin's `templates/`."""


@contribution(since="1.0")
def register_panels() -> Sequence[Panel]:  # type: ignore[empty-body]
    """Return panels for the console's dashboard."""


@contribution(since="1.0")
def register_jobs() -> Sequence[Job]:  # type: ignore[empty-body]
    """Return the kinds of job the plugin puts in the table with `ctx.enqueue`."""


@contribution(since="1.0")
def register_schedules() -> Sequence[Schedule]:  # type: ignore[empty-body]
    """Return what is to run by the clock, each tenant in its own time zone."""


@contribution(since="1.0")
def register_rewards() -> Sequence[RewardKind]:  # type: ignore[empty-body]
    """Return the kinds of reward the plugin can give: any rule of any plugin may name them."""


@contribution(since="1.0")
def register_conditions() -> Sequence[ConditionKind]:  # type: ignore[empty-body]
    """Return the kinds of question about a member that any rule may ask."""


@contribution(since="1.0")
def register_channels() -> Sequence[Channel]:  # type: ignore[empty-body]
    """Return the ways of the plugin's to reach a member."""


@contribution(since="1.0")
def register_notices() -> Sequence[Notice]:  # type: ignore[empty-body]
    """Return which of the plugin's facts a member is told of, and in which words."""


@contribution(since="1.0")
def register_payments() -> Sequence[PaymentMethod]:  # type: ignore[empty-body]
    """Return the ways of the plugin's to be paid from outside."""


@contribution(since="1.0")
def register_checks() -> Sequence[ContentCheck]:  # type: ignore[empty-body]
    """Return the machines of the plugin's that judge what members write and upload."""


@contribution(since="1.0")
def register_listener() -> Listener:  # type: ignore[empty-body]
    """Return how the plugin hears facts of plugins that it does not require."""


# --- decisions: asked in the caller's transaction; they read and never write ----------------------------------------


@decision(since="1.0", combine="all")
def may_switch_off(ctx: Context) -> Veto | None:
    """Ask a plugin, when staff switch it off, whether it has money or goods in flight; a Veto refuses."""


@decision(since="1.0", combine="all")
def may_change_settings(ctx: Context, settings: BaseModel) -> Veto | None:
    """Ask a plugin whether its settings may become these while things are as they are; a Veto refuses."""


@decision(since="1.0", combine="all")
def validate_redemption(ctx: Context, member: UUID, asset: str, amount: int, reason: str) -> Veto | None:
    """Ask before a member's points are spent by a plugin or a member; any Veto refuses the debit."""


@decision(since="1.0", combine="collect", on_error="skip_and_log")
def member_summary(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Ask for what a plugin shows of a member in `/v1/me` and on the console's member page: small JSON values."""


# --- duties: every installed plugin, on or off -----------------------------------------------------------------------


@duty(since="1.0")
def erase_member(ctx: Context, member: UUID) -> None:
    """Delete or anonymise what the plugin keeps of a member, in the caller's transaction."""


@duty(since="1.0")
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move what the plugin keeps of `merged` to `member`, or leave it and resolve ids when read."""


@duty(since="1.0")
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return what the plugin keeps of a member, as JSON values, for the member to take away."""


@duty(since="1.0")
def purge_tenant(ctx: Context) -> None:
    """Delete all that the plugin keeps for this tenant; called after its tables were exported."""


@duty(since="1.0")
def payment_settled(ctx: Context, settlement: Settlement) -> bool | None:
    """Act on money that came or went back, in the transaction that books it; True says that the number is yours."""


@duty(since="1.0")
def content_judged(ctx: Context, check: str, trace: str, verdict: Verdict) -> bool | None:
    """Act on a verdict that came later; True says that the trace is yours."""


# --- facts: heard after commit, by a worker, unordered and perhaps late ----------------------------------------------


@fact(since="1.0")
def member_registered(ctx: Context, fact: facts.MemberRegistered) -> None:
    """Fires once for a person, when the brand first knows them."""


@fact(since="1.0")
def member_converted(ctx: Context, fact: facts.MemberConverted) -> None:
    """Fires once for a person, when they first hold a valid membership; a return after a lapse is not a conversion."""


@fact(since="1.0")
def member_updated(ctx: Context, fact: facts.MemberUpdated) -> None:
    """Fires when a member's profile, state or class changed."""


@fact(since="1.0")
def member_merged(ctx: Context, fact: facts.MemberMerged) -> None:
    """Fires when staff joined two records of one person."""


@fact(since="1.0")
def member_erased(ctx: Context, fact: facts.MemberErased) -> None:
    """Fires after a member's personal data were erased."""


@fact(since="1.0")
def level_up(ctx: Context, fact: facts.LevelUp) -> None:
    """Fires when a member reached a higher level."""


@fact(since="1.0")
def level_down(ctx: Context, fact: facts.LevelDown) -> None:
    """Fires when a member fell to a lower level."""


@fact(since="1.0")
def points_credited(ctx: Context, fact: facts.PointsCredited) -> None:
    """Fires when accounts were credited, of any asset."""


@fact(since="1.0")
def points_debited(ctx: Context, fact: facts.PointsDebited) -> None:
    """Fires when accounts were debited, or a credit was reversed."""


@fact(since="1.0")
def points_expired(ctx: Context, fact: facts.PointsExpired) -> None:
    """Fires when lots of points reached their end."""


@fact(since="1.0")
def reward_granted(ctx: Context, fact: facts.RewardGranted) -> None:
    """Fires when a rule gave a member a reward."""


@fact(since="1.0")
def reward_revoked(ctx: Context, fact: facts.RewardRevoked) -> None:
    """Fires when a grant was taken back."""
