"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class FeedbackAnswer(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        survey = UUIDField()
        place = SmallIntegerField()
        question = CharField(max_length=100)
        score = SmallIntegerField()
        venue = UUIDField(null=True)
        round = UUIDField(null=True)
        answered_at = TimeField()

        class Meta:
            database = db
            table_name = "feedback_answer"
            indexes = (
                (("tenant", "survey", "place"), True),
                (("tenant", "round", "question"), False),
                (("tenant", "answered_at"), False),
            )

    db.create_tables([FeedbackAnswer])

    class FeedbackAsked(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        asked_at = TimeField()

        class Meta:
            database = db
            table_name = "feedback_asked"
            indexes = ((("tenant", "member"), True),)

    db.create_tables([FeedbackAsked])

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

    class FeedbackRound(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        title = CharField(max_length=60)
        questions = JsonField(default=list)
        states = JsonField(default=list)
        venue = UUIDField(null=True)
        state = CharField(max_length=8, default="sending")
        offered = IntegerField(default=0)
        passed_over = IntegerField(default=0)
        created_by = UUIDField(null=True)
        created_at = TimeField()
        closes_at = TimeField()

        class Meta:
            database = db
            table_name = "feedback_round"
            indexes = ((("tenant", "state", "closes_at"), False),)

    db.create_tables([FeedbackRound])

    class FeedbackSurvey(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        venue = UUIDField(null=True)
        case = UUIDField(null=True)
        round = UUIDField(null=True)
        questions = JsonField(default=list)
        state = CharField(max_length=8, default="open")
        text = TextField(null=True)
        offered_at = TimeField()
        expires_at = TimeField()
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "feedback_survey"
            indexes = (
                (("tenant", "member", "id"), False),
                (("tenant", "round", "state"), False),
                (("tenant", "state", "expires_at"), False),
                (("tenant", "offered_at"), False),
            )

    db.create_tables([FeedbackSurvey])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("feedback_survey"))
    migrator.migrate(migrator.drop_table("feedback_round"))
    migrator.migrate(migrator.drop_table("feedback_message"))
    migrator.migrate(migrator.drop_table("feedback_case"))
    migrator.migrate(migrator.drop_table("feedback_asked"))
    migrator.migrate(migrator.drop_table("feedback_answer"))
