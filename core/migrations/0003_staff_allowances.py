"""Staff allowances."""

from peewee import *


def up(migrator, db):
    class StaffAllowance(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        account = UUIDField()
        act = CharField(max_length=120)
        subject = CharField(max_length=64)
        day = DateField()
        amount = BigIntegerField()

        class Meta:
            database = db
            table_name = "staff_allowance"
            indexes = ((("tenant", "account", "act", "subject", "day"), True), (("tenant", "day"), False))

    db.create_tables([StaffAllowance])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("staff_allowance"))
