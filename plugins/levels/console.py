"""What staff see of levels."""

from plugins.levels import classes, service
from plugins.levels.models import LevelsClassRule, LevelsHistory, LevelsStanding
from plugins.levels.schemas import (
    ClassRuleIn,
    EndManualLevel,
    ManualLevel,
    NewManualLevel,
)
from roost import Action, Column, Form, Resource, Text

REASONS = {
    "growth": Text("成长值达标", "growth reached"),
    "kept": Text("保级成功", "kept"),
    "requalified": Text("周期重新定级", "judged at the period's end"),
    "refunded": Text("退款收回", "taken back by a refund"),
    "manual": Text("人工设置", "by hand"),
    "manual_ended": Text("人工等级到期", "level by hand ended"),
}

STANDINGS = Resource(
    name="standings",
    offers={"levels": service.named_levels},
    summary=(
        Column("name", Text("等级", "Level")),
        Column("growth", Text("成长值", "Growth"), "int"),
        Column("next", Text("下一等级", "Next level"), "choice", source="levels"),
        Column("missing", Text("还差成长值", "Growth missing"), "int"),
        Column("period_end", Text("下次定级日", "Judged again on"), "date"),
    ),
    title=Text("会员等级", "Standings"),
    model=LevelsStanding,
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("level", Text("等级", "Level"), "choice", source="levels", filter=True),
        Column("since", Text("生效时间", "Since"), "time"),
        Column("period_end", Text("下次定级日", "Judged again on"), "date", filter=True),
        Column("manual_until", Text("人工等级截止", "By hand until"), "date", filter=True),
    ),
    permission="levels.view",
    edit_permission="levels.edit",
    create=Form(NewManualLevel, service.give_by_hand),
    actions=(
        Action("set", Text("人工调整", "Set by hand"), service.change_by_hand, form=ManualLevel, reason=True),
        Action(
            "end",
            Text("结束人工等级", "End by hand"),
            service.end_by_hand,
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
    title=Text("等级变动记录", "Level history"),
    model=LevelsHistory,
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("old", Text("原等级", "From"), "choice", source="levels"),
        Column("new", Text("新等级", "To"), "choice", source="levels", filter=True),
        Column("reason", Text("原因", "Reason"), "choice", choices=REASONS, filter=True),
        Column("growth", Text("周期成长值", "Growth in the window"), "int"),
        Column("threshold", Text("所需成长值", "Growth needed"), "int"),
        Column("words", Text("备注", "Words"), list=False),
        Column("actor", Text("操作者", "Actor"), "actor", list=False),
        Column("at", Text("时间", "At"), "time", filter=True),
    ),
    permission="levels.view",
    venue_free=True,
    export_permission="levels.view",
)

CLASS_RULES = Resource(
    name="class_rules",
    title=Text("类别变更规则", "Class rules"),
    model=LevelsClassRule,
    columns=(
        Column("name", Text("名称", "Name")),
        Column("from_class", Text("原类别", "From"), "choice", source="classes", filter=True),
        Column("to_class", Text("新类别", "To"), "choice", source="classes", filter=True),
        Column("conditions", Text("条件", "Conditions"), "conditions"),
        Column("position", Text("顺序", "Order"), "int"),
        Column("active", Text("启用", "On"), "bool", filter=True),
    ),
    permission="levels.edit",
    create=Form(ClassRuleIn, classes.create),
    edit=Form(ClassRuleIn, classes.edit),
    venue_free=True,
)
