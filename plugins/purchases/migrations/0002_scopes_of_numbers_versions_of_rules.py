"""Scopes of numbers, versions of rules."""

from peewee import *
from roost import JsonField
from roost import TimeField


def up(migrator, db):
    class PurchasesRules(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        version = IntegerField()
        spec = JsonField()
        since = TimeField()

        class Meta:
            database = db
            table_name = "purchases_rules"
            indexes = ((("tenant", "version"), True),)

    db.create_tables([PurchasesRules])

    # The defaults are the database's too: a process of the version before goes on writing while this one starts.
    text = [SQL("DEFAULT ''")]
    migrator.migrate(migrator.drop_index("purchases_purchase", "purchasespurchase_tenant_source_source_key"))
    migrator.migrate(
        migrator.add_column(
            "purchases_purchase",
            "anonymous",
            BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")]),
        )
    )
    migrator.migrate(
        migrator.add_column("purchases_purchase", "scope", CharField(max_length=60, default="", constraints=text))
    )
    migrator.migrate(
        migrator.add_column(
            "purchases_purchase",
            "ordinal",
            IntegerField(default=1, constraints=[SQL("DEFAULT 1")]),
        )
    )
    migrator.migrate(
        migrator.add_column("purchases_purchase", "rules", IntegerField(default=0, constraints=[SQL("DEFAULT 0")]))
    )
    migrator.migrate(
        migrator.add_column("purchases_purchase", "cause", CharField(max_length=100, default="", constraints=text))
    )
    migrator.migrate(
        migrator.add_column("purchases_refund", "cause", CharField(max_length=100, default="", constraints=text))
    )
    migrator.migrate(migrator.add_index("purchases_purchase", ("tenant", "source", "source_key", "scope"), unique=True))


def down(migrator, db):
    migrator.migrate(migrator.drop_index("purchases_purchase", "purchases_purchase_tenant_source_source_key_scope"))
    migrator.migrate(migrator.drop_column("purchases_refund", "cause"))
    migrator.migrate(migrator.drop_column("purchases_purchase", "cause"))
    migrator.migrate(migrator.drop_column("purchases_purchase", "rules"))
    migrator.migrate(migrator.drop_column("purchases_purchase", "ordinal"))
    migrator.migrate(migrator.drop_column("purchases_purchase", "scope"))
    migrator.migrate(migrator.drop_column("purchases_purchase", "anonymous"))
    migrator.migrate(
        migrator.add_index(
            "purchases_purchase",
            ("tenant", "source", "source_key"),
            unique=True,
            name="purchasespurchase_tenant_source_source_key",
        )
    )
    migrator.migrate(migrator.drop_table("purchases_rules"))
