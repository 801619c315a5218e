"""Tables with sealed columns: two of one row and an index of one, and a table with a number for a key."""

import json

from peewee import AutoField, CharField, UUIDField

from roost import BlindField, SealedField, TenantModel, new_id


def phone_in(clear: str) -> str | None:
    """Return the phone in a sealed address."""
    found: str | None = json.loads(clear).get("phone")
    return found


class VaultBox(TenantModel):
    """A box."""

    id = UUIDField(primary_key=True, default=new_id)
    title = CharField(default="")
    address = SealedField(null=True)  # sealed as "address", its own name
    remark = SealedField("note", null=True)
    phone_blind = BlindField("phone", of="address", read=phone_in, null=True)

    class Meta:
        indexes = ((("tenant", "phone_blind"), True),)


class VaultKey(TenantModel):
    """A key."""

    id = AutoField()
    secret = SealedField("secret")
