"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class WebhooksAttempt(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        endpoint = UUIDField()
        delivery = UUIDField()
        number = IntegerField()
        status = IntegerField(null=True)
        error = CharField(max_length=20, default="")
        duration_ms = IntegerField()
        reply = CharField(max_length=300, default="")
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "webhooks_attempt"
            indexes = (
                (("tenant", "delivery", "id"), False),
                (("tenant", "endpoint", "id"), False),
                (("tenant", "created_at"), False),
            )

    db.create_tables([WebhooksAttempt])

    class WebhooksDelivery(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        endpoint = UUIDField()
        event = UUIDField()
        fact = CharField(max_length=60)
        body = TextField()
        state = CharField(max_length=9, default="waiting")
        round = IntegerField(default=0)
        attempts = IntegerField(default=0)
        status = IntegerField(null=True)
        error = CharField(max_length=20, default="")
        due_at = TimeField()
        occurred_at = TimeField()
        created_at = TimeField()
        finished_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "webhooks_delivery"
            indexes = (
                (("tenant", "endpoint", "event"), True),
                (("tenant", "endpoint", "state", "id"), False),
                (("tenant", "created_at"), False),
            )

    db.create_tables([WebhooksDelivery])

    class WebhooksEndpoint(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        url = TextField()
        description = CharField(max_length=200, default="")
        facts = JsonField()
        state = CharField(max_length=8, default="on")
        reason = CharField(max_length=10, default="")
        secret = SealedField()
        old_secret = SealedField(null=True)
        old_until = TimeField(null=True)
        shown_to = UUIDField(null=True)
        shown_until = TimeField(null=True)
        failures = IntegerField(default=0)
        failing_since = TimeField(null=True)
        paused_until = TimeField(null=True)
        created_at = TimeField()
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "webhooks_endpoint"
            indexes = ((("tenant", "state"), False),)

    db.create_tables([WebhooksEndpoint])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("webhooks_endpoint"))
    migrator.migrate(migrator.drop_table("webhooks_delivery"))
    migrator.migrate(migrator.drop_table("webhooks_attempt"))
