"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class WechatPayPush(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        event_id = CharField(max_length=64)
        event_type = CharField(max_length=40)
        number = CharField(max_length=64, default="")
        refund = CharField(max_length=64, default="")
        serial = CharField(max_length=64)
        told = JsonField()
        state = CharField(max_length=8, default="received")
        note = CharField(max_length=300, default="")
        received_at = TimeField()
        processed_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "wechat_pay_push"
            indexes = (
                (("tenant", "event_id"), True),
                (("tenant", "number"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "received_at"), False),
            )

    db.create_tables([WechatPayPush])

    class WechatPayRefund(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        number = CharField(max_length=64)
        charge = CharField(max_length=32)
        member = UUIDField()
        amount = BigIntegerField()
        total = BigIntegerField()
        reason = CharField(max_length=80, default="")
        source = CharField(max_length=8, default="roost")
        state = CharField(max_length=10, default="asked")
        status = CharField(max_length=12, default="")
        provider_id = CharField(max_length=64, default="")
        round = IntegerField(default=0)
        refunded_at = TimeField(null=True)
        created_at = TimeField()
        changed_at = TimeField()
        check_at = TimeField(null=True)
        called_at = TimeField(null=True)
        tries = IntegerField(default=0)
        note = CharField(max_length=300, default="")

        class Meta:
            database = db
            table_name = "wechat_pay_refund"
            indexes = (
                (("tenant", "number"), True),
                (("tenant", "charge"), False),
                (("tenant", "member", "id"), False),
                (("tenant", "check_at"), False),
                (("tenant", "state", "id"), False),
            )

    db.create_tables([WechatPayRefund])

    class WechatPaySettlement(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        kind = CharField(max_length=16)
        number = CharField(max_length=64)
        round = IntegerField(default=0)
        charge = CharField(max_length=32)
        member = UUIDField(null=True)
        amount = BigIntegerField(default=0)
        transaction = CharField(max_length=64, default="")
        happened_at = TimeField(null=True)
        booked_at = TimeField()
        heard = CharField(max_length=8)
        claimed_by = CharField(max_length=40, default="")
        state = CharField(max_length=10)
        note = CharField(max_length=300, default="")

        class Meta:
            database = db
            table_name = "wechat_pay_settlement"
            indexes = (
                (("tenant", "number", "kind", "round"), True),
                (("tenant", "charge"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "member"), False),
            )

    db.create_tables([WechatPaySettlement])

    class WechatPayTrade(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        number = CharField(max_length=32)
        member = UUIDField()
        amount = BigIntegerField()
        title = CharField(max_length=127)
        appid = CharField(max_length=32)
        mchid = CharField(max_length=32)
        state = CharField(max_length=8, default="asked")
        prepay = CharField(max_length=64, default="")
        prepay_until = TimeField(null=True)
        transaction = CharField(max_length=64, default="")
        paid_at = TimeField(null=True)
        expires_at = TimeField()
        created_at = TimeField()
        changed_at = TimeField()
        check_at = TimeField(null=True)
        tries = IntegerField(default=0)
        note = CharField(max_length=300, default="")

        class Meta:
            database = db
            table_name = "wechat_pay_trade"
            indexes = (
                (("tenant", "number"), True),
                (("tenant", "member", "id"), False),
                (("tenant", "check_at"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "transaction"), False),
            )

    db.create_tables([WechatPayTrade])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("wechat_pay_trade"))
    migrator.migrate(migrator.drop_table("wechat_pay_settlement"))
    migrator.migrate(migrator.drop_table("wechat_pay_refund"))
    migrator.migrate(migrator.drop_table("wechat_pay_push"))
