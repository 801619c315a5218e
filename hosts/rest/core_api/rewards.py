"""Rewards, as staff see and undo them: "why" for a member, the kinds there are, and batches from preview
to recall.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import rewards
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.contract.rewards import ConditionKind, RewardKind
from core.errors import Forbidden, Invalid
from core.paging import keyset
from core.rewards import Audience, RewardBatch, RewardSpec
from hosts.rest.core_api.members import in_scope
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1", tag="rewards")
MOST_NAMED = 5000  # members that a request may list


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


class AudienceIn(Input):
    """Everybody of a kind; what is left out does not narrow."""

    state: Literal["", "lead", "member", "lapsed"] = ""
    level: str = Field("", max_length=40)
    class_: str = Field("", max_length=40, alias="class")
    venue: UUID | None = None


class BatchIn(Input):
    """What to give to whom: a list of members, or an audience."""

    name: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=2, max_length=200)
    rewards: list[RewardSpec] = Field(min_length=1, max_length=10)
    members: list[UUID] = Field([], max_length=MOST_NAMED)
    audience: AudienceIn | None = None


class BatchOut(BaseModel):
    """A batch: heads and cost before it runs, progress after."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    reason: str
    state: Literal["draft", "approved", "done", "recalling", "recalled", "dropped"]
    heads: int
    points: int = Field(description="that it mints in all")
    what: list[str]
    given: int
    failed: int
    taken: int = Field(description="heads from whom everything came back")
    made_by: str
    approved_by: str


class HeadsQuery(Input):
    """Which heads, after which place."""

    state: Literal["", "waiting", "given", "failed", "taken", "spent"] = ""
    after: int = Field(-1, ge=-1, le=10**9)
    lines: int = Field(100, ge=1, le=500)


class HeadOut(BaseModel):
    """One head of a batch."""

    place: int
    member: UUID
    state: str
    remark: str = Field(description="why it failed, or what was spent")


class HeadsOut(BaseModel):
    """Heads of a batch, in their order."""

    items: list[HeadOut]


def _head_office(ctx: Context) -> None:
    if ctx.actor.venues:
        raise Forbidden("an account of single venues gives to no batch", "门店账号不能批量发放")


def _out(view: rewards.BatchView) -> BatchOut:
    return BatchOut.model_validate(view, from_attributes=True)


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
    _head_office(ctx)
    return RevocationOut.model_validate(rewards.revoke(ctx, grant_id, reason=body.reason), from_attributes=True)


@group.get("/rewards/batches", permission="rewards.view")
def list_batches(ctx: Context, page: PageQuery) -> Listing[BatchOut]:
    """List batches, newest first."""
    rows, after = keyset(RewardBatch.scoped(ctx).select(RewardBatch.id), RewardBatch.id, page)
    return Listing(items=[_out(rewards.batch(ctx, row.id)) for row in rows], next_cursor=after)


@group.post("/rewards/batches", permission="rewards.edit", status=201)
def preview_batch(ctx: Context, body: BatchIn) -> BatchOut:
    """Draft a batch and see its heads and cost; nothing is given before somebody else approves it."""
    _head_office(ctx)
    if (body.audience is None) == (not body.members):
        raise Invalid(
            "give a list of members, or an audience: one of the two",
            "请填写会员列表或选择会员条件（二选一）",
            fields=[{"path": "body.members", "message": "members or audience"}],
        )
    heads = body.members
    if body.audience is not None:
        wanted = Audience(body.audience.state, body.audience.level, body.audience.class_, body.audience.venue)
        heads = rewards.audience(ctx, wanted)
    return _out(rewards.preview_batch(ctx, name=body.name, members=heads, rewards=body.rewards, reason=body.reason))


@group.get("/rewards/batches/{batch_id}", permission="rewards.view")
def read_batch(ctx: Context, batch_id: UUID) -> BatchOut:
    """Return a batch and how far it is."""
    return _out(rewards.batch(ctx, batch_id))


@group.get("/rewards/batches/{batch_id}/heads", permission="rewards.view")
def read_heads(ctx: Context, batch_id: UUID, query: HeadsQuery) -> HeadsOut:
    """List the heads of a batch: `failed` says why, `spent` what a recall could not take."""
    rewards.batch(ctx, batch_id)
    rows = rewards.batch_heads(ctx, batch_id, state=query.state or None, after=query.after, limit=query.lines)
    return HeadsOut(items=[HeadOut(place=p, member=m, state=s, remark=r) for p, m, s, r in rows])


@group.post("/rewards/batches/{batch_id}/approve", permission="rewards.approve", idempotent=True)
def approve_batch(ctx: Context, batch_id: UUID) -> BatchOut:
    """Approve a draft and start it; somebody other than who drafted it."""
    _head_office(ctx)
    return _out(rewards.approve_batch(ctx, batch_id))


@group.post("/rewards/batches/{batch_id}/drop", permission="rewards.edit")
def drop_batch(ctx: Context, batch_id: UUID) -> BatchOut:
    """Drop a draft."""
    _head_office(ctx)
    return _out(rewards.drop_batch(ctx, batch_id))


@group.post("/rewards/batches/{batch_id}/recall", permission="rewards.approve", idempotent=True)
def recall_batch(ctx: Context, batch_id: UUID, body: ReasonIn) -> BatchOut:
    """Take a batch back, also while it runs: the unspent returns, the spent is listed under its heads."""
    _head_office(ctx)
    return _out(rewards.recall_batch(ctx, batch_id, reason=body.reason))
