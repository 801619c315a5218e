"""Take over what the SaaS says, one object at a time, once, whatever the order it is told in.

Pushes, the nightly reconciliation, CSV files and staff all come through `apply`. It locks the person's row
and the object's, lets the version decide, and keeps what cannot be taken over yet until it can: an object
of somebody we do not know waits for them, a refund for its order. Everything runs in the caller's
transaction.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal, cast
from uuid import UUID

from integrations.qinniao import effects
from integrations.qinniao.hookspecs import SaasMemberLinked
from integrations.qinniao.keeping import facts_of, owner_of, store_of
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject
from integrations.qinniao.people import PROVIDER, of_lead
from integrations.qinniao.schemas import QinniaoSettings
from integrations.qinniao.wire import ITEM_MODELS, ObjectKind, SaasItem, SaasLead, SaasMember, SaasRefund, SaasStaff
from roost import (
    Conflict,
    Context,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    blind,
    blinds,
    members,
    normalise_phone,
    savepoint,
    seal,
    unseal,
)

SLUG = "qinniao"
REFUSALS = (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
)  # of one object: it fails alone, and staff see it
NOTE_LENGTH = 300
ID_LENGTH = 100
ORDER = (  # in which what waited is taken over
    "members", "stores", "staff", "classes", "leads", "cards", "coaches", "orders", "refunds", "checkins", "bookings",
)  # fmt: skip
OF_THE_BRAND = ("stores", "staff", "classes")  # kinds that are nobody's

State = Literal["applied", "known", "stale", "waiting", "ignored", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. `known`: told before. `stale`: later news is here. `ignored`: they are gone."""

    state: State
    member: UUID | None = None
    note: str = ""


def apply(
    ctx: Context, kind: ObjectKind, item: SaasItem, *, via: effects.Via, occurred_at: datetime | None = None
) -> Outcome:
    """Take over one item; return what became of it. One that is refused fails alone and is kept for staff."""
    ctx = ctx.for_plugin(SLUG)
    told = effects.Told(item, via, min(occurred_at or item.updated_at, ctx.now()))
    try:
        with savepoint():
            return _apply(ctx, kind, told)
    except REFUSALS as ex:
        row = _locked(ctx, kind, item.id, owner_of(item))
        _keep(ctx, row, item, "failed", note=ex.message, member=row.member)
        return Outcome("failed", None, ex.message[:NOTE_LENGTH])


def _apply(ctx: Context, kind: ObjectKind, told: effects.Told) -> Outcome:
    if kind in OF_THE_BRAND:
        return _apply_brands(ctx, kind, told)
    if kind == "leads":
        return _apply_lead(ctx, told)
    item, owner = told.item, owner_of(told.item)
    root = _locked(ctx, "members", owner, owner)  # one at a time for a person: all of their records count
    row = root if kind == "members" else _locked(ctx, kind, item.id, owner)
    if (settled := _settled(ctx, row, told)) is not None:
        return settled
    if root.state == "erased" and told.via != "match":
        if row is not root:
            _keep(ctx, row, item, "erased")
        return Outcome("ignored", None, "this person was erased here")
    person, linked = _person(ctx, item, owner)
    if person is None and kind == "members" and item.deleted:
        _keep(ctx, row, item, "applied")
        return Outcome("ignored", None, "nobody here, and gone there")
    if person is None:
        if kind == "orders" and row.member is not None:
            effects.withdraw_order(ctx, item.id, told.occurred_at)
        _keep(ctx, row, item, "waiting", note="member")
        return Outcome("waiting", None, "member")
    told = replace(told, before=(row.facts or {}).get("told"), whose=row.member)
    missing = effects.EFFECTS[kind](ctx, person, told)
    if missing is not None:
        _keep(ctx, row, item, "waiting", note=missing, member=person.id)
        return Outcome("waiting", person.id, missing)
    _keep(ctx, row, item, "applied", note=_about_store(ctx, item), member=person.id)
    if kind in ("members", "cards"):
        effects.update_membership(ctx, person, told)
        if row.member not in (None, person.id):  # a card that went to somebody else
            effects.update_membership(ctx, members.get(ctx, row.member), told)
    if kind == "orders":
        _resume(ctx, (QinniaoObject.kind == "refunds") & (QinniaoObject.parent == item.id))
    if linked:
        if effects.knew_before(ctx, person, item):
            effects.note_known(ctx, person.id)
        resolve_owner(ctx, owner)
    return Outcome("applied", person.id)


def _settled(ctx: Context, row: Any, told: effects.Told) -> Outcome | None:
    """Return what became of an item that tells nothing new; None for news. The version decides, then the time.

    The same version with other content is no repeat: nothing is taken over, and the object and the event say so.
    """
    item = told.item
    if row.version < 0:
        return None
    if (item.version, item.updated_at) < (row.version, row.told_at):
        return Outcome("stale", row.member, f"version {row.version} is here already")
    settled = row.state == "applied" or (row.state == "erased" and told.via != "match")
    if (item.version, item.updated_at) != (row.version, row.told_at) or not settled:
        return None
    if not (other := _differing(row, item)):
        return Outcome("known", row.member)
    note = f"version {row.version} came again with another {', '.join(other)} · 同一版本内容不一致：{'、'.join(other)}"
    QinniaoObject.scoped(ctx).update(note=note[:NOTE_LENGTH]).where(QinniaoObject.id == row.id).execute()
    return Outcome("failed", row.member, note[:NOTE_LENGTH])


