"""Tables: visits, and one row a member that says since when they have not come."""

from peewee import CharField, DateField, IntegerField, UUIDField

from roost import DELETE, MemberRows, TenantModel, TimeField, Unite, new_id


class VisitsVisit(TenantModel):
    """One visit, as its source tells it."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    venue = UUIDField(null=True)
    source = CharField(max_length=60)  # staff, saas, …
    scope = CharField(max_length=60, default="")  # where and when the number is unique
    source_key = CharField(max_length=100)  # what the source calls this visit
    day = DateField()  # the tenant's date of the visit
    points = IntegerField(default=0)  # what it earned
    growth = IntegerField(default=0)
    origin = CharField(max_length=8)
    cause = CharField(max_length=100, default="")
    occurred_at = TimeField()
    recorded_at = TimeField()

    member_rows = MemberRows(
        erase=DELETE,  # where somebody was, and when, is theirs
        export=("occurred_at", "day", "venue", "source", ("source_key", "number"), "points", "growth"),
        name="visits",
    )

    class Meta:
        indexes = (
            (("tenant", "source", "source_key", "scope"), True),
            (("tenant", "member", "day"), False),
            (("tenant", "day"), False),
        )

    noun = "visit"


class VisitsPresence(TenantModel):
    """One member's presence. A visit locks it, so that two gates at once give one reward."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    since = TimeField()  # the silence is counted from here: the last visit, or the membership's beginning
    last_visit_at = TimeField(null=True)
    silent_at = TimeField(null=True)  # when they were found silent; None: they are not

    member_rows = MemberRows(
        erase=DELETE,
        merge=Unite(newest="since", latest=("last_visit_at",)),
        export=None,  # made of the visits
    )

    class Meta:
        indexes = ((("tenant", "member"), True),)
