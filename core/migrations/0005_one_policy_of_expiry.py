"""How long points live is one setting of core, by source: what purchases and visits were set to goes there."""

import json

from peewee import *

SOURCES = ("purchases", "visits")


def up(migrator, db):
    class TenantPlugin(Model):
        tenant = IntegerField()
        slug = CharField(max_length=40)
        enabled = BooleanField()
        settings = TextField()

        class Meta:
            database = db
            table_name = "tenant_plugin"

    moved = {}
    for row in TenantPlugin.select().where(TenantPlugin.slug.in_(SOURCES)).order_by(TenantPlugin.slug):
        held = json.loads(row.settings)
        if "points_months" in held:
            months = held.pop("points_months")
            moved.setdefault(row.tenant, []).append({"source": row.slug, "months": months})
            TenantPlugin.update(settings=json.dumps(held)).where(TenantPlugin.id == row.id).execute()
    for tenant, sources in moved.items():
        settings = json.dumps({"sources": sources})
        TenantPlugin.insert(tenant=tenant, slug="core", enabled=False, settings=settings).execute()
    if moved:  # what processes keep by the version of a tenant's settings, they read anew
        db.execute_sql("UPDATE tenant SET version = version + 1")
