"""Initial tables, and everything of batches that core kept before there was this plugin."""

import json

from peewee import *
from roost import JsonField
from roost import TimeField

JOBS = {"core.rewards_batch": "bulk_grants.run", "core.rewards_recall": "bulk_grants.recall"}
PERMISSIONS = {
    "rewards.view": ("rewards.view", "bulk_grants.view"),
    "rewards.edit": ("bulk_grants.edit",),
    "rewards.approve": ("rewards.approve", "bulk_grants.approve"),
}


def up(migrator, db):
    class BulkGrantsBatch(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=100)
        reason = CharField(max_length=200)
        state = CharField(max_length=10)
        rewards = JsonField()
        heads = IntegerField()
        points = BigIntegerField()
        given = IntegerField(default=0)
        failed = IntegerField(default=0)
        taken = IntegerField(default=0)
        made_by = CharField(max_length=100)
        approved_by = CharField(max_length=100, default="")
        recall_reason = CharField(max_length=200, default="")
        made_at = TimeField()
        approved_at = TimeField(null=True)
        finished_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "bulk_grants_batch"
            indexes = ((("tenant", "made_at"), False),)

    db.create_tables([BulkGrantsBatch])

    class BulkGrantsRecipient(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        batch = UUIDField()
        place = IntegerField()
        member = UUIDField()
        state = CharField(max_length=8, default="waiting")
        grant = UUIDField(null=True)
        remark = TextField(default="")

        class Meta:
            database = db
            table_name = "bulk_grants_recipient"
            indexes = ((("tenant", "batch", "place"), True), (("tenant", "member"), False))

    db.create_tables([BulkGrantsRecipient])

    if db.table_exists("reward_batch"):
        _move(db, BulkGrantsBatch, BulkGrantsRecipient)
        _rename(db)
        for table in ("staff_role", "staff", "access_key"):
            _permit(_table(db, table, id=UUIDField(primary_key=True), permissions=TextField()))
        _switch_on(db)


def _table(db, table, **columns):
    meta = type("Meta", (), {"database": db, "table_name": table})
    return type(table, (Model,), {**columns, "Meta": meta})


def _move(db, batches, recipients):
    """Move the rows that core kept. The old tables stay, empty, for the release before."""
    if isinstance(db, PostgresqlDatabase):  # a worker of the release before ends the step that it is in
        db.execute_sql("LOCK TABLE reward_batch, reward_batch_member IN EXCLUSIVE MODE")
    for table, new in (("reward_batch", batches), ("reward_batch_member", recipients)):
        names = list(new._meta.fields)
        old = Table(table, names).bind(db)
        new.insert_from(
            old.select(*(getattr(old, name) for name in names)), [new._meta.fields[n] for n in names]
        ).execute()
        old.delete().execute()


def _rename(db):
    """Let the plugin own the grants and the jobs of the batches."""
    grants = _table(db, "reward_grant", plugin=CharField(), batch=UUIDField(null=True))
    grants.update(plugin="bulk_grants").where(grants.plugin == "core", grants.batch.is_null(False)).execute()
    jobs = _table(db, "job", plugin=CharField(), kind=CharField())
    for old, new in JOBS.items():
        jobs.update(plugin="bulk_grants", kind=new).where(jobs.kind == old).execute()


def _permit(table):
    """Give whoever might do something with batches the plugin's permission for it."""
    for row in table.select().where(table.permissions.contains("rewards.")):
        held = sorted({new for old in json.loads(row.permissions) for new in PERMISSIONS.get(old, (old,))})
        text = json.dumps(held, separators=(",", ":"))
        table.update(permissions=text).where(table.id == row.id).execute()


def _switch_on(db):
    """Switch the plugin on where batches were, and let their points live as long as before."""
    columns = {"tenant": IntegerField(), "slug": CharField(), "enabled": BooleanField(), "settings": TextField()}
    plugins = _table(db, "tenant_plugin", **columns)
    for row in plugins.select().where(plugins.slug == "core", plugins.settings.contains('"rewards"')):
        settings = json.loads(row.settings)
        for one in settings["sources"]:
            one["source"] = "bulk_grants" if one["source"] == "rewards" else one["source"]
        plugins.update(settings=json.dumps(settings)).where(plugins.id == row.id).execute()
    for (tenant,) in list(db.execute_sql("SELECT id FROM tenant")):
        plugins.insert(tenant=tenant, slug="bulk_grants", enabled=True, settings="{}").execute()
    db.execute_sql("UPDATE tenant SET version = version + 1")


def down(migrator, db):
    migrator.migrate(migrator.drop_table("bulk_grants_recipient"))
    migrator.migrate(migrator.drop_table("bulk_grants_batch"))
