"""Tables of notify. What a person was told, and where they are reached, is sealed."""

from peewee import BigIntegerField, BooleanField, CharField, DateField, IntegerField, UUIDField

from roost import (
    BY_PLUGIN,
    DELETE,
    Blank,
    BlindField,
    JsonField,
    MemberRows,
    SealedField,
    TenantModel,
    TimeField,
    new_id,
)


class NotifyNotice(TenantModel):
    """What a tenant decided about one notice of a plugin: on or off, by which channels, in which words."""

    id = UUIDField(primary_key=True, default=new_id)
    fact = CharField(max_length=60)
    group = CharField(max_length=40)  # the plugin's slug
    enabled = BooleanField(default=True)
    channels = JsonField(default=list)  # in the order they are tried; empty: as the settings say
    title_zh = CharField(max_length=60, default="")  # empty texts: the plugin's own
    title_en = CharField(max_length=60, default="")
    text_zh = CharField(max_length=500, default="")
    text_en = CharField(max_length=500, default="")

    class Meta:
        indexes = ((("tenant", "fact"), True),)


class NotifyTemplate(TenantModel):
    """Under which id a provider knows a text, and how our values fill it."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=60)  # a notice's fact, or a name of the tenant's own for campaigns
    channel = CharField(max_length=40)
    locale = CharField(max_length=2)
    template = CharField(max_length=100)
    params = JsonField(default=dict)  # the provider's name of a value → a text with our placeholders

    class Meta:
        indexes = ((("tenant", "code", "channel", "locale"), True),)


class NotifyMessage(TenantModel):
    """One message to one person, from the wish to the outcome. A campaign's has no content of its own."""

    id = UUIDField(primary_key=True, default=new_id)
    key = CharField(max_length=120)  # what it is about: the same thing is told once
    member = UUIDField(null=True)  # None: an imported address, or a member who was erased
    address = SealedField("address", null=True)  # where no member's own is used
    address_blind = BlindField("address", of="address", null=True)
    address_channel = CharField(max_length=40, default="")  # the one channel that an address is for
    venue = UUIDField(null=True)
    campaign = UUIDField(null=True)
    group = CharField(max_length=40)
    notice = CharField(max_length=60)
    marketing = BooleanField(default=False)
    locale = CharField(max_length=2, default="zh")
    content = SealedField("content", null=True)
    channels = JsonField()  # in the order they are tried
    step = IntegerField(default=0)  # which of them is next
    state = CharField(max_length=8)  # listed, waiting, sending, sent, failed, unknown, skipped
    channel = CharField(max_length=40, default="")  # the one that is trying, or that reached the person
    shown = BooleanField(default=False)  # it lies in the inbox
    tries = IntegerField(default=0)  # of the present channel
    round = IntegerField(default=0)  # how often staff had it tried again
    due_at = TimeField()
    claim = CharField(max_length=60, default="")  # the step of the chain that is sending it
    counted_on = DateField(null=True)  # the tenant's day on which it counts as a marketing contact
    trail = JsonField(default=list)  # [channel, code, words] of what did not work
    code = CharField(max_length=60, default="")
    receipt = CharField(max_length=100, default="")
    created_at = TimeField()
    ended_at = TimeField(null=True)

    member_rows = MemberRows(
        erase=Blank(member=None, content=None, address=None, address_blind=None),
        export=("notice", "channel", "state", ("created_at", "at")),
        name="messages",
    )

    class Meta:
        indexes = (
            (("tenant", "key"), True),
            (("tenant", "member", "id"), False),
            (("tenant", "venue", "id"), False),
            (("tenant", "campaign", "state", "due_at"), False),
        )


NotifyMessage.add_index(
    NotifyMessage.tenant,
    NotifyMessage.ended_at,
    where=NotifyMessage.ended_at.is_null(False),
    name="notify_message_ended",
)


class NotifyStaff(TenantModel):
    """Where an account of staff is told, and of what: one row for each way. They put it there, and take it away."""

    id = UUIDField(primary_key=True, default=new_id)
    account = UUIDField()
    channel = CharField(max_length=40)
    staff_address = SealedField(null=False)
    notices = JsonField()  # facts
    locale = CharField(max_length=2, default="zh")
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "account", "channel"), True),)


