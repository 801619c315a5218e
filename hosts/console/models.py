"""Tables of the console."""

from peewee import BigIntegerField, CharField, TextField, UUIDField

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class Approval(TenantModel):
    """An act above its limit that waits for a second member of staff, and what they decided."""

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)
    resource = CharField(max_length=60)
    action = CharField(max_length=60)
    subject = CharField(max_length=64)  # the row's id, as text
    body = JsonField(null=True)  # the form as it was sent
    reason = TextField(default="")
    stood = CharField(max_length=64)  # fingerprint of what the row said then; see `Action.stands_on`
    amount = BigIntegerField()  # what was compared with the action's limit
    venue = UUIDField(null=True)  # of the row: decides who may see this
    state = CharField(max_length=10, default="pending")  # pending, approved, rejected
    requested_by = UUIDField(null=True)
    requested_at = TimeField()
    decided_by = UUIDField(null=True)
    decided_at = TimeField(null=True)
    note = TextField(default="")

    class Meta:
        table_name = "approval"
        indexes = (
            (("tenant", "state", "id"), False),
            (("tenant", "plugin", "resource", "subject"), False),
        )


class SentForm(TenantModel):
    """A form that was sent: the same one, sent twice by a double click or a reload, acts once."""

    nonce = CharField(max_length=40)
    sent_at = TimeField()

    class Meta:
        table_name = "console_sent_form"
        indexes = ((("tenant", "nonce"), True), (("tenant", "sent_at"), False))
