"""What members are told of their level."""

from plugins.levels.hookspecs import LevelAtRisk, LevelWithinReach
from plugins.levels.service import public
from plugins.levels.standing import ladder_of
from roost import Context, LevelUp, Notice, Text, Told

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
)
