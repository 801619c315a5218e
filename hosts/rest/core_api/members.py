"""Members, as staff and integration keys work with them."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import identity, members, points
from core.contract import hookspecs
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.errors import NotFound
from core.members import MemberFilter
from core.privacy.phones import LONGEST, PhoneText
from hosts.rest.core_api.schemas import BalanceOut, Input, MemberOut, balances_out, member_out

group = Endpoints("staff", prefix="/admin/v1/members", tag="members")

Reason = Field(min_length=2, max_length=200, description="kept in the audit trail")


class MembersQuery(Input):
    """What to look for; a whole phone finds a member of any venue."""

    phone: str = Field("", max_length=LONGEST)
    last_four: str = Field("", max_length=LONGEST)
    state: Literal["", "lead", "member", "lapsed"] = ""
    level: str | None = Field(None, max_length=40)
    venue: UUID | None = None


class MemberDetail(MemberOut):
    """A member with balances and what each plugin shows."""

    balances: dict[str, BalanceOut]
    summary: dict[str, dict[str, Any]]


class RegisterIn(Input):
    """Somebody who stands at the counter."""

    phone: PhoneText = Field(examples=["13800000000"])
    name: str = Field("", max_length=60)
    venue: UUID | None = None
    channel: str = Field("staff", min_length=1, max_length=40)
    invitation: str = Field("", max_length=200)


class RegisteredOut(MemberOut):
    """The member, and whether they are new."""

    created: bool


class ChangeIn(Input):
    """What to change; leave out what stays."""

    name: str | None = Field(None, max_length=60)
    gender: Literal["", "male", "female"] | None = None
    birthday: date | None = None
    venue: UUID | None = None
    locale: Literal["zh", "en"] | None = None
    attributes: dict[str, Any] | None = None


class CodeIn(Input):
    """What a member shows."""

    code: str = Field(min_length=1, max_length=40, description="the digits of the member code", examples=["0" * 18])
    venue: UUID | None = Field(None, description="where; may be left out by an account of one venue")


class HolderOut(BaseModel):
    """Whose code it is: what a gate needs to open, and no more. The name is masked for who may not see it."""

    member: UUID
    name: str
    state: Literal["lead", "member", "lapsed"]
    frozen: bool = Field(description="the membership is paused (停卡)")
    valid_until: date | None = Field(description="the membership's last day")
    level: str
    class_: str = Field(serialization_alias="class")
    venue: UUID = Field(description="where the code was shown")


class ReasonIn(Input):
    """Why."""

    reason: str = Reason


class PhoneOut(BaseModel):
    """The whole number."""

    phone: str


class ClassIn(Input):
    """Another class."""

    class_: str = Field(alias="class", min_length=1, max_length=40)
    reason: str = Reason


class MergeIn(Input):
    """Who becomes part of the member in the path."""

    merged: UUID
    reason: str = Reason


class MergeQuery(Input):
    """Who would become part of the member in the path."""

    merged: UUID


class PreviewOut(BaseModel):
    """What a merge would do; it is possible when `blockers` is empty."""

    member: MemberOut
    merged: MemberOut
    taken: list[str]
    differing: list[str]
    assets: dict[str, int]
    identities: int
    blockers: list[str]


class UnmergedOut(BaseModel):
    """What came of taking a merge back."""

    returned: dict[str, int]
    short: dict[str, int] = Field(description="spent or expired since: stays gone")
    kept: list[str] = Field(description="fields that changed meanwhile and stay as they are")


class StaffExportOut(BaseModel):
    """All that is kept of a member."""

    data: dict[str, Any]


@group.get("", permission="members.view")
def list_members(ctx: Context, query: MembersQuery, page: PageQuery) -> Listing[MemberOut]:
    """List members, newest first. An account with a venue scope sees its venues' members."""
    wanted = MemberFilter(
        state=query.state, level=query.level, venue=query.venue, phone=query.phone, last_four=query.last_four
    )
    found = members.find(ctx, wanted, page)
    return Listing[MemberOut](items=[member_out(view) for view in found.items], next_cursor=found.next_cursor)


@group.post("", permission="members.edit", status=201)
def register_member(ctx: Context, body: RegisterIn) -> RegisteredOut:
    """Register somebody on site; a known phone gives the member it belongs to."""
    view, created = members.register(
        ctx,
        channel=body.channel,
        phone=body.phone,
        name=body.name or None,
        venue=body.venue,
        invitation=body.invitation,
    )
    return RegisteredOut(**member_out(view).__dict__, created=created)


