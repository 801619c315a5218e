"""Initial tables."""

from peewee import *
from core.fields import JsonField
from core.fields import TimeField


def up(migrator, db):
    class Approval(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        resource = CharField(max_length=60)
        action = CharField(max_length=60)
        subject = CharField(max_length=64)
        body = JsonField(null=True)
        reason = TextField(default="")
        stood = CharField(max_length=64)
        amount = BigIntegerField()
        venue = UUIDField(null=True)
        state = CharField(max_length=10, default="pending")
        requested_by = UUIDField(null=True)
        requested_at = TimeField()
        decided_by = UUIDField(null=True)
        decided_at = TimeField(null=True)
        note = TextField(default="")

        class Meta:
            database = db
            table_name = "approval"
            indexes = ((("tenant", "state", "id"), False), (("tenant", "plugin", "resource", "subject"), False))

    db.create_tables([Approval])

    class SentForm(Model):
        tenant = IntegerField()
        nonce = CharField(max_length=40)
        sent_at = TimeField()

        class Meta:
            database = db
            table_name = "console_sent_form"
            indexes = ((("tenant", "nonce"), True), (("tenant", "sent_at"), False))

    db.create_tables([SentForm])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("console_sent_form"))
    migrator.migrate(migrator.drop_table("approval"))
