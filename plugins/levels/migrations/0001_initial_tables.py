"""Initial tables."""

from peewee import *
from roost import TimeField


def up(migrator, db):
    class LevelsHistory(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        old = CharField(max_length=40)
        new = CharField(max_length=40)
        reason = CharField(max_length=20)
        growth = BigIntegerField(null=True)
        threshold = BigIntegerField(null=True)
        words = CharField(max_length=200, default="")
        actor = CharField(max_length=100)
        at = TimeField()

        class Meta:
            database = db
            table_name = "levels_history"
            indexes = ((("tenant", "member", "at"), False), (("tenant", "at"), False))

    db.create_tables([LevelsHistory])

    class LevelsStanding(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        level = CharField(max_length=40)
        since = TimeField()
        period_end = DateField(null=True)
        manual_until = DateField(null=True)
        noticed_for = DateField(null=True)

        class Meta:
            database = db
            table_name = "levels_standing"
            indexes = (
                (("tenant", "member"), True),
                (("tenant", "period_end"), False),
                (("tenant", "manual_until"), False),
            )

    db.create_tables([LevelsStanding])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("levels_standing"))
    migrator.migrate(migrator.drop_table("levels_history"))
