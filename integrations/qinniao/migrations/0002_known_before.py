"""Whether the SaaS knew a person before they registered here."""

from peewee import SQL, BooleanField


def up(migrator, db):
    # the default is the database's too: the release before goes on inserting leads without the column
    known = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    migrator.migrate(migrator.add_column("qinniao_lead", "known_before", known))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("qinniao_lead", "known_before"))
