"""What an item of the SaaS does here, by kind. Everything runs in the caller's transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from integrations.qinniao import membership
from integrations.qinniao.hookspecs import (
    BookingAttended,
    BookingCancelled,
    BookingRecorded,
    CoachRelationTold,
    SaasMemberKnown,
)
from integrations.qinniao.keeping import status_of
from integrations.qinniao.models import QinniaoLead
from integrations.qinniao.people import PROVIDER, of_lead
from integrations.qinniao.schemas import QinniaoSettings
from integrations.qinniao.wire import (
    SaasBooking,
    SaasCard,
    SaasCheckin,
    SaasCoach,
    SaasItem,
    SaasMember,
    SaasOrder,
    SaasRefund,
)
from plugins import purchases, visits
from roost import Conflict, Context, NotFound, local_date, local_day_end, members, tenants

Via = Literal["push", "pull", "match", "csv"]


@dataclass(frozen=True, slots=True)
class Told:
    """An item with how and when we came to hear of it."""

    item: SaasItem
    via: Via
    occurred_at: datetime  # when it happened, as far as is known
    before: str | None = None  # of a booking or coach: the status that was told of last
    whose: UUID | None = None  # the member it was taken over for before


def venue_of(ctx: Context, store: str | None) -> UUID | None:
    """Return the venue of a store of the SaaS, None when none has its code."""
    if not store:
        return None
    try:
        found: UUID = tenants.venue(ctx, store).id
    except NotFound:
        return None
    return found


def is_history(ctx: Context, person: members.MemberView, happened: datetime) -> bool:
    """Tell whether something starts no gifts: it was before the person registered, or long ago."""
    days = timedelta(days=ctx.settings(QinniaoSettings).live_days)
    return happened < person.registered_at or ctx.now() - happened > days


def update_membership(ctx: Context, person: members.MemberView, told: Told) -> None:
    """Take over a member's membership after one of their records was written."""
    happened = told.occurred_at
    joined = told.item.joined_on if isinstance(told.item, SaasMember) else None
    brought = person.converted_at is None and _is_brought(ctx, person, told.item)
    if person.converted_at is None and joined is not None and not (brought and _may_be_day_of(ctx, joined, happened)):
        happened = min(
            happened, local_day_end(joined, ctx.tenant.zone)
        )  # how old the membership is, not the news of it
    if brought:  # what comes of a lead is later than the lead
        happened = max(happened, person.registered_at)
    # Never a gift for logging in: what a match finds is history, unless the SaaS says they joined after they registered
    # here, while the match still waited for it to answer.
    known = told.via == "csv" or (told.via == "match" and joined is None and not brought)
    history = known or is_history(ctx, person, happened)
    membership.update(ctx, person.id, history=history, happened=happened, via=told.via)


def _is_brought(ctx: Context, person: members.MemberView, item: SaasItem) -> bool:
    """Tell whether our own lead became this member of the SaaS, whatever day it names for that, or none.

    It names our lead; or it knew nobody with the phone when it took the lead, and names a day. A day further back is
    not the lead's: the SaaS has joined our lead with an old member.
    """
    if not isinstance(item, SaasMember):
        return False
    named = of_lead(ctx, item.lead_external_id)
    ours = named is not None and named.id == person.id
    if item.joined_on is None:
        return ours
    pushed = (QinniaoLead.member == person.id) & (QinniaoLead.state == "pushed")
    ours = ours or QinniaoLead.scoped(ctx).first(pushed) is not None
    return ours and _may_be_day_of(ctx, item.joined_on, person.registered_at)


def knew_before(ctx: Context, person: members.MemberView, item: SaasItem, *, asked: bool = False) -> bool:
    """Tell whether a record that was found by phone is older than the person's registration here.

    `asked`: it is the answer about somebody who is not pushed yet, so it did not come of our lead. A day that may be
    that of the registration is none before it: the SaaS's zone may not be ours.
    """
    if not isinstance(item, SaasMember):
        return False
    if item.joined_on is not None:
        return not _may_be_day_of(ctx, item.joined_on, person.registered_at)
    named = of_lead(ctx, item.lead_external_id)
    if named is not None and named.id == person.id:
        return False
    pushed = QinniaoLead.scoped(ctx).first(QinniaoLead.member == person.id, QinniaoLead.state == "pushed")
    return pushed is None and (asked or item.updated_at < person.registered_at)


def note_known(ctx: Context, member: UUID) -> None:
    """Publish, once, that the SaaS knew a person before they registered here."""
    leads = QinniaoLead.scoped(ctx)
    leads.insert(member=member, created_at=ctx.now(), changed_at=ctx.now()).on_conflict_ignore().execute()
    if leads.update(known_before=True).where(QinniaoLead.member == member, ~QinniaoLead.known_before).execute():
        replace(ctx, origin="live").publish(SaasMemberKnown(member=member))  # it is news, also from a file


def _may_be_day_of(ctx: Context, day: date, instant: datetime) -> bool:
    """Tell whether something at `instant` or later may have this day: by the SaaS's zone it may be one earlier."""
    return day >= local_date(instant, ctx.tenant.zone) - timedelta(days=1)


