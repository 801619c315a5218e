"""Orders, what they hold, how they were paid, what went out, and what came back. Money is fen everywhere."""

from peewee import BigIntegerField, BooleanField, CharField, Check, DateField, IntegerField, UUIDField

from roost import (
    BY_PLUGIN,
    DELETE,
    Blank,
    JsonField,
    MemberRows,
    SealedField,
    TenantModel,
    TimeField,
    WordsField,
    new_id,
)


class OrdersOrder(TenantModel):
    """One order of one member. What is shared by every change of it is this row's lock."""

    id = UUIDField(primary_key=True, default=new_id)
    number = CharField(max_length=20)  # what people read
    owner = CharField(max_length=40)  # the plugin that placed it
    reference = CharField(max_length=80)  # the owner's own name of it: one order each
    digest = CharField(max_length=64, default="")  # of older orders; no longer read
    member = UUIDField()
    state = CharField(max_length=16, default="placed")  # see states.py
    title = CharField(max_length=100)
    goods_fen = BigIntegerField()
    discount_fen = BigIntegerField(default=0)
    discounts = JsonField(default=list)  # [{code, title, fen, source}]
    postage_fen = BigIntegerField(default=0)
    money_fen = BigIntegerField()  # goods - discount + postage
    points = BigIntegerField(default=0)  # the part of the price that is in points
    paid_fen = BigIntegerField(default=0)  # money_fen once it is paid
    paid_points = BigIntegerField(default=0)
    refunded_fen = BigIntegerField(default=0)  # with what is on its way back
    refunded_points = BigIntegerField(default=0)
    to_ship = IntegerField(default=0)  # units, once paid
    to_hand = IntegerField(default=0)
    tenders = JsonField(default=list)  # kinds that may pay it; empty: all
    cancellable = BooleanField(default=True)  # paid and not delivered, the member may undo it alone
    venue = UUIDField(null=True)  # where it is picked up or was sold
    address = SealedField("address", null=True)  # a copy, as it was when the order was placed
    pickup_code = CharField(max_length=12, null=True)
    pickup_until = TimeField(null=True)
    ship_by = DateField(null=True)  # the tenant's day
    note = CharField(max_length=200, default="")
    closed_why = CharField(max_length=12, default="")  # expired, cancelled, staff
    deadline = TimeField()  # to pay
    created_at = TimeField()
    paid_at = TimeField(null=True)
    delivered_at = TimeField(null=True)  # the last unit went out
    ended_at = TimeField(null=True)

    member_rows = MemberRows(erase=Blank(address=None, note=""), export=None)  # exported with its lines

    class Meta:
        indexes = (
            (("tenant", "number"), True),
            (("tenant", "owner", "reference"), True),
            (("tenant", "pickup_code"), True),
            (("tenant", "member", "id"), False),
            (("tenant", "state", "deadline"), False),
            (("tenant", "state", "delivered_at"), False),
            (("tenant", "venue", "id"), False),
        )
        constraints = [
            Check("paid_fen >= 0 AND refunded_fen >= 0 AND refunded_fen <= paid_fen"),
            Check("refunded_points >= 0 AND refunded_points <= paid_points"),
        ]


