"""Initial tables."""

from peewee import *
from roost import BlindField
from roost import JsonField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class QinniaoCircuit(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        target = CharField(max_length=200)
        state = CharField(max_length=9, default="closed")
        failures = IntegerField(default=0)
        error = CharField(max_length=300, default="")
        opened_at = TimeField(null=True)
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "qinniao_circuit"
            indexes = ((("tenant", "target"), True),)

    db.create_tables([QinniaoCircuit])

    class QinniaoCursor(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        kind = CharField(max_length=10)
        cursor = CharField(null=True, max_length=500)
        run = UUIDField(null=True)
        state = CharField(max_length=8, default="idle")
        started_on = DateField(null=True)
        since = TimeField(null=True)
        restarted = BooleanField(default=False)
        pages = IntegerField(default=0)
        mark = CharField(max_length=64, default="")
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
        body = SealedField(null=True)
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
        late = BooleanField(default=False)
        converted_by = CharField(max_length=8, default="")
        proof = CharField(max_length=200, default="")
        attachment = CharField(max_length=200, default="")

        class Meta:
            database = db
            table_name = "qinniao_lead"
            indexes = (
                (("tenant", "member"), True),
                (("tenant", "state", "id"), False),
                (("tenant", "converted_at"), False),
                (("tenant", "late", "id"), False),
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
        body = SealedField(null=True)
        phone_blind = BlindField(null=True)
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

    class QinniaoRetry(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        what = CharField(max_length=8)
        state = CharField(max_length=8, default="running")
        found = IntegerField(default=0)
        settled = IntegerField(default=0)
        created_at = TimeField()
        finished_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "qinniao_retry"
            indexes = ((("tenant", "state", "id"), False),)

    db.create_tables([QinniaoRetry])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("qinniao_retry"))
    migrator.migrate(migrator.drop_table("qinniao_object"))
    migrator.migrate(migrator.drop_table("qinniao_nonce"))
    migrator.migrate(migrator.drop_table("qinniao_lead"))
    migrator.migrate(migrator.drop_table("qinniao_event"))
    migrator.migrate(migrator.drop_table("qinniao_cursor"))
    migrator.migrate(migrator.drop_table("qinniao_circuit"))
