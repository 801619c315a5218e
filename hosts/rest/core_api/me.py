"""A member's own: profile, balances, statement, code, consents, export, and the way out."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import identity, members, points, rewards
from core.contract import hookspecs
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.errors import Forbidden
from core.points import EntryView
from core.words import Text, said
from hosts.reason_words import reason_words
from hosts.rest.core_api.schemas import Asset, BalanceOut, Input, MemberOut, balances_out, member_fields, member_out

FOR_MEMBERS = frozenset(
    (
        "purchase", "purchase refunded", "visit", "not_first_of_day", "told_too_late", "state_earns_nothing", "reward",
        "revoked", "rule_not_active", "limit_per_member", "limit_total", "budget_used_up", "sold_out",
        "birthday_edited_lately", "level_taken_back", "welcomed_before",
    )
)  # fmt: skip
"""Reasons that say nothing of another person, nor of what we look at."""

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


class WhyQuery(Input):
    """How many lines."""

    lines: int = Field(20, ge=1, le=100)


class WhyOut(BaseModel):
    """Why points or a gift came to you, or did not."""

    at: datetime
    subject: str = Field(description="a rule's name, or what was decided about")
    outcome: Literal["given", "partly", "revoked", "refused", "noted"]
    reason: str = Field(description="in words; empty where the rules simply were met, or not")
    rewards: list[str]
    points: int | None = Field(description="what a purchase or a visit brought; less than 0: what a refund took")
    growth: int | None


class WhyList(BaseModel):
    """What was decided, newest first."""

    items: list[WhyOut]


class BarOut(BaseModel):
    """A function that you may not use for now."""

    function: str
    title: Text
    until: date | None = Field(description="the last day; null: until further notice")
    ends_at: datetime | None = Field(description="the end of that day, or an instant of it")


class BarsOut(BaseModel):
    """What you may not use for now."""

    items: list[BarOut]


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
    answers = ctx.collect(hookspecs.member_summary, member=view.id)
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


@group.get("/points/why")
def read_why(ctx: Context, query: WhyQuery) -> WhyList:
    """Tell why points, growth and gifts came to you or did not, newest first. Nothing of others, or of how we check."""
    rows = rewards.why(ctx, own(ctx), query.lines)
    return WhyList(items=[_why_out(ctx, row) for row in rows])


def _why_out(ctx: Context, row: rewards.WhyRow) -> WhyOut:
    plain = row.reason in FOR_MEMBERS or row.reason.startswith("condition:")
    amounts = {name: row.evidence.get(name) for name in ("points", "growth")}
    return WhyOut(
        at=row.at,
        subject=said(row.subject, ctx.locale),
        outcome=row.outcome,  # type: ignore[arg-type]  # checked where it is written
        reason=reason_words(row.reason, ctx.locale) if plain else "",
        rewards=list(row.rewards),
        **{name: value if isinstance(value, int) else None for name, value in amounts.items()},
    )


@group.get("/bars")
def read_bars(ctx: Context) -> BarsOut:
    """Return the functions that you are kept out of today, and until when."""
    names = {m.slug: m.bars for m in ctx.services.registry.manifests() if m.bars is not None}
    held = {bar.function: bar for bar in members.bars(ctx, own(ctx))}
    told = [
        BarOut(function=slug, title=names[slug], until=bar.until, ends_at=bar.ends_at)
        for slug, bar in held.items()
        if slug in names
    ]
    return BarsOut(items=told)


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
