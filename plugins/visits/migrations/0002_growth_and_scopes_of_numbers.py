"""Growth, and scopes of numbers."""

from peewee import *


def up(migrator, db):
    # The defaults are the database's too: a process of the version before goes on writing while this one starts.
    text = [SQL("DEFAULT ''")]
    migrator.migrate(migrator.drop_index("visits_visit", "visitsvisit_tenant_source_source_key"))
    migrator.migrate(
        migrator.add_column("visits_visit", "scope", CharField(max_length=60, default="", constraints=text))
    )
    migrator.migrate(
        migrator.add_column("visits_visit", "growth", IntegerField(default=0, constraints=[SQL("DEFAULT 0")]))
    )
    migrator.migrate(
        migrator.add_column("visits_visit", "cause", CharField(max_length=100, default="", constraints=text))
    )
    migrator.migrate(migrator.add_index("visits_visit", ("tenant", "source", "source_key", "scope"), unique=True))


def down(migrator, db):
    migrator.migrate(migrator.drop_index("visits_visit", "visits_visit_tenant_source_source_key_scope"))
    migrator.migrate(migrator.drop_column("visits_visit", "cause"))
    migrator.migrate(migrator.drop_column("visits_visit", "growth"))
    migrator.migrate(migrator.drop_column("visits_visit", "scope"))
    migrator.migrate(
        migrator.add_index(
            "visits_visit", ("tenant", "source", "source_key"), unique=True, name="visitsvisit_tenant_source_source_key"
        )
    )
