"""Who did what, append-only, and the blocks that seal it."""

from peewee import BigAutoField, BigIntegerField, BlobField, CharField, IntegerField

from core.fields import JsonField, TimeField
from core.tables import TenantModel


class Audit(TenantModel):
    """One act. `block` is null until a block has sealed the row; nothing else ever changes."""

    id = BigAutoField()
    at = TimeField()
    actor = CharField(max_length=200)  # staff:ID, key:ID, member:ID, system:REASON
    plugin = CharField(max_length=40)
    action = CharField(max_length=80)
    subject = CharField(max_length=200)
    details = JsonField()  # small values, never personal data
    request_id = CharField(max_length=64)
    cause = CharField(max_length=100)
    block = BigIntegerField(null=True)

    class Meta:
        indexes = (
            (("tenant", "id"), False),
            (("tenant", "block", "id"), False),
            (("tenant", "subject", "id"), False),
        )


class AuditBlock(TenantModel):
    """A sealed run of rows: its hash covers them, its own fields and the hash of the block before."""

    number = BigIntegerField()  # 1, 2, 3 … per tenant
    count = IntegerField()
    rows = BlobField()  # SHA-256 over the rows: the block can be proved when they are past their keeping
    previous = BlobField()
    hash = BlobField()
    sealed_at = TimeField()
    pruned_at = TimeField(null=True)  # its rows are past their keeping and gone

    class Meta:
        indexes = ((("tenant", "number"), True),)
