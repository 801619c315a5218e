"""The three moments: a birthday, a level reached, a conversion. And the refunds that take gifts back."""

from calendar import isleap
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import BaseModel

from plugins.gifts.models import GiftsBirthday, GiftsOnce, GiftsWelcomed
from plugins.gifts.rules import ensure_standard, trigger_of
from plugins.gifts.schemas import GiftSettings
from plugins.levels import LevelSettings
from roost import Actor, Context, Next, Text, Words, blind, blinds, members, new_id, rewards

CHUNK = 200
NOWHERE = UUID(int=0)
WELCOME = "new_member"


class BirthdayTurn(BaseModel):
    """What a step of the chain carries: the tenant's day, and after whose id it begins."""

    day: date
    after: UUID = NOWHERE


def days_kept_on(day: date) -> list[tuple[int, int]]:
    """Return the (month, day) of birth that are celebrated on a day: 29 February on the 28th of a short year."""
    kept = (day.month, day.day)
    return [kept, (2, 29)] if kept == (2, 28) and not isleap(day.year) else [kept]


def birthdays(ctx: Context, turn: BirthdayTurn) -> Next | None:
    """Give to the next members whose birthday it is: one step of the chain `birthdays`."""
    ensure_standard(ctx)
    rules = rewards.rules(ctx, "birthday")
    if not rules:
        return None
    born = members.born_on(
        ctx, days_kept_on(turn.day), states=("lead", "member", "lapsed"), after=turn.after, limit=CHUNK
    )
    first = turn.day - timedelta(days=ctx.settings(GiftSettings).birthday_edit_days)
    for member in born:
        edited = max(filter(None, (member.birthday_changed_on, member.birthday_entered_on)), default=None)
        if edited is not None and edited >= first:
            evidence = {"birthday_edited_on": edited.isoformat(), "day": turn.day.isoformat()}
            rewards.note(
                ctx,
                [rewards.Note(member.id, Text("生日礼", "birthday"), "birthday_edited_lately", evidence, refused=True)],
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
    """Give what each level reached brings, once per level for life; two levels at once bring both.

    A level that was taken back before this was heard brings nothing. The member stays locked meanwhile: either the
    refund sees these gifts, or they see the refund.
    """
    ensure_standard(ctx)
    rank = {level.code: place for place, level in enumerate(ctx.settings(LevelSettings).levels)}
    for person, level in members.levels_of(ctx, [member], lock=True).items():
        for reached in passed:
            if rank.get(level, len(rank)) < rank.get(reached, 0):
                why = rewards.Note(person, Text("成长礼", "growth"), "level_taken_back", {"level": level}, refused=True)
                rewards.note(ctx, [why])
                continue
            every, this = rewards.rules(ctx, "growth"), rewards.rules(ctx, trigger_of("growth", reached))
            _give_once(ctx, person, trigger_of("growth", reached), [*every, *this])


def welcome(ctx: Context, member: UUID) -> None:
    """Give what a conversion brings, once a person: also when they left and registered the same phone again."""
    ensure_standard(ctx)
    member = members.resolve(ctx, member)
    if _left_before(ctx, member):
        rewards.note(ctx, [rewards.Note(member, Text("新会员礼", "welcome"), "welcomed_before", {}, refused=True)])
        return
    _give_once(ctx, member, WELCOME, rewards.rules(ctx, WELCOME))


def _left_before(ctx: Context, member: UUID) -> bool:
    phone = _phone(ctx, member)
    if not phone:
        return False
    known = GiftsWelcomed.phone_blind.in_(blinds(ctx, "phone", phone))
    return GiftsWelcomed.scoped(ctx).first(known, GiftsWelcomed.forget_on > ctx.today()) is not None


def _phone(ctx: Context, member: UUID) -> str:
    return members.phone_of(ctx.acting(Actor("system", reason="gifts")), member)


def remember_welcome(ctx: Context, member: UUID) -> None:
    """Keep, of a member who is being erased, that their phone was welcomed: its blind index, until a day."""
    days = ctx.settings(GiftSettings).welcome_memory_days
    had = GiftsOnce.scoped(ctx).first(GiftsOnce.member == member, GiftsOnce.occasion == WELCOME)
    phone = _phone(ctx, member) if days and had is not None else ""
    if phone:
        row = {"phone_blind": blind(ctx, "phone", phone), "forget_on": ctx.today() + timedelta(days=days)}
        GiftsWelcomed.scoped(ctx).insert(id=new_id(), **row).on_conflict_ignore().execute()


def forget_welcomes(ctx: Context) -> int:
    """Delete what was kept of members who left long enough ago."""
    return int(GiftsWelcomed.scoped(ctx).delete().where(GiftsWelcomed.forget_on <= ctx.today()).execute())


def _give_once(ctx: Context, member: UUID, occasion: str, rules: Iterable[rewards.RuleView]) -> None:
    """Give what rules say on an occasion that comes once in a life. Where no rule gave anything, it has not come."""
    mark = new_id()
    row = GiftsOnce.scoped(ctx).insert(id=mark, member=member, occasion=occasion, grants=[], at=ctx.now())
    if not list(row.on_conflict_ignore().returning(GiftsOnce.id).execute()):
        return
    given = [rewards.grant(ctx, rule, member, key=f"{occasion}:{mark}:{rule.id}") for rule in rules]
    made = [str(grant.id) for grant in given if grant is not None]
    if made:
        GiftsOnce.scoped(ctx).update(grants=made).where(GiftsOnce.id == mark).execute()
    else:
        GiftsOnce.scoped(ctx).delete().where(GiftsOnce.id == mark).execute()


def take_growth_back(ctx: Context, member: UUID, levels: Iterable[str]) -> list[rewards.Revocation]:
    """Take back the gifts of levels that a refund took away: what is not shipped, handed over or used yet. The rest is
    listed in the results, and its claims wait for staff.

    A level of which everything came back may bring its gifts again, when it is earned.
    """
    if not ctx.settings(GiftSettings).reverse_growth:
        return []
    member = members.resolve(ctx, member)
    done: list[rewards.Revocation] = []
    for level in levels:
        back = _take_back(ctx, member, trigger_of("growth", level), Text("退款收回等级", "level refunded"))
        if back and not any(one.spent for one in back):
            mine = (GiftsOnce.member == member) & (GiftsOnce.occasion == trigger_of("growth", level))
            GiftsOnce.scoped(ctx).delete().where(mine).execute()
        done += back
    return done


def _take_back(ctx: Context, member: UUID, occasion: str, reason: Words) -> list[rewards.Revocation]:
    mark = GiftsOnce.scoped(ctx).first(GiftsOnce.member == member, GiftsOnce.occasion == occasion)
    grants = mark.grants if mark is not None else []
    return [rewards.revoke(ctx, UUID(grant), reason=reason) for grant in grants]


def take_welcome_back(ctx: Context, member: UUID, reason: Words) -> list[rewards.Revocation]:
    """Take back what a member's conversion brought; what was used is listed in the results. It does not come again."""
    return _take_back(ctx, members.resolve(ctx, member), WELCOME, reason)


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
    return take_welcome_back(ctx, now.id, Text("会籍退款", "membership refunded"))
