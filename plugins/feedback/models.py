"""Cases, what was said in them, and what staff note among themselves."""

from peewee import BooleanField, CharField, IntegerField, SmallIntegerField, TextField, UUIDField

from roost import JsonField, TenantModel, TimeField, new_id


class FeedbackCase(TenantModel):
    """One suggestion or complaint. `reply_by` and `solve_by` move it to head office when they pass."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    venue = UUIDField()
    category = CharField(max_length=12)
    text = TextField()
    pictures = JsonField(default=list)
    state = CharField(max_length=10, default="new")  # new, working, replied, solved, closed
    escalated = BooleanField(default=False)
    handler = UUIDField(null=True)  # the staff account that took it
    score = SmallIntegerField(null=True)  # 1 to 5, by the member
    compensated = IntegerField(default=0)  # points
    reopened = SmallIntegerField(default=0)
    reply_by = TimeField(null=True)  # null: replied
    solve_by = TimeField(null=True)  # null: solved
    solved_at = TimeField(null=True)
    created_at = TimeField()

    class Meta:
        indexes = (
            (("tenant", "member", "id"), False),
            (("tenant", "venue", "state"), False),
            (("tenant", "escalated", "reply_by"), False),
            (("tenant", "escalated", "solve_by"), False),
        )


class FeedbackMessage(TenantModel):
    """One thing said. `internal` ones are for staff only."""

    id = UUIDField(primary_key=True, default=new_id)
    case = UUIDField()
    author = CharField(max_length=8)  # member, staff, system
    staff = UUIDField(null=True)
    internal = BooleanField(default=False)
    text = TextField()
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "case", "id"), False),)
