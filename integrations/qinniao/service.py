"""Take over what the SaaS says, one object at a time, once, whatever the order it is told in.

Pushes, the nightly reconciliation, CSV files and staff all come through `apply`. It locks the person's row and the
object's, lets the version decide, and keeps what cannot be taken over yet until it can: an object of somebody we do not
know waits for them, a refund for its order. Everything runs in the caller's transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from integrations.qinniao import membership
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject
from integrations.qinniao.schemas import QinniaoSettings
from integrations.qinniao.wire import (
    ITEM_MODELS,
    Kind,
    SaasCard,
    SaasCheckin,
    SaasItem,
    SaasMember,
    SaasOrder,
    SaasRefund,
)
from plugins import purchases, visits
from roost import (
    Conflict,
    Context,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    blind,
    blinds,
    local_midnight,
    members,
    normalise_phone,
    savepoint,
    seal,
    tenants,
    unseal,
)


SLUG = "qinniao"
PROVIDER = "qinniao"  # of members' identities, and the source of purchases and visits
REFUSALS = (Conflict, Forbidden, Invalid, KeyReused, NotFound)  # of one object: it fails alone, and staff see it
NOTE_LENGTH = 300
ID_LENGTH = 100
ORDER = ("members", "cards", "orders", "refunds", "checkins")  # in which what waited is taken over

Via = Literal["push", "pull", "match", "csv"]
State = Literal["applied", "known", "stale", "waiting", "ignored", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. `known`: told before. `stale`: something later was told. `ignored`: of somebody erased."""

    state: State
    member: UUID | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An item with how and when we came to hear of it."""

    item: SaasItem
    via: Via
    occurred_at: datetime  # when it happened, as far as is known


def apply(ctx: Context, kind: Kind, item: SaasItem, *, via: Via, occurred_at: datetime | None = None) -> Outcome:
    """Take over one item; return what became of it. An item that is refused fails alone and is kept for staff."""
    ctx = ctx.for_plugin(SLUG)
    told = Told(item, via, min(occurred_at or item.updated_at, ctx.now()))
    try:
        with savepoint():
            return _apply(ctx, kind, told)
    except REFUSALS as ex:
        row = _locked(ctx, kind, item.id, owner_of(item))
        _keep(ctx, row, item, "failed", note=ex.message)
        return Outcome("failed", None, ex.message[:NOTE_LENGTH])


def owner_of(item: SaasItem) -> str:
    """Return the SaaS's number of the person an item belongs to."""
    if isinstance(item, SaasCard | SaasOrder | SaasRefund | SaasCheckin):
        return item.member_id
    return item.id


def _apply(ctx: Context, kind: Kind, told: Told) -> Outcome:
    item, owner = told.item, owner_of(told.item)
    root = _locked(ctx, "members", owner, owner)  # one at a time for a person: what follows looks at all of their records
    row = root if kind == "members" else _locked(ctx, kind, item.id, owner)
    if row.version >= 0:
        if (item.version, item.updated_at) < (row.version, row.told_at):
            return Outcome("stale", row.member, f"version {row.version} is here already")
        settled = row.state == "applied" or (row.state == "erased" and told.via != "match")
        if (item.version, item.updated_at) == (row.version, row.told_at) and settled:
            return Outcome("known", row.member)
    if root.state == "erased" and told.via != "match":
        if row is not root:
            _keep(ctx, row, item, "erased")
        return Outcome("ignored", None, "this person was erased here")
    person, linked = _person(ctx, item, owner)
    if person is None:
        _keep(ctx, row, item, "waiting", note="member")
        return Outcome("waiting", None, "member")
    missing = _EFFECTS[kind](ctx, person, told) if kind in _EFFECTS else None
    if missing is not None:
        _keep(ctx, row, item, "waiting", note=missing, member=person.id)
        return Outcome("waiting", person.id, missing)
    _keep(ctx, row, item, "applied", note=_about_store(ctx, item), member=person.id)
    if kind in ("members", "cards"):
        _update_membership(ctx, person, told)
        if row.member not in (None, person.id):  # a card that went to somebody else
            _update_membership(ctx, members.get(ctx, row.member), told)
    if kind == "orders":
        _resume(ctx, (QinniaoObject.kind == "refunds") & (QinniaoObject.parent == item.id))
    if linked:
        resolve_owner(ctx, owner)
    return Outcome("applied", person.id)


# --- the rows --------------------------------------------------------------------------------------------------------


def _locked(ctx: Context, kind: str, saas_id: str, owner: str) -> Any:
    objects = QinniaoObject.scoped(ctx)
    objects.insert(kind=kind, saas_id=saas_id, owner=owner, changed_at=ctx.now()).on_conflict_ignore().execute()
    return objects.lock(QinniaoObject.kind == kind, QinniaoObject.saas_id == saas_id)


