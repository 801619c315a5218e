"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class MediaItem(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField(null=True)
        uploader = CharField(max_length=80)
        kind = CharField(max_length=5)
        scene = CharField(max_length=8)
        state = CharField(max_length=10, default="uploading")
        backend = CharField(max_length=4)
        content_type = CharField(max_length=40)
        size = IntegerField()
        width = IntegerField(default=0)
        height = IntegerField(default=0)
        duration_ms = IntegerField(default=0)
        variants = JsonField(default=dict)
        preview = TextField(null=True)
        reason = CharField(max_length=24, default="")
        note = CharField(max_length=300, default="")
        machine = CharField(max_length=30, default="")
        trace = CharField(null=True, max_length=128)
        judge_by = TimeField(null=True)
        reports = IntegerField(default=0)
        ticket_until = TimeField()
        created_at = TimeField()
        completed_at = TimeField(null=True)
        decided_at = TimeField(null=True)
        decided_by = UUIDField(null=True)
        deleted_at = TimeField(null=True)
        purged_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "media_item"
            indexes = (
                (("tenant", "member", "id"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "state", "judge_by"), False),
                (("tenant", "trace"), False),
            )

    db.create_tables([MediaItem])

    class MediaReport(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        media = UUIDField()
        member = UUIDField()
        reason = CharField(max_length=12)
        text = CharField(max_length=200, default="")
        state = CharField(max_length=9, default="open")
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "media_report"
            indexes = (
                (("tenant", "media", "member"), True),
                (("tenant", "member"), False),
                (("tenant", "state", "id"), False),
            )

    db.create_tables([MediaReport])

    class MediaUse(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        media = UUIDField()
        plugin = CharField(max_length=40)
        ref = CharField(max_length=80)
        place = SmallIntegerField(default=0)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "media_use"
            indexes = ((("tenant", "plugin", "ref", "media"), True), (("tenant", "media"), False))

    db.create_tables([MediaUse])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("media_use"))
    migrator.migrate(migrator.drop_table("media_report"))
    migrator.migrate(migrator.drop_table("media_item"))
