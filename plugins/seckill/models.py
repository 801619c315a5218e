"""Plans that repeat, sessions, the items sold in them, who waits for them, and who holds or won what."""

from peewee import BooleanField, CharField, IntegerField, TextField, UUIDField

from roost import DELETE, Blank, JsonField, MemberRows, TenantModel, TimeField, Unite, new_id


class SeckillPlan(TenantModel):
    """A session that comes again: daily, weekly or monthly, at a local time of the tenant."""

    id = UUIDField(primary_key=True, default=new_id)
    title = CharField(max_length=60)
    repeat = CharField(max_length=8)  # daily, weekly, monthly
    day = IntegerField(default=0)  # weekly: 1 Monday to 7 Sunday; monthly: 1 to 28
    at = CharField(max_length=5)  # "20:00", the tenant's time zone
    minutes = IntegerField(default=120)
    items = JsonField(default=list)  # what each session of the plan sells: ItemForm values
    venues = JsonField(default=list)  # of its sessions; empty: everywhere
    active = BooleanField(default=True)
    created_at = TimeField()


class SeckillSession(TenantModel):
    """One session (场次)."""

    id = UUIDField(primary_key=True, default=new_id)
    plan = UUIDField(null=True)
    title = CharField(max_length=60)
    starts_at = TimeField()
    ends_at = TimeField()
    state = CharField(max_length=10, default="draft")  # draft, published, closed
    announced = BooleanField(default=False)  # the reminder before the start was published
    venues = JsonField(default=list)  # its members, and where its vouchers are used; empty: everywhere
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plan", "starts_at"), True), (("tenant", "state", "starts_at"), False))


class SeckillItem(TenantModel):
    """One thing on sale in one session. Its stock is in the inventory and is not carried over."""

    id = UUIDField(primary_key=True, default=new_id)
    session = UUIDField()
    title = CharField(max_length=60)
    kind = CharField(max_length=8)  # goods, service
    delivery = CharField(max_length=8, default="voucher")  # voucher (used in a venue), ship
    picture = CharField(max_length=500, default="")
    details = TextField(default="")
    stock = IntegerField()
    price_points = IntegerField(default=0)
    price_fen = IntegerField(default=0)  # money, paid through orders
    market_fen = IntegerField(null=True)  # the struck-through price
    basis = CharField(max_length=200, default="")  # what the struck-through price rests on
    per_session = IntegerField(null=True)  # null: the tenant's setting
    states = JsonField(default=list)  # empty: all
    levels = JsonField(default=list)
    venues = JsonField(default=list)  # as a session's; both must hold
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "session"), False),)


class SeckillClaim(TenantModel):
    """What a member holds (until the deadline) or has won."""

    id = UUIDField(primary_key=True, default=new_id)
    session = UUIDField()
    item = UUIDField()
    member = UUIDField()
    state = CharField(
        max_length=10
    )  # held, closing, won, used, shipped, expired, refunding, refunded, cancelled, lapsed
    delivery = CharField(max_length=8, default="voucher")  # the item's
    price_points = IntegerField()
    price_fen = IntegerField(default=0)
    order = UUIDField(null=True)  # that pays it, where it costs money: it holds the points then
    reservation = UUIDField()
    points_hold = UUIDField(null=True)
    operation = UUIDField(null=True)  # the debit, once captured
    code = CharField(max_length=12, null=True)  # shown at the counter
    venue = UUIDField(null=True)  # where it was used
    deadline = TimeField()  # held: when it returns
    expires_at = TimeField(null=True)  # won: when the voucher ends, a midnight of the tenant's
    unpaid = BooleanField(default=False)  # counts towards a bar; false again once it has led to one
    created_at = TimeField()
    ended_at = TimeField(null=True)

    member_rows = MemberRows(
        erase=Blank(code=None),  # the rest is evidence of the sale
        export=(
            "id", "session", "item", "state", "delivery", "price_points", "price_fen", "order", "deadline", "code",
            "expires_at", "created_at",
        ),
        name="claims",
    )  # fmt: skip

    class Meta:
        indexes = (
            (("tenant", "member", "created_at"), False),
            (("tenant", "state", "deadline"), False),
            (("tenant", "state", "expires_at"), False),
            (("tenant", "code"), True),
            (("tenant", "item"), False),
            (("tenant", "order"), True),
        )


class SeckillReminder(TenantModel):
    """A member who wants to be told before a session opens."""

    id = UUIDField(primary_key=True, default=new_id)
    session = UUIDField()
    member = UUIDField()
    created_at = TimeField()

    member_rows = MemberRows(
        erase=DELETE, merge=Unite(by=("session",)), export=("session", ("created_at", "asked_at")), name="reminders"
    )

    class Meta:
        indexes = ((("tenant", "session", "member"), True), (("tenant", "member"), False))