def _keep(ctx: Context, row: Any, item: SaasItem, state: str, *, note: str = "", member: UUID | None = None) -> None:
    """Write what was told on its row. Only what waits or failed keeps a body, for it carries personal data."""
    unsettled = state in ("waiting", "failed")
    values: dict[str, Any] = {
        "owner": owner_of(item),
        "parent": item.order_id if isinstance(item, SaasRefund) else "",
        "version": item.version,
        "told_at": item.updated_at,
        "state": state,
        "note": note[:NOTE_LENGTH],
        "member": member,
        "venue": venue_of(ctx, item.store_id),
        "facts": _facts(item),
        "body": seal(ctx, "object", item.model_dump_json()) if unsettled else None,
        "phone_blind": _phone_blind(ctx, item) if state == "waiting" else None,
        "changed_at": ctx.now(),
    }
    QinniaoObject.scoped(ctx).update(**values).where(QinniaoObject.id == row.id).execute()
    if row.state in ("waiting", "failed") and state == "applied":
        QinniaoEvent.scoped(ctx).update(state="done", note="", member=member, processed_at=ctx.now()).where(
            QinniaoEvent.kind == row.kind, QinniaoEvent.saas_id == row.saas_id, QinniaoEvent.state.in_(("waiting", "failed"))
        ).execute()


def _facts(item: SaasItem) -> dict[str, Any] | None:
    if not isinstance(item, SaasMember | SaasCard):
        return None
    return {
        "status": item.status,
        "ends_on": item.ends_on.isoformat() if item.ends_on else None,
        "deleted": item.deleted,
    }


def _phone_blind(ctx: Context, item: SaasItem) -> bytes | None:
    phone = _mainland(item.phone) if isinstance(item, SaasMember) else None
    return blind(ctx, "phone", phone) if phone else None


def _mainland(phone: str) -> str | None:
    try:
        return normalise_phone(phone)
    except Invalid:
        return None


def venue_of(ctx: Context, store: str | None) -> UUID | None:
    """Return the venue of a store of the SaaS, None when none has its code."""
    if not store:
        return None
    try:
        found: UUID = tenants.venue(ctx, store).id
    except NotFound:
        return None
    return found


def _about_store(ctx: Context, item: SaasItem) -> str:
    unknown = item.store_id and venue_of(ctx, item.store_id) is None
    return f"no venue has the code {item.store_id}" if unknown else ""


# --- whose it is -----------------------------------------------------------------------------------------------------


def _person(ctx: Context, item: SaasItem, owner: str) -> tuple[members.MemberView | None, bool]:
    """Return the member an item belongs to, and whether they were linked with the SaaS just now."""
    found = members.find_by_identity(ctx, PROVIDER, owner)
    if found is not None or not isinstance(item, SaasMember):
        return found, False
    found = _by_lead(ctx, item.lead_external_id) or _by_phone(ctx, item.phone)
    if found is None:
        return None, False
    link(ctx, found.id, owner)
    return found, True


def _by_lead(ctx: Context, external_id: str | None) -> members.MemberView | None:
    try:
        member = UUID(external_id or "")
    except ValueError:
        return None
    if QinniaoLead.scoped(ctx).first(QinniaoLead.member == member) is None:
        return None  # not one that we pushed
    found = members.get(ctx, member)
    return None if found.erased else found


def _by_phone(ctx: Context, phone: str) -> members.MemberView | None:
    clear = _mainland(phone)
    return members.find_by_phone(ctx, clear) if clear else None


def link(ctx: Context, member: UUID, owner: str) -> None:
    """Remember that the SaaS's `owner` is our member. Raises Conflict when it is another member's already."""
    members.link_identity(ctx, member, PROVIDER, owner)
    QinniaoLead.scoped(ctx).update(saas_member=owner, changed_at=ctx.now()).where(QinniaoLead.member == member).execute()
    QinniaoLead.scoped(ctx).update(state="matched", error="").where(
        QinniaoLead.member == member, QinniaoLead.state.in_(("pending", "failed"))
    ).execute()


def resolve_owner(ctx: Context, owner: str) -> int:
    """Take over all that waited for a person who is now known; return how much there was."""
    return _resume(ctx, QinniaoObject.owner == owner)


def find_waiting(ctx: Context, phone: str) -> list[str]:
    """Return the SaaS's numbers of people who wait to be matched, by phone."""
    clear = _mainland(phone)
    if clear is None:
        return []
    rows = QinniaoObject.scoped(ctx).select().where(
        QinniaoObject.phone_blind.in_(blinds(ctx.for_plugin(SLUG), "phone", clear)), QinniaoObject.state == "waiting"
    )  # fmt: skip
    return [row.owner for row in rows]


