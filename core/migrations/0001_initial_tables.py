"""Initial tables."""

from peewee import *
from core.fields import JsonField
from core.fields import TimeField


def up(migrator, db):
    class AccessKey(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=60)
        token = BlobField()
        permissions = TextField()
        venues = TextField()
        created_at = TimeField()
        seen_on = DateField(null=True)
        revoked_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "access_key"
            indexes = ((("tenant", "token"), True),)

    db.create_tables([AccessKey])

    class Account(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        asset = CharField(max_length=16)
        balance = BigIntegerField(default=0)
        held = BigIntegerField(default=0)
        debt = BigIntegerField(default=0)
        next_expiry = TimeField(null=True)
        version = IntegerField(default=0)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "account"
            constraints = [SQL("CHECK (balance >= 0)"), SQL("CHECK (held >= 0)"), SQL("CHECK (debt >= 0)")]
            indexes = ((("tenant", "member", "asset"), True),)

    db.create_tables([Account])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "account_next_expiry" ON "account" ("tenant", "next_expiry") WHERE ("next_expiry" IS NOT NULL)'
    )

    class Allocation(Model):
        tenant = IntegerField()
        entry = UUIDField()
        lot = UUIDField()
        amount = BigIntegerField()

        class Meta:
            database = db
            table_name = "allocation"
            primary_key = CompositeKey("tenant", "entry", "lot")
            indexes = ((("tenant", "lot"), False),)

    db.create_tables([Allocation])

    class AttributeDefinition(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        code = CharField(max_length=40)
        title = CharField(max_length=60)
        kind = CharField(max_length=8)
        choices = JsonField(default=list)
        by_member = BooleanField(default=False)
        active = BooleanField(default=True)

        class Meta:
            database = db
            table_name = "attribute_definition"
            indexes = ((("tenant", "code"), True),)

    db.create_tables([AttributeDefinition])

    class Audit(Model):
        id = BigAutoField()
        tenant = IntegerField()
        at = TimeField()
        actor = CharField(max_length=200)
        plugin = CharField(max_length=40)
        action = CharField(max_length=80)
        subject = CharField(max_length=200)
        details = JsonField()
        request_id = CharField(max_length=64)
        cause = CharField(max_length=100)
        block = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "audit"
            indexes = (
                (("tenant", "id"), False),
                (("tenant", "block", "id"), False),
                (("tenant", "subject", "id"), False),
            )

    db.create_tables([Audit])

    class AuditBlock(Model):
        tenant = IntegerField()
        number = BigIntegerField()
        count = IntegerField()
        rows = BlobField()
        previous = BlobField()
        hash = BlobField()
        sealed_at = TimeField()
        pruned_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "audit_block"
            indexes = ((("tenant", "number"), True),)

    db.create_tables([AuditBlock])

    class Consent(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        purpose = CharField(max_length=40)
        policy_version = CharField(max_length=40)
        given = BooleanField()
        channel = CharField(max_length=40)
        at = TimeField()

        class Meta:
            database = db
            table_name = "consent"
            indexes = ((("tenant", "member", "purpose", "id"), False),)

    db.create_tables([Consent])

    class Entry(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        operation = UUIDField()
        account = UUIDField()
        seq = IntegerField()
        kind = CharField(max_length=12)
        amount = BigIntegerField()
        balance_after = BigIntegerField()
        owed = BigIntegerField(default=0)
        reverses = UUIDField(null=True)
        reversed = BigIntegerField(default=0)
        reason = CharField(max_length=200)
        venue = UUIDField(null=True)
        cause = CharField(max_length=100)
        rule = CharField(null=True, max_length=60)
        rule_version = IntegerField(null=True)
        occurred_at = TimeField()
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "entry"
            indexes = ((("tenant", "account", "seq"), True),)

    db.create_tables([Entry])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "entry_reverses" ON "entry" ("tenant", "reverses") WHERE ("reverses" IS NOT NULL)'
    )

    class Event(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=60)
        schema_version = SmallIntegerField()
        origin = CharField(max_length=8)
        cause = CharField(max_length=100)
        body = TextField()
        occurred_at = TimeField()
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "event"
            indexes = ((("tenant", "name", "recorded_at"), False),)

    db.create_tables([Event])

    class Hold(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        account = UUIDField()
        amount = BigIntegerField()
        deadline = TimeField()
        state = CharField(max_length=8, default="open")

        class Meta:
            database = db
            table_name = "hold"
            constraints = [SQL("CHECK (amount > 0)")]
            indexes = ((("tenant", "account", "state"), False),)

    db.create_tables([Hold])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "hold_deadline" ON "hold" ("tenant", "deadline") WHERE ("state" = \'open\')'
    )

    class InventoryBucket(Model):
        tenant = IntegerField()
        item = UUIDField()
        number = SmallIntegerField()
        available = BigIntegerField()

        class Meta:
            database = db
            table_name = "inventory_bucket"
            constraints = [SQL("CHECK (available >= 0)")]
            primary_key = CompositeKey("tenant", "item", "number")

    db.create_tables([InventoryBucket])

    class InventoryItem(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        item = CharField(max_length=120)
        total = BigIntegerField()
        buckets = SmallIntegerField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "inventory_item"
            constraints = [SQL("CHECK (total >= 0)")]
            indexes = ((("tenant", "plugin", "item"), True),)

    db.create_tables([InventoryItem])

    class InventoryLimit(Model):
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        name = CharField(max_length=120)
        member = UUIDField()
        used = BigIntegerField()

        class Meta:
            database = db
            table_name = "inventory_limit"
            constraints = [SQL("CHECK (used >= 0)")]
            primary_key = CompositeKey("tenant", "plugin", "name", "member")

    db.create_tables([InventoryLimit])

    class InventoryReservation(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        item = UUIDField()
        plugin = CharField(max_length=40)
        key = CharField(max_length=200)
        quantity = BigIntegerField()
        member = UUIDField(null=True)
        state = CharField(max_length=9, default="open")
        deadline = TimeField(null=True)
        parts = JsonField()
        limits = JsonField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "inventory_reservation"
            constraints = [SQL("CHECK (quantity > 0)")]
            indexes = ((("tenant", "plugin", "key"), True), (("tenant", "item", "state"), False))

    db.create_tables([InventoryReservation])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "inventory_reservation_due" ON "inventory_reservation" ("tenant", "plugin", "deadline") WHERE ("state" = \'open\')'
    )

    class InventoryRestock(Model):
        tenant = IntegerField()
        item = UUIDField()
        plugin = CharField(max_length=40)
        key = CharField(max_length=200)
        quantity = BigIntegerField()
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "inventory_restock"
            constraints = [SQL("CHECK (quantity > 0)")]
            indexes = ((("tenant", "plugin", "key"), True),)

    db.create_tables([InventoryRestock])

    class Job(Model):
        id = BigAutoField()
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        kind = CharField(max_length=100)
        payload = TextField()
        state = CharField(max_length=8, default="queued")
        attempt = IntegerField(default=0)
        claims = IntegerField(default=0)
        failures = IntegerField(default=0)
        due_at = TimeField()
        cause = CharField(max_length=100, default="")
        origin = CharField(max_length=8, default="live")
        dedupe = CharField(null=True, max_length=120)
        error = TextField(default="")
        created_at = TimeField()
        finished_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "job"
            indexes = ((("tenant", "kind", "dedupe"), True), (("tenant", "state", "id"), False))

    db.create_tables([Job])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "job_due" ON "job" ("due_at") WHERE ("state" IN (\'queued\', \'running\'))'
    )

    class Lot(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        account = UUIDField()
        amount = BigIntegerField()
        remaining = BigIntegerField()
        expires_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "lot"
            constraints = [SQL("CHECK (remaining >= 0 AND remaining <= amount)")]

    db.create_tables([Lot])
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "lot_live" ON "lot" ("tenant", "account", "expires_at", "id") WHERE ("remaining" > 0)'
    )

    class Member(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        state = CharField(max_length=8, default="lead")
        level = CharField(max_length=40, default="")
        class_ = CharField(max_length=40, default="ordinary", column_name="class")
        phone = BlobField(null=True)
        phone_blind = BlobField(null=True)
        phone_last_four = BlobField(null=True)
        name = BlobField(null=True)
        gender = CharField(max_length=8, default="")
        birthday = DateField(null=True)
        birthday_changed_on = DateField(null=True)
        venue = UUIDField(null=True)
        channel = CharField(max_length=40)
        locale = CharField(max_length=10, default="zh")
        attributes = JsonField(default=dict)
        valid_until = DateField(null=True)
        frozen = BooleanField(default=False)
        membership_version = BigIntegerField(default=0)
        registered_at = TimeField()
        converted_at = TimeField(null=True)
        merged_into = UUIDField(null=True)
        erased_at = TimeField(null=True)
        code_tag = BigIntegerField()

        class Meta:
            database = db
            table_name = "member"
            indexes = ((("tenant", "id"), False), (("tenant", "code_tag"), False))

    db.create_tables([Member])
    db.execute_sql(
        'CREATE UNIQUE INDEX IF NOT EXISTS "member_phone" ON "member" ("tenant", "phone_blind") WHERE ("phone_blind" IS NOT NULL)'
    )
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_last_four" ON "member" ("tenant", "phone_last_four") WHERE ("phone_last_four" IS NOT NULL)'
    )
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_venue" ON "member" ("tenant", "venue", "id") WHERE ("venue" IS NOT NULL)'
    )
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_merged_into" ON "member" ("tenant", "merged_into") WHERE ("merged_into" IS NOT NULL)'
    )
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_birthday" ON "member" ("tenant", "birthday") WHERE ("birthday" IS NOT NULL)'
    )
    db.execute_sql(
        'CREATE INDEX IF NOT EXISTS "member_without_level" ON "member" ("tenant", "id") WHERE ("level" = \'\')'
    )

    class MemberBar(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        function = CharField(max_length=60)
        reason = CharField(max_length=200)
        until = DateField(null=True)
        barred_at = TimeField()
        lifted_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "member_bar"
            indexes = ((("tenant", "member", "function", "barred_at"), False),)

    db.create_tables([MemberBar])

    class MemberIdentity(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        provider = CharField(max_length=40)
        subject = CharField(max_length=128)
        linked_at = TimeField()

        class Meta:
            database = db
            table_name = "member_identity"
            indexes = ((("tenant", "provider", "subject"), True), (("tenant", "member"), False))

    db.create_tables([MemberIdentity])

    class MemberMerge(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        merged = UUIDField()
        moved = JsonField()
        merged_at = TimeField()
        undone_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "member_merge"
            indexes = ((("tenant", "member", "merged_at"), False), (("tenant", "merged", "merged_at"), False))

    db.create_tables([MemberMerge])

    class OneTimeCode(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        purpose = CharField(max_length=40)
        subject = BlobField()
        code = BlobField()
        tries = SmallIntegerField(default=0)
        issued_at = TimeField()
        expires_at = TimeField()
        used_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "one_time_code"
            indexes = ((("tenant", "purpose", "subject"), True),)

    db.create_tables([OneTimeCode])

    class Operation(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        key = CharField(max_length=200)
        door = CharField(max_length=12)
        digest = CharField(max_length=32)
        recorded_at = TimeField()

        class Meta:
            database = db
            table_name = "operation"
            indexes = ((("tenant", "plugin", "key"), True),)

    db.create_tables([Operation])

    class RewardBatch(Model):
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
            table_name = "reward_batch"
            indexes = ((("tenant", "made_at"), False),)

    db.create_tables([RewardBatch])

    class RewardBatchMember(Model):
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
            table_name = "reward_batch_member"
            indexes = ((("tenant", "batch", "place"), True),)

    db.create_tables([RewardBatchMember])

    class RewardCounter(Model):
        id = BigAutoField()
        tenant = IntegerField()
        rule = UUIDField()
        name = CharField(max_length=80)
        used = BigIntegerField(default=0)

        class Meta:
            database = db
            table_name = "reward_counter"
            indexes = ((("tenant", "rule", "name"), True),)

    db.create_tables([RewardCounter])

    class RewardGrant(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        key = CharField(null=True, max_length=200)
        asked = CharField(max_length=200)
        digest = CharField(max_length=64, default="")
        member = UUIDField()
        rule = UUIDField(null=True)
        rule_version = IntegerField(null=True)
        subject = CharField(max_length=100)
        state = CharField(max_length=8)
        reason = CharField(max_length=200)
        evidence = JsonField(default=dict)
        points = BigIntegerField(default=0)
        batch = UUIDField(null=True)
        cause = CharField(max_length=100)
        at = TimeField()
        revoked_at = TimeField(null=True)
        revoke_reason = CharField(max_length=200, default="")

        class Meta:
            database = db
            table_name = "reward_grant"
            indexes = (
                (("tenant", "plugin", "key"), True),
                (("tenant", "member", "at"), False),
                (("tenant", "rule", "at"), False),
            )

    db.create_tables([RewardGrant])

    class RewardItem(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        grant = UUIDField()
        position = IntegerField()
        kind = CharField(max_length=60)
        plugin = CharField(max_length=40)
        spec = JsonField()
        receipt = JsonField(default=dict)
        state = CharField(max_length=8, default="given")
        remark = TextField(default="")

        class Meta:
            database = db
            table_name = "reward_item"
            indexes = ((("tenant", "grant", "position"), True),)

    db.create_tables([RewardItem])

    class RewardRule(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        plugin = CharField(max_length=40)
        name = CharField(max_length=100)
        trigger = CharField(max_length=60)
        version = IntegerField()
        active = BooleanField()
        starts_at = TimeField(null=True)
        ends_at = TimeField(null=True)
        spec = JsonField()
        updated_at = TimeField()

        class Meta:
            database = db
            table_name = "reward_rule"
            indexes = ((("tenant", "plugin", "trigger"), False),)

    db.create_tables([RewardRule])

    class RewardRuleVersion(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        rule = UUIDField()
        version = IntegerField()
        spec = JsonField()
        saved_at = TimeField()
        saved_by = CharField(max_length=100)

        class Meta:
            database = db
            table_name = "reward_rule_version"
            indexes = ((("tenant", "rule", "version"), True),)

    db.create_tables([RewardRuleVersion])

    class ScheduleSlot(Model):
        id = BigAutoField()
        tenant = IntegerField()
        schedule = CharField(max_length=100)
        slot = CharField(max_length=16)
        fired_at = TimeField()

        class Meta:
            database = db
            table_name = "schedule_slot"
            indexes = ((("tenant", "schedule", "slot"), True),)

    db.create_tables([ScheduleSlot])

    class Session(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        token = BlobField()
        kind = CharField(max_length=8)
        subject = UUIDField()
        device = CharField(max_length=100)
        opened_at = TimeField()
        seen_at = TimeField()
        expires_at = TimeField()
        revoked_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "session"
            indexes = (
                (("tenant", "token"), True),
                (("tenant", "kind", "subject"), False),
                (("tenant", "expires_at"), False),
            )

    db.create_tables([Session])

    class Staff(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        username = CharField(max_length=60)
        name = CharField(max_length=60)
        password = CharField(max_length=200)
        roles = JsonField()
        permissions = TextField()
        venues = TextField()
        active = BooleanField(default=True)
        failures = SmallIntegerField(default=0)
        locked_until = TimeField(null=True)
        password_changed_at = TimeField()
        signed_in_at = TimeField(null=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "staff"
            indexes = ((("tenant", "username"), True),)

    db.create_tables([Staff])

    class StaffRole(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        code = CharField(max_length=60)
        name = CharField(max_length=60)
        permissions = JsonField()
        updated_at = TimeField()

        class Meta:
            database = db
            table_name = "staff_role"
            indexes = ((("tenant", "code"), True),)

    db.create_tables([StaffRole])

    class Tenant(Model):
        slug = CharField(unique=True, max_length=40)
        name = CharField(max_length=100)
        zone = CharField(max_length=64)
        host = CharField(unique=True, null=True)
        version = IntegerField(default=1)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "tenant"

    db.create_tables([Tenant])

    class TenantPlugin(Model):
        tenant = IntegerField()
        slug = CharField(max_length=40)
        enabled = BooleanField()
        enabled_at = TimeField(null=True)
        settings = JsonField(default=dict)

        class Meta:
            database = db
            table_name = "tenant_plugin"
            indexes = ((("tenant", "slug"), True),)

    db.create_tables([TenantPlugin])

    class Venue(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        code = CharField(max_length=40)
        name = CharField(max_length=100)
        region = CharField(max_length=60, default="")
        open = BooleanField(default=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "venue"
            indexes = ((("tenant", "code"), True),)

    db.create_tables([Venue])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("venue"))
    migrator.migrate(migrator.drop_table("tenant_plugin"))
    migrator.migrate(migrator.drop_table("tenant"))
    migrator.migrate(migrator.drop_table("staff_role"))
    migrator.migrate(migrator.drop_table("staff"))
    migrator.migrate(migrator.drop_table("session"))
    migrator.migrate(migrator.drop_table("schedule_slot"))
    migrator.migrate(migrator.drop_table("reward_rule_version"))
    migrator.migrate(migrator.drop_table("reward_rule"))
    migrator.migrate(migrator.drop_table("reward_item"))
    migrator.migrate(migrator.drop_table("reward_grant"))
    migrator.migrate(migrator.drop_table("reward_counter"))
    migrator.migrate(migrator.drop_table("reward_batch_member"))
    migrator.migrate(migrator.drop_table("reward_batch"))
    migrator.migrate(migrator.drop_table("operation"))
    migrator.migrate(migrator.drop_table("one_time_code"))
    migrator.migrate(migrator.drop_table("member_merge"))
    migrator.migrate(migrator.drop_table("member_identity"))
    migrator.migrate(migrator.drop_table("member_bar"))
    migrator.migrate(migrator.drop_table("member"))
    migrator.migrate(migrator.drop_table("lot"))
    migrator.migrate(migrator.drop_table("job"))
    migrator.migrate(migrator.drop_table("inventory_restock"))
    migrator.migrate(migrator.drop_table("inventory_reservation"))
    migrator.migrate(migrator.drop_table("inventory_limit"))
    migrator.migrate(migrator.drop_table("inventory_item"))
    migrator.migrate(migrator.drop_table("inventory_bucket"))
    migrator.migrate(migrator.drop_table("hold"))
    migrator.migrate(migrator.drop_table("event"))
    migrator.migrate(migrator.drop_table("entry"))
    migrator.migrate(migrator.drop_table("consent"))
    migrator.migrate(migrator.drop_table("audit_block"))
    migrator.migrate(migrator.drop_table("audit"))
    migrator.migrate(migrator.drop_table("attribute_definition"))
    migrator.migrate(migrator.drop_table("allocation"))
    migrator.migrate(migrator.drop_table("account"))
    migrator.migrate(migrator.drop_table("access_key"))
