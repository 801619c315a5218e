"""Core's hooks: every one that a plugin may implement, grouped by kind. Plugins add theirs in their `hookspecs.py`."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.contract import facts
from core.contract.context import Context
from core.contract.plugin import Contribution
from core.contract.ports import Settlement, Verdict
from core.contract.specs import Veto, contribution, decision, fact, lifecycle

# --- the contribution: asked once, at start-up ------------------------------------------------------------------------


@contribution(since="2.0")
def contribute() -> Contribution:  # type: ignore[empty-body]
    """Return all that the plugin gives: its settings, endpoints, resources, jobs, kinds of reward and the rest."""


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


# --- lifecycle hooks: every installed plugin, on or off --------------------------------------------------------------


@lifecycle(since="1.0")
def erase_member(ctx: Context, member: UUID) -> None:
    """Do, when a member is forgotten, what their rows do not say by themselves (`MemberRows`): give back, cancel.

    Called in the transaction of the erasure, before the rows go. A Conflict refuses it: something is owed.
    """


@lifecycle(since="1.0")
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Do, when `merged` becomes `member`, what their rows do not say by themselves (`MemberRows`); before they move."""


@lifecycle(since="1.0")
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return what a member takes away beside the rows that `MemberRows` export, as JSON values."""


@lifecycle(since="1.0")
def purge_tenant(ctx: Context) -> None:
    """Remove what is kept for this tenant outside the plugin's tables; called before the runtime empties those."""


@lifecycle(since="1.0")
def payment_settled(ctx: Context, settlement: Settlement) -> bool | None:
    """Act on money that came or went back, in the transaction that books it; True says that the number is yours."""


@lifecycle(since="1.0")
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
