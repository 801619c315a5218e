"""Delivery, venues, expiry and reminders.

The new columns have defaults in the database too: the previous release writes rows without them meanwhile.
"""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class SeckillReminder(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        session = UUIDField()
        member = UUIDField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "seckill_reminder"
            indexes = ((("tenant", "session", "member"), True), (("tenant", "member"), False))

    db.create_tables([SeckillReminder])

    migrator.migrate(
        migrator.add_column(
            "seckill_claim",
            "delivery",
            CharField(max_length=8, default="voucher", constraints=[SQL("DEFAULT 'voucher'")]),
        )
    )
    migrator.migrate(
        migrator.add_column("seckill_claim", "unpaid", BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")]))
    )
    migrator.migrate(
        migrator.add_column(
            "seckill_item",
            "delivery",
            CharField(max_length=8, default="voucher", constraints=[SQL("DEFAULT 'voucher'")]),
        )
    )
    migrator.migrate(
        migrator.add_column("seckill_plan", "venues", JsonField(default=list, constraints=[SQL("DEFAULT '[]'")]))
    )
    migrator.migrate(
        migrator.add_column("seckill_session", "venues", JsonField(default=list, constraints=[SQL("DEFAULT '[]'")]))
    )
    migrator.migrate(migrator.add_index("seckill_claim", ("tenant", "state", "expires_at")))


def down(migrator, db):
    migrator.migrate(migrator.drop_index("seckill_claim", "seckill_claim_tenant_state_expires_at"))
    migrator.migrate(migrator.drop_column("seckill_session", "venues"))
    migrator.migrate(migrator.drop_column("seckill_plan", "venues"))
    migrator.migrate(migrator.drop_column("seckill_item", "delivery"))
    migrator.migrate(migrator.drop_column("seckill_claim", "unpaid"))
    migrator.migrate(migrator.drop_column("seckill_claim", "delivery"))
    migrator.migrate(migrator.drop_table("seckill_reminder"))
