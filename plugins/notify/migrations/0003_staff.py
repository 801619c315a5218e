"""Where staff are told."""

from peewee import *
from roost import JsonField, TimeField


def up(migrator, db):
    class NotifyStaff(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        account = UUIDField()
        channel = CharField(max_length=40)
        staff_address = BlobField()
        notices = JsonField()
        locale = CharField(max_length=2, default="zh")
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "notify_staff"
            indexes = ((("tenant", "account", "channel"), True),)

    db.create_tables([NotifyStaff])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("notify_staff"))
