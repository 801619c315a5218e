"""Tables: charges and refunds as we asked for them, what was settled, and callbacks as they came."""

from peewee import BigIntegerField, CharField, IntegerField, UUIDField

from roost import KEEP, JsonField, MemberRows, TenantModel, TimeField, new_id


class WechatPayTrade(TenantModel):
    """One charge, by our number. It is written before WeChat Pay is asked, so no callback can come before it.

    It keeps the app id and merchant it was asked with: another in the settings later leaves it readable.
    """

    id = UUIDField(primary_key=True, default=new_id)
    number = CharField(max_length=32)
    member = UUIDField()
    amount = BigIntegerField()  # fen
    title = CharField(max_length=127)
    appid = CharField(max_length=32)
    mchid = CharField(max_length=32)
    state = CharField(max_length=8, default="asked")  # asked, open, paid, closed
    prepay = CharField(max_length=64, default="")
    prepay_until = TimeField(null=True)
    transaction = CharField(max_length=64, default="")  # WeChat Pay's id
    paid_at = TimeField(null=True)
    expires_at = TimeField()
    created_at = TimeField()
    changed_at = TimeField()
    check_at = TimeField(null=True)  # when the next reconciliation asks about it; none: it is settled
    tries = IntegerField(default=0)  # queries in a row without an answer
    note = CharField(max_length=300, default="")

    noun = "charge"
    member_rows = MemberRows(  # books of money stay, under an id that nobody is behind
        erase=KEEP,
        export=("number", ("amount", "fen"), ("title", "for"), "state", ("created_at", "at")),
        name="payments",
    )

    class Meta:
        indexes = (
            (("tenant", "number"), True),
            (("tenant", "member", "id"), False),
            (("tenant", "check_at"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "transaction"), False),
        )


class WechatPayRefund(TenantModel):
    """One refund, by our number, which every retry carries. `round` grows when a failed one is asked for again."""

    id = UUIDField(primary_key=True, default=new_id)
    number = CharField(max_length=64)
    charge = CharField(max_length=32)
    member = UUIDField()
    amount = BigIntegerField()  # fen
    total = BigIntegerField()  # fen, of the charge
    reason = CharField(max_length=80, default="")
    source = CharField(max_length=8, default="roost")  # roost, platform: made by hand on the merchant's platform
    state = CharField(max_length=10, default="asked")  # asked, working, refunded, failed, withdrawn
    status = CharField(max_length=12, default="")  # WeChat Pay's: SUCCESS, PROCESSING, ABNORMAL, CLOSED
    provider_id = CharField(max_length=64, default="")
    round = IntegerField(default=0)
    refunded_at = TimeField(null=True)
    created_at = TimeField()
    changed_at = TimeField()
    check_at = TimeField(null=True)
    called_at = TimeField(null=True)  # when a call that may make it was last begun
    tries = IntegerField(default=0)
    note = CharField(max_length=300, default="")

    noun = "refund"
    member_rows = MemberRows(
        erase=KEEP,
        export=("number", ("charge", "of"), ("amount", "fen"), "state", ("created_at", "at")),
        name="refunds",
    )

    class Meta:
        indexes = (
            (("tenant", "number"), True),
            (("tenant", "charge"), False),
            (("tenant", "member", "id"), False),
            (("tenant", "check_at"), False),
            (("tenant", "state", "id"), False),
        )


class WechatPaySettlement(TenantModel):
    """Something that happened to money, booked once: the unique index is the fence, whoever tells it and how often.

    `claimed_by` is the plugin whose number it was; "" waits on the desk for staff.
    """

    id = UUIDField(primary_key=True, default=new_id)
    kind = CharField(max_length=16)  # paid, closed, refunded, refund_failed
    number = CharField(max_length=64)  # the charge's, of a refund its own
    round = IntegerField(default=0)
    charge = CharField(max_length=32)
    member = UUIDField(null=True)
    amount = BigIntegerField(default=0)  # fen
    transaction = CharField(max_length=64, default="")
    happened_at = TimeField(null=True)
    booked_at = TimeField()
    heard = CharField(max_length=8)  # push, query, reply: how we came to know
    claimed_by = CharField(max_length=40, default="")
    state = CharField(max_length=10)  # claimed, unclaimed, done
    note = CharField(max_length=300, default="")

    noun = "settlement"
    member_rows = MemberRows(erase=KEEP, export=None)  # the payments and refunds say it

    class Meta:
        indexes = (
            (("tenant", "number", "kind", "round"), True),
            (("tenant", "charge"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "member"), False),
        )


class WechatPayPush(TenantModel):
    """One callback that was verified. `told` is what we need of it; the payer's open id and bank are not kept."""

    id = UUIDField(primary_key=True, default=new_id)
    event_id = CharField(max_length=64)
    event_type = CharField(max_length=40)
    number = CharField(max_length=64, default="")  # the charge's
    refund = CharField(max_length=64, default="")  # the refund's
    serial = CharField(max_length=64)  # of the key that signed it
    told = JsonField()
    state = CharField(max_length=8, default="received")  # received, done, waiting, refused, ignored
    note = CharField(max_length=300, default="")
    received_at = TimeField()
    processed_at = TimeField(null=True)

    noun = "callback"

    class Meta:
        indexes = (
            (("tenant", "event_id"), True),
            (("tenant", "number"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "received_at"), False),
        )
