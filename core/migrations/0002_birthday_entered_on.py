"""When a birthday was first filled in."""

from peewee import *


def up(migrator, db):
    migrator.migrate(migrator.add_column("member", "birthday_entered_on", DateField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("member", "birthday_entered_on"))
