"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class WechatCheck(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        trace = CharField(max_length=128)
        member = UUIDField(null=True)
        state = CharField(max_length=8, default="pending")
        reason = CharField(max_length=20, default="")
        asked_at = TimeField()
        judged_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "wechat_check"
            indexes = (
                (("tenant", "trace"), True),
                (("tenant", "state", "asked_at"), False),
                (("tenant", "member"), False),
            )

    db.create_tables([WechatCheck])

    class WechatCode(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        key = CharField(max_length=80)
        member = UUIDField(null=True)
        scene = CharField(max_length=32)
        page = CharField(max_length=200, default="")
        env = CharField(max_length=8, default="release")
        width = IntegerField(default=430)
        transparent = BooleanField(default=False)
        state = CharField(max_length=8, default="pending")
        image = BlobField(null=True)
        error = CharField(max_length=300, default="")
        created_at = TimeField()
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_code"
            indexes = ((("tenant", "plugin", "key"), True), (("tenant", "member"), False), (("tenant", "id"), False))

    db.create_tables([WechatCode])

    class WechatPayment(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        charge = CharField(max_length=32)
        transaction = CharField(max_length=64)
        paid_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_payment"
            indexes = ((("tenant", "charge"), True), (("tenant", "paid_at"), False))

    db.create_tables([WechatPayment])

    class WechatPush(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        key = CharField(max_length=64)
        proof = CharField(max_length=40)
        kind = CharField(max_length=60)
        openid = CharField(max_length=64, default="")
        member = UUIDField(null=True)
        body = SealedField(null=True)
        state = CharField(max_length=8, default="received")
        note = CharField(max_length=300, default="")
        received_at = TimeField()
        processed_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "wechat_push"
            indexes = (
                (("tenant", "key"), True),
                (("tenant", "proof"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "openid"), False),
                (("tenant", "member"), False),
                (("tenant", "received_at"), False),
            )

    db.create_tables([WechatPush])

    class WechatRisk(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        rank = IntegerField()
        asked_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_risk"
            indexes = ((("tenant", "member"), True),)

    db.create_tables([WechatRisk])

    class WechatShipment(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        transaction = CharField(max_length=64)
        member = UUIDField(null=True)
        body = SealedField(null=True)
        digest = CharField(max_length=64)
        state = CharField(max_length=8, default="pending")
        told = IntegerField(default=0)
        told_digest = CharField(max_length=64, default="")
        tries = IntegerField(default=0)
        code = CharField(max_length=12, default="")
        error = CharField(max_length=300, default="")
        created_at = TimeField()
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_shipment"
            indexes = (
                (("tenant", "transaction"), True),
                (("tenant", "order"), False),
                (("tenant", "state", "id"), False),
                (("tenant", "member"), False),
            )

    db.create_tables([WechatShipment])

    class WechatSubscription(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField(null=True)
        openid = CharField(max_length=64)
        template = CharField(max_length=64)
        remaining = IntegerField(default=0)
        state = CharField(max_length=8, default="open")
        accepted = IntegerField(default=0)
        sent = IntegerField(default=0)
        last_code = CharField(max_length=20, default="")
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_subscription"
            indexes = ((("tenant", "openid", "template"), True), (("tenant", "member"), False))

    db.create_tables([WechatSubscription])

    class WechatTemplate(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        template = CharField(max_length=64)
        title = CharField(max_length=60)
        lasting = BooleanField(default=False)
        fields = JsonField(default=list)
        page = CharField(max_length=200, default="")
        active = BooleanField(default=True)
        created_at = TimeField()
        changed_at = TimeField()

        class Meta:
            database = db
            table_name = "wechat_template"
            indexes = ((("tenant", "template"), True),)

    db.create_tables([WechatTemplate])

    class WechatToken(Model):
        tenant = IntegerField()
        appid = CharField(max_length=40)
        server = CharField(max_length=200, default="")
        value = SealedField(null=True)
        expires_at = TimeField(null=True)
        lease_owner = UUIDField(null=True)
        lease_until = TimeField(null=True)

        class Meta:
            database = db
            table_name = "wechat_token"
            indexes = ((("tenant", "appid"), True),)

    db.create_tables([WechatToken])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("wechat_token"))
    migrator.migrate(migrator.drop_table("wechat_template"))
    migrator.migrate(migrator.drop_table("wechat_subscription"))
    migrator.migrate(migrator.drop_table("wechat_shipment"))
    migrator.migrate(migrator.drop_table("wechat_risk"))
    migrator.migrate(migrator.drop_table("wechat_push"))
    migrator.migrate(migrator.drop_table("wechat_payment"))
    migrator.migrate(migrator.drop_table("wechat_code"))
    migrator.migrate(migrator.drop_table("wechat_check"))
