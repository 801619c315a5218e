"""Tables: the access token, subscriptions, messages, codes, checks that run, what was pushed, shipments, risks."""

from peewee import AutoField, BlobField, BooleanField, CharField, IntegerField, UUIDField

from roost import DELETE, Blank, JsonField, MemberRows, SealedField, TenantModel, TimeField, Unite, new_id


class WechatToken(TenantModel):
    """One app's token. While `lease_until` lies ahead, `lease_owner` alone asks WeChat for the next."""

    id = AutoField()
    appid = CharField(max_length=40)
    server = CharField(max_length=200, default="")  # that gave the token, and the only one that is shown it
    value = SealedField("token", null=True)
    expires_at = TimeField(null=True)
    lease_owner = UUIDField(null=True)
    lease_until = TimeField(null=True)

    noun = "access token"

    class Meta:
        indexes = ((("tenant", "appid"), True),)


class WechatTemplate(TenantModel):
    """A subscribe message as it is registered with WeChat."""

    id = UUIDField(primary_key=True, default=new_id)
    template = CharField(max_length=64)  # WeChat's id
    title = CharField(max_length=60)
    lasting = BooleanField(default=False)  # a long-term template: one yes is for every message
    fields = JsonField(default=list)  # ["thing1={venue}", …]: keyword of WeChat's = text over our values
    page = CharField(max_length=200, default="")
    active = BooleanField(default=True)
    created_at = TimeField()
    changed_at = TimeField()

    noun = "template"

    class Meta:
        indexes = ((("tenant", "template"), True),)


class WechatSubscription(TenantModel):
    """How often a person may still be sent a template: WeChat counts a yes for one message."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField(null=True)  # None: an open id nobody of ours logged in with
    openid = CharField(max_length=64)
    template = CharField(max_length=64)
    remaining = IntegerField(default=0)
    state = CharField(max_length=8, default="open")  # open, refused, blocked
    accepted = IntegerField(default=0)  # yeses so far
    sent = IntegerField(default=0)
    last_code = CharField(max_length=20, default="")  # of the last message: what WeChat said when it did not go out
    changed_at = TimeField()

    noun = "subscription"
    member_rows = MemberRows(
        erase=DELETE, export=("template", "state", "remaining", ("changed_at", "at")), name="subscriptions"
    )

    class Meta:
        indexes = ((("tenant", "openid", "template"), True), (("tenant", "member"), False))


class WechatCode(TenantModel):
    """A mini-program code: what it carries, and its picture once WeChat drew it."""

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)  # whose it is
    key = CharField(max_length=80)  # of the plugin's own: the same key is the same code
    member = UUIDField(null=True)  # whom it leads back to, if anybody
    scene = CharField(max_length=32)
    page = CharField(max_length=200, default="")
    env = CharField(max_length=8, default="release")
    width = IntegerField(default=430)
    transparent = BooleanField(default=False)
    state = CharField(max_length=8, default="pending")  # pending, ready, failed
    image = BlobField(null=True)
    error = CharField(max_length=300, default="")
    created_at = TimeField()
    changed_at = TimeField()

    noun = "code"
    member_rows = MemberRows(erase=DELETE, export=(("key", "name"), "scene"), name="codes")

    class Meta:
        indexes = ((("tenant", "plugin", "key"), True), (("tenant", "member"), False), (("tenant", "id"), False))


class WechatCheck(TenantModel):
    """A look at a picture or sound that WeChat has begun; its verdict is pushed."""

    id = UUIDField(primary_key=True, default=new_id)
    trace = CharField(max_length=128)
    member = UUIDField(null=True)
    state = CharField(max_length=8, default="pending")  # pending, pass, review, risky, unknown
    reason = CharField(max_length=20, default="")  # WeChat's label, or why nobody could look
    asked_at = TimeField()
    judged_at = TimeField(null=True)

    noun = "content check"
    member_rows = MemberRows(erase=DELETE, export=None)  # the media that were looked at are exported

    class Meta:
        indexes = ((("tenant", "trace"), True), (("tenant", "state", "asked_at"), False), (("tenant", "member"), False))


class WechatPush(TenantModel):
    """A message or event as WeChat pushed it. The body is sealed: it may carry what somebody wrote."""

    id = UUIDField(primary_key=True, default=new_id)
    key = CharField(max_length=64)  # the same for a repeated push
    proof = CharField(max_length=40)  # the signature it came with
    kind = CharField(max_length=60)  # the event's name, or "message.text" and the like
    openid = CharField(max_length=64, default="")
    member = UUIDField(null=True)
    body = SealedField("push", null=True)
    state = CharField(max_length=8, default="received")  # received, done, waiting, stored, ignored, failed
    note = CharField(max_length=300, default="")
    received_at = TimeField()
    processed_at = TimeField(null=True)

    noun = "push"
    member_rows = MemberRows(
        erase=Blank(body=None, member=None, openid=""), export=("kind", ("received_at", "at")), name="pushes"
    )

    class Meta:
        indexes = (
            (("tenant", "key"), True),
            (("tenant", "proof"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "openid"), False),
            (("tenant", "member"), False),
            (("tenant", "received_at"), False),
        )


class WechatPayment(TenantModel):
    """A payment of WeChat's that was told settled: what shipping is told about."""

    id = UUIDField(primary_key=True, default=new_id)
    charge = CharField(max_length=32)  # our number
    transaction = CharField(max_length=64)  # WeChat's
    paid_at = TimeField()

    class Meta:
        indexes = ((("tenant", "charge"), True), (("tenant", "paid_at"), False))


class WechatShipment(TenantModel):
    """What WeChat is told of how an order reached its payer: without it managed accounts do not settle."""

    id = UUIDField(primary_key=True, default=new_id)
    order = UUIDField()
    transaction = CharField(max_length=64)  # WeChat's payment
    member = UUIDField(null=True)
    body = SealedField("shipment", null=True)  # what is to be told; a parcel's number is the member's
    digest = CharField(max_length=64)  # of the body, to know a change
    state = CharField(max_length=8, default="pending")  # pending, told, failed
    told = IntegerField(default=0)  # how often it was taken: once, and once more after a change
    told_digest = CharField(max_length=64, default="")
    tries = IntegerField(default=0)
    code = CharField(max_length=12, default="")
    error = CharField(max_length=300, default="")
    created_at = TimeField()
    changed_at = TimeField()

    noun = "shipment"
    member_rows = MemberRows(erase=Blank(body=None, member=None), export=None)  # the orders say what was sent

    class Meta:
        indexes = (
            (("tenant", "transaction"), True),
            (("tenant", "order"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "member"), False),
        )


class WechatRisk(TenantModel):
    """How risky WeChat last held a member to be."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    rank = IntegerField()  # 0 to 4
    asked_at = TimeField()

    member_rows = MemberRows(erase=DELETE, merge=Unite(), export=("rank", ("asked_at", "at")), name="risk")

    class Meta:
        indexes = ((("tenant", "member"), True),)
