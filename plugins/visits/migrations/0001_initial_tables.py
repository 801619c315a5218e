"""Initial tables."""

from peewee import *
from roost import TimeField


def up(migrator, db):
    class VisitsPresence(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        since = TimeField()
        last_visit_at = TimeField(null=True)
        silent_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "visits_presence"
            indexes = ((("tenant", "member"), True),)

    db.create_tables([VisitsPresence])

    class VisitsVisit(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        venue = UUIDField(null=True)
        source = CharField(max_length=60)
        source_key = CharField(max_length=100)
        day = DateField()
        points = IntegerField(default=0)
        origin = CharField(max_length=8)
        occurred_at = TimeField()
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "visits_visit"
            indexes = (
                (("tenant", "source", "source_key"), True),
                (("tenant", "member", "day"), False),
                (("tenant", "day"), False),
            )

    db.create_tables([VisitsVisit])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("visits_visit"))
    migrator.migrate(migrator.drop_table("visits_presence"))
