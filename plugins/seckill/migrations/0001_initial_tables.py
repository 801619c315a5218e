"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class SeckillClaim(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        session = UUIDField()
        item = UUIDField()
        member = UUIDField()
        state = CharField(max_length=10)
        price_points = IntegerField()
        price_fen = IntegerField(default=0)
        order = UUIDField(null=True)
        reservation = UUIDField()
        points_hold = UUIDField(null=True)
        operation = UUIDField(null=True)
        code = CharField(null=True, max_length=12)
        venue = UUIDField(null=True)
        deadline = TimeField()
        expires_at = TimeField(null=True)
        created_at = TimeField()
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "seckill_claim"
            indexes = (
                (("tenant", "member", "created_at"), False),
                (("tenant", "state", "deadline"), False),
                (("tenant", "code"), True),
                (("tenant", "item"), False),
                (("tenant", "order"), True),
            )

    db.create_tables([SeckillClaim])

    class SeckillItem(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        session = UUIDField()
        title = CharField(max_length=60)
        kind = CharField(max_length=8)
        picture = CharField(max_length=500, default="")
        details = TextField(default="")
        stock = IntegerField()
        price_points = IntegerField(default=0)
        price_fen = IntegerField(default=0)
        market_fen = IntegerField(null=True)
        basis = CharField(max_length=200, default="")
        per_session = IntegerField(null=True)
        states = JsonField(default=list)
        levels = JsonField(default=list)
        venues = JsonField(default=list)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "seckill_item"
            indexes = ((("tenant", "session"), False),)

    db.create_tables([SeckillItem])

    class SeckillPlan(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        title = CharField(max_length=60)
        repeat = CharField(max_length=8)
        day = IntegerField(default=0)
        at = CharField(max_length=5)
        minutes = IntegerField(default=120)
        items = JsonField(default=list)
        active = BooleanField(default=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "seckill_plan"

    db.create_tables([SeckillPlan])

    class SeckillSession(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plan = UUIDField(null=True)
        title = CharField(max_length=60)
        starts_at = TimeField()
        ends_at = TimeField()
        state = CharField(max_length=10, default="draft")
        announced = BooleanField(default=False)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "seckill_session"
            indexes = ((("tenant", "plan", "starts_at"), True), (("tenant", "state", "starts_at"), False))

    db.create_tables([SeckillSession])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("seckill_session"))
    migrator.migrate(migrator.drop_table("seckill_plan"))
    migrator.migrate(migrator.drop_table("seckill_item"))
    migrator.migrate(migrator.drop_table("seckill_claim"))
