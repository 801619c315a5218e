"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class PurchasesPurchase(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField(null=True)
        venue = UUIDField(null=True)
        source = CharField(max_length=60)
        source_key = CharField(max_length=100)
        kind = CharField(max_length=10)
        amount_fen = BigIntegerField()
        refunded_fen = BigIntegerField(default=0)
        items = IntegerField()
        lines = JsonField(null=True)
        counted_fen = BigIntegerField()
        fen_per_point = IntegerField()
        fen_per_growth = IntegerField()
        points = BigIntegerField()
        growth = BigIntegerField()
        points_operation = UUIDField(null=True)
        growth_operation = UUIDField(null=True)
        origin = CharField(max_length=8)
        occurred_at = TimeField()
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "purchases_purchase"
            indexes = (
                (("tenant", "source", "source_key"), True),
                (("tenant", "member", "occurred_at"), False),
                (("tenant", "occurred_at"), False),
            )

    db.create_tables([PurchasesPurchase])

    class PurchasesRefund(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        purchase = UUIDField()
        source_key = CharField(max_length=100)
        amount_fen = BigIntegerField()
        reason = CharField(max_length=200, default="")
        points = BigIntegerField(default=0)
        points_short = BigIntegerField(default=0)
        growth = BigIntegerField(default=0)
        growth_short = BigIntegerField(default=0)
        occurred_at = TimeField()
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "purchases_refund"
            indexes = ((("tenant", "purchase", "source_key"), True),)

    db.create_tables([PurchasesRefund])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("purchases_refund"))
    migrator.migrate(migrator.drop_table("purchases_purchase"))
