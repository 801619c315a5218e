"""The outbox, the jobs and the slots of schedules."""

from peewee import BigAutoField, CharField, IntegerField, SmallIntegerField, TextField, UUIDField

from core.fields import TimeField
from core.ids import new_id
from core.tables import TenantModel


class Event(TenantModel):
    """A fact as it was written, in the transaction of what it tells."""

    id = UUIDField(primary_key=True, default=new_id)
    name = CharField(max_length=60)
    schema_version = SmallIntegerField()
    origin = CharField(max_length=8)
    cause = CharField(max_length=100)
    body = TextField()  # the fact's own fields as JSON
    occurred_at = TimeField()
    recorded_at = TimeField()

    class Meta:
        indexes = ((("tenant", "name", "recorded_at"), False),)


class Job(TenantModel):
    """Work to do once. `due_at` is when to look at it again: its start while queued, its lease's end while running."""

    id = BigAutoField()
    plugin = CharField(max_length=40)
    kind = CharField(max_length=100)
    payload = TextField()  # JSON: ids and small values
    state = CharField(max_length=8, default="queued")  # queued, running, done, dead, skipped
    attempt = IntegerField(default=0)  # claims so far: the fence
    claims = IntegerField(default=0)  # claims since one last came to an end: many mean that it kills its worker
    failures = IntegerField(default=0)  # claims that ended in an error
    due_at = TimeField()
    cause = CharField(max_length=100, default="")
    origin = CharField(max_length=8, default="live")
    dedupe = CharField(max_length=120, null=True)
    error = TextField(default="")
    created_at = TimeField()
    finished_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "kind", "dedupe"), True), (("tenant", "state", "id"), False))


Job.add_index(Job.due_at, where=Job.state.in_(("queued", "running")), name="job_due")


class ScheduleSlot(TenantModel):
    """A schedule fired for a slot; the unique index makes it fire once however many workers look."""

    id = BigAutoField()
    schedule = CharField(max_length=100)
    slot = CharField(max_length=16)  # the tenant's local date, or a UTC minute
    fired_at = TimeField()

    class Meta:
        indexes = ((("tenant", "schedule", "slot"), True),)
