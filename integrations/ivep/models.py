"""Tables: coaches, who has which, events as they came, cursors."""

from peewee import BigIntegerField, BooleanField, CharField, UUIDField

from integrations import qinniao
from roost import BY_PLUGIN, Blank, MemberRows, TenantModel, TimeField, new_id


class IvepCoach(TenantModel):
    """One coach at the last version that we were told. A relation may name one whom the list has not told yet."""

    id = UUIDField(primary_key=True, default=new_id)
    number = CharField(max_length=100)  # IVEP's
    name = CharField(max_length=100, default="")
    title = CharField(max_length=100, default="")
    picture = CharField(max_length=500, default="")
    venue = UUIDField(null=True)
    gone = BooleanField(default=False)
    version = BigIntegerField(default=-1)  # -1: nothing was told yet
    told_at = TimeField(null=True)  # IVEP's `updated_at`
    changed_at = TimeField()

    noun = "coach"

    class Meta:
        indexes = ((("tenant", "number"), True), (("tenant", "venue", "id"), False))


class IvepRelation(TenantModel):
    """Who coaches whom, at the last version that we were told, whatever the order it came in."""

    id = UUIDField(primary_key=True, default=new_id)
    number = CharField(max_length=100)  # IVEP's
    member_number = CharField(max_length=100, default="")  # the SaaS's
    member = UUIDField(null=True)  # ours, once the number is linked
    coach = UUIDField(null=True)  # ours: ivep_coach
    assigned = BooleanField(default=False)
    since = TimeField(null=True)
    venue = UUIDField(null=True)
    state = CharField(max_length=8, default="waiting")  # waiting (for its member), matched, failed, erased
    note = CharField(max_length=300, default="")
    source = CharField(max_length=4, default="")  # who told it last: ivep, saas
    version = BigIntegerField(default=-1)
    told_at = TimeField(null=True)
    changed_at = TimeField()

    noun = "relation"
    member_rows = MemberRows(erase=BY_PLUGIN, export=None)  # exported with the coach's name

    class Meta:
        indexes = (
            (("tenant", "number"), True),
            (("tenant", "member", "assigned"), False),
            (("tenant", "member_number"), False),
            (("tenant", "coach", "assigned"), False),
            (("tenant", "state", "id"), False),
        )


class IvepEvent(qinniao.PushedTable):
    """One event of IVEP."""

    number = CharField(max_length=100, default="")  # of the relation or coach

    member_rows = MemberRows(erase=Blank(body=None, member=None), export=None)  # the relations say what came of it

    class Meta:
        indexes = (
            (("tenant", "event_id"), True),
            (("tenant", "state", "id"), False),
            (("tenant", "number"), False),
            (("tenant", "member"), False),
            (("tenant", "received_at"), False),
        )


class IvepCursor(qinniao.ListTable):
    """How far the reconciliation of one list has come: of coaches or of relations."""

    class Meta:
        indexes = ((("tenant", "kind"), True),)
