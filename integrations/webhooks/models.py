"""Tables: addresses that subscribe, what each is to be told, and every attempt to tell it."""

from peewee import CharField, IntegerField, TextField, UUIDField

from roost import JsonField, SealedField, TenantModel, TimeField, new_id


class WebhooksEndpoint(TenantModel):
    """An address that is told facts."""

    id = UUIDField(primary_key=True, default=new_id)
    url = TextField()
    description = CharField(max_length=200, default="")
    facts = JsonField()  # names
    state = CharField(max_length=8, default="on")  # on, off (by staff), disabled (by us)
    reason = CharField(max_length=10, default="")  # of disabled: gone, failing
    secret = SealedField("secret")
    old_secret = SealedField("old_secret", null=True)  # signs too until `old_until`
    old_until = TimeField(null=True)
    shown_to = UUIDField(null=True)  # who made the present secret, and may read it until `shown_until`
    shown_until = TimeField(null=True)
    failures = IntegerField(default=0)  # attempts in a row
    failing_since = TimeField(null=True)
    paused_until = TimeField(null=True)  # nothing is sent before: see `deliveries`
    created_at = TimeField()
    changed_at = TimeField()

    noun = "webhook address"

    class Meta:
        indexes = ((("tenant", "state"), False),)

    @property
    def active(self) -> bool:
        return bool(self.state == "on")


class WebhooksDelivery(TenantModel):
    """One fact for one address.

    `round` grows with everything that starts it anew: a job of an earlier round does nothing.
    """

    id = UUIDField(primary_key=True, default=new_id)
    endpoint = UUIDField()
    event = UUIDField()  # the stored event's id: what a receiver deduplicates by
    fact = CharField(max_length=60)
    body = TextField()  # as it is signed and sent, the same each time
    state = CharField(max_length=9, default="waiting")  # waiting, parked, sending, delivered, failed, stopped
    round = IntegerField(default=0)
    attempts = IntegerField(default=0)  # of this round
    status = IntegerField(null=True)  # HTTP, of the last attempt
    error = CharField(max_length=20, default="")  # of the last attempt, where there was no status
    due_at = TimeField()  # waiting: when it is sent; sending: when whoever sends it is taken for dead
    occurred_at = TimeField()
    created_at = TimeField()
    finished_at = TimeField(null=True)

    noun = "delivery"

    class Meta:
        indexes = (
            (("tenant", "endpoint", "event"), True),
            (("tenant", "endpoint", "state", "id"), False),
            (("tenant", "created_at"), False),
        )


class WebhooksAttempt(TenantModel):
    """One try, and what the receiver said."""

    id = UUIDField(primary_key=True, default=new_id)
    endpoint = UUIDField()
    delivery = UUIDField()
    number = IntegerField()
    status = IntegerField(null=True)
    error = CharField(max_length=20, default="")
    duration_ms = IntegerField()
    reply = CharField(max_length=300, default="")  # its beginning, with numbers and signatures taken out
    created_at = TimeField()

    noun = "attempt"

    class Meta:
        indexes = (
            (("tenant", "delivery", "id"), False),
            (("tenant", "endpoint", "id"), False),
            (("tenant", "created_at"), False),
        )
