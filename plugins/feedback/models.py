"""Cases and what was said in them; surveys, what they were asked and answered, and who was asked when."""

from peewee import BooleanField, CharField, IntegerField, SmallIntegerField, TextField, UUIDField

from roost import BY_PLUGIN, DELETE, Blank, JsonField, MemberRows, TenantModel, TimeField, Unite, new_id

GONE = "（已应会员要求删除）"  # in the place of what an erased member wrote


class FeedbackCase(TenantModel):
    """One suggestion or complaint. `reply_by` and `solve_by` move it to head office when they pass."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    venue = UUIDField()
    category = CharField(max_length=12)
    text = TextField()
    pictures = JsonField(default=list)  # addresses of old cases; newer ones are media's, under the case's id
    state = CharField(max_length=10, default="new")  # new, working, replied, solved, closed
    escalated = BooleanField(default=False)
    handler = UUIDField(null=True)  # the staff account that took it
    score = SmallIntegerField(null=True)  # 1 to 5, by the member
    compensated = IntegerField(default=0)  # points
    reopened = SmallIntegerField(default=0)
    reply_by = TimeField(null=True)  # null: replied
    solve_by = TimeField(null=True)  # null: solved
    reply_late = BooleanField(default=False)  # that `reply_by` passed was told
    solve_late = BooleanField(default=False)
    solved_at = TimeField(null=True)
    created_at = TimeField()

    member_rows = MemberRows(erase=Blank(text=GONE, pictures=[]), export=None)  # exported with what was said in it

    class Meta:
        indexes = (
            (("tenant", "member", "id"), False),
            (("tenant", "venue", "state"), False),
            (("tenant", "reply_late", "reply_by"), False),
            (("tenant", "solve_late", "solve_by"), False),
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


class FeedbackRound(TenantModel):
    """One survey that staff put to many members."""

    id = UUIDField(primary_key=True, default=new_id)
    title = CharField(max_length=60)
    questions = JsonField(default=list)  # texts, in order
    states = JsonField(default=list)  # of the members who are asked: lead, member, lapsed
    venue = UUIDField(null=True)  # the members of one venue; null: everybody
    state = CharField(max_length=8, default="sending")  # sending, open, closed
    offered = IntegerField(default=0)
    passed_over = IntegerField(default=0)  # asked too recently
    created_by = UUIDField(null=True)
    created_at = TimeField()
    closes_at = TimeField()

    class Meta:
        indexes = ((("tenant", "state", "closes_at"), False),)


class FeedbackSurvey(TenantModel):
    """One survey put to one member, about a case or in a round; it keeps the questions as they were asked."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    venue = UUIDField(null=True)  # of the case, or the member's own
    case = UUIDField(null=True)
    round = UUIDField(null=True)
    questions = JsonField(default=list)
    state = CharField(max_length=8, default="open")  # open, answered, declined, expired
    text = TextField(null=True)  # the member's own words
    offered_at = TimeField()
    expires_at = TimeField()
    ended_at = TimeField(null=True)

    member_rows = MemberRows(erase=BY_PLUGIN, export=None)  # exported with its scores

    class Meta:
        indexes = (
            (("tenant", "member", "id"), False),
            (("tenant", "round", "state"), False),
            (("tenant", "state", "expires_at"), False),
            (("tenant", "offered_at"), False),
        )


class FeedbackAnswer(TenantModel):
    """The score of one question. It has what figures are counted by, and nothing that tells who gave it."""

    id = UUIDField(primary_key=True, default=new_id)
    survey = UUIDField()
    place = SmallIntegerField()  # of the question, from 0
    question = CharField(max_length=100)
    score = SmallIntegerField()  # 1 to 5
    venue = UUIDField(null=True)
    round = UUIDField(null=True)
    answered_at = TimeField()

    class Meta:
        indexes = (
            (("tenant", "survey", "place"), True),
            (("tenant", "round", "question"), False),
            (("tenant", "answered_at"), False),
        )


class FeedbackAsked(TenantModel):
    """When a member was last put any survey: the row that keeps them from being asked too often."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    asked_at = TimeField()

    member_rows = MemberRows(
        erase=DELETE, merge=Unite(newest="asked_at"), export=None
    )  # says nothing that the surveys do not

    class Meta:
        indexes = ((("tenant", "member"), True),)
