"""What the till was told."""

from peewee import BigIntegerField, CharField, UUIDField

from roost import TenantModel, TimeField, new_id


class TillNote(TenantModel):
    """One telling. Nothing keeps the same from being noted twice: that is the point."""

    id = UUIDField(primary_key=True, default=new_id)
    kind = CharField(max_length=16)
    charge = CharField(max_length=64)
    refund = CharField(max_length=64)
    amount = BigIntegerField()
    transaction = CharField(max_length=64)
    at = TimeField(null=True)
    actor = CharField(max_length=60)
