"""Why a campaign is no marketing."""

from peewee import SQL, CharField


def up(migrator, db):
    # the default is the database's too: the release before goes on inserting campaigns without the column
    reason = CharField(max_length=200, default="", constraints=[SQL("DEFAULT ''")])
    migrator.migrate(migrator.add_column("notify_campaign", "exempt_reason", reason))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("notify_campaign", "exempt_reason"))
