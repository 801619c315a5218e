"""A member's own: profile, balances, statement, code, consents, export, and the way out."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import identity, members, points
from core.context import Context
from core.errors import Forbidden
from core.points import EntryView
from core.runtime.declarations import Endpoints, Listing, PageQuery
from hosts.rest.core_api.schemas import Asset, BalanceOut, Input, MemberOut, balances_out, member_fields, member_out

group = Endpoints("member", prefix="/v1/me", tag="me")


class MeOut(MemberOut):
    """Who you are to this brand."""

    balances: dict[str, BalanceOut]
    summary: dict[str, dict[str, Any]] = Field(description="what each plugin shows of you, by its slug")


class ProfileIn(Input):
    """What to change; leave out what stays."""

    name: str | None = Field(None, max_length=60)
    gender: Literal["", "male", "female"] | None = None
    birthday: date | None = Field(None, description="can be filled in once and then changed once a year")
    venue: UUID | None = None
    locale: Literal["zh", "en"] | None = None
    attributes: dict[str, Any] | None = None


class PointsOut(BaseModel):
    """Balances by asset."""

    balances: dict[str, BalanceOut]


class StatementQuery(Input):
    """Which account."""

    asset: Asset = "points"


class CodeOut(BaseModel):
    """A code to show at a counter or gate; ask for a fresh one every half minute."""

    code: str
    seconds: int = Field(description="how long it is good for at least")


class ConsentIn(Input):
    """An answer to one purpose."""

    purpose: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_.]{0,39}$", examples=["marketing"])
    given: bool
    policy_version: str = Field("", max_length=40, description="required when given")
    channel: str = Field("", max_length=40)


class ConsentOut(BaseModel):
    """Your latest answer to one purpose."""

    purpose: str
    given: bool
    policy_version: str
    channel: str
    at: datetime


class ConsentsOut(BaseModel):
    """Your latest answers."""

    items: list[ConsentOut]


class ExportOut(BaseModel):
    """All that is kept of you, in the words of those who keep it."""

    data: dict[str, Any]


class EraseIn(Input):
    """Say that you mean it."""

    confirm: Literal["erase"]
    reason: str = Field("asked by the member", min_length=1, max_length=200)


def own(ctx: Context) -> UUID:
    """Return the id of the member who calls."""
    if ctx.actor.kind != "member" or ctx.actor.id is None:
        raise Forbidden("this is for members", "该接口仅供会员使用")
    return ctx.actor.id


@group.get("")
def read_me(ctx: Context) -> MeOut:
    """Return your profile, balances, and what each plugin shows of you."""
    balances = points.ask_balances(ctx, own(ctx))
    view = members.get(ctx, own(ctx))
    answers = ctx.runtime.dispatcher.decide(ctx, "member_summary", member=view.id)
    return MeOut(
        **member_fields(view),
        balances=balances_out(balances()),
        summary={slug: answer for slug, answer in answers if answer},
    )


@group.patch("")
def change_me(ctx: Context, body: ProfileIn) -> MemberOut:
    """Change your profile."""
    return member_out(members.update_profile(ctx, own(ctx), body.model_dump(exclude_unset=True)))


@group.delete("")
def erase_me(ctx: Context, body: EraseIn) -> None:
    """Delete your personal data for good. Points and benefits are lost; this cannot be undone."""
    members.erase(ctx, own(ctx), body.reason)
    identity.revoke_sessions_of(ctx, "member", own(ctx))


@group.get("/points")
def read_points(ctx: Context) -> PointsOut:
    """Return your balances and when the next of it expires."""
    return PointsOut(balances=balances_out(points.balances(ctx, members.resolve(ctx, own(ctx)))))


@group.get("/points/statement")
def read_statement(ctx: Context, query: StatementQuery, page: PageQuery) -> Listing[EntryView]:
    """Return what moved one of your accounts, newest first."""
    return points.statement(ctx, members.resolve(ctx, own(ctx)), query.asset, limit=page.limit, cursor=page.cursor)


@group.get("/code")
def read_code(ctx: Context) -> CodeOut:
    """Return your dynamic member code."""
    return CodeOut(code=members.member_code(ctx, own(ctx)), seconds=50)


@group.get("/consents")
def read_consents(ctx: Context) -> ConsentsOut:
    """Return what you agreed to, and what you took back."""
    held = members.consents(ctx, own(ctx)).values()
    return ConsentsOut(items=[ConsentOut.model_validate(one, from_attributes=True) for one in held])


@group.post("/consents")
def answer_consent(ctx: Context, body: ConsentIn) -> ConsentsOut:
    """Agree to a purpose under a version of the policy, or take an agreement back: it holds from this moment."""
    if body.given:
        members.give_consent(ctx, own(ctx), body.purpose, policy_version=body.policy_version, channel=body.channel)
    else:
        members.withdraw_consent(ctx, own(ctx), body.purpose, channel=body.channel)
    return read_consents(ctx)


@group.post("/export", rate="10/day")
def export_me(ctx: Context) -> ExportOut:
    """Return all that is kept of you. A POST, because it leaves a line in the audit trail."""
    return ExportOut(data=members.export(ctx, own(ctx)))
