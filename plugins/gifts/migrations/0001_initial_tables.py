"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class GiftsBirthday(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        year = IntegerField()

        class Meta:
            database = db
            table_name = "gifts_birthday"
            indexes = ((("tenant", "member", "year"), True),)

    db.create_tables([GiftsBirthday])

    class GiftsClaim(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        key = CharField(max_length=200)
        member = UUIDField()
        gift = UUIDField(null=True)
        name = CharField(max_length=100)
        kind = CharField(max_length=8)
        moment = CharField(max_length=12, default="")
        state = CharField(max_length=8)
        points = IntegerField(default=0)
        amount_fen = BigIntegerField(default=0)
        terms = CharField(max_length=100, default="")
        valid_days = IntegerField(default=30)
        code = CharField(null=True, max_length=16)
        valid_until = DateField(null=True)
        reservation = UUIDField(null=True)
        operation = UUIDField(null=True)
        delivery = CharField(max_length=8, default="")
        venue = UUIDField(null=True)
        address = BlobField(null=True)
        carrier = CharField(max_length=100, default="")
        tracking = CharField(max_length=40, default="")
        ship_by = DateField(null=True)
        offered_at = TimeField()
        expires_at = TimeField(null=True)
        accepted_at = TimeField(null=True)
        shipped_at = TimeField(null=True)
        ended_at = TimeField(null=True)
        remark = CharField(max_length=200, default="")

        class Meta:
            database = db
            table_name = "gifts_claim"
            indexes = (
                (("tenant", "key"), True),
                (("tenant", "code"), True),
                (("tenant", "member", "id"), False),
                (("tenant", "state", "expires_at"), False),
                (("tenant", "venue", "id"), False),
            )

    db.create_tables([GiftsClaim])

    class GiftsGift(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        code = CharField(max_length=40)
        name = CharField(max_length=100)
        kind = CharField(max_length=8)
        points = IntegerField(default=0)
        amount_fen = BigIntegerField(default=0)
        valid_days = IntegerField(default=30)
        terms = CharField(max_length=100, default="")
        tracked = BooleanField(default=False)
        active = BooleanField(default=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "gifts_gift"
            indexes = ((("tenant", "code"), True),)

    db.create_tables([GiftsGift])

    class GiftsRule(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=100)
        moment = CharField(max_length=12)
        level = CharField(max_length=40, default="")
        states = JsonField()
        conditions = JsonField()
        rewards = JsonField()
        total = BigIntegerField(null=True)
        budget_points = BigIntegerField(null=True)
        starts_at = TimeField(null=True)
        ends_at = TimeField(null=True)
        active = BooleanField()
        rule = UUIDField()
        version = IntegerField()
        standard = CharField(null=True, max_length=40)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "gifts_rule"
            indexes = ((("tenant", "standard"), True), (("tenant", "moment"), False), (("tenant", "rule"), True))

    db.create_tables([GiftsRule])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("gifts_rule"))
    migrator.migrate(migrator.drop_table("gifts_gift"))
    migrator.migrate(migrator.drop_table("gifts_claim"))
    migrator.migrate(migrator.drop_table("gifts_birthday"))
