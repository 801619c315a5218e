"""Tables: leads on their way, events as they came, objects as they were last told, and how the link itself does."""

import json

from peewee import AutoField, BigIntegerField, BooleanField, CharField, IntegerField, UUIDField

from integrations.qinniao.tables import ListTable, PushedTable
from roost import (
    BY_PLUGIN,
    DELETE,
    Blank,
    BlindField,
    Invalid,
    JsonField,
    MemberRows,
    SealedField,
    TenantModel,
    TimeField,
    Unite,
    new_id,
    normalise_phone,
)


def phone_in(body: str) -> str | None:
    """Return the phone in the body of a member, as its index wants it; None where there is none to be used."""
    try:
        return normalise_phone(json.loads(body).get("phone") or "")
    except Invalid:
        return None


class QinniaoLead(TenantModel):
    """One person of ours on the way to the SaaS: matched with somebody there, or pushed as a lead."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    venue = UUIDField(null=True)
    state = CharField(max_length=8, default="pending")  # pending, matched, pushed, failed
    tries = IntegerField(default=0)
    error = CharField(max_length=300, default="")
    saas_lead = CharField(max_length=100, default="")
    saas_member = CharField(max_length=100, default="")
    created_at = TimeField()
    changed_at = TimeField()
    converted_at = TimeField(null=True)  # when the membership began, as the SaaS or staff say
    conversion_lag = BigIntegerField(null=True)  # seconds from then until we heard
    late = BooleanField(default=False)  # it took longer than the tenant's setting says
    converted_by = CharField(max_length=8, default="")  # push, pull, match, csv, staff
    proof = CharField(max_length=200, default="")  # what staff saw when they converted by hand
    known_before = BooleanField(default=False)  # the SaaS knew their phone before they registered here
    attachment = CharField(max_length=200, default="")  # where a picture or scan of it is kept

    noun = "lead"
    member_rows = MemberRows(
        erase=DELETE, merge=Unite(), export=("state", ("created_at", "at"), ("saas_lead", "number")), name="lead"
    )

    class Meta:
        indexes = (
            (("tenant", "member"), True),
            (("tenant", "state", "id"), False),
            (("tenant", "converted_at"), False),
            (("tenant", "late", "id"), False),
        )


class QinniaoEvent(PushedTable):
    """One event of the SaaS."""

    kind = CharField(max_length=10, default="")  # of the object it is about; "" when it changes nothing here
    saas_id = CharField(max_length=100, default="")

    member_rows = MemberRows(
        erase=Blank(body=None, member=None), export=(("event_type", "type"), ("occurred_at", "at")), name="events"
    )

    class Meta:
        indexes = (
            (("tenant", "event_id"), True),
            (("tenant", "state", "id"), False),
            (("tenant", "kind", "saas_id"), False),
            (("tenant", "member"), False),
            (("tenant", "received_at"), False),
        )


class QinniaoObject(TenantModel):
    """One object of the SaaS at the last version that we took over: later news wins, whatever the order it
    comes in.

    `owner` is the SaaS's number of the person it belongs to, "" for what is the brand's. What cannot be taken over yet
    waits with its body. `facts` keeps what later news are compared with: of members and cards what the membership
    follows from, of bookings and coaches the status, of staff, stores and classes what they are called.
    """

    id = UUIDField(primary_key=True, default=new_id)
    kind = CharField(max_length=10)  # one of wire.ObjectKind
    saas_id = CharField(max_length=100)
    owner = CharField(max_length=100)
    parent = CharField(max_length=100, default="")  # of a refund: its order
    version = BigIntegerField(default=-1)  # -1: nothing was told yet
    told_at = TimeField(null=True)  # the SaaS's `updated_at`
    state = CharField(max_length=8, default="unknown")  # unknown, applied, waiting, failed, erased
    note = CharField(max_length=300, default="")  # what it waits for, or why it failed
    member = UUIDField(null=True)
    venue = UUIDField(null=True)
    facts = JsonField(null=True)
    told = JsonField(null=True)  # a short mark of each field told, by which the same version with other content is seen
    body = SealedField("object", null=True)  # only while it waits or has failed
    # of a member that waits: found by whoever registers with that phone
    phone_blind = BlindField("phone", of="body", read=phone_in, null=True)
    changed_at = TimeField()

    noun = "SaaS object"
    member_rows = MemberRows(erase=BY_PLUGIN, export=("kind", ("saas_id", "number"), ("told_at", "at")), name="records")

    class Meta:
        indexes = (
            (("tenant", "kind", "saas_id"), True),
            (("tenant", "owner", "state"), False),
            (("tenant", "kind", "parent"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "member"), False),
            (("tenant", "phone_blind"), False),
        )


class QinniaoCursor(ListTable):
    """How far the reconciliation of one list of the SaaS has come."""

    class Meta:
        indexes = ((("tenant", "kind"), True),)


class QinniaoNonce(TenantModel):
    """A nonce that was used; kept for as long as its signature could be replayed."""

    id = AutoField()
    nonce = CharField(max_length=128)
    seen_at = TimeField()

    class Meta:
        indexes = ((("tenant", "nonce"), True), (("tenant", "seen_at"), False))


class QinniaoCircuit(TenantModel):
    """Whether a server is asked: after failures in a row nobody does for a while."""

    id = UUIDField(primary_key=True, default=new_id)
    target = CharField(max_length=200)  # its base URL
    state = CharField(max_length=9, default="closed")  # closed, open, half-open
    failures = IntegerField(default=0)  # in a row
    error = CharField(max_length=300, default="")  # the last one
    opened_at = TimeField(null=True)
    changed_at = TimeField()

    noun = "circuit"

    class Meta:
        indexes = ((("tenant", "target"), True),)


class QinniaoRetry(TenantModel):
    """One time that staff had everything of a kind tried again."""

    id = UUIDField(primary_key=True, default=new_id)
    what = CharField(max_length=8)  # leads, events, records
    state = CharField(max_length=8, default="running")  # running, done
    found = IntegerField(default=0)
    settled = IntegerField(default=0)  # of leads: put in line
    created_at = TimeField()
    finished_at = TimeField(null=True)

    noun = "retry"

    class Meta:
        indexes = ((("tenant", "state", "id"), False),)
