"""Initial tables."""

from peewee import *
from core.fields import JsonField
from core.fields import TimeField


def up(migrator, db):
    class FeedbackCase(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        venue = UUIDField()
        category = CharField(max_length=12)
        text = TextField()
        pictures = JsonField(default=list)
        state = CharField(max_length=10, default="new")
        escalated = BooleanField(default=False)
        handler = UUIDField(null=True)
        score = SmallIntegerField(null=True)
        compensated = IntegerField(default=0)
        reopened = SmallIntegerField(default=0)
        reply_by = TimeField(null=True)
        solve_by = TimeField(null=True)
        solved_at = TimeField(null=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "feedback_case"
            indexes = (
                (("tenant", "member", "id"), False),
                (("tenant", "venue", "state"), False),
                (("tenant", "escalated", "reply_by"), False),
                (("tenant", "escalated", "solve_by"), False),
            )

    db.create_tables([FeedbackCase])

    class FeedbackMessage(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        case = UUIDField()
        author = CharField(max_length=8)
        staff = UUIDField(null=True)
        internal = BooleanField(default=False)
        text = TextField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "feedback_message"
            indexes = ((("tenant", "case", "id"), False),)

    db.create_tables([FeedbackMessage])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("feedback_message"))
    migrator.migrate(migrator.drop_table("feedback_case"))
