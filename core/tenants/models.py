"""Tables of the deployment's tenants."""

from peewee import AutoField, BooleanField, CharField, IntegerField, UUIDField

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import BaseModel, TenantModel


class Tenant(BaseModel):
    """One brand. `version` grows with every change of its plugins or settings."""

    id = AutoField()
    slug = CharField(max_length=40, unique=True)
    name = CharField(max_length=100)
    zone = CharField(max_length=64)
    host = CharField(max_length=255, null=True, unique=True)  # a Host header that names this tenant
    version = IntegerField(default=1)
    created_at = TimeField()


class Venue(TenantModel):
    """A shop. `code` is what the business software calls it."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=40)
    name = CharField(max_length=100)
    region = CharField(max_length=60, default="")
    open = BooleanField(default=True)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "code"), True),)


class TenantPlugin(TenantModel):
    """Whether a plugin is on for a tenant, and what the tenant set for it."""

    slug = CharField(max_length=40)
    enabled = BooleanField()
    enabled_at = TimeField(null=True)  # schedules never reach back before it
    settings = JsonField(default=dict)

    class Meta:
        indexes = ((("tenant", "slug"), True),)
