"""What happened, a row each, with nothing unique about it."""

from peewee import AutoField, CharField, IntegerField

from roost import TenantModel


class FaultlabEffect(TenantModel):
    """One effect of a delivery, job or schedule."""

    id = AutoField()
    kind = CharField(max_length=40)
    number = IntegerField()
    text = CharField(max_length=40, default="")

    class Meta:
        indexes = ((("tenant", "kind", "number"), False),)
