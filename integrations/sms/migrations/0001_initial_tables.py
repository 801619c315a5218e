"""Initial tables."""

from peewee import *
from roost import BlindField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class SmsDay(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        day = DateField()
        messages = IntegerField(default=0)
        cost_fen = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "sms_day"
            indexes = ((("tenant", "day"), True),)

    db.create_tables([SmsDay])

    class SmsMessage(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        key = CharField(max_length=80)
        kind = CharField(max_length=8)
        purpose = CharField(max_length=40)
        marketing = BooleanField(default=False)
        phone = SealedField(null=True)
        phone_blind = BlindField(null=True)
        address = SealedField(null=True)
        address_blind = BlindField(null=True)
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        template = CharField(max_length=60)
        content = SealedField(null=True)
        state = CharField(max_length=10, default="queued")
        provider = CharField(max_length=10, default="")
        reason = CharField(max_length=20, default="")
        code = CharField(max_length=80, default="")
        note = CharField(max_length=200, default="")
        receipt = CharField(max_length=100, default="")
        segments = IntegerField(default=0)
        cost_fen = IntegerField(default=0)
        day = DateField()
        created_at = TimeField()
        expires_at = TimeField(null=True)
        sent_at = TimeField(null=True)
        settled_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "sms_message"
            indexes = (
                (("tenant", "key"), True),
                (("tenant", "phone_blind", "created_at"), False),
                (("tenant", "address_blind", "created_at"), False),
                (("tenant", "member", "created_at"), False),
                (("tenant", "kind", "created_at"), False),
                (("tenant", "provider", "receipt"), False),
            )

    db.create_tables([SmsMessage])

    class SmsMeter(Model):
        tenant = IntegerField()
        kind = CharField(max_length=8)
        subject = BlobField()
        touched_at = TimeField()

        class Meta:
            database = db
            table_name = "sms_meter"
            indexes = ((("tenant", "kind", "subject"), True), (("tenant", "touched_at"), False))

    db.create_tables([SmsMeter])

    class SmsOptOut(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        phone = SealedField(null=True)
        phone_blind = BlindField()
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        since = TimeField()
        how = CharField(max_length=10, default="reply")

        class Meta:
            database = db
            table_name = "sms_opt_out"
            indexes = ((("tenant", "phone_blind"), True), (("tenant", "member"), False))

    db.create_tables([SmsOptOut])

    class SmsPush(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        digest = BlobField()
        body = SealedField(null=True)
        state = CharField(max_length=10, default="received")
        received_at = TimeField()

        class Meta:
            database = db
            table_name = "sms_push"
            indexes = ((("tenant", "digest"), True), (("tenant", "received_at"), False))

    db.create_tables([SmsPush])

    class SmsReply(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        digest = BlobField()
        phone = SealedField(null=True)
        phone_blind = BlindField(null=True)
        text = SealedField(null=True)
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        message = UUIDField(null=True)
        unsubscribe = BooleanField(default=False)
        received_at = TimeField()

        class Meta:
            database = db
            table_name = "sms_reply"
            indexes = (
                (("tenant", "digest"), True),
                (("tenant", "member"), False),
                (("tenant", "phone_blind"), False),
                (("tenant", "received_at"), False),
            )

    db.create_tables([SmsReply])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("sms_reply"))
    migrator.migrate(migrator.drop_table("sms_push"))
    migrator.migrate(migrator.drop_table("sms_opt_out"))
    migrator.migrate(migrator.drop_table("sms_meter"))
    migrator.migrate(migrator.drop_table("sms_message"))
    migrator.migrate(migrator.drop_table("sms_day"))
