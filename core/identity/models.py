"""Who may come in: sessions, one-time codes, staff, roles, keys. No secret stands in a row."""

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DateField,
    SmallIntegerField,
    TextField,
    UUIDField,
)

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class Session(TenantModel):
    """A sign-in. The row holds the token's SHA-256; the token itself is only with its owner."""

    id = UUIDField(primary_key=True, default=new_id)
    token = BlobField()  # SHA-256
    kind = CharField(max_length=8)  # member, staff
    subject = UUIDField()
    device = CharField(max_length=100)
    opened_at = TimeField()
    seen_at = TimeField()  # written at most once an hour
    expires_at = TimeField()
    revoked_at = TimeField(null=True)

    class Meta:
        indexes = (
            (("tenant", "token"), True),
            (("tenant", "kind", "subject"), False),
            (("tenant", "expires_at"), False),
        )


class OneTimeCode(TenantModel):
    """A code that proves a phone or an act once. `subject` is a blind index: it may be a phone number."""

    id = UUIDField(primary_key=True, default=new_id)
    purpose = CharField(max_length=40)
    subject = BlobField()
    code = BlobField()  # keyed hash
    tries = SmallIntegerField(default=0)
    issued_at = TimeField()
    expires_at = TimeField()
    used_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "purpose", "subject"), True),)


class StaffRole(TenantModel):
    """A named set of permissions."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=60)
    name = CharField(max_length=60)
    permissions = JsonField()  # sorted codes
    updated_at = TimeField()

    class Meta:
        indexes = ((("tenant", "code"), True),)


class Staff(TenantModel):
    """A staff account. `permissions` is the union of its roles', kept in step: a request reads one row."""

    id = UUIDField(primary_key=True, default=new_id)
    username = CharField(max_length=60)
    name = CharField(max_length=60)
    password = CharField(max_length=200)  # argon2id
    roles = JsonField()  # sorted codes
    permissions = TextField()  # JSON, sorted
    venues = TextField()  # JSON, sorted ids; [] is all venues
    active = BooleanField(default=True)
    failures = SmallIntegerField(default=0)
    locked_until = TimeField(null=True)
    password_changed_at = TimeField()
    signed_in_at = TimeField(null=True)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "username"), True),)


class AccessKey(TenantModel):
    """The credential of another system. The row holds the token's SHA-256."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=60)
    token = BlobField()
    permissions = TextField()  # JSON, sorted
    venues = TextField()  # JSON, sorted ids; [] is all venues
    created_at = TimeField()
    seen_on = DateField(null=True)  # the last day it was used
    revoked_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "token"), True),)


class StaffAllowance(TenantModel):
    """What an account moved without a second person: of one act, for one member or row, on one day."""

    id = UUIDField(primary_key=True, default=new_id)
    account = UUIDField()  # of staff, or a key
    act = CharField(max_length=120)  # core.adjust.points, orders.refund
    subject = CharField(max_length=64)
    day = DateField()  # the tenant's
    amount = BigIntegerField()

    class Meta:
        table_name = "staff_allowance"
        indexes = ((("tenant", "account", "act", "subject", "day"), True), (("tenant", "day"), False))
