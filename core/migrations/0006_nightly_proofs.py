"""Nightly proofs of the ledger."""

from peewee import *
from core.fields import JsonField
from core.fields import TimeField


def up(migrator, db):
    class LedgerCheck(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        day = DateField()
        stage = CharField(max_length=8)
        after = UUIDField()
        accounts = BigIntegerField()
        faults = BigIntegerField()
        sample = JsonField()
        started_at = TimeField()
        finished_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "ledger_check"
            indexes = ((("tenant", "day"), True),)

    db.create_tables([LedgerCheck])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("ledger_check"))
