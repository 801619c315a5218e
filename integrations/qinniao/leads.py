"""Bring new people to the SaaS: match them by phone first, push only the unknown, and once."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.qinniao import circuit, effects, membership, service
from integrations.qinniao.client import QinniaoClient, QinniaoError
from integrations.qinniao.connection import TIMEOUT, connect, require
from integrations.qinniao.following import LONGEST_RETRY, backoff
from integrations.qinniao.hookspecs import MembershipChanged
from integrations.qinniao.models import QinniaoLead
from integrations.qinniao.schemas import Conversion, LeadJob, NewLead, QinniaoSettings, SweepJob
from integrations.qinniao.wire import LeadAccepted, SaasMember
from roost import Conflict, Context, Invalid, Next, Remote, members, tenants

MOST_TRIES = 12  # about five hours; the nightly sweep goes on for a fortnight
SWEEP = 200
SWEEP_DAYS = 14
DONE = ("matched", "pushed")


def client_of(ctx: Context) -> QinniaoClient:
    return connect(ctx, ctx.settings(QinniaoSettings), QinniaoClient, TIMEOUT)


def start(ctx: Context, member: UUID) -> None:
    """Begin with a person who registered: take over what waited for them, else ask the SaaS."""
    ctx = ctx.for_plugin(service.SLUG)
    person = members.get(ctx, member)
    if person.erased:
        return
    QinniaoLead.scoped(ctx).insert(
        member=person.id, venue=person.venue, created_at=ctx.now(), changed_at=ctx.now()
    ).on_conflict_ignore().execute()
    phone = members.phone_of(ctx, person.id) if person.phone_masked else ""
    waiting = service.find_waiting(ctx, phone)
    if service.claim_leads(ctx, phone) or waiting:  # what waits came before they did
        effects.note_known(ctx, person.id)
    for owner in waiting:
        service.link(ctx, person.id, owner)
        service.resolve_owner(ctx, owner)
    if not waiting and ctx.settings(QinniaoSettings).connected:
        ctx.enqueue("qinniao.lead", LeadJob(member=person.id))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A person to match or push. Not shown: it has the phone."""

    lead: UUID
    member: UUID
    push: bool
    client: QinniaoClient = field(repr=False)
    phone: str = field(repr=False)
    name: str = field(repr=False)
    store: str | None
    source: str
    target: str
    held: timedelta | None  # nobody is asked for so long


@dataclass(frozen=True, slots=True)
class Asked:
    """What the SaaS answered."""

    member: SaasMember | None = None
    accepted: LeadAccepted | None = None
    failure: QinniaoError | None = None


class BringLead(Remote):
    """The job `qinniao.lead`: however often it runs a person is pushed once, for our id names them there."""

    def prepare(self, ctx: Context, payload: LeadJob) -> Prepared | None:  # type: ignore[override]  # the payload
        """Read the person; None when there is nothing (more) to do."""
        settings = ctx.settings(QinniaoSettings)
        lead = QinniaoLead.scoped(ctx).first(QinniaoLead.member == payload.member)
        if lead is None or lead.state in DONE or not settings.connected:
            return None
        person = members.get(ctx, lead.member)
        if person.erased:
            return None
        if not person.phone_masked:
            _fail(ctx, lead, "there is no phone number to match or push")
            return None
        venue = tenants.venue(ctx, person.venue) if person.venue else None
        return Prepared(
            # whom the SaaS has as a lead of its own is not pushed as another
            lead.id, person.id, settings.push_leads and not lead.saas_lead, client_of(ctx),
            members.phone_of(ctx, person.id).removeprefix("+86"), person.name,
            venue.code if venue is not None else None, person.channel,
            settings.base_url, circuit.pause(ctx, settings.base_url),
        )  # fmt: skip

    def call(self, prepared: Prepared | None) -> Asked:
        """Look the phone up in the SaaS; push a lead when nobody there has it."""
        if prepared is None or prepared.held is not None:
            return Asked()
        try:
            member = prepared.client.find_member(prepared.phone)
            if member is not None or not prepared.push:
                return Asked(member)
            accepted = prepared.client.push_lead(
                str(prepared.member), prepared.phone, prepared.name or None, prepared.store, prepared.source
            )
        except QinniaoError as ex:
            return Asked(failure=ex)
        return Asked(accepted=accepted)

    def complete(self, ctx: Context, prepared: Prepared | None, answer: Asked) -> Next | None:
        """Write what came of it; on a failure that may pass, come back later."""
        if prepared is None:
            return None
        if prepared.held is not None:
            return Next(LeadJob(member=prepared.member), after=prepared.held)
        circuit.note(ctx, prepared.target, answer.failure)
        lead = QinniaoLead.scoped(ctx).lock(QinniaoLead.id == prepared.lead)
        if lead.state in DONE:
            return None
        if answer.failure is not None:
            return _later(ctx, lead, answer.failure)
        if answer.member is not None:
            _match(ctx, lead, answer.member.id, answer.member)
        elif answer.accepted is not None:
            _set(ctx, lead, state="pushed", saas_lead=answer.accepted.lead_id[: service.ID_LENGTH], error="")
            if answer.accepted.member_id:  # they became a member there while we asked
                _match(ctx, lead, answer.accepted.member_id, None)
        elif lead.saas_lead:
            _set(ctx, lead, state="pushed", error="")
        return None


