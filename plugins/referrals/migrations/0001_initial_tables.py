"""Initial tables."""

from peewee import *
from roost import TimeField


def up(migrator, db):
    class ReferralsCount(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        period = CharField(max_length=7)
        conversions = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "referrals_count"
            indexes = ((("tenant", "member", "period"), True),)

    db.create_tables([ReferralsCount])

    class ReferralsRelation(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        invitee = UUIDField()
        inviter = UUIDField(null=True)
        state = CharField(max_length=9)
        reason = CharField(max_length=200, default="")
        venue = UUIDField(null=True)
        bound_at = TimeField()
        converted_at = TimeField(null=True)
        month = CharField(max_length=7, default="")
        quarter = CharField(max_length=7, default="")

        class Meta:
            database = db
            table_name = "referrals_relation"
            indexes = (
                (("tenant", "invitee"), True),
                (("tenant", "inviter", "id"), False),
                (("tenant", "venue", "id"), False),
            )

    db.create_tables([ReferralsRelation])

    class ReferralsReward(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        relation = UUIDField()
        member = UUIDField()
        role = CharField(max_length=12)
        step = IntegerField(null=True)
        period = CharField(max_length=7, default="")
        state = CharField(max_length=8)
        reason = CharField(max_length=200, default="")
        grant = UUIDField(null=True)
        at = TimeField()

        class Meta:
            database = db
            table_name = "referrals_reward"
            indexes = ((("tenant", "relation"), False), (("tenant", "member", "role", "period"), False))

    db.create_tables([ReferralsReward])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("referrals_reward"))
    migrator.migrate(migrator.drop_table("referrals_relation"))
    migrator.migrate(migrator.drop_table("referrals_count"))