def _marks(row: Any, item: SaasItem) -> dict[str, str]:
    """Return two bytes of a salted hash of each field told: enough to see a change, too few to find a phone."""
    said = item.model_dump(mode="json", include=item.model_fields_set - {"id", "version", "updated_at"})
    return {
        name: blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=2, key=row.id.bytes).hexdigest()
        for name, value in said.items()
    }


def _differing(row: Any, item: SaasItem) -> list[str]:
    """Return the fields that are not what this version told before; what either side left out is not compared."""
    kept, sent = row.told or {}, _marks(row, item)
    return sorted(name for name in kept.keys() & sent.keys() if kept[name] != sent[name])


def _apply_brands(ctx: Context, kind: ObjectKind, told: effects.Told) -> Outcome:
    """Keep what a store, one of its staff or a class is called."""
    row = _locked(ctx, kind, told.item.id, "")
    if (settled := _settled(ctx, row, told)) is not None:
        return settled
    _keep(ctx, row, told.item, "applied", note=_about_store(ctx, told.item))
    if isinstance(told.item, SaasStaff):
        _class_staff(ctx, told.item)
    return Outcome("applied")


def _class_staff(ctx: Context, item: SaasStaff) -> None:
    """Let whoever has the phone of one of the staff be of their class, for as long as the SaaS lists them."""
    if item.deleted:
        members.take_off_list(ctx, item.id)
        return
    coach = item.role.strip().casefold() in {role.casefold() for role in ctx.settings(QinniaoSettings).coach_roles}
    members.put_on_list(ctx, item.id, item.phone, "coach" if coach else "staff")


def _apply_lead(ctx: Context, told: effects.Told) -> Outcome:
    """Note that the SaaS has a person as a lead: whoever is one there is not pushed as another."""
    item = told.item
    assert isinstance(item, SaasLead)
    row = _locked(ctx, "leads", item.id, "")
    if (settled := _settled(ctx, row, told)) is not None:
        return settled
    if row.state == "erased":
        return Outcome("ignored", None, "this person was erased here")
    person = of_lead(ctx, item.external_id) or _by_phone(ctx, item.phone)
    if person is None:
        _keep(ctx, row, item, "applied" if item.deleted else "waiting", note="" if item.deleted else "member")
        return Outcome("ignored" if item.deleted else "waiting", None, "nobody here" if item.deleted else "member")
    _keep(ctx, row, item, "applied", note=_about_store(ctx, item), member=person.id)
    if item.deleted:
        return Outcome("applied", person.id)
    mine = QinniaoLead.scoped(ctx).update(saas_lead=item.id, changed_at=ctx.now())
    mine.where(QinniaoLead.member == person.id, QinniaoLead.saas_lead == "").execute()
    # A lead that is on its way is still looked for among the members first: its job ends it.
    over = ("failed",) if ctx.settings(QinniaoSettings).connected else ("failed", "pending")
    QinniaoLead.scoped(ctx).update(state="pushed", error="").where(
        QinniaoLead.member == person.id, QinniaoLead.state.in_(over)
    ).execute()
    return Outcome("applied", person.id)


# --- the rows ---------------------------------------------------------------------------------------------


def _locked(ctx: Context, kind: str, saas_id: str, owner: str) -> Any:
    objects = QinniaoObject.scoped(ctx)
    objects.insert(kind=kind, saas_id=saas_id, owner=owner, changed_at=ctx.now()).on_conflict_ignore().execute()
    return objects.lock(QinniaoObject.kind == kind, QinniaoObject.saas_id == saas_id)


def _keep(ctx: Context, row: Any, item: SaasItem, state: str, *, note: str = "", member: UUID | None = None) -> None:
    """Write what was told on its row. Only what waits or failed keeps a body: it has personal data."""
    unsettled = state in ("waiting", "failed")
    values: dict[str, Any] = {
        "owner": owner_of(item),
        "parent": item.order_id if isinstance(item, SaasRefund) else "",
        "version": item.version,
        "told_at": item.updated_at,
        "state": state,
        "note": note[:NOTE_LENGTH],
        "member": member,
        "venue": effects.venue_of(ctx, store_of(item)),
        "facts": facts_of(item, state, row.facts),
        "told": _marks(row, item) if state != "erased" else None,
        "body": seal(ctx, "object", item.model_dump_json()) if unsettled else None,
        "phone_blind": _phone_blind(ctx, item) if state == "waiting" else None,
        "changed_at": ctx.now(),
    }
    QinniaoObject.scoped(ctx).update(**values).where(QinniaoObject.id == row.id).execute()
    if row.state in ("waiting", "failed") and state == "applied":
        QinniaoEvent.scoped(ctx).update(state="done", note="", member=member, processed_at=ctx.now()).where(
            QinniaoEvent.kind == row.kind,
            QinniaoEvent.saas_id == row.saas_id,
            QinniaoEvent.state.in_(("waiting", "failed")),
        ).execute()