class OrdersLine(TenantModel):
    """One kind of thing in an order."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    position = IntegerField()
    reference = CharField(max_length=80)  # the owner's
    title = CharField(max_length=100)
    picture = CharField(max_length=500, default="")
    quantity = IntegerField()
    unit_fen = BigIntegerField(default=0)
    unit_points = BigIntegerField(default=0)
    net_fen = BigIntegerField(default=0)  # of all units, the discounts taken off
    fulfilment = CharField(max_length=8)  # ship, pickup, none
    delivered = IntegerField(default=0)  # units
    dropped = IntegerField(default=0)  # units refunded before they were delivered
    refunded = IntegerField(default=0)  # units refunded in all

    class Meta:
        indexes = ((("tenant", "order", "position"), False),)
        constraints = [
            Check("delivered >= 0 AND dropped >= 0 AND delivered + dropped <= quantity AND refunded <= quantity")
        ]


class OrdersTender(TenantModel):
    """One means that pays a part of an order. The sum of `fen` of those held and paid never passes the price."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    kind = CharField(max_length=24)  # points, stored_value, cash, card, or a payment method's name
    state = CharField(max_length=8)  # held, paid, released, excess (came too late or twice, and goes back)
    fen = BigIntegerField(default=0)  # how much of the price in money it covers
    points = BigIntegerField(default=0)  # of kind points: how many; with fen 0 the part of the price in points
    hold = UUIDField(null=True)
    operation = UUIDField(null=True)  # the ledger's debit
    charge = CharField(max_length=32, null=True)  # the number of the charge that paid it
    venue = UUIDField(null=True)  # at whose counter
    staff = UUIDField(null=True)
    refunded_fen = BigIntegerField(default=0)
    refunded_points = BigIntegerField(default=0)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "order", "id"), False),)
        constraints = [
            Check("refunded_fen >= 0 AND refunded_fen <= fen AND refunded_points >= 0 AND refunded_points <= points")
        ]


class OrdersCharge(TenantModel):
    """One attempt to be paid from outside. Its number is never used for another."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    number = CharField(max_length=32)
    method = CharField(max_length=24)
    fen = BigIntegerField()
    state = CharField(max_length=8)  # starting, open, paid, closed
    transaction = CharField(max_length=64, default="")  # the provider's id
    expires_at = TimeField()
    asked_at = TimeField(null=True)  # when the provider was last asked to close it
    created_at = TimeField()
    settled_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "number"), True), (("tenant", "order", "id"), False), (("tenant", "state"), False))


class OrdersRefund(TenantModel):
    """Something that goes back to the member, or that a member asked for."""

    id = UUIDField(primary_key=True, default=new_id)
    key = CharField(max_length=120)
    order = UUIDField()
    member = UUIDField()
    venue = UUIDField(null=True)  # the order's
    state = CharField(max_length=10)  # requested, rejected, running, failed, done
    source = CharField(max_length=8)  # member, staff, plugin, late (paid too late or twice), outside
    fen = BigIntegerField()
    points = BigIntegerField(default=0)
    lines = JsonField(default=list)  # [{line, quantity}]
    reason = WordsField(max_length=200, default="")
    reply = CharField(max_length=200, default="")  # to the member, when refused
    created_at = TimeField()
    decided_at = TimeField(null=True)
    ended_at = TimeField(null=True)

    member_rows = MemberRows(erase=BY_PLUGIN, export=None)  # the orders say what went back

    class Meta:
        indexes = (
            (("tenant", "key"), True),
            (("tenant", "order", "id"), False),
            (("tenant", "member", "id"), False),
            (("tenant", "state", "id"), False),
        )


class OrdersRefundPart(TenantModel):
    """What of a refund goes back by one tender. A retry carries the same number."""

    id = UUIDField(primary_key=True, default=new_id)
    refund = UUIDField()
    tender = UUIDField()
    kind = CharField(max_length=24)
    fen = BigIntegerField(default=0)
    points = BigIntegerField(default=0)
    state = CharField(max_length=8)  # pending, accepted, failed, done
    number = CharField(max_length=32, null=True)  # ours, of a refund outside
    charge = CharField(max_length=32, null=True)
    operation = UUIDField(null=True)  # the ledger's reversal
    attempts = IntegerField(default=0)
    detail = CharField(max_length=200, default="")  # for staff
    created_at = TimeField()
    done_at = TimeField(null=True)

    class Meta:
        indexes = (
            (("tenant", "number"), True),
            (("tenant", "refund"), False),
            (("tenant", "state", "created_at"), False),
        )


class OrdersHandover(TenantModel):
    """Units that left: a parcel, or what was handed over in a venue."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    number = CharField(max_length=20)  # the order's
    kind = CharField(max_length=8)  # ship, pickup, none
    lines = JsonField(default=list)  # [{line, quantity}]
    whole = BooleanField(default=False)  # nothing was left after it
    carrier = CharField(max_length=60, default="")
    tracking = CharField(max_length=40, default="")
    venue = UUIDField(null=True)
    staff = UUIDField(null=True)
    handed_at = TimeField()
    undone_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "order", "id"), False), (("tenant", "venue", "id"), False))


