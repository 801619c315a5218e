"""Tables of levels."""

from peewee import BigIntegerField, BooleanField, CharField, DateField, IntegerField, UUIDField

from roost import DELETE, JsonField, MemberRows, TenantModel, TimeField, Unite, new_id


class LevelsStanding(TenantModel):
    """How long a member's level holds. Members on the lowest level, which cannot be lost, need no row."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    level = CharField(max_length=40)
    since = TimeField()  # growth recorded after it keeps the level
    period_end = DateField(null=True)  # the tenant's date on which it is judged again
    manual_until = DateField(null=True)  # the last day of a level that staff gave
    noticed_for = DateField(null=True)  # the period_end or manual_until for which notice was given

    member_rows = MemberRows(
        erase=DELETE, merge=Unite(), export=("level", "since", "period_end", "manual_until"), name="standing"
    )

    class Meta:
        indexes = (
            (("tenant", "member"), True),
            (("tenant", "period_end"), False),
            (("tenant", "manual_until"), False),
        )


class LevelsHistory(TenantModel):
    """One judgement: what it was, what it became, and from which growth."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    old = CharField(max_length=40)
    new = CharField(max_length=40)
    reason = CharField(max_length=20)  # growth, kept, requalified, refunded, manual, manual_ended
    growth = BigIntegerField(null=True)  # in the qualification window, as read
    threshold = BigIntegerField(null=True)  # of the new level
    words = CharField(max_length=200, default="")  # of staff
    actor = CharField(max_length=100)
    at = TimeField()

    member_rows = MemberRows(erase=DELETE, export=("old", "new", "reason", "growth", "at"), name="history")

    class Meta:
        indexes = ((("tenant", "member", "at"), False), (("tenant", "at"), False))


class LevelsClassRule(TenantModel):
    """When members of one class move to another by themselves. The first rule that fits, by `position`, decides."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=100)
    from_class = CharField(max_length=40)
    to_class = CharField(max_length=40)
    conditions = JsonField()
    position = IntegerField()
    active = BooleanField()
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "active"), False),)
