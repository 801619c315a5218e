"""An index on the last days of memberships, for the sweep that ends them."""

from peewee import *


def up(migrator, db):
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_valid_until" ON "member" ("tenant", "valid_until")'
        " WHERE (\"state\" = 'member')"
    )


def down(migrator, db):
    db.execute_sql('DROP INDEX "member_valid_until"')