class OrdersAddress(TenantModel):
    """An address in a member's book."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    content = SealedField("address_book")
    is_default = BooleanField(default=False)
    created_at = TimeField()

    member_rows = MemberRows(erase=DELETE, export=None)  # exported as the member's book shows it

    class Meta:
        indexes = ((("tenant", "member", "id"), False),)


class OrdersTaking(TenantModel):
    """Money that changed hands at a counter: in (positive) or back (negative)."""

    id = UUIDField(primary_key=True, default=new_id)
    venue = UUIDField()
    kind = CharField(max_length=24)  # cash, card
    fen = BigIntegerField()
    order = UUIDField()
    refund = UUIDField(null=True)
    staff = UUIDField(null=True)
    day = DateField()  # the tenant's
    shift = UUIDField(null=True)  # that counted it
    taken_at = TimeField()

    class Meta:
        indexes = (
            (("tenant", "venue", "shift"), False),
            (("tenant", "venue", "day"), False),
            (("tenant", "order"), False),
        )


class OrdersShift(TenantModel):
    """One shift's end at a counter: what should be there, what was counted."""

    id = UUIDField(primary_key=True, default=new_id)
    venue = UUIDField()
    day = DateField()
    figures = JsonField(default=list)  # [{kind, day, in_fen, back_fen, count}]
    takings = IntegerField(default=0)  # how many
    expected_fen = BigIntegerField()  # cash
    counted_fen = BigIntegerField()
    difference_fen = BigIntegerField()  # counted - expected
    note = CharField(max_length=200, default="")
    staff = UUIDField(null=True)
    since = TimeField(null=True)  # the first taking
    closed_at = TimeField()

    class Meta:
        indexes = ((("tenant", "venue", "id"), False),)


class OrdersInvoice(TenantModel):
    """A request for an invoice (发票)."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    number = CharField(max_length=20)  # the order's
    member = UUIDField()
    venue = UUIDField(null=True)
    kind = CharField(max_length=8)  # personal, company
    title = SealedField("invoice_title", null=True)
    email = SealedField("invoice_email", null=True)
    tax_number = CharField(max_length=20, default="")
    fen = BigIntegerField()
    state = CharField(max_length=10)  # requested, issued, rejected, withdrawn, void_due, voided
    invoice_number = CharField(max_length=40, default="")
    link = CharField(max_length=500, default="")
    remark = CharField(max_length=200, default="")
    requested_at = TimeField()
    ended_at = TimeField(null=True)

    member_rows = MemberRows(
        erase=Blank(title=None, email=None, tax_number=""),
        export=(("number", "order"), "title", "tax_number", "email", "fen", "state"),
        name="invoices",
    )

    class Meta:
        indexes = (
            (("tenant", "order"), False),
            (("tenant", "member", "id"), False),
            (("tenant", "state", "id"), False),
        )


class OrdersImport(TenantModel):
    """One file of tracking numbers, and what became of its rows."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=100)
    shipped = IntegerField(default=0)
    known = IntegerField(default=0)
    rejected = IntegerField(default=0)
    rejections = JsonField(default=list)  # [{line, reason, text}]
    staff = UUIDField(null=True)
    imported_at = TimeField()

    class Meta:
        indexes = ((("tenant", "id"), False),)


class OrdersLabels(TenantModel):
    """A batch of labels: who printed which addresses, and why."""

    id = UUIDField(primary_key=True, default=new_id)
    orders = JsonField(default=list)
    count = IntegerField()
    reason = WordsField(max_length=200)
    staff = UUIDField(null=True)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "id"), False),)