def _match(ctx: Context, lead: Any, owner: str, item: SaasMember | None) -> None:
    try:
        service.link(ctx, lead.member, owner)
    except Conflict as ex:
        _fail(ctx, lead, f"{ex.message} (number {owner} of the SaaS)")
        return
    if item is not None:
        person = members.get(ctx, lead.member)
        if effects.knew_before(ctx, person, item, asked=True):
            effects.note_known(ctx, person.id)
        service.apply(ctx, "members", item, via="match")
    service.resolve_owner(ctx, owner)


def _later(ctx: Context, lead: Any, failure: QinniaoError) -> Next | None:
    tries = lead.tries + 1
    if not failure.retryable or tries >= MOST_TRIES:
        _fail(ctx, lead, str(failure), tries)
        return None
    _set(ctx, lead, tries=tries, error=str(failure)[: service.NOTE_LENGTH])
    return Next(LeadJob(member=lead.member), after=backoff(tries))


def _fail(ctx: Context, lead: Any, error: str, tries: int | None = None) -> None:
    _set(
        ctx,
        lead,
        state="failed",
        error=error[: service.NOTE_LENGTH],
        tries=lead.tries + 1 if tries is None else tries,
    )


def _set(ctx: Context, lead: Any, **values: object) -> None:
    QinniaoLead.scoped(ctx).update(**values, changed_at=ctx.now()).where(QinniaoLead.id == lead.id).execute()


def sweep(ctx: Context, payload: SweepJob) -> Next | None:
    """Take up what is pending without a job (nothing was connected) and what failed within a fortnight."""
    if not ctx.settings(QinniaoSettings).connected:
        return None
    since = ctx.now() - timedelta(days=SWEEP_DAYS)
    rows = QinniaoLead.scoped(ctx).select().where(
        (QinniaoLead.state == "pending")
        | ((QinniaoLead.state == "failed") & (QinniaoLead.created_at > since)),
        QinniaoLead.changed_at < ctx.now() - 2 * LONGEST_RETRY,
    )  # fmt: skip
    if payload.after is not None:
        rows = rows.where(QinniaoLead.id > payload.after)
    found = list(rows.order_by(QinniaoLead.id).limit(SWEEP))
    for lead in found:
        ctx.enqueue("qinniao.lead", LeadJob(member=lead.member))
    return Next(SweepJob(after=found[-1].id)) if len(found) == SWEEP else None


# --- the desk ---------------------------------------------------------------------------------------------


def add(ctx: Context, body: NewLead) -> QinniaoLead:
    """Bring a member whom nobody brought yet, an imported one say. Raises Conflict when it was done."""
    person = members.get(ctx, body.member)
    if QinniaoLead.scoped(ctx).first(QinniaoLead.member == person.id):
        raise Conflict("this member is on the list already", "该会员已在列表中")
    require(ctx.settings(QinniaoSettings))
    made: QinniaoLead = QinniaoLead.scoped(ctx).create(
        member=person.id, venue=person.venue, created_at=ctx.now(), changed_at=ctx.now()
    )
    ctx.enqueue("qinniao.lead", LeadJob(member=person.id))
    return made


def retry(ctx: Context, lead_id: UUID, body: None = None) -> None:
    """Try a lead again now. Raises Conflict when it is done, or nothing is connected."""
    lead = QinniaoLead.scoped(ctx).lock(QinniaoLead.id == lead_id)
    if lead.state in DONE:
        raise Conflict(f"this lead is {lead.state}: there is nothing to do", "该潜客已完成，无需重试")
    require(ctx.settings(QinniaoSettings))
    again(ctx, lead)


def again(ctx: Context, lead: Any) -> None:
    """Put a lead in line as if it were new."""
    _set(ctx, lead, state="pending", tries=0, error="")
    ctx.enqueue("qinniao.lead", LeadJob(member=lead.member))


def convert(ctx: Context, lead_id: UUID, body: Conversion) -> None:
    """Make a lead a member on proof that staff saw. News of the SaaS from later on wins over it.

    Raises Invalid for an end that has passed, Conflict when they are a member until then already.
    """
    ctx = ctx.for_plugin(service.SLUG)
    if body.valid_until is not None and body.valid_until < ctx.today():
        raise Invalid(
            "the membership has ended on that day", "会籍到期日已过",
            fields=[{"path": "body.valid_until", "message": "a day to come"}],
        )  # fmt: skip
    if body.venue is not None:
        tenants.venue(ctx, body.venue)
    lead = QinniaoLead.scoped(ctx).lock(QinniaoLead.id == lead_id)
    now = ctx.now()
    changed = members.set_membership(
        ctx, lead.member, state="member", valid_until=body.valid_until, venue=body.venue,
        version=membership.version_of(now), occurred_at=now,
    )  # fmt: skip
    if not changed:
        raise Conflict("they are a member like this already", "该用户已是会员，会籍无变化")
    person = members.get(ctx, lead.member)
    ctx.publish(
        MembershipChanged(
            member=person.id,
            state="member",
            frozen=False,
            valid_until=body.valid_until,
            venue=person.venue,
            occurred_at=now,
        )
    )
    membership.note_conversion(ctx, lead.member, now, "staff")
    _set(ctx, lead, proof=body.proof, attachment=body.attachment)
