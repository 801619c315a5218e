"""Its tables."""

from peewee import BooleanField, CharField, DateField, IntegerField, TextField, UUIDField

from roost import KEEP, JsonField, MemberRows, TenantModel, TimeField, new_id


class StallsStall(TenantModel):
    """A stall on a market."""

    id = UUIDField(primary_key=True, default=new_id)
    title = CharField(max_length=60)
    venue = UUIDField()
    member = UUIDField(null=True)
    state = CharField(max_length=10, default="open")
    rent_fen = IntegerField(default=0)
    contact = CharField(max_length=20, default="")
    covered = BooleanField(default=False)
    market_day = DateField(null=True)
    opens_at = TimeField()
    goods = JsonField(default=list)
    note = TextField(default="")
    refunded = IntegerField(default=0)

    member_rows = MemberRows(erase=KEEP, export=None)

    class Meta:
        indexes = ((("tenant", "venue", "id"), False),)


class StallsSecret(TenantModel):
    """Rows that belong to no venue."""

    id = UUIDField(primary_key=True, default=new_id)
    title = CharField(max_length=60)

    class Meta:
        indexes = ((("tenant", "id"), False),)
