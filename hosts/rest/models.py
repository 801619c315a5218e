"""Tables of the REST host: what was answered to a key, and how often somebody called."""

from peewee import BigIntegerField, BlobField, CharField, CompositeKey, SmallIntegerField

from core.fields import TimeField
from core.tables import BaseModel, TenantModel


class Idempotency(TenantModel):
    """A write that came with an Idempotency-Key: written with the effect, or as `started` by a remote endpoint."""

    slot = BlobField()  # SHA-256 of actor, route and key: who asked what under which key
    digest = BlobField()  # SHA-256 of method, path, query and body: what was asked
    state = CharField(max_length=8, default="started")  # started, done
    status = SmallIntegerField(default=0)
    reply = BlobField(null=True)  # sealed: replies hold names, and tokens that were just made
    started_at = TimeField()

    class Meta:
        table_name = "idempotency"
        primary_key = CompositeKey("tenant", "slot")
        indexes = ((("tenant", "started_at"), False),)


class RateCount(BaseModel):
    """How often one caller hit one limit in the present window; the key is a digest and names nobody."""

    key = CharField(max_length=64, primary_key=True)
    hits = BigIntegerField()
    ends_at = BigIntegerField(index=True)  # milliseconds since 1970

    class Meta:
        table_name = "rate_count"
