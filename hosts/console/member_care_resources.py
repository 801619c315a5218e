"""What staff set beside a member's profile: functions they are kept out of, and the fields of the tenant's own."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import members
from core.contract.console import Action, Choice, Column, Form, Resource
from core.contract.context import Context
from core.errors import Invalid, NotFound
from core.members.models import AttributeDefinition, MemberBar
from core.words import Text

KINDS = {
    "text": Text("文字", "Text"),
    "int": Text("整数", "Whole number"),
    "bool": Text("是／否", "Yes or no"),
    "date": Text("日期", "Date"),
    "choice": Text("单选", "Choice"),
}
TRUE, FALSE = ("是", "yes", "true"), ("否", "no", "false")
Kind = Literal["text", "int", "bool", "date", "choice"]


class BarIn(BaseModel):
    """What a member is kept out of, why, and until when."""

    model_config = ConfigDict(extra="forbid")

    function: Annotated[str, Choice("bar_functions")] = Field(
        min_length=1, max_length=60, json_schema_extra={"zh": "功能", "en": "Function"}
    )
    reason: str = Field(min_length=2, max_length=200, json_schema_extra={"zh": "原因", "en": "Reason"})
    until: date | None = Field(
        None,
        description="that day too; empty: without end · 含当日；留空为一直限制",
        json_schema_extra={"zh": "限制至", "en": "Last day"},
    )


class LiftIn(BaseModel):
    """Why a member is let in again."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=200, json_schema_extra={"zh": "原因", "en": "Reason"})


class BarOut(BaseModel):
    """A member kept out of a function, now or once."""

    id: UUID
    member: UUID
    function: str
    reason: str
    until: date | None
    barred_at: datetime
    lifted_at: datetime | None


def set_bar(ctx: Context, member: UUID, body: BarIn) -> None:
    """Keep a member out of a function that asks for it."""
    if body.function not in {manifest.slug for manifest in ctx.services.registry.manifests() if manifest.bars}:
        fields = [{"path": "function", "message": "pick one of the list"}]
        raise Invalid(f"nobody is kept out of {body.function!r}", "请从列表中选择功能", fields=fields)
    members.bar(ctx, member, body.function, body.reason, until=body.until)


def _lift(ctx: Context, bar: UUID, body: LiftIn) -> None:
    row = MemberBar.scoped(ctx).get(MemberBar.id == bar)
    members.lift_bar(ctx, row.member, row.function, body.reason)


BARS = Resource(
    name="bars",
    area="members",
    title=Text("参加限制", "Bars"),
    model=MemberBar,
    reply=BarOut,
    permission="members.view",
    actions=(
        Action(
            "lift",
            Text("解除限制", "Lift"),
            _lift,
            "members.bar",
            form=LiftIn,
            reason=True,
            shown=lambda row: row.lifted_at is None,
        ),
    ),
    columns=(
        Column("barred_at", Text("开始", "Since"), "time"),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("function", Text("功能", "Function"), "choice", source="bar_functions", filter=True),
        Column("reason", Text("原因", "Reason")),
        Column("until", Text("限制至", "Last day"), "date"),
        Column("lifted_at", Text("解除时间", "Lifted"), "time"),
    ),
)


class AttributeIn(BaseModel):
    """A field to add to members' profiles."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1,
        max_length=40,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="its name in the API, with a small letter first · 接口中的名称，以小写字母开头",
        json_schema_extra={"zh": "编码", "en": "Code"},
    )
    title: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "名称", "en": "Title"})
    kind: Kind = Field(
        "text",
        description="cannot be changed later · 保存后不可更改",
        json_schema_extra={"zh": "类型", "en": "Kind", "choices": {name: text.zh for name, text in KINDS.items()}},
    )
    choices: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        [],
        max_length=100,
        description="for one choice of several only · 仅单选类型填写",
        json_schema_extra={"zh": "选项", "en": "Choices"},
    )
    by_member: bool = Field(False, json_schema_extra={"zh": "会员可自行填写", "en": "Members may fill it in"})


class AttributeEdit(BaseModel):
    """What may change of a field; its code and kind stay, for members have values."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "名称", "en": "Title"})
    choices: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        [],
        max_length=100,
        description="for one choice of several only · 仅单选类型填写",
        json_schema_extra={"zh": "选项", "en": "Choices"},
    )
    by_member: bool = Field(False, json_schema_extra={"zh": "会员可自行填写", "en": "Members may fill it in"})
    active: bool = Field(True, json_schema_extra={"zh": "启用", "en": "Active"})


