"""Tables of rules and grants."""

from peewee import BigAutoField, BigIntegerField, BooleanField, CharField, IntegerField, TextField, UUIDField

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class RewardRule(TenantModel):
    """A rule as it stands: who, when, what, how often. Older versions are in `RewardRuleVersion`."""

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)
    name = CharField(max_length=100)
    trigger = CharField(max_length=60)
    version = IntegerField()
    active = BooleanField()
    starts_at = TimeField(null=True)
    ends_at = TimeField(null=True)
    spec = JsonField()  # a RuleSpec
    updated_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "trigger"), False),)


class RewardRuleVersion(TenantModel):
    """A rule as it was saved once; never changed, so that a grant's version can always be read."""

    id = UUIDField(primary_key=True, default=new_id)
    rule = UUIDField()
    version = IntegerField()
    spec = JsonField()
    saved_at = TimeField()
    saved_by = CharField(max_length=100)

    class Meta:
        indexes = ((("tenant", "rule", "version"), True),)


class RewardGrant(TenantModel):
    """A decision about one member: given, refused or noted, with its rule, version, cause and the values
    read.

    `key` is set only while something was given, so that what was refused may be asked again.
    """

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)
    key = CharField(max_length=200, null=True)
    asked = CharField(max_length=200)  # the key that was asked with, refused or not
    digest = CharField(max_length=64, default="")  # of what was asked for, for rewards that no rule decided
    member = UUIDField()
    rule = UUIDField(null=True)
    rule_version = IntegerField(null=True)
    subject = CharField(max_length=100)  # the rule's name, or what the plugin calls its decision
    state = CharField(max_length=8)  # given, partly, revoked; refused; noted
    reason = CharField(max_length=200)  # a code of a refusal, or the plugin's words
    evidence = JsonField(default=dict)  # the values that were read
    points = BigIntegerField(default=0)  # minted, for budgets
    batch = UUIDField(null=True)  # written by the release before, of its batches; the next drops it
    cause = CharField(max_length=100)
    at = TimeField()
    revoked_at = TimeField(null=True)
    revoke_reason = CharField(max_length=200, default="")

    class Meta:
        indexes = (
            (("tenant", "plugin", "key"), True),
            (("tenant", "member", "at"), False),
            (("tenant", "rule", "at"), False),
        )


class RewardItem(TenantModel):
    """One thing that a grant gave, and the receipt that taking it back needs."""

    id = UUIDField(primary_key=True, default=new_id)
    grant = UUIDField()
    position = IntegerField()
    kind = CharField(max_length=60)
    plugin = CharField(max_length=40)
    spec = JsonField()
    receipt = JsonField(default=dict)
    state = CharField(max_length=8, default="given")  # given, revoked, spent
    remark = TextField(default="")  # what could not be taken back

    class Meta:
        indexes = ((("tenant", "grant", "position"), True),)


class RewardCounter(TenantModel):
    """How much of a limit is used: `member:ID:PERIOD`, `total` or `points` of one rule. Only ever moved by
    `UPDATE … WHERE`.
    """

    id = BigAutoField()
    rule = UUIDField()
    name = CharField(max_length=80)
    used = BigIntegerField(default=0)

    class Meta:
        indexes = ((("tenant", "rule", "name"), True),)
