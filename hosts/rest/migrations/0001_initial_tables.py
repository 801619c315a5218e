"""Initial tables."""

from peewee import *
from core.fields import TimeField


def up(migrator, db):
    class Idempotency(Model):
        tenant = IntegerField()
        slot = BlobField()
        digest = BlobField()
        state = CharField(max_length=8, default="started")
        status = SmallIntegerField(default=0)
        reply = BlobField(null=True)
        started_at = TimeField()

        class Meta:
            database = db
            table_name = "idempotency"
            primary_key = CompositeKey("tenant", "slot")
            indexes = ((("tenant", "started_at"), False),)

    db.create_tables([Idempotency])

    class RateCount(Model):
        key = CharField(primary_key=True, max_length=64)
        hits = BigIntegerField()
        ends_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "rate_count"

    db.create_tables([RateCount])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("rate_count"))
    migrator.migrate(migrator.drop_table("idempotency"))
