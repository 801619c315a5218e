"""Initial tables."""

from peewee import *
from roost import JsonField
from roost import SealedField
from roost import TimeField


def up(migrator, db):
    class OrdersAddress(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        member = UUIDField()
        content = SealedField()
        is_default = BooleanField(default=False)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_address"
            indexes = ((("tenant", "member", "id"), False),)

    db.create_tables([OrdersAddress])

    class OrdersCharge(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        number = CharField(max_length=32)
        method = CharField(max_length=24)
        fen = BigIntegerField()
        state = CharField(max_length=8)
        transaction = CharField(max_length=64, default="")
        expires_at = TimeField()
        asked_at = TimeField(null=True)
        created_at = TimeField()
        settled_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_charge"
            indexes = ((("tenant", "number"), True), (("tenant", "order", "id"), False), (("tenant", "state"), False))

    db.create_tables([OrdersCharge])

    class OrdersHandover(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        number = CharField(max_length=20)
        kind = CharField(max_length=8)
        lines = JsonField(default=list)
        whole = BooleanField(default=False)
        carrier = CharField(max_length=60, default="")
        tracking = CharField(max_length=40, default="")
        venue = UUIDField(null=True)
        staff = UUIDField(null=True)
        handed_at = TimeField()
        undone_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_handover"
            indexes = ((("tenant", "order", "id"), False), (("tenant", "venue", "id"), False))

    db.create_tables([OrdersHandover])

    class OrdersImport(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        name = CharField(max_length=100)
        shipped = IntegerField(default=0)
        known = IntegerField(default=0)
        rejected = IntegerField(default=0)
        rejections = JsonField(default=list)
        staff = UUIDField(null=True)
        imported_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_import"
            indexes = ((("tenant", "id"), False),)

    db.create_tables([OrdersImport])

    class OrdersInvoice(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        number = CharField(max_length=20)
        member = UUIDField()
        venue = UUIDField(null=True)
        kind = CharField(max_length=8)
        title = SealedField(null=True)
        email = SealedField(null=True)
        tax_number = CharField(max_length=20, default="")
        fen = BigIntegerField()
        state = CharField(max_length=10)
        invoice_number = CharField(max_length=40, default="")
        link = CharField(max_length=500, default="")
        remark = CharField(max_length=200, default="")
        requested_at = TimeField()
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_invoice"
            indexes = (
                (("tenant", "order"), False),
                (("tenant", "member", "id"), False),
                (("tenant", "state", "id"), False),
            )

    db.create_tables([OrdersInvoice])

    class OrdersLabels(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        orders = JsonField(default=list)
        count = IntegerField()
        reason = CharField(max_length=200)
        staff = UUIDField(null=True)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_labels"
            indexes = ((("tenant", "id"), False),)

    db.create_tables([OrdersLabels])

    class OrdersLine(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        position = IntegerField()
        reference = CharField(max_length=80)
        title = CharField(max_length=100)
        picture = CharField(max_length=500, default="")
        quantity = IntegerField()
        unit_fen = BigIntegerField(default=0)
        unit_points = BigIntegerField(default=0)
        net_fen = BigIntegerField(default=0)
        fulfilment = CharField(max_length=8)
        delivered = IntegerField(default=0)
        dropped = IntegerField(default=0)
        refunded = IntegerField(default=0)

        class Meta:
            database = db
            table_name = "orders_line"
            constraints = [
                SQL(
                    "CHECK (delivered >= 0 AND dropped >= 0 AND delivered + dropped <= quantity AND refunded <= quantity)"
                )
            ]
            indexes = ((("tenant", "order", "position"), False),)

    db.create_tables([OrdersLine])

    class OrdersOrder(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        number = CharField(max_length=20)
        owner = CharField(max_length=40)
        reference = CharField(max_length=80)
        digest = CharField(max_length=64)
        member = UUIDField()
        state = CharField(max_length=16, default="placed")
        title = CharField(max_length=100)
        goods_fen = BigIntegerField()
        discount_fen = BigIntegerField(default=0)
        discounts = JsonField(default=list)
        postage_fen = BigIntegerField(default=0)
        money_fen = BigIntegerField()
        points = BigIntegerField(default=0)
        paid_fen = BigIntegerField(default=0)
        paid_points = BigIntegerField(default=0)
        refunded_fen = BigIntegerField(default=0)
        refunded_points = BigIntegerField(default=0)
        to_ship = IntegerField(default=0)
        to_hand = IntegerField(default=0)
        tenders = JsonField(default=list)
        cancellable = BooleanField(default=True)
        venue = UUIDField(null=True)
        address = SealedField(null=True)
        pickup_code = CharField(null=True, max_length=12)
        pickup_until = TimeField(null=True)
        ship_by = DateField(null=True)
        note = CharField(max_length=200, default="")
        closed_why = CharField(max_length=12, default="")
        deadline = TimeField()
        created_at = TimeField()
        paid_at = TimeField(null=True)
        delivered_at = TimeField(null=True)
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_order"
            constraints = [
                SQL("CHECK (paid_fen >= 0 AND refunded_fen >= 0 AND refunded_fen <= paid_fen)"),
                SQL("CHECK (refunded_points >= 0 AND refunded_points <= paid_points)"),
            ]
            indexes = (
                (("tenant", "number"), True),
                (("tenant", "owner", "reference"), True),
                (("tenant", "pickup_code"), True),
                (("tenant", "member", "id"), False),
                (("tenant", "state", "deadline"), False),
                (("tenant", "state", "delivered_at"), False),
                (("tenant", "venue", "id"), False),
            )

    db.create_tables([OrdersOrder])

    class OrdersRefund(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        key = CharField(max_length=120)
        order = UUIDField()
        member = UUIDField()
        venue = UUIDField(null=True)
        state = CharField(max_length=10)
        source = CharField(max_length=8)
        fen = BigIntegerField()
        points = BigIntegerField(default=0)
        lines = JsonField(default=list)
        reason = CharField(max_length=200, default="")
        reply = CharField(max_length=200, default="")
        created_at = TimeField()
        decided_at = TimeField(null=True)
        ended_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_refund"
            indexes = (
                (("tenant", "key"), True),
                (("tenant", "order", "id"), False),
                (("tenant", "member", "id"), False),
                (("tenant", "state", "id"), False),
            )

    db.create_tables([OrdersRefund])

    class OrdersRefundPart(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        refund = UUIDField()
        tender = UUIDField()
        kind = CharField(max_length=24)
        fen = BigIntegerField(default=0)
        points = BigIntegerField(default=0)
        state = CharField(max_length=8)
        number = CharField(null=True, max_length=32)
        charge = CharField(null=True, max_length=32)
        operation = UUIDField(null=True)
        attempts = IntegerField(default=0)
        detail = CharField(max_length=200, default="")
        created_at = TimeField()
        done_at = TimeField(null=True)

        class Meta:
            database = db
            table_name = "orders_refund_part"
            indexes = (
                (("tenant", "number"), True),
                (("tenant", "refund"), False),
                (("tenant", "state", "created_at"), False),
            )

    db.create_tables([OrdersRefundPart])

    class OrdersShift(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        venue = UUIDField()
        day = DateField()
        figures = JsonField(default=list)
        takings = IntegerField(default=0)
        expected_fen = BigIntegerField()
        counted_fen = BigIntegerField()
        difference_fen = BigIntegerField()
        note = CharField(max_length=200, default="")
        staff = UUIDField(null=True)
        since = TimeField(null=True)
        closed_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_shift"
            indexes = ((("tenant", "venue", "id"), False),)

    db.create_tables([OrdersShift])

    class OrdersTaking(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        venue = UUIDField()
        kind = CharField(max_length=24)
        fen = BigIntegerField()
        order = UUIDField()
        refund = UUIDField(null=True)
        staff = UUIDField(null=True)
        day = DateField()
        shift = UUIDField(null=True)
        taken_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_taking"
            indexes = (
                (("tenant", "venue", "shift"), False),
                (("tenant", "venue", "day"), False),
                (("tenant", "order"), False),
            )

    db.create_tables([OrdersTaking])

    class OrdersTender(Model):
        id = UUIDField(primary_key=True)
        tenant = IntegerField()
        order = UUIDField()
        kind = CharField(max_length=24)
        state = CharField(max_length=8)
        fen = BigIntegerField(default=0)
        points = BigIntegerField(default=0)
        hold = UUIDField(null=True)
        operation = UUIDField(null=True)
        charge = CharField(null=True, max_length=32)
        venue = UUIDField(null=True)
        staff = UUIDField(null=True)
        refunded_fen = BigIntegerField(default=0)
        refunded_points = BigIntegerField(default=0)
        created_at = TimeField()

        class Meta:
            database = db
            table_name = "orders_tender"
            constraints = [
                SQL(
                    "CHECK (refunded_fen >= 0 AND refunded_fen <= fen AND refunded_points >= 0 AND refunded_points <= points)"
                )
            ]
            indexes = ((("tenant", "order", "id"), False),)

    db.create_tables([OrdersTender])


def down(migrator, db):
    migrator.migrate(migrator.drop_table("orders_tender"))
    migrator.migrate(migrator.drop_table("orders_taking"))
    migrator.migrate(migrator.drop_table("orders_shift"))
    migrator.migrate(migrator.drop_table("orders_refund_part"))
    migrator.migrate(migrator.drop_table("orders_refund"))
    migrator.migrate(migrator.drop_table("orders_order"))
    migrator.migrate(migrator.drop_table("orders_line"))
    migrator.migrate(migrator.drop_table("orders_labels"))
    migrator.migrate(migrator.drop_table("orders_invoice"))
    migrator.migrate(migrator.drop_table("orders_import"))
    migrator.migrate(migrator.drop_table("orders_handover"))
    migrator.migrate(migrator.drop_table("orders_charge"))
    migrator.migrate(migrator.drop_table("orders_address"))
