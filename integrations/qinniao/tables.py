"""The tables that every server of the open protocol needs, for the plugins that derive theirs from them."""

from peewee import BooleanField, CharField, DateField, IntegerField, UUIDField

from roost import SealedField, TenantModel, TimeField, new_id


class PushedTable(TenantModel):
    """One event as it was pushed, sealed: it carries phones."""

    id = UUIDField(primary_key=True, default=new_id)
    event_id = CharField(max_length=100)
    event_type = CharField(max_length=60)
    body = SealedField("event", null=True)
    state = CharField(max_length=8, default="received")  # received, done, stale, waiting, stored, ignored, failed
    note = CharField(max_length=300, default="")
    member = UUIDField(null=True)
    venue = UUIDField(null=True)
    occurred_at = TimeField()
    received_at = TimeField()
    processed_at = TimeField(null=True)

    noun = "event"


class ListTable(TenantModel):
    """How far the reconciliation of one kind has come; `Following` keeps it."""

    id = UUIDField(primary_key=True, default=new_id)
    kind = CharField(max_length=10)
    cursor = CharField(max_length=500, null=True)
    run = UUIDField(null=True)  # the chain that is at work: an older one stops when it sees another here
    state = CharField(max_length=8, default="idle")  # idle, running, failed
    started_on = DateField(null=True)  # the tenant's date
    since = TimeField(null=True)  # the list is read anew from here: its cursor led nowhere
    restarted = BooleanField(default=False)  # in the last run, for that
    pages = IntegerField(default=0)  # of the last run
    mark = CharField(max_length=64, default="")  # what an earlier page of it held: the same again is a circle
    finished_at = TimeField(null=True)  # when a run last came to the end of the list
    items = IntegerField(default=0)  # of the last run
    found = IntegerField(default=0)  # of those, news that no push had brought
    rejected = IntegerField(default=0)
    tries = IntegerField(default=0)
    error = CharField(max_length=300, default="")

    noun = "list"
