"""What members are told of their level."""

from plugins.levels.hookspecs import LevelAtRisk, LevelRevoked, LevelWithinReach, ManualLevelEnded, ManualLevelEnding
from plugins.levels.models import LevelsHistory
from plugins.levels.service import public
from plugins.levels.standing import ladder_of
from roost import Context, LevelDown, LevelUp, Notice, Text, Told

LINK = "pages/levels/me"


def _name(ctx: Context, code: str) -> str:
    _, ladder = ladder_of(ctx)
    return public(ctx, ladder.level(code)).name


def _up(ctx: Context, fact: LevelUp) -> Told:
    return Told(fact.member, {"level": _name(ctx, fact.new)})


def _at_risk(ctx: Context, fact: LevelAtRisk) -> Told:
    values = {"level": _name(ctx, fact.level), "missing": str(fact.missing), "until": fact.ends_on.isoformat()}
    return Told(fact.member, values)


def _near(ctx: Context, fact: LevelWithinReach) -> Told:
    return Told(fact.member, {"level": _name(ctx, fact.level), "missing": str(fact.missing)})


def _moved(ctx: Context, fact: LevelDown | LevelRevoked | ManualLevelEnded) -> Told:
    return Told(fact.member, {"old": _name(ctx, fact.old), "level": _name(ctx, fact.new)})


def _down(ctx: Context, fact: LevelDown) -> Told | None:
    """Tell of a fall at a period's end; the other falls have notices of their own."""
    query = LevelsHistory.scoped(ctx).select().where(LevelsHistory.member == fact.member)
    last = query.order_by(LevelsHistory.at.desc(), LevelsHistory.id.desc()).first()
    if last is None or (last.reason, last.old, last.new) != ("requalified", fact.old, fact.new):
        return None
    return _moved(ctx, fact)


def _ending(ctx: Context, fact: ManualLevelEnding) -> Told:
    values = {"old": _name(ctx, fact.level), "level": _name(ctx, fact.falls_to), "until": fact.ends_on.isoformat()}
    return Told(fact.member, values)


def _ended(ctx: Context, fact: ManualLevelEnded) -> Told | None:
    return _moved(ctx, fact) if fact.old != fact.new else None


NOTICES = (
    Notice(
        "level_up",
        Text("等级提升", "A new level"),
        _up,
        Text("恭喜您升级为{level}！", "You have reached the level {level}. Congratulations!"),
        link=LINK,
    ),
    Notice(
        "level_at_risk",
        Text("保级提醒", "Keep your level"),
        _at_risk,
        Text(
            "{until} 前再获得 {missing} 成长值，即可保住{level}。",
            "Earn {missing} more growth before {until} to keep your level {level}.",
        ),
        link=LINK,
    ),
    Notice(
        "level_within_reach",
        Text("即将升级", "Nearly there"),
        _near,
        Text("再获得 {missing} 成长值，即可升级为{level}。", "{missing} more growth, and you reach {level}."),
        link=LINK,
    ),
    Notice(
        "level_down",
        Text("等级调整", "Your level"),
        _down,
        Text(
            "{old}的定级周期已结束，您当前的等级为{level}。",
            "Your period as {old} is over; your level is now {level}.",
        ),
        link=LINK,
    ),
    Notice(
        "level_revoked",
        Text("等级收回", "Level taken back"),
        _moved,
        Text(
            "因退款，{old}已收回，您当前的等级为{level}。",
            "After a refund, your level {old} is taken back; it is now {level}.",
        ),
        link=LINK,
    ),
    Notice(
        "manual_level_ending",
        Text("等级即将到期", "Your level ends soon"),
        _ending,
        Text(
            "为您设置的{old}将于 {until} 到期，之后按成长值为{level}。",
            "Your level {old} was given until {until}; after that, by your growth, it is {level}.",
        ),
        link=LINK,
    ),
    Notice(
        "manual_level_ended",
        Text("等级已到期", "Your level has ended"),
        _ended,
        Text(
            "为您设置的{old}已到期，您当前的等级为{level}。",
            "Your level {old} has ended; your level is now {level}.",
        ),
        link=LINK,
    ),
)
