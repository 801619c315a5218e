"""Initial tables."""

from peewee import *
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class IvepCoach(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        number = CharField(max_length=100)
        name = CharField(max_length=100, default="")
        title = CharField(max_length=100, default="")
        picture = CharField(max_length=500, default="")
        venue = UUIDField(null=True)
        gone = BooleanField(default=False)
        version = BigIntegerField(default=-1)
        told_at = TimeField(null=True)
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "ivep_coach"
            indexes = ((("tenant", "number"), True), (("tenant", "venue", "id"), False))

    db.create_tables([IvepCoach])

    class IvepCursor(Model):
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
            table_name = "ivep_cursor"
            indexes = ((("tenant", "kind"), True),)

    db.create_tables([IvepCursor])

    class IvepEvent(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        event_id = CharField(max_length=100)
        event_type = CharField(max_length=60)
        number = CharField(max_length=100, default="")
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
            table_name = "ivep_event"
            indexes = (
                (("tenant", "event_id"), True),
                (("tenant", "state", "id"), False),
                (("tenant", "number"), False),
                (("tenant", "member"), False),
                (("tenant", "received_at"), False),
            )

    db.create_tables([IvepEvent])

    class IvepRelation(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        number = CharField(max_length=100)
        member_number = CharField(max_length=100, default="")
        member = UUIDField(null=True)
        coach = UUIDField(null=True)
        assigned = BooleanField(default=False)
        since = TimeField(null=True)
        venue = UUIDField(null=True)
        state = CharField(max_length=8, default="waiting")
        note = CharField(max_length=300, default="")
        source = CharField(max_length=4, default="")
        version = BigIntegerField(default=-1)
        told_at = TimeField(null=True)
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "ivep_relation"
            indexes = (
                (("tenant", "number"), True),
                (("tenant", "member", "assigned"), False),
                (("tenant", "member_number"), False),
                (("tenant", "coach", "assigned"), False),
                (("tenant", "state", "id"), False),
            )

    db.create_tables([IvepRelation])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("ivep_relation"))
    migrator.migrate(migrator.drop_table("ivep_event"))
    migrator.migrate(migrator.drop_table("ivep_cursor"))
    migrator.migrate(migrator.drop_table("ivep_coach"))