class AttributeOut(BaseModel):
    """A field of the tenant's own."""

    id: UUID
    code: str
    title: str
    kind: str
    choices: list[str]
    by_member: bool
    active: bool


def _define(ctx: Context, body: AttributeIn) -> UUID:
    if AttributeDefinition.scoped(ctx).first(AttributeDefinition.code == body.code):
        fields = [{"path": "code", "message": "there is one already · 已存在"}]
        raise Invalid(f"there is a field {body.code} already", f"编码 {body.code} 已存在", fields=fields)
    members.define_attribute(
        ctx, members.Attribute(body.code, body.title, body.kind, tuple(body.choices), body.by_member)
    )
    return AttributeDefinition.scoped(ctx).get(AttributeDefinition.code == body.code).id  # type: ignore[no-any-return]  # peewee


def _redefine(ctx: Context, attribute: UUID, body: AttributeEdit) -> None:
    row = AttributeDefinition.scoped(ctx).get(AttributeDefinition.id == attribute)
    values = members.Attribute(row.code, body.title, row.kind, tuple(body.choices), body.by_member, body.active)
    members.define_attribute(ctx, values)


ATTRIBUTES = Resource(
    name="attributes",
    area="members",
    title=Text("会员自定义字段", "Fields of members"),
    model=AttributeDefinition,
    reply=AttributeOut,
    permission="members.view",
    edit_permission="members.edit",
    member=None,
    create=Form(AttributeIn, _define),
    edit=Form(AttributeEdit, _redefine),
    columns=(
        Column("title", Text("名称", "Title")),
        Column("code", Text("编码", "Code")),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS),
        Column("choices", Text("选项", "Choices"), "choice", list=False),
        Column("by_member", Text("会员可自行填写", "Members may fill it in"), "bool"),
        Column("active", Text("启用", "Active"), "bool", filter=True),
    ),
)


class ValueIn(BaseModel):
    """A member's value of one field of the tenant's own."""

    model_config = ConfigDict(extra="forbid")

    attribute: Annotated[str, Choice("member_attributes")] = Field(
        min_length=1, max_length=40, json_schema_extra={"zh": "字段", "en": "Field"}
    )
    value: str = Field(
        "",
        max_length=500,
        description="empty: none; a day as 2026-11-30, yes or no · 留空为清除；日期如 2026-11-30，是／否填 是 或 否",
        json_schema_extra={"zh": "内容", "en": "Value"},
    )


def set_value(ctx: Context, member: UUID, body: ValueIn) -> None:
    """Set or clear one field of a member, as it was typed. Raises Invalid for what the field does not take."""
    found = next((one for one in members.attributes(ctx) if one.code == body.attribute and one.active), None)
    if found is None:
        raise NotFound(f"there is no field {body.attribute!r}", "没有该字段，请刷新后重试")
    members.update_profile(ctx, member, {"attributes": {found.code: _typed(found, body.value.strip())}})


def _typed(attribute: members.Attribute, text: str) -> Any:
    """Return what was typed as the field keeps it; what it cannot be stays text, which the field then refuses."""
    if not text:
        return None
    if attribute.kind == "int":
        return int(text) if text.removeprefix("-").isdecimal() else text
    if attribute.kind == "bool":
        return True if text.lower() in TRUE else False if text.lower() in FALSE else text
    return text


def told(definitions: Sequence[members.Attribute], values: Any) -> list[dict[str, str]]:
    """Return a member's values of the tenant's own fields in words: (title, value) of each that has one."""
    words = {True: "是", False: "否"}
    return [
        {"title": one.title, "value": words[value] if isinstance(value, bool) else str(value)}
        for one in definitions
        if (value := values.get(one.code)) is not None
    ]