def _resume(ctx: Context, where: Any) -> int:  # Any: a peewee expression
    rows = list(QinniaoObject.scoped(ctx).select().where(where, QinniaoObject.state == "waiting"))
    for row in sorted(rows, key=lambda r: (ORDER.index(r.kind), r.told_at)):
        resume(ctx, row)
    return len(rows)


def resume(ctx: Context, row: Any, via: Via = "match") -> Outcome:
    """Try again what waits or failed. Nothing happens to what has been taken over."""
    if row.body is None:
        return Outcome("known", row.member)
    kind = cast(Kind, row.kind)
    item = ITEM_MODELS[kind].model_validate_json(unseal(ctx.for_plugin(SLUG), "object", row.body))
    return apply(ctx, kind, item, via=via)


# --- what it does ----------------------------------------------------------------------------------------------------


def _is_history(ctx: Context, person: members.MemberView, happened: datetime) -> bool:
    """Tell whether something starts no gifts: it was before the person registered, or long ago."""
    days = timedelta(days=ctx.settings(QinniaoSettings).live_days)
    return happened < person.registered_at or ctx.now() - happened > days


def _update_membership(ctx: Context, person: members.MemberView, told: Told) -> None:
    happened = told.occurred_at
    joined = told.item.joined_on if isinstance(told.item, SaasMember) else None
    if person.converted_at is None and joined is not None:  # how old the membership is, not the news of it
        happened = min(happened, local_midnight(joined + timedelta(days=1), ctx.tenant.zone))
    history = told.via in ("match", "csv") or _is_history(ctx, person, happened)  # never a gift for logging in
    membership.update(ctx, person.id, history=history, happened=happened, via=told.via)


def _membership(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    assert isinstance(told.item, SaasMember | SaasCard)
    membership.check_status(told.item.status)
    return None


def _order(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasOrder)
    if item.deleted:
        sold = purchases.find(ctx, PROVIDER, item.id)
        if sold is not None and sold.refunded_fen < sold.amount_fen:
            purchases.refund(ctx, sold.id, source_key="deleted", reason="withdrawn in the SaaS", occurred_at=told.occurred_at)
        return None
    told_as = ctx.imported() if _is_history(ctx, person, item.paid_at) else ctx
    purchases.record(
        told_as,
        purchases.NewPurchase(
            source=PROVIDER,
            source_key=item.id,
            amount_fen=item.amount_fen,
            occurred_at=item.paid_at,
            member=person.id,
            venue=venue_of(ctx, item.store_id),
            kind="renewal" if item.renewal else "sale",
        ),
    )
    return None


def _refund(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasRefund)
    sold = purchases.find(ctx, PROVIDER, item.order_id)
    if item.deleted:
        if sold is not None and sold.refunded_fen:
            raise Conflict("a refund was withdrawn in the SaaS: see whether it was booked here, and record the sale anew")
        return None
    if sold is None:
        return "order"
    if item.amount_fen:
        told_as = ctx.imported() if _is_history(ctx, person, item.refunded_at) else ctx
        purchases.refund(told_as, sold.id, item.amount_fen, source_key=item.id, occurred_at=item.refunded_at)
    return None


def _checkin(ctx: Context, person: members.MemberView, told: Told) -> str | None:
    item = told.item
    assert isinstance(item, SaasCheckin)
    if item.deleted:
        if visits.find(ctx, PROVIDER, item.id) is not None:
            raise Conflict("a gate scan was withdrawn in the SaaS: the visit stays, take its points back by hand if need be")
        return None
    told_as = ctx.imported() if _is_history(ctx, person, item.checked_in_at) else ctx
    venue = venue_of(ctx, item.store_id)
    visits.record(told_as, person.id, venue, item.checked_in_at, PROVIDER, item.id)
    return None


_EFFECTS: dict[str, Callable[[Context, members.MemberView, Told], str | None]] = {
    "members": _membership,
    "cards": _membership,
    "orders": _order,
    "refunds": _refund,
    "checkins": _checkin,
}
"""What an item does, by kind; an effect returns what it has to wait for, or None."""


def note_unreadable(ctx: Context, kind: Kind, saas_id: str, reason: str) -> None:
    """Keep that an item of a list could not be read, for staff; news of a readable one replaces it."""
    ctx = ctx.for_plugin(SLUG)
    row = _locked(ctx, kind, saas_id[:ID_LENGTH], saas_id[:ID_LENGTH] if kind == "members" else "")
    if row.state in ("unknown", "failed"):
        QinniaoObject.scoped(ctx).update(state="failed", note=reason[:NOTE_LENGTH], changed_at=ctx.now()).where(
            QinniaoObject.id == row.id
        ).execute()
