"""Tables: messages, what a day cost, locks for the limits, pushes as they came, replies, and who wants no marketing."""

from peewee import AutoField, BlobField, BooleanField, CharField, DateField, IntegerField, UUIDField

from roost import Blank, BlindField, MemberRows, SealedField, TenantModel, TimeField, new_id


class SmsMessage(TenantModel):
    """One message to one phone. Its values are sealed, and deleted as soon as its sending has ended."""

    id = UUIDField(primary_key=True, default=new_id)
    key = CharField(max_length=80)  # who asked for it, and their key: the same one is not sent twice
    kind = CharField(max_length=8)  # code, message
    purpose = CharField(max_length=40)  # of a code: login, change_phone; of a message: its template
    marketing = BooleanField(default=False)
    phone = SealedField(null=True)  # E.164; null once its owner was erased
    phone_blind = BlindField("phone", of="phone", null=True)
    address = SealedField(null=True)  # the IP address that a code was asked for from; an IPv6 one by its /64
    address_blind = BlindField("address", of="address", null=True)
    member = UUIDField(null=True)
    venue = UUIDField(null=True)  # the member's, when it was written
    template = CharField(max_length=60)
    content = SealedField(null=True)  # JSON of the values
    state = CharField(max_length=10, default="queued")
    # queued, sending, sent, delivered, failed (says the receipt), refused, unknown, expired
    provider = CharField(max_length=10, default="")
    reason = CharField(max_length=20, default="")
    code = CharField(max_length=80, default="")  # the provider's
    note = CharField(max_length=200, default="")
    receipt = CharField(max_length=100, default="")  # the provider's number
    segments = IntegerField(default=0)
    cost_fen = IntegerField(default=0)  # reserved while it is under way, then what it cost
    day = DateField()  # the tenant's date on which it was counted
    created_at = TimeField()
    expires_at = TimeField(null=True)  # after which a code is not worth sending
    sent_at = TimeField(null=True)
    settled_at = TimeField(null=True)

    noun = "message"
    member_rows = MemberRows(
        erase=Blank(phone=None, phone_blind=None, address=None, address_blind=None, content=None, member=None),
        export=(("created_at", "at"), "purpose", "state"),
        name="messages",
    )

    class Meta:
        indexes = (
            (("tenant", "key"), True),
            (("tenant", "phone_blind", "created_at"), False),
            (("tenant", "address_blind", "created_at"), False),
            (("tenant", "member", "created_at"), False),
            (("tenant", "kind", "created_at"), False),
            (("tenant", "provider", "receipt"), False),
        )


class SmsDay(TenantModel):
    """What a day's messages came to: the row that the daily limits are held by."""

    id = UUIDField(primary_key=True, default=new_id)
    day = DateField()  # in the tenant's time zone
    messages = IntegerField(default=0)
    cost_fen = IntegerField(default=0)

    class Meta:
        indexes = ((("tenant", "day"), True),)


class SmsMeter(TenantModel):
    """Locked while a limit is looked at: requests for one phone, address or member queue here."""

    id = AutoField()
    kind = CharField(max_length=8)  # phone, address, member
    subject = BlobField()  # 16 bytes that tell nothing
    touched_at = TimeField()

    class Meta:
        indexes = ((("tenant", "kind", "subject"), True), (("tenant", "touched_at"), False))


class SmsPush(TenantModel):
    """A push of a provider's as it came: sealed, for it has phones; the body goes when it is done."""

    id = UUIDField(primary_key=True, default=new_id)
    digest = BlobField()  # of the body: the same push is stored once
    body = SealedField(null=True)
    state = CharField(max_length=10, default="received")  # received, done, unmatched
    received_at = TimeField()

    class Meta:
        indexes = ((("tenant", "digest"), True), (("tenant", "received_at"), False))


class SmsReply(TenantModel):
    """What somebody answered to a message."""

    id = UUIDField(primary_key=True, default=new_id)
    digest = BlobField()  # provider, phone, time and text: the same reply counts once
    phone = SealedField(null=True)
    phone_blind = BlindField("phone", of="phone", null=True)
    text = SealedField(null=True)
    member = UUIDField(null=True)
    venue = UUIDField(null=True)
    message = UUIDField(null=True)  # the last one that went to this phone
    unsubscribe = BooleanField(default=False)
    received_at = TimeField()

    noun = "reply"
    member_rows = MemberRows(
        erase=Blank(phone=None, phone_blind=None, text=None, member=None),
        export=(("received_at", "at"), "text"),
        name="replies",
    )

    class Meta:
        indexes = (
            (("tenant", "digest"), True),
            (("tenant", "member"), False),
            (("tenant", "phone_blind"), False),
            (("tenant", "received_at"), False),
        )


class SmsOptOut(TenantModel):
    """A phone that wants no marketing. The wish outlives an erasure, by the blind index alone."""

    id = UUIDField(primary_key=True, default=new_id)
    phone = SealedField(null=True)
    phone_blind = BlindField("phone", of="phone")
    member = UUIDField(null=True)
    venue = UUIDField(null=True)
    since = TimeField()
    how = CharField(max_length=10, default="reply")  # reply, provider (its black list)

    noun = "opt-out"
    member_rows = MemberRows(erase=Blank(phone=None, member=None), export=None)  # exported as a date of its own

    class Meta:
        indexes = ((("tenant", "phone_blind"), True), (("tenant", "member"), False))
