"""Initial tables."""

from peewee import *
from core.fields import JsonField
from core.fields import TimeField


def up(migrator, db):
    class QinniaoCursor(Model):
        tenant = IntegerField()
        kind = CharField(max_length=10)
        cursor = CharField(null=True, max_length=500)
        run = UUIDField(null=True)
        state = CharField(max_length=8, default="idle")
        started_on = DateField(null=True)
        finished_at = TimeField(null=True)
        items = IntegerField(default=0)
        found = IntegerField(default=0)
        rejected = IntegerField(default=0)
        tries = IntegerField(default=0)
        error = CharField(max_length=300, default="")

        class Meta:
            database = db
            table_name = "qinniao_cursor"
            indexes = ((("tenant", "kind"), True),)

    db.create_tables([QinniaoCursor])

    class QinniaoEvent(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        event_id = CharField(max_length=100)
        event_type = CharField(max_length=60)
        kind = CharField(max_length=10, default="")
        saas_id = CharField(max_length=100, default="")
        body = BlobField(null=True)
        state = CharField(max_length=8, default="received")
        note = CharField(max_length=300, default="")
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        occurred_at = TimeField()
        received_at = TimeField()
        processed_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "qinniao_event"
            indexes = (
                (("tenant", "event_id"), True),
                (("tenant", "state", "id"), False),
                (("tenant", "kind", "saas_id"), False),
                (("tenant", "member"), False),
                (("tenant", "received_at"), False),
            )

    db.create_tables([QinniaoEvent])

    class QinniaoLead(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        venue = UUIDField(null=True)
        state = CharField(max_length=8, default="pending")
        tries = IntegerField(default=0)
        error = CharField(max_length=300, default="")
        saas_lead = CharField(max_length=100, default="")
        saas_member = CharField(max_length=100, default="")
        created_at = TimeField()
        changed_at = TimeField()
        converted_at = TimeField(null=True)
        conversion_lag = BigIntegerField(null=True)
        converted_by = CharField(max_length=8, default="")
        proof = CharField(max_length=200, default="")

        class Meta:
            database = db
            table_name = "qinniao_lead"
            indexes = (
                (("tenant", "member"), True),
                (("tenant", "state", "id"), False),
                (("tenant", "converted_at"), False),
            )

    db.create_tables([QinniaoLead])

    class QinniaoNonce(Model):
        tenant = IntegerField()
        nonce = CharField(max_length=128)
        seen_at = TimeField()

        class Meta:
            database = db
            table_name = "qinniao_nonce"
            indexes = ((("tenant", "nonce"), True), (("tenant", "seen_at"), False))

    db.create_tables([QinniaoNonce])

    class QinniaoObject(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        kind = CharField(max_length=10)
        saas_id = CharField(max_length=100)
        owner = CharField(max_length=100)
        parent = CharField(max_length=100, default="")
        version = BigIntegerField(default=-1)
        told_at = TimeField(null=True)
        state = CharField(max_length=8, default="unknown")
        note = CharField(max_length=300, default="")
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        facts = JsonField(null=True)
        body = BlobField(null=True)
        phone_blind = BlobField(null=True)
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "qinniao_object"
            indexes = (
                (("tenant", "kind", "saas_id"), True),
                (("tenant", "owner", "state"), False),
                (("tenant", "kind", "parent"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "member"), False),
                (("tenant", "phone_blind"), False),
            )

    db.create_tables([QinniaoObject])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("qinniao_object"))
    migrator.migrate(migrator.drop_table("qinniao_nonce"))
    migrator.migrate(migrator.drop_table("qinniao_lead"))
    migrator.migrate(migrator.drop_table("qinniao_event"))
    migrator.migrate(migrator.drop_table("qinniao_cursor"))