class NotifyInbox(TenantModel):
    """A message in a member's inbox. A campaign's words are read from the campaign."""

    id = UUIDField(primary_key=True, default=new_id)
    message = UUIDField()
    member = UUIDField()
    group = CharField(max_length=40)
    campaign = UUIDField(null=True)
    locale = CharField(max_length=2)
    content = SealedField("content", null=True)
    created_at = TimeField()
    read_at = TimeField(null=True)

    member_rows = MemberRows(erase=DELETE, export=None)  # exported with its words

    class Meta:
        indexes = (
            (("tenant", "message"), True),
            (("tenant", "member", "id"), False),
            (("tenant", "created_at"), False),
        )


NotifyInbox.add_index(
    NotifyInbox.tenant,
    NotifyInbox.member,
    NotifyInbox.id,
    where=NotifyInbox.read_at.is_null(),
    name="notify_inbox_unread",
)


class NotifyContact(TenantModel):
    """When a person was last contacted for marketing: the row that every such message queues for.

    `subject` is a member's id, or an id made of an imported address's blind index.
    """

    id = UUIDField(primary_key=True, default=new_id)
    subject = UUIDField()
    days = JsonField(default=list)  # the tenant's dates, one for each contact, of the last week

    member_rows = MemberRows("subject", erase=DELETE, merge=BY_PLUGIN, export=None)  # the messages say it

    class Meta:
        indexes = ((("tenant", "subject"), True),)


class NotifyMember(TenantModel):
    """What a member set: groups of notices they do not want by a channel, and their e-mail address."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    off = JsonField(default=dict)  # group → channels
    email = SealedField("email", null=True)  # proved by a code
    email_blind = BlindField("email", of="email", null=True)
    asked_email = SealedField("asked_email", null=True)  # not yet

    member_rows = MemberRows(erase=DELETE, merge=BY_PLUGIN, export=None)  # exported as what they set

    class Meta:
        indexes = ((("tenant", "member"), True), (("tenant", "email_blind"), False))


class NotifyBlock(TenantModel):
    """An address that wants no marketing by a channel, whoever it belongs to."""

    id = UUIDField(primary_key=True, default=new_id)
    channel = CharField(max_length=40)
    address = SealedField("address")
    address_blind = BlindField("address", of="address")
    source = CharField(max_length=20)  # link, reply, staff
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "channel", "address_blind"), True),)


class NotifyCampaign(TenantModel):
    """A message to many. Whom it goes to is written down before it starts, and does not change afterwards."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=100)
    marketing = BooleanField(default=True)  # False: two members of staff said that it is none
    exempt_reason = CharField(max_length=200, default="")  # why
    channels = JsonField()
    template = CharField(max_length=60, default="")  # the code of the provider's templates
    title_zh = CharField(max_length=60)
    title_en = CharField(max_length=60, default="")
    text_zh = CharField(max_length=500)
    text_en = CharField(max_length=500, default="")
    link = CharField(max_length=200, default="")
    everybody = BooleanField(default=True)  # members by the filter; False: only imported addresses
    states = JsonField(default=list)
    levels = JsonField(default=list)
    venue = UUIDField(null=True)
    tag = CharField(max_length=40, default="")  # an attribute's code
    tag_value = CharField(max_length=100, default="")
    basis = CharField(max_length=200, default="")  # why the imported may be written to
    imported = JsonField(default=dict)  # what came of the last import
    state = CharField(max_length=9)  # draft, gathering, ready, running, stopped, done, cancelled
    run = IntegerField(default=0)  # grows with each start and stop: older steps see it and end
    heads = IntegerField(default=0)
    reachable = IntegerField(default=0)
    cost_fen = BigIntegerField(default=0)
    created_by = UUIDField(null=True)
    created_at = TimeField()
    started_at = TimeField(null=True)
    ended_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "venue", "id"), False), (("tenant", "state"), False))


class NotifyAnnouncement(TenantModel):
    """A banner in the mini-program: one row, however many see it."""

    id = UUIDField(primary_key=True, default=new_id)
    title_zh = CharField(max_length=60)
    title_en = CharField(max_length=60, default="")
    text_zh = CharField(max_length=500, default="")
    text_en = CharField(max_length=500, default="")
    link = CharField(max_length=200, default="")
    venue = UUIDField(null=True)  # only for its members
    starts_at = TimeField()
    ends_at = TimeField()
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "ends_at"), False), (("tenant", "venue", "id"), False))
