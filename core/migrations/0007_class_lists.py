"""Whom other systems list as staff or coach, and which class a list gave."""

from peewee import *


def up(migrator, db):
    class ClassListing(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        source = CharField(max_length=40)
        number = CharField(max_length=100)
        class_ = CharField(max_length=40, column_name="class")
        list_phone = BlobField(null=True)
        phone_blind = BlobField(null=True)

        class Meta:
            database = db
            table_name = "class_listing"
            indexes = ((("tenant", "source", "number"), True), (("tenant", "phone_blind"), False))

    class ListedClass(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        class_ = CharField(max_length=40, column_name="class")
        before = CharField(max_length=40)
        given = BooleanField()

        class Meta:
            database = db
            table_name = "listed_class"
            indexes = ((("tenant", "member"), True),)

    db.create_tables([ClassListing, ListedClass])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("listed_class"))
    migrator.migrate(migrator.drop_table("class_listing"))
