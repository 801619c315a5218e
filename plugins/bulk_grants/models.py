"""Tables of bulk grants."""

from peewee import BigIntegerField, CharField, IntegerField, TextField, UUIDField

from roost import KEEP, JsonField, MemberRows, TenantModel, TimeField, new_id


class BulkGrantsBatch(TenantModel):
    """One act of giving the same to many, from draft to recall."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=100)
    reason = CharField(max_length=200)
    state = CharField(max_length=10)  # draft, approved, done, recalling, recalled, dropped
    rewards = JsonField()
    heads = IntegerField()
    points = BigIntegerField()  # that it will mint in all
    given = IntegerField(default=0)
    failed = IntegerField(default=0)
    taken = IntegerField(default=0)  # recipients from whom everything came back
    made_by = CharField(max_length=100)
    approved_by = CharField(max_length=100, default="")
    recall_reason = CharField(max_length=200, default="")
    made_at = TimeField()
    approved_at = TimeField(null=True)
    finished_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "made_at"), False),)


class BulkGrantsRecipient(TenantModel):
    """One member of a batch, and what became of their part."""

    id = UUIDField(primary_key=True, default=new_id)
    batch = UUIDField()
    place = IntegerField()  # the chain's cursor runs along it
    member = UUIDField()
    state = CharField(max_length=8, default="waiting")  # waiting, given, failed, taken, spent
    grant = UUIDField(null=True)
    remark = TextField(default="")  # why it failed, or what was spent

    member_rows = MemberRows(erase=KEEP, export=None)  # the ledger exports what was given

    class Meta:
        indexes = ((("tenant", "batch", "place"), True), (("tenant", "member"), False))
