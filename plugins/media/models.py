"""Pictures and videos, where they are used, and what members report of them."""

from peewee import CharField, IntegerField, SmallIntegerField, TextField, UUIDField

from roost import BY_PLUGIN, DELETE, JsonField, MemberRows, TenantModel, TimeField, Unite, new_id


class MediaItem(TenantModel):
    """One picture or video, of a member or of staff.

    States: uploading, processing, review, approved, rejected, deleted. What is served are the `variants` that we made;
    what was uploaded is never served, and is deleted when its ticket has ended.
    """

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField(null=True)  # whose it is; null: staff's, or an erased member's
    uploader = CharField(max_length=80)  # `member:…`, `staff:…`, `key:…`; only the same one may complete the upload
    kind = CharField(max_length=5)  # image, video
    scene = CharField(max_length=8)  # profile, comment, forum, social: what it is for
    state = CharField(max_length=10, default="uploading")
    backend = CharField(max_length=4)  # disk, s3: where its files are
    content_type = CharField(max_length=40)  # as declared, and made sure of before it is processed
    size = IntegerField()  # bytes: as declared, and so enforced
    width = IntegerField(default=0)  # pixels of the upright original
    height = IntegerField(default=0)
    duration_ms = IntegerField(default=0)
    variants = JsonField(default=dict)  # name → {key, type, size, width, height}
    preview = TextField(null=True)  # a small picture as a data: address, for the console's queue
    reason = CharField(max_length=24, default="")  # why it is held or rejected: a code
    note = CharField(max_length=300, default="")  # what staff or the machine said of it
    machine = CharField(max_length=30, default="")  # the check that judged, or judges, it
    trace = CharField(max_length=128, null=True)  # by which a verdict refers to it
    judge_by = TimeField(null=True)  # when people take over, or the upload is given up
    reports = IntegerField(default=0)  # of members, since people last looked
    ticket_until = TimeField()
    created_at = TimeField()
    completed_at = TimeField(null=True)
    decided_at = TimeField(null=True)
    decided_by = UUIDField(null=True)  # the staff account; null: the machine
    deleted_at = TimeField(null=True)
    purged_at = TimeField(null=True)  # when its files were found to be gone

    member_rows = MemberRows(erase=BY_PLUGIN, export=None)  # exported with addresses to fetch them from

    class Meta:
        indexes = (
            (("tenant", "member", "id"), False),
            (("tenant", "state", "id"), False),
            (("tenant", "state", "judge_by"), False),
            (("tenant", "trace"), False),
        )


class MediaUse(TenantModel):
    """One place where an item is shown, in the words of the plugin that shows it."""

    id = UUIDField(primary_key=True, default=new_id)
    media = UUIDField()
    plugin = CharField(max_length=40)
    ref = CharField(max_length=80)
    place = SmallIntegerField(default=0)  # of several at one ref, from 0
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "ref", "media"), True), (("tenant", "media"), False))


class MediaReport(TenantModel):
    """A member's report of somebody else's item; one of each member for each item."""

    id = UUIDField(primary_key=True, default=new_id)
    media = UUIDField()
    member = UUIDField()  # who reported
    reason = CharField(max_length=12)  # porn, violence, fraud, privacy, other
    text = CharField(max_length=200, default="")
    state = CharField(max_length=9, default="open")  # open, upheld, dismissed
    created_at = TimeField()

    member_rows = MemberRows(
        erase=DELETE,
        merge=Unite(by=("media",)),
        export=(("media", "item"), "reason", "text", ("created_at", "at")),
        name="reports",
    )

    class Meta:
        indexes = (
            (("tenant", "media", "member"), True),
            (("tenant", "member"), False),
            (("tenant", "state", "id"), False),
        )
