"""Tables of gifts."""

import json

from peewee import BigIntegerField, BooleanField, CharField, DateField, IntegerField, UUIDField

from roost import DELETE, Blank, BlindField, JsonField, MemberRows, SealedField, TenantModel, TimeField, Unite, new_id


class GiftsGift(TenantModel):
    """Something to give: goods, a virtual gift, or points."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=40)
    name = CharField(max_length=100)
    kind = CharField(max_length=8)  # physical, virtual, points
    points = IntegerField(default=0)
    amount_fen = BigIntegerField(default=0)
    valid_days = IntegerField(default=30)
    terms = CharField(max_length=100, default="")
    tracked = BooleanField(default=False)  # stock is counted by core's inventory under `gift:ID`
    active = BooleanField(default=True)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "code"), True),)

    @property
    def item(self) -> str:
        return f"gift:{self.id}"


class GiftsRule(TenantModel):
    """A gift rule as staff write it; `rule` is the rule of core's rewards that it became."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=100)
    moment = CharField(max_length=12)  # birthday, growth, new_member
    level = CharField(max_length=40, default="")
    states = JsonField()
    conditions = JsonField()
    rewards = JsonField()
    total = BigIntegerField(null=True)
    budget_points = BigIntegerField(null=True)
    starts_at = TimeField(null=True)
    ends_at = TimeField(null=True)
    active = BooleanField()
    rule = UUIDField()
    version = IntegerField()
    standard = CharField(max_length=40, null=True)  # the name of the standard rule it began as
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "standard"), True), (("tenant", "moment"), False), (("tenant", "rule"), True))


class GiftsClaim(TenantModel):
    """One gift for one member, from the offer to the end."""

    id = UUIDField(primary_key=True, default=new_id)
    key = CharField(max_length=200)  # of the reward that made it: one reward, one claim
    member = UUIDField()
    gift = UUIDField(null=True)
    name = CharField(max_length=100)
    kind = CharField(max_length=8)  # physical, virtual, voucher, points
    moment = CharField(max_length=12, default="")
    state = CharField(max_length=8)  # offered, accepted, shipped, done; ready, used; expired, revoked
    points = IntegerField(default=0)
    amount_fen = BigIntegerField(default=0)
    terms = CharField(max_length=100, default="")
    valid_days = IntegerField(default=30)
    code = CharField(max_length=16, null=True)
    valid_until = DateField(null=True)  # the tenant's last day of a voucher
    reservation = UUIDField(null=True)
    operation = UUIDField(null=True)  # the ledger's, of a gift of points
    delivery = CharField(max_length=8, default="")  # ship, pickup
    venue = UUIDField(null=True)  # where it is picked up, or where the voucher was used
    pickup_by = DateField(null=True)  # the tenant's last day of a pick-up; then its stock returns
    reminded_at = TimeField(null=True)  # of the pick-up
    address = SealedField("address", null=True, read=json.loads)
    carrier = CharField(max_length=100, default="")
    tracking = CharField(max_length=40, default="")
    ship_by = DateField(null=True)
    offered_at = TimeField()
    expires_at = TimeField(null=True)
    accepted_at = TimeField(null=True)
    shipped_at = TimeField(null=True)
    ended_at = TimeField(null=True)
    unreturned_at = TimeField(null=True)  # it was to be taken back, and was with its member already
    remark = CharField(max_length=200, default="")

    member_rows = MemberRows(
        erase=Blank(address=None),
        export=("name", "kind", "moment", "state", "offered_at", "accepted_at", "carrier", "tracking", "address"),
        name="claims",
    )

    class Meta:
        indexes = (
            (("tenant", "key"), True),
            (("tenant", "code"), True),
            (("tenant", "member", "id"), False),
            (("tenant", "state", "expires_at"), False),
            (("tenant", "venue", "id"), False),
        )


class GiftsOnce(TenantModel):
    """That a member had the gifts of something that comes once in a life: a level reached, a conversion. It holds
    whatever rules are edited, replaced or added.
    """

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    occasion = CharField(max_length=60)  # growth:LEVEL, new_member
    grants = JsonField()  # ids of core's grants: what a refund takes back
    at = TimeField()

    member_rows = MemberRows(erase=DELETE, merge=Unite(by=("occasion",), add=("grants",)), export=None)  # the claims do

    class Meta:
        indexes = ((("tenant", "member", "occasion"), True),)


class GiftsWelcomed(TenantModel):
    """That whoever had a phone was welcomed once, and left: no member, no phone, only its blind index, for a time."""

    id = UUIDField(primary_key=True, default=new_id)
    phone = SealedField("phone", null=True)  # stays empty: an index cannot be declared without what it is of
    phone_blind = BlindField("phone", of="phone")
    forget_on = DateField()

    class Meta:
        indexes = ((("tenant", "phone_blind"), True),)


class GiftsBirthday(TenantModel):
    """That a member had a birthday gift in a calendar year: once, whatever the rules, the level or an
    edited date.
    """

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    year = IntegerField()

    member_rows = MemberRows(erase=DELETE, merge=Unite(by=("year",)), export=None)  # the claims say it

    class Meta:
        indexes = ((("tenant", "member", "year"), True),)
