"""Members, the identities they are known by, what they agreed to, and what tenants add to them."""

from peewee import BigIntegerField, BlobField, BooleanField, CharField, DateField, UUIDField

from core.fields import BlindField, JsonField, SealedField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class Member(TenantModel):
    """A person a brand knows. Phone and name are sealed; a merged one stays and points at who it became."""

    id = UUIDField(primary_key=True, default=new_id)
    state = CharField(max_length=8, default="lead")  # lead, member, lapsed, as last written: see `core.members.lapsing`
    level = CharField(max_length=40, default="")
    class_ = CharField(max_length=40, default="ordinary", column_name="class")
    phone = BlobField(null=True)  # sealed, E.164
    phone_blind = BlobField(null=True)
    phone_last_four = BlobField(null=True)  # blind index of the last four digits
    name = BlobField(null=True)  # sealed
    gender = CharField(max_length=8, default="")  # male, female, or unknown
    birthday = DateField(null=True)
    birthday_changed_on = DateField(null=True)  # the tenant's date of the last change from one birthday to another
    birthday_entered_on = DateField(null=True)  # the tenant's date on which a member or staff first filled it in
    venue = UUIDField(null=True)  # home venue
    channel = CharField(max_length=40)
    locale = CharField(max_length=10, default="zh")
    attributes = JsonField(default=dict)  # of the tenant's own, as AttributeDefinition says
    valid_until = DateField(null=True)
    frozen = BooleanField(default=False)
    membership_version = BigIntegerField(default=0)  # the business software's: decides between late and newer news
    registered_at = TimeField()
    converted_at = TimeField(null=True)  # first ever membership
    merged_into = UUIDField(null=True)
    erased_at = TimeField(null=True)
    code_tag = BigIntegerField()  # finds the owner of a member code; not unique: the code's signature decides

    class Meta:
        indexes = ((("tenant", "id"), False), (("tenant", "code_tag"), False))


# One person a phone, whoever registers at the same time. The partial indexes keep rows without the value
# cheap to write.
Member.add_index(
    Member.tenant,
    Member.phone_blind,
    unique=True,
    where=Member.phone_blind.is_null(False),
    name="member_phone",
)
Member.add_index(
    Member.tenant,
    Member.phone_last_four,
    where=Member.phone_last_four.is_null(False),
    name="member_last_four",
)
Member.add_index(Member.tenant, Member.venue, Member.id, where=Member.venue.is_null(False), name="member_venue")
Member.add_index(Member.tenant, Member.merged_into, where=Member.merged_into.is_null(False), name="member_merged_into")
Member.add_index(Member.tenant, Member.birthday, where=Member.birthday.is_null(False), name="member_birthday")
Member.add_index(Member.tenant, Member.id, where=Member.level == "", name="member_without_level")
Member.add_index(Member.tenant, Member.valid_until, where=Member.state == "member", name="member_valid_until")


class MemberIdentity(TenantModel):
    """By what another system knows a person: `wechat` and an open id, `qinniao` and a customer number."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    provider = CharField(max_length=40)
    subject = CharField(max_length=128)
    linked_at = TimeField()

    class Meta:
        indexes = ((("tenant", "provider", "subject"), True), (("tenant", "member"), False))


class AttributeDefinition(TenantModel):
    """A field that a tenant adds to its members' profiles."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=40)
    title = CharField(max_length=60)
    kind = CharField(max_length=8)  # text, int, bool, date, choice
    choices = JsonField(default=list)
    by_member = BooleanField(default=False)  # members may fill it in themselves
    active = BooleanField(default=True)

    class Meta:
        indexes = ((("tenant", "code"), True),)


class Consent(TenantModel):
    """A member's yes or no to one purpose under one version of the policy; the latest row counts."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    purpose = CharField(max_length=40)  # privacy, marketing, portrait …
    policy_version = CharField(max_length=40)
    given = BooleanField()
    channel = CharField(max_length=40)
    at = TimeField()

    class Meta:
        indexes = ((("tenant", "member", "purpose", "id"), False),)


class MemberMerge(TenantModel):
    """A merge: what moved, as ids and names of fields, so that it can be undone for 30 days."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    merged = UUIDField()
    moved = JsonField()
    merged_at = TimeField()
    undone_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "member", "merged_at"), False), (("tenant", "merged", "merged_at"), False))


class MemberBar(TenantModel):
    """A member kept out of one function, with a reason, until a day or for good."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    function = CharField(max_length=60)  # lottery, seckill …
    reason = CharField(max_length=200)
    until = DateField(null=True)  # the last day, in the tenant's time zone
    ends_at = TimeField(null=True)  # on that day, where it ends before the day does
    barred_at = TimeField()
    lifted_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "member", "function", "barred_at"), False),)


class ClassListing(TenantModel):
    """A person whom another system has on a list: its staff, its coaches. See `core.members.class_lists`."""

    id = UUIDField(primary_key=True, default=new_id)
    source = CharField(max_length=40)  # the plugin whose list it is
    number = CharField(max_length=100)  # that system's
    class_ = CharField(max_length=40, column_name="class")
    list_phone = SealedField(null=True)
    phone_blind = BlindField("list_phone", of="list_phone", null=True)

    class Meta:
        indexes = ((("tenant", "source", "number"), True), (("tenant", "phone_blind"), False))


class ListedClass(TenantModel):
    """The class that lists last said of a member. `given`: the member has it from them, and not by hand."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    class_ = CharField(max_length=40, column_name="class")
    before = CharField(max_length=40)  # comes back when the lists drop the member
    given = BooleanField()

    class Meta:
        indexes = ((("tenant", "member"), True),)
