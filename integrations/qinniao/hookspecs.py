"""What this plugin tells the others, and the one thing it asks them."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from integrations.qinniao.signing import Scheme
from roost import Context, Fact, Text, decision, fact


class MembershipChanged(Fact):
    """A membership is another now. `state` is member or lapsed, `valid_until` the last day."""

    label = Text("会籍变更", "Membership changed")

    member: UUID
    state: str
    frozen: bool
    valid_until: date | None = None
    venue: UUID | None = None


class SaasMemberLinked(Fact):
    """We know now whom the SaaS means by a number of its own."""

    label = Text("关联业务系统会员", "SaaS member linked")

    member: UUID
    number: str


class SaasMemberKnown(Fact):
    """The SaaS knew this person's phone before they registered here: as a member, past or present, or as a lead."""

    label = Text("业务系统已有此人", "Person known to the SaaS")

    member: UUID


class _Booking(Fact):
    member: UUID
    booking: str  # the SaaS's number
    title: str = ""  # of the class
    starts_at: datetime | None = None
    venue: UUID | None = None
    coach: str = ""  # the SaaS's number


class BookingRecorded(_Booking):
    """A member has a place in a class."""

    label = Text("预约课程", "Class booked")


class BookingCancelled(_Booking):
    """A member gave up a place in a class, or it was taken from them."""

    label = Text("取消预约", "Booking cancelled")


class BookingAttended(_Booking):
    """A member came to a class they had booked."""

    label = Text("上课签到", "Class attended")


class CoachRelationTold(Fact):
    """The SaaS said that a member has, or no longer has, a coach: the numbers are its own."""

    label = Text("业务系统教练关系", "Coach named by the SaaS")

    member: UUID
    number: str
    relation: str
    coach: str
    status: Literal["assigned", "released"]
    version: int
    updated_at: datetime  # there
    since: datetime | None = None


@fact(since="1.0")
def membership_changed(ctx: Context, fact: MembershipChanged) -> None:
    """Fires when a membership began, ended, was frozen or taken up again, or got another last day."""


@fact(since="1.0")
def saas_member_linked(ctx: Context, fact: SaasMemberLinked) -> None:
    """Fires once when a number of the SaaS was linked with a member; a person may have several."""


@fact(since="1.0")
def saas_member_known(ctx: Context, fact: SaasMemberKnown) -> None:
    """Fires once for a person whom the SaaS turns out to have known before they registered."""


@fact(since="1.0")
def booking_recorded(ctx: Context, fact: BookingRecorded) -> None:
    """Fires when we hear that a booking is there, once for each time it was made."""


@fact(since="1.0")
def booking_cancelled(ctx: Context, fact: BookingCancelled) -> None:
    """Fires when a booking was cancelled, or is gone from the SaaS."""


@fact(since="1.0")
def booking_attended(ctx: Context, fact: BookingAttended) -> None:
    """Fires when the SaaS says that the member attended; a gate scan is a visit of its own."""


@fact(since="1.0")
def coach_relation_told(ctx: Context, fact: CoachRelationTold) -> None:
    """Fires with each news of a relation, as the SaaS tells it; the plugin ivep keeps the relations."""


@decision(since="1.0", combine="first")
def signing_scheme(ctx: Context, name: str) -> Scheme | None:
    """Ask for the way to sign calls that the settings name, when it is not ours; None: it is somebody else's."""
