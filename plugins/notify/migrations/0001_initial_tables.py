"""Initial tables."""

from peewee import *
from roost import BlindField
from roost import JsonField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class NotifyAnnouncement(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        title_zh = CharField(max_length=60)
        title_en = CharField(max_length=60, default="")
        text_zh = CharField(max_length=500, default="")
        text_en = CharField(max_length=500, default="")
        link = CharField(max_length=200, default="")
        venue = UUIDField(null=True)
        starts_at = TimeField()
        ends_at = TimeField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "notify_announcement"
            indexes = ((("tenant", "ends_at"), False), (("tenant", "venue", "id"), False))

    db.create_tables([NotifyAnnouncement])

    class NotifyBlock(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        channel = CharField(max_length=40)
        address = SealedField()
        address_blind = BlindField()
        source = CharField(max_length=20)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "notify_block"
            indexes = ((("tenant", "channel", "address_blind"), True),)

    db.create_tables([NotifyBlock])

    class NotifyCampaign(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=100)
        marketing = BooleanField()
        channels = JsonField()
        template = CharField(max_length=60, default="")
        title_zh = CharField(max_length=60)
        title_en = CharField(max_length=60, default="")
        text_zh = CharField(max_length=500)
        text_en = CharField(max_length=500, default="")
        link = CharField(max_length=200, default="")
        everybody = BooleanField(default=True)
        states = JsonField(default=list)
        levels = JsonField(default=list)
        venue = UUIDField(null=True)
        tag = CharField(max_length=40, default="")
        tag_value = CharField(max_length=100, default="")
        basis = CharField(max_length=200, default="")
        imported = JsonField(default=dict)
        state = CharField(max_length=9)
        run = IntegerField(default=0)
        heads = IntegerField(default=0)
        reachable = IntegerField(default=0)
        cost_fen = BigIntegerField(default=0)
        created_by = UUIDField(null=True)
        created_at = TimeField()
        started_at = TimeField(null=True)
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "notify_campaign"
            indexes = ((("tenant", "venue", "id"), False), (("tenant", "state"), False))

    db.create_tables([NotifyCampaign])

    class NotifyContact(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        subject = UUIDField()
        days = JsonField(default=list)

        class Meta:
            database = db
            table_name = "notify_contact"
            indexes = ((("tenant", "subject"), True),)

    db.create_tables([NotifyContact])

    class NotifyInbox(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        message = UUIDField()
        member = UUIDField()
        group = CharField(max_length=40)
        campaign = UUIDField(null=True)
        locale = CharField(max_length=2)
        content = SealedField(null=True)
        created_at = TimeField()
        read_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "notify_inbox"
            indexes = (
                (("tenant", "message"), True),
                (("tenant", "member", "id"), False),
                (("tenant", "created_at"), False),
            )

    db.create_tables([NotifyInbox])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "notify_inbox_unread" ON "notify_inbox" ("tenant", "member", "id") WHERE ("read_at" IS NULL)'
    )

    class NotifyMember(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        off = JsonField(default=dict)
        email = SealedField(null=True)
        email_blind = BlindField(null=True)
        asked_email = SealedField(null=True)

        class Meta:
            database = db
            table_name = "notify_member"
            indexes = ((("tenant", "member"), True), (("tenant", "email_blind"), False))

    db.create_tables([NotifyMember])

    class NotifyMessage(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        key = CharField(max_length=120)
        member = UUIDField(null=True)
        address = SealedField(null=True)
        address_blind = BlindField(null=True)
        address_channel = CharField(max_length=40, default="")
        venue = UUIDField(null=True)
        campaign = UUIDField(null=True)
        group = CharField(max_length=40)
        notice = CharField(max_length=60)
        marketing = BooleanField(default=False)
        locale = CharField(max_length=2, default="zh")
        content = SealedField(null=True)
        channels = JsonField()
        step = IntegerField(default=0)
        state = CharField(max_length=8)
        channel = CharField(max_length=40, default="")
        shown = BooleanField(default=False)
        tries = IntegerField(default=0)
        round = IntegerField(default=0)
        due_at = TimeField()
        claim = CharField(max_length=60, default="")
        counted_on = DateField(null=True)
        trail = JsonField(default=list)
        code = CharField(max_length=60, default="")
        receipt = CharField(max_length=100, default="")
        created_at = TimeField()
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "notify_message"
            indexes = (
                (("tenant", "key"), True),
                (("tenant", "member", "id"), False),
                (("tenant", "venue", "id"), False),
                (("tenant", "campaign", "state", "due_at"), False),
            )

    db.create_tables([NotifyMessage])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "notify_message_ended" ON "notify_message" ("tenant", "ended_at") WHERE ("ended_at" IS NOT NULL)'
    )

    class NotifyNotice(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        fact = CharField(max_length=60)
        group = CharField(max_length=40)
        enabled = BooleanField(default=True)
        channels = JsonField(default=list)
        title_zh = CharField(max_length=60, default="")
        title_en = CharField(max_length=60, default="")
        text_zh = CharField(max_length=500, default="")
        text_en = CharField(max_length=500, default="")

        class Meta:
            database = db
            table_name = "notify_notice"
            indexes = ((("tenant", "fact"), True),)

    db.create_tables([NotifyNotice])

    class NotifyTemplate(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        code = CharField(max_length=60)
        channel = CharField(max_length=40)
        locale = CharField(max_length=2)
        template = CharField(max_length=100)
        params = JsonField(default=dict)

        class Meta:
            database = db
            table_name = "notify_template"
            indexes = ((("tenant", "code", "channel", "locale"), True),)

    db.create_tables([NotifyTemplate])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("notify_template"))
    migrator.migrate(migrator.drop_table("notify_notice"))
    migrator.migrate(migrator.drop_table("notify_message"))
    migrator.migrate(migrator.drop_table("notify_member"))
    migrator.migrate(migrator.drop_table("notify_inbox"))
    migrator.migrate(migrator.drop_table("notify_contact"))
    migrator.migrate(migrator.drop_table("notify_campaign"))
    migrator.migrate(migrator.drop_table("notify_block"))
    migrator.migrate(migrator.drop_table("notify_announcement"))
