"""What staff see of levels."""

from plugins.levels import classes, service
from plugins.levels.models import LevelsClassRule, LevelsHistory, LevelsStanding
from plugins.levels.schemas import (
    ClassRuleIn,
    ClassRuleOut,
    EndManualLevel,
    HistoryOut,
    ManualLevel,
    NewManualLevel,
    StandingOut,
)
from roost import Action, Column, Form, Resource, Text

REASONS = {
    "growth": Text(zh="成长值达标", en="growth reached"),
    "kept": Text(zh="保级成功", en="kept"),
    "requalified": Text(zh="周期重新定级", en="judged at the period's end"),
    "refunded": Text(zh="退款收回", en="taken back by a refund"),
    "manual": Text(zh="人工设置", en="by hand"),
    "manual_ended": Text(zh="人工等级到期", en="level by hand ended"),
}

STANDINGS = Resource(
    name="standings",
    offers={"levels": service.named_levels},
    summary=(
        Column("name", Text(zh="等级", en="Level")),
        Column("growth", Text(zh="成长值", en="Growth"), "int"),
        Column("next", Text(zh="下一等级", en="Next level"), "choice", source="levels"),
        Column("missing", Text(zh="还差成长值", en="Growth missing"), "int"),
        Column("period_end", Text(zh="下次定级日", en="Judged again on"), "date"),
    ),
    title=Text(zh="会员等级", en="Standings"),
    model=LevelsStanding,
    reply=StandingOut,
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("level", Text(zh="等级", en="Level"), "choice", source="levels", filter=True),
        Column("since", Text(zh="生效时间", en="Since"), "time"),
        Column("period_end", Text(zh="下次定级日", en="Judged again on"), "date", filter=True),
        Column("manual_until", Text(zh="人工等级截止", en="By hand until"), "date", filter=True),
    ),
    permission="levels.view",
    edit_permission="levels.edit",
    create=Form(NewManualLevel, service.give_by_hand),
    actions=(
        Action(
            "set",
            Text(zh="人工调整", en="Set by hand"),
            service.change_by_hand,
            permission="levels.edit",
            form=ManualLevel,
            reason=True,
        ),
        Action(
            "end",
            Text(zh="结束人工等级", en="End by hand"),
            service.end_by_hand,
            permission="levels.edit",
            form=EndManualLevel,
            reason=True,
            shown=lambda row: row.manual_until is not None,
        ),
    ),
    venue_free=True,
    export_permission="levels.view",
)

HISTORY = Resource(
    name="history",
    title=Text(zh="等级变动记录", en="Level history"),
    model=LevelsHistory,
    reply=HistoryOut,
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("old", Text(zh="原等级", en="From"), "choice", source="levels"),
        Column("new", Text(zh="新等级", en="To"), "choice", source="levels", filter=True),
        Column("reason", Text(zh="原因", en="Reason"), "choice", choices=REASONS, filter=True),
        Column("growth", Text(zh="周期成长值", en="Growth in the window"), "int"),
        Column("threshold", Text(zh="所需成长值", en="Growth needed"), "int"),
        Column("words", Text(zh="备注", en="Words"), list=False),
        Column("actor", Text(zh="操作者", en="Actor"), "actor", list=False),
        Column("at", Text(zh="时间", en="At"), "time", filter=True),
    ),
    permission="levels.view",
    venue_free=True,
    export_permission="levels.view",
)

CLASS_RULES = Resource(
    name="class_rules",
    title=Text(zh="类别变更规则", en="Class rules"),
    model=LevelsClassRule,
    reply=ClassRuleOut,
    columns=(
        Column("name", Text(zh="名称", en="Name")),
        Column("from_class", Text(zh="原类别", en="From"), "choice", source="classes", filter=True),
        Column("to_class", Text(zh="新类别", en="To"), "choice", source="classes", filter=True),
        Column("conditions", Text(zh="条件", en="Conditions"), "conditions"),
        Column("position", Text(zh="顺序", en="Order"), "int"),
        Column("active", Text(zh="启用", en="On"), "bool", filter=True),
    ),
    permission="levels.edit",
    edit_permission="levels.edit",
    create=Form(ClassRuleIn, classes.create),
    edit=Form(ClassRuleIn, classes.edit),
    venue_free=True,
    member=None,
)