@group.post("/code", permission="members.code", idempotent=True, rate="120/minute")
def read_code(ctx: Context, body: CodeIn) -> HolderOut:
    """Say whose member code was shown at a gate: each code once, within its minute, at one of your venues."""
    view, venue = identity.read_code(ctx, body.code, body.venue)
    return HolderOut(
        member=view.id,
        name=view.name,
        state=view.state,  # type: ignore[arg-type]  # checked where it is written
        frozen=view.frozen,
        valid_until=view.valid_until,
        level=view.level,
        class_=view.class_,
        venue=venue,
    )


@group.get("/{member_id}", permission="members.view")
def read_member(ctx: Context, member_id: UUID) -> MemberDetail:
    """Return a member; the id of one that was merged gives the survivor."""
    view = members.get_in_scope(ctx, member_id)
    answers = ctx.collect(hookspecs.member_summary, member=view.id)
    return MemberDetail(
        **member_out(view).__dict__,
        balances=balances_out(points.balances(ctx, view.id)) if ctx.has("points.view") else {},
        summary={slug: answer for slug, answer in answers if answer},
    )


@group.patch("/{member_id}", permission="members.edit")
def change_member(ctx: Context, member_id: UUID, body: ChangeIn) -> MemberOut:
    """Change a member's profile."""
    return member_out(members.update_profile(ctx, member_id, body.model_dump(exclude_unset=True)))


@group.put("/{member_id}/class", permission="members.edit")
def set_class(ctx: Context, member_id: UUID, body: ClassIn) -> MemberOut:
    """Put a member in a class (ordinary, vip, staff…): another thing than the level."""
    view = in_scope(ctx, member_id)
    members.set_class(ctx, view, body.class_, body.reason)
    return member_out(members.get(ctx, view))


@group.post("/{member_id}/reveal-phone", permission="members.reveal")
def reveal_phone(ctx: Context, member_id: UUID, body: ReasonIn) -> PhoneOut:
    """Show a member's whole phone number, for a reason that is kept."""
    return PhoneOut(phone=members.reveal_phone(ctx, member_id, body.reason))


@group.get("/{member_id}/merge-preview", permission="members.merge")
def preview_merge(ctx: Context, member_id: UUID, query: MergeQuery) -> PreviewOut:
    """Say what merging another record into this member would do."""
    preview = members.merge_preview(ctx, in_scope(ctx, member_id), in_scope(ctx, query.merged))
    return PreviewOut(
        member=member_out(preview.member),
        merged=member_out(preview.merged),
        taken=list(preview.taken),
        differing=list(preview.differing),
        assets=dict(preview.assets),
        identities=preview.identities,
        blockers=list(preview.blockers),
    )


@group.post("/{member_id}/merge", permission="members.merge", idempotent=True)
def merge_members(ctx: Context, member_id: UUID, body: MergeIn) -> MemberOut:
    """Make another record of the same person part of this member."""
    return member_out(members.merge(ctx, in_scope(ctx, member_id), in_scope(ctx, body.merged), body.reason))


@group.post("/{member_id}/unmerge", permission="members.merge", idempotent=True)
def unmerge_member(ctx: Context, member_id: UUID, body: ReasonIn) -> UnmergedOut:
    """Take back a merge; the path names the record that was merged."""
    in_scope(ctx, member_id)
    undone = members.unmerge(ctx, member_id, body.reason)
    return UnmergedOut(returned=dict(undone.returned), short=dict(undone.short), kept=list(undone.kept))


@group.post("/{member_id}/export", permission="members.export")
def export_member(ctx: Context, member_id: UUID) -> StaffExportOut:
    """Return all that is kept of a member, for the member. A POST, because it leaves a line in the audit trail."""
    return StaffExportOut(data=members.export(ctx, in_scope(ctx, member_id)))


@group.post("/{member_id}/erase", permission="members.erase", idempotent=True)
def erase_member(ctx: Context, member_id: UUID, body: ReasonIn) -> None:
    """Delete a member's personal data for good; the ledger stays, without a name."""
    member = in_scope(ctx, member_id)
    members.erase(ctx, member, body.reason)
    identity.revoke_sessions_of(ctx, "member", member)


def in_scope(ctx: Context, member_id: UUID) -> UUID:
    """Return the id under which a member lives on; NotFound outside the account's venues."""
    if not ctx.actor.venues:
        return members.resolve(ctx, member_id)
    view = members.get(ctx, member_id)
    if view.venue not in ctx.actor.venues:
        raise NotFound("no such member", "找不到会员", what="member")
    return view.id