def _phone_blind(ctx: Context, item: SaasItem) -> bytes | None:
    phone = _mainland(item.phone) if isinstance(item, SaasMember | SaasLead) else None
    return blind(ctx, "phone", phone) if phone else None


def _mainland(phone: str) -> str | None:
    try:
        return normalise_phone(phone)
    except Invalid:
        return None


def _about_store(ctx: Context, item: SaasItem) -> str:
    store = store_of(item)
    return f"no venue has the code {store}" if store and effects.venue_of(ctx, store) is None else ""


def find_venues(ctx: Context) -> int:
    """Look again for the venues of stores that had none; return how many were found."""
    stores = QinniaoObject.scoped(ctx)
    found = 0
    for row in list(stores.select().where(QinniaoObject.kind == "stores", QinniaoObject.venue.is_null())):
        venue = effects.venue_of(ctx, row.saas_id)
        if venue is not None:
            found += stores.update(venue=venue, note="").where(QinniaoObject.id == row.id).execute()
    return found


def note_unreadable(ctx: Context, kind: ObjectKind, saas_id: str, reason: str) -> None:
    """Keep that an item of a list could not be read, for staff; news of a readable one replaces it."""
    ctx = ctx.for_plugin(SLUG)
    row = _locked(ctx, kind, saas_id[:ID_LENGTH], saas_id[:ID_LENGTH] if kind == "members" else "")
    if row.state in ("unknown", "failed"):
        QinniaoObject.scoped(ctx).update(state="failed", note=reason[:NOTE_LENGTH], changed_at=ctx.now()).where(
            QinniaoObject.id == row.id
        ).execute()


# --- whose it is ------------------------------------------------------------------------------------------


def _person(ctx: Context, item: SaasItem, owner: str) -> tuple[members.MemberView | None, bool]:
    """Return the member an item belongs to, and whether they were linked with the SaaS just now."""
    found = members.find_by_identity(ctx, PROVIDER, owner)
    if found is not None or not isinstance(item, SaasMember):
        return found, False
    found = of_lead(ctx, item.lead_external_id) or _by_phone(ctx, item.phone)
    if found is None:
        return None, False
    link(ctx, found.id, owner)
    return found, True


def _by_phone(ctx: Context, phone: str) -> members.MemberView | None:
    clear = _mainland(phone)
    return members.find_by_phone(ctx, clear) if clear else None


def link(ctx: Context, member: UUID, owner: str) -> None:
    """Remember that the SaaS's `owner` is our member. Raises Conflict when it is another member's already."""
    new = members.find_by_identity(ctx, PROVIDER, owner) is None
    members.link_identity(ctx, member, PROVIDER, owner)
    if new:
        ctx.publish(SaasMemberLinked(member=member, number=owner))
    QinniaoLead.scoped(ctx).update(saas_member=owner, changed_at=ctx.now()).where(
        QinniaoLead.member == member
    ).execute()
    QinniaoLead.scoped(ctx).update(state="matched", error="").where(
        QinniaoLead.member == member, QinniaoLead.state.in_(("pending", "failed"))
    ).execute()


def resolve_owner(ctx: Context, owner: str) -> int:
    """Take over all that waited for a person who is now known; return how much there was."""
    return _resume(ctx, QinniaoObject.owner == owner)


def find_waiting(ctx: Context, phone: str) -> list[str]:
    """Return the SaaS's numbers of people who wait to be matched, by phone."""
    return [row.owner for row in _waiting_with(ctx, "members", phone)]


def claim_leads(ctx: Context, phone: str) -> int:
    """Take over leads of the SaaS's own that waited for the person with this phone; return how many there were."""
    rows = _waiting_with(ctx, "leads", phone)
    for row in rows:
        resume(ctx, row)
    return len(rows)


def _waiting_with(ctx: Context, kind: ObjectKind, phone: str) -> list[Any]:
    clear = _mainland(phone)
    if clear is None:
        return []
    rows = QinniaoObject.scoped(ctx).select().where(
        QinniaoObject.phone_blind.in_(blinds(ctx.for_plugin(SLUG), "phone", clear)),
        QinniaoObject.kind == kind,
        QinniaoObject.state == "waiting",
    )  # fmt: skip
    return list(rows)


def _resume(ctx: Context, where: Any) -> int:  # Any: a peewee expression
    rows = list(QinniaoObject.scoped(ctx).select().where(where, QinniaoObject.state == "waiting"))
    for row in sorted(rows, key=lambda r: (ORDER.index(r.kind), r.told_at)):
        resume(ctx, row)
    return len(rows)


def resume(ctx: Context, row: Any, via: effects.Via = "match") -> Outcome:
    """Try again what waits or failed. Nothing happens to what has been taken over."""
    if row.body is None:
        return Outcome("known", row.member)
    kind = cast(ObjectKind, row.kind)
    item = ITEM_MODELS[kind].model_validate_json(unseal(ctx.for_plugin(SLUG), "object", row.body))
    return apply(ctx, kind, item, via=via)
