"""Tables: purchases, their refunds, and the rules they earned by. Amounts are fen."""

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, UUIDField

from roost import Blank, JsonField, MemberRows, TenantModel, TimeField, new_id


class PurchasesPurchase(TenantModel):
    """One purchase, as its source tells it, and what it earned.

    `rules` and `ordinal` with the amount and the lines say why the points are what they are, and how many are left
    after a refund, whatever the settings say by then.
    """

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField(null=True)  # None: a sale to nobody known, or to someone who was erased
    anonymous = BooleanField(default=False)  # recorded as a sale to nobody known
    venue = UUIDField(null=True)
    source = CharField(max_length=60)  # staff, saas, import:NAME
    scope = CharField(max_length=60, default="")  # where and when the number is unique; see numbers.py
    source_key = CharField(max_length=100)  # what the source calls this purchase
    kind = CharField(max_length=10)  # sale, renewal
    amount_fen = BigIntegerField()
    refunded_fen = BigIntegerField(default=0)
    items = IntegerField()
    lines = JsonField(null=True)  # [{code, name, category, quantity, amount_fen}], where the source tells them
    ordinal = IntegerField(default=1)  # its place among its member's of the month, where the rules ask for it
    rules = IntegerField(default=0)  # version of the rules it earned by; 0: before versions were kept
    counted_fen = BigIntegerField()
    fen_per_point = IntegerField()
    fen_per_growth = IntegerField()
    points = BigIntegerField()
    growth = BigIntegerField()
    points_operation = UUIDField(null=True)
    growth_operation = UUIDField(null=True)
    origin = CharField(max_length=8)
    cause = CharField(max_length=100, default="")
    occurred_at = TimeField()
    recorded_at = TimeField()

    # Erased, it is a sale to nobody: the brand's books keep the money, not the person. Its number stays, so that the
    # source telling it again does not bring the person back.
    member_rows = MemberRows(erase=Blank(member=None, lines=None), export=None)  # exported with its refunds

    class Meta:
        indexes = (
            (("tenant", "source", "source_key", "scope"), True),
            (("tenant", "member", "occurred_at"), False),
            (("tenant", "occurred_at"), False),
        )

    noun = "purchase"


class PurchasesRefund(TenantModel):
    """One refund of a purchase, and what was taken back for it."""

    id = UUIDField(primary_key=True, default=new_id)
    purchase = UUIDField()
    source_key = CharField(max_length=100)  # what the source calls this refund: one effect however often it is told
    amount_fen = BigIntegerField()
    reason = CharField(max_length=200, default="")
    points = BigIntegerField(default=0)  # taken back
    points_short = BigIntegerField(default=0)  # spent already: later credits repay it
    growth = BigIntegerField(default=0)
    growth_short = BigIntegerField(default=0)
    cause = CharField(max_length=100, default="")
    occurred_at = TimeField()
    recorded_at = TimeField()

    class Meta:
        indexes = ((("tenant", "purchase", "source_key"), True),)

    noun = "refund"


class PurchasesRules(TenantModel):
    """The rules by which purchases earned from one moment on. A version is never changed."""

    id = UUIDField(primary_key=True, default=new_id)
    version = IntegerField()
    spec = JsonField()  # of PurchaseSettings, what bears on what is earned
    since = TimeField()

    class Meta:
        indexes = ((("tenant", "version"), True),)
