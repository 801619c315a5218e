"""Initial tables."""

from peewee import *
from core.fields import TimeField


def up(migrator, db):
    class WechatToken(Model):
        tenant = IntegerField()
        appid = CharField(max_length=40)
        value = BlobField(null=True)
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
