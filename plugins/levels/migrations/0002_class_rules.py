"""Class rules."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class LevelsClassRule(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=100)
        from_class = CharField(max_length=40)
        to_class = CharField(max_length=40)
        conditions = JsonField()
        position = IntegerField()
        active = BooleanField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "levels_class_rule"
            indexes = ((("tenant", "active"), False),)

    db.create_tables([LevelsClassRule])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("levels_class_rule"))
