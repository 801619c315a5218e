"""Tables of referrals."""

from peewee import CharField, IntegerField, UUIDField

from roost import BY_PLUGIN, DELETE, KEEP, Blank, MemberRows, TenantModel, TimeField, Unite, WordsField, new_id


class ReferralsRelation(TenantModel):
    """Who brought whom: one row an invitee, kept also when it was refused, with the reason."""

    id = UUIDField(primary_key=True, default=new_id)
    invitee = UUIDField()
    inviter = UUIDField(null=True)  # unknown where the invitation could not be read
    state = CharField(max_length=9)  # bound, converted, refunded, void, refused
    reason = WordsField(max_length=200, default="")  # of a refusal, a rebinding, a claw-back
    venue = UUIDField(null=True)  # the invitee's home venue when bound
    bound_at = TimeField()
    converted_at = TimeField(null=True)
    month = CharField(max_length=7, default="")  # in which the conversion counted: 2026-11
    quarter = CharField(max_length=7, default="")  # 2026-Q4

    member_rows = (  # the bare relation stays: rewards that were paid must stay explicable
        MemberRows("inviter", erase=KEEP, merge=BY_PLUGIN, export=("state", ("bound_at", "at")), name="invited"),
        MemberRows(
            "invitee",
            erase=Blank(venue=None),
            merge=BY_PLUGIN,
            export=("state", ("bound_at", "at")),
            name="was_invited",
        ),
    )

    class Meta:
        indexes = (
            (("tenant", "invitee"), True),
            (("tenant", "inviter", "id"), False),
            (("tenant", "venue", "id"), False),
        )


class ReferralsReward(TenantModel):
    """One reward for one party of a relation: paid by a job of its own, so that none waits for another."""

    id = UUIDField(primary_key=True, default=new_id)
    relation = UUIDField()
    member = UUIDField()  # who gets it
    role = CharField(max_length=12)  # registration, conversion, invitee, step
    step = IntegerField(null=True)
    period = CharField(max_length=7, default="")  # month of a conversion, quarter of a step
    state = CharField(max_length=8)  # waiting, given, capped, clawed
    reason = WordsField(max_length=200, default="")
    grant = UUIDField(null=True)
    at = TimeField()

    member_rows = MemberRows(erase=KEEP, export=None)  # the ledger exports what was paid

    class Meta:
        indexes = (
            (("tenant", "relation"), False),
            (("tenant", "member", "role", "period"), False),
        )


class ReferralsKnown(TenantModel):
    """A person whom the business software knew before they registered here: they are nobody's referral."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()

    member_rows = MemberRows(erase=DELETE, merge=Unite(), export=None)  # what the business software says of them

    class Meta:
        indexes = ((("tenant", "member"), True),)


class ReferralsCount(TenantModel):
    """How many conversions a member had in a month or a quarter. Moved by one statement: it serialises an
    inviter.
    """

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    period = CharField(max_length=7)
    conversions = IntegerField(default=0)

    member_rows = MemberRows(
        erase=KEEP, merge=Unite(by=("period",), add=("conversions",)), export=None
    )  # made of the relations

    class Meta:
        indexes = ((("tenant", "member", "period"), True),)
