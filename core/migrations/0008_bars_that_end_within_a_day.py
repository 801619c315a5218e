"""The instant at which a bar ends, where it is not the end of its last day."""

from peewee import *
from core.fields import TimeField


def up(migrator, db):
    migrator.migrate(migrator.add_column("member_bar", "ends_at", TimeField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("member_bar", "ends_at"))
