"""Marks of what was told."""

from peewee import *
from roost import JsonField


def up(migrator, db):
    migrator.migrate(migrator.add_column("qinniao_object", "told", JsonField(null=True)))


def down(migrator, db):
    migrator.migrate(migrator.drop_column("qinniao_object", "told"))