def _membership(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    assert isinstance(told.item, SaasMember | SaasCard)
    membership.check_status(told.item.status)
    return None


def _order(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasOrder)
    if item.deleted:
        sold = purchases.find(ctx, PROVIDER, item.id)
        if sold is not None:
            _withdraw(ctx, sold, "deleted", told.occurred_at)
        return None
    told_as = ctx.imported() if is_history(ctx, person, item.paid_at) else ctx
    known = purchases.find(ctx, PROVIDER, item.id)
    sale = purchases.NewPurchase(
        source=PROVIDER,
        source_key=item.id,
        amount_fen=item.amount_fen,
        occurred_at=item.paid_at,
        member=person.id,
        # A store that became a venue since changes nothing of what was recorded.
        venue=venue_of(ctx, item.store_id) if known is None or known.venue is not None else None,
        kind="renewal" if item.renewal else "sale",
        items=sum(line.quantity for line in item.lines) if item.lines else 1,
        lines=tuple(purchases.PurchaseLine.model_validate(line.model_dump()) for line in item.lines),
        scope="brand",
    )
    withdrawn = known is not None and told.whose is None and known.refunded_fen == known.amount_fen > 0
    if known is not None and known.member is not None and (known.member != person.id or withdrawn):
        purchases.move(told_as, known.id, sale)
    else:
        purchases.record(told_as, sale)
    return None


def _withdraw(ctx: Context, sold: purchases.PurchaseView, key: str, at: datetime) -> None:
    if sold.refunded_fen < sold.amount_fen:
        purchases.refund(ctx, sold.id, source_key=key, reason="withdrawn in the SaaS", occurred_at=at)


def withdraw_order(ctx: Context, order: str, at: datetime) -> None:
    """Take an order back from the member it was booked for: the SaaS now says that it is somebody's we do not know."""
    sold = purchases.find(ctx, PROVIDER, order)
    if sold is not None and sold.member is not None:
        _withdraw(ctx, sold, purchases.MOVED, at)


def _refund(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasRefund)
    sold = purchases.find(ctx, PROVIDER, item.order_id)
    if item.deleted:
        if sold is not None and sold.refunded_fen:
            raise Conflict(
                "a refund was withdrawn in the SaaS: see whether it was booked here, and record the sale anew"
            )
        return None
    if sold is None:
        return "order"
    if item.amount_fen:
        told_as = ctx.imported() if is_history(ctx, person, item.refunded_at) else ctx
        purchases.refund(told_as, sold.id, item.amount_fen, source_key=item.id, occurred_at=item.refunded_at)
    return None


def _checkin(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasCheckin)
    if item.deleted:
        if visits.find(ctx, PROVIDER, item.id) is not None:
            raise Conflict("a gate scan was withdrawn in the SaaS: the visit stays, see about its points by hand")
        return None
    told_as = ctx.imported() if is_history(ctx, person, item.checked_in_at) else ctx
    known = visits.find(ctx, PROVIDER, item.id)
    venue = venue_of(ctx, item.store_id) if known is None or known.venue is not None else None
    visits.record(told_as, person.id, venue, item.checked_in_at, PROVIDER, item.id, scope="brand")
    return None


_TOLD_OF: Mapping[str, type[BookingRecorded | BookingCancelled | BookingAttended]] = {
    "booked": BookingRecorded,
    "cancelled": BookingCancelled,
    "attended": BookingAttended,
}


def _booking(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    """Tell of the status a booking has come to; what it went through unheard is not made up."""
    item = told.item
    assert isinstance(item, SaasBooking)
    status = status_of(item)
    if told.whose is not None and members.resolve(ctx, told.whose) != person.id and told.before is not None:
        raise Conflict(
            f"the booking {item.id} was {told.before} for another member, who was told of it: see about both by hand",
            f"预约 {item.id} 已按其他会员处理，请人工核对双方",
        )
    if status == told.before or (item.deleted and told.before is None) or status not in _TOLD_OF:
        return None
    told_as = ctx.imported() if is_history(ctx, person, told.occurred_at) else ctx
    told_as.publish(
        _TOLD_OF[status](
            member=person.id, booking=item.id, title=item.title or "", starts_at=item.starts_at,
            venue=venue_of(ctx, item.store_id), coach=item.coach_id or "", occurred_at=told.occurred_at,
        )
    )  # fmt: skip
    return None


def _coach(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    """Pass the relation on: who keeps them hears of it."""
    item = told.item
    assert isinstance(item, SaasCoach)
    told_as = ctx.imported() if is_history(ctx, person, told.occurred_at) else ctx
    told_as.publish(
        CoachRelationTold(
            member=person.id,
            number=item.member_id,
            relation=item.id,
            coach=item.coach_id,
            status="released" if item.deleted else item.status,
            version=item.version,
            updated_at=item.updated_at,
            since=item.since,
            occurred_at=told.occurred_at,
        )
    )
    return None


EFFECTS: dict[str, Callable[[Context, members.MemberView, Told], str | None]] = {
    "members": _membership,
    "cards": _membership,
    "orders": _order,
    "refunds": _refund,
    "checkins": _checkin,
    "bookings": _booking,
    "coaches": _coach,
}
"""What an item does, by kind; an effect returns what it has to wait for, or None."""
