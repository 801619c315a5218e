"""Who was known to the business software before they registered."""

from peewee import *


def up(migrator, db):
    class ReferralsKnown(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()

        class Meta:
            database = db
            table_name = "referrals_known"
            indexes = ((("tenant", "member"), True),)

    db.create_tables([ReferralsKnown])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("referrals_known"))
