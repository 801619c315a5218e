"""Pick-ups end; once per occasion, whatever the rule: with what was given before."""

from collections import defaultdict

from peewee import *
from datetime import UTC, datetime
from roost import BlindField
from roost import JsonField
from roost import SealedField
from roost import TimeField
from roost import new_id


def up(migrator, db):
    class GiftsOnce(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        occasion = CharField(max_length=60)
        grants = JsonField()
        at = TimeField()

        class Meta:
            database = db
            table_name = "gifts_once"
            indexes = ((("tenant", "member", "occasion"), True),)

    class GiftsWelcomed(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        phone = SealedField(null=True)
        phone_blind = BlindField()
        forget_on = DateField()

        class Meta:
            database = db
            table_name = "gifts_welcomed"
            indexes = ((("tenant", "phone_blind"), True),)

    db.create_tables([GiftsOnce, GiftsWelcomed])
    _fill(db, GiftsOnce)

    migrator.migrate(migrator.add_column("gifts_claim", "pickup_by", DateField(null=True)))
    migrator.migrate(migrator.add_column("gifts_claim", "reminded_at", TimeField(null=True)))
    migrator.migrate(migrator.add_column("gifts_claim", "unreturned_at", TimeField(null=True)))


def _fill(db, once):
    """Write a row for each occasion whose gifts a member has by the keys of before: growth:RULE:LEVEL:MEMBER and
    new_member:RULE:MEMBER.
    """

    class Member(Model):
        id = UUIDField(primary_key=True)
        merged_into = UUIDField(null=True)

        class Meta:
            database = db
            table_name = "member"

    class RewardGrant(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField()
        key = CharField(null=True)
        member = UUIDField()
        state = CharField()

        class Meta:
            database = db
            table_name = "reward_grant"

    theirs = RewardGrant.key.startswith("growth:") & RewardGrant.state.in_(("given", "partly"))
    ours = RewardGrant.key.startswith("new_member:")
    query = (
        RewardGrant.select(RewardGrant.id, RewardGrant.tenant, RewardGrant.key, RewardGrant.member, Member.merged_into)
        .join(Member, on=(Member.id == RewardGrant.member))
        .where(RewardGrant.plugin == "gifts", theirs | ours)
    )
    found = defaultdict(list)
    for grant, tenant, key, member, merged_into in query.tuples():
        parts = key.split(":")
        occasion = f"growth:{parts[2]}" if parts[0] == "growth" else "new_member"
        found[(tenant, merged_into or member, occasion)].append(str(grant))
    now = datetime.now(UTC)
    for (tenant, member, occasion), grants in found.items():
        once.insert(id=new_id(), tenant=tenant, member=member, occasion=occasion, grants=grants, at=now).execute()


def down(migrator, db):
    migrator.migrate(migrator.drop_column("gifts_claim", "unreturned_at"))
    migrator.migrate(migrator.drop_column("gifts_claim", "reminded_at"))
    migrator.migrate(migrator.drop_column("gifts_claim", "pickup_by"))
    migrator.migrate(migrator.drop_table("gifts_welcomed"))
    migrator.migrate(migrator.drop_table("gifts_once"))
