"""The three moments: a birthday, a level reached, a conversion. And the refund that takes a welcome back."""

from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import BaseModel

from plugins.gifts.models import GiftsBirthday, GiftsRule
from plugins.gifts.rules import ensure_standard, trigger_of
from plugins.gifts.schemas import GiftSettings
from roost import Context, Next, members, new_id, rewards

CHUNK = 200
NOWHERE = UUID(int=0)


class BirthdayTurn(BaseModel):
    """What a step of the chain carries: the tenant's day, and after whose id it begins."""

    day: date
    after: UUID = NOWHERE


def days_kept_on(day: date) -> list[tuple[int, int]]:
    """Return the (month, day) of birth that are celebrated on a day: 29 February on the 28th of a short
    year.
    """
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    return [(2, 28), (2, 29)] if (day.month, day.day) == (2, 28) and not leap else [(day.month, day.day)]


def birthdays(ctx: Context, turn: BirthdayTurn) -> Next | None:
    """Give to the next members whose birthday it is: one step of the chain `birthdays`."""
    ensure_standard(ctx)
    rules = rewards.rules(ctx, "birthday")
    if not rules:
        return None
    born = members.born_on(
        ctx, days_kept_on(turn.day), states=("lead", "member", "lapsed"), after=turn.after, limit=CHUNK
    )
    edit_days = ctx.settings(GiftSettings).birthday_edit_days
    for member in born:
        edited = member.birthday_changed_on
        if edited is not None and timedelta(0) <= turn.day - edited <= timedelta(days=edit_days):
            evidence = {"birthday_changed_on": edited.isoformat(), "day": turn.day.isoformat()}
            rewards.note(
                ctx,
                [rewards.Note(member.id, "生日礼 / birthday", "birthday_edited_lately", evidence, refused=True)],
            )
            continue
        _celebrate(ctx, rules, member.id, turn.day)
    return Next(BirthdayTurn(day=turn.day, after=born[-1].id)) if len(born) == CHUNK else None


def _celebrate(ctx: Context, rules: list[rewards.RuleView], member: UUID, day: date) -> None:
    mark = GiftsBirthday.scoped(ctx).insert(id=new_id(), member=member, year=day.year)
    if not list(mark.on_conflict_ignore().returning(GiftsBirthday.id).execute()):
        return  # had one this year: by another date, or by another level
    given = [rewards.grant(ctx, rule, member, key=f"birthday:{rule.id}:{day.year}:{member}") for rule in rules]
    if not any(given):
        GiftsBirthday.scoped(ctx).delete().where(
            GiftsBirthday.member == member, GiftsBirthday.year == day.year
        ).execute()


def grown(ctx: Context, member: UUID, passed: tuple[str, ...]) -> None:
    """Give what each level reached brings, once per level for life; two levels at once bring both."""
    ensure_standard(ctx)
    for level in passed:
        every, this = (
            rewards.rules(ctx, trigger_of("growth")),
            rewards.rules(ctx, trigger_of("growth", level)),
        )
        for rule in [*every, *this]:
            rewards.grant(ctx, rule, member, key=f"growth:{rule.id}:{level}:{member}")


def welcome(ctx: Context, member: UUID) -> None:
    """Give what a conversion brings, once a person."""
    ensure_standard(ctx)
    for rule in rewards.rules(ctx, "new_member"):
        rewards.grant(ctx, rule, member, key=_welcome_key(rule.id, member))


def _welcome_key(rule: UUID, member: UUID) -> str:
    return f"new_member:{rule}:{member}"


def take_welcome_back(ctx: Context, member: UUID, reason: str) -> list[rewards.Revocation]:
    """Take back what a member's conversion brought; what was used is listed in the results."""
    member = members.resolve(ctx, member)
    rules = GiftsRule.scoped(ctx).select(GiftsRule.rule).where(GiftsRule.moment == "new_member")
    given = [rewards.find_grant(ctx, _welcome_key(row.rule, member)) for row in rules]
    return [rewards.revoke(ctx, grant.id, reason=reason) for grant in given if grant is not None]


def ended_early(ctx: Context, member: UUID, at: datetime | None) -> list[rewards.Revocation]:
    """Take the welcome back when a membership ended before its time within the reversal days: it was
    refunded.

    One that ran out on its last day (a week's card) was used, and keeps its welcome.
    """
    now = members.get(ctx, member)
    if now.state != "lapsed" or now.converted_at is None:
        return []
    when = at or ctx.now()
    if when - now.converted_at > timedelta(days=ctx.settings(GiftSettings).reversal_days):
        return []
    if now.valid_until is not None and now.valid_until < ctx.today():
        return []
    return take_welcome_back(ctx, now.id, "会籍退款 / membership refunded")
