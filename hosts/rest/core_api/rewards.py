"""Rewards, as staff see and undo them: "why" for a member, the kinds there are, and taking a grant back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import rewards
from core.contract.context import Context
from core.contract.rest import Endpoints
from core.contract.rewards import ConditionKind, RewardKind
from core.errors import Forbidden
from hosts.rest.core_api.members import in_scope
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1", tag="rewards")


class WhyQuery(Input):
    """How many lines."""

    lines: int = Field(50, ge=1, le=200)


class WhyOut(BaseModel):
    """One decision about a member."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    plugin: str
    subject: str = Field(description="the rule's name, or what the plugin calls its decision")
    rule: UUID | None
    rule_version: int | None
    outcome: str = Field(description="given, partly, revoked, refused or noted")
    reason: str
    evidence: dict[str, Any] = Field(description="the values that were read")
    cause: str
    rewards: list[str]


class WhyList(BaseModel):
    """What was decided, newest first."""

    items: list[WhyOut]


class KindOut(BaseModel):
    """A kind that rules may name."""

    name: str
    title: str
    plugin: str
    spec: dict[str, Any] = Field(description="JSON Schema of what the kind needs")


class KindsOut(BaseModel):
    """The kinds of the plugins that are on."""

    rewards: list[KindOut]
    conditions: list[KindOut]


class ReasonIn(Input):
    """Why."""

    reason: str = Field(min_length=2, max_length=200)


class RevocationOut(BaseModel):
    """What taking back came to."""

    model_config = ConfigDict(from_attributes=True)

    grant: UUID
    taken: int = Field(description="rewards that came back whole")
    spent: list[str] = Field(description="in words, what did not")


@group.get("/members/{member_id}/why", permission="rewards.view")
def why(ctx: Context, member_id: UUID, query: WhyQuery) -> WhyList:
    """Tell why points and gifts came or did not, and why the level moved: across plugins, newest first."""
    rows = rewards.why(ctx, in_scope(ctx, member_id), query.lines)
    return WhyList(items=[WhyOut.model_validate(row, from_attributes=True) for row in rows])


@group.get("/rewards/kinds", permission="rewards.view")
def kinds(ctx: Context) -> KindsOut:
    """List the kinds of reward and condition that rules may name."""

    def out(plugin: str, kind: Any) -> KindOut:  # Any: a RewardKind or a ConditionKind
        title = kind.title.in_(ctx.locale)
        return KindOut(name=kind.name, title=title, plugin=plugin, spec=kind.spec.model_json_schema())

    return KindsOut(
        rewards=[out("core", k) for k in rewards.REWARDS.values()]
        + [out(slug, kind) for slug, kind in ctx.providers(RewardKind)],
        conditions=[out("core", k) for k in rewards.CONDITIONS.values()]
        + [out(slug, kind) for slug, kind in ctx.providers(ConditionKind)],
    )


@group.post("/rewards/grants/{grant_id}/revoke", permission="rewards.approve", idempotent=True)
def revoke(ctx: Context, grant_id: UUID, body: ReasonIn) -> RevocationOut:
    """Take a grant back as far as it goes."""
    if ctx.actor.venues:
        raise Forbidden("an account of single venues takes no reward back", "门店账号不能收回奖励")
    return RevocationOut.model_validate(rewards.revoke(ctx, grant_id, reason=body.reason), from_attributes=True)
