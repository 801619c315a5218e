"""Members as a resource: who is listed, what staff may change, and what needs a reason or a second person."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core import members, points
from core.contract.console import Action, Choice, Column, Form, Resource
from core.contract.context import Context
from core.ids import new_id
from core.members.models import Member
from core.privacy import PhoneText
from core.words import Text
from hosts.console.member_care_resources import BarIn, ValueIn, set_bar, set_value, told

STATES = {
    "lead": Text("潜客", "Lead"),
    "member": Text("会员", "Member"),
    "lapsed": Text("已过期", "Lapsed"),
}
GENDERS = {"male": Text("男", "Male"), "female": Text("女", "Female")}
ASSET_NAMES = {
    "points": Text("积分", "Points"),
    "growth": Text("成长值", "Growth"),
    "stored_value": Text("储值", "Stored value"),
}


class MemberOut(BaseModel):
    """A member as staff see one in a list; the phone is masked."""

    id: UUID
    name: str
    phone_masked: str
    state: str
    level: str
    member_class: str
    gender: str
    birthday: date | None
    venue: UUID | None
    channel: str
    registered_at: datetime
    converted_at: datetime | None
    valid_until: date | None
    frozen: bool
    own: list[dict[str, str]]


class MemberIn(BaseModel):
    """A person staff register on site."""

    model_config = ConfigDict(extra="forbid")

    phone: PhoneText = Field(json_schema_extra={"zh": "手机号", "en": "Phone"})
    name: str = Field("", max_length=40, json_schema_extra={"zh": "姓名", "en": "Name"})
    venue: UUID | None = Field(None, json_schema_extra={"zh": "所属门店", "en": "Home venue"})


class ProfileIn(BaseModel):
    """What staff may change of a profile."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=40, json_schema_extra={"zh": "姓名", "en": "Name"})
    gender: Literal["male", "female"] | None = Field(
        None, json_schema_extra={"zh": "性别", "en": "Gender", "choices": {"male": "男", "female": "女"}}
    )
    birthday: date | None = Field(
        None,
        description="may be changed once a year · 每年只能修改一次",
        json_schema_extra={"zh": "生日", "en": "Birthday"},
    )
    venue: UUID | None = Field(None, json_schema_extra={"zh": "所属门店", "en": "Home venue"})


class AdjustIn(BaseModel):
    """A correction of an account by hand."""

    model_config = ConfigDict(extra="forbid")

    asset: Literal["points", "growth"] = Field(
        "points",
        json_schema_extra={"zh": "账户", "en": "Account", "choices": {"points": "积分", "growth": "成长值"}},
    )
    amount: int = Field(
        ge=-1_000_000_000,
        le=1_000_000_000,
        description="positive: add; negative: take · 正数增加，负数扣减",
        json_schema_extra={"zh": "数量", "en": "Amount"},
    )
    reason: str = Field(min_length=2, max_length=100, json_schema_extra={"zh": "原因", "en": "Reason"})

    @field_validator("amount")
    @classmethod
    def _not_zero(cls, amount: int) -> int:
        if amount == 0:
            raise ValueError("数量不能为 0")
        return amount


class ClassIn(BaseModel):
    """The class a member is put in."""

    model_config = ConfigDict(extra="forbid")

    member_class: Annotated[str, Choice("classes")] = Field(
        min_length=1,
        max_length=40,
        json_schema_extra={"zh": "会员类别", "en": "Class"},
    )
    reason: str = Field(min_length=2, max_length=200, json_schema_extra={"zh": "原因", "en": "Reason"})


class EraseIn(BaseModel):
    """Why a member's personal data are erased."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=2,
        max_length=200,
        description="cannot be undone · 此操作不可恢复",
        json_schema_extra={"zh": "注销原因", "en": "Reason"},
    )


def _members(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    found = members.get_many(ctx, [row.id for row in rows])
    definitions, shown = members.attributes(ctx), []
    for row in rows:
        view = found[row.id]
        values = {name: getattr(view, name) for name in MemberOut.model_fields if name not in ("member_class", "own")}
        shown.append({**values, "member_class": view.class_, "own": told(definitions, view.attributes)})
    return shown


def _register(ctx: Context, body: MemberIn) -> UUID:
    view, _ = members.register(ctx, channel="staff", phone=body.phone, name=body.name or None, venue=body.venue)
    return view.id


def _update(ctx: Context, member: UUID, body: ProfileIn) -> None:
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if "gender" in changes:
        changes["gender"] = changes["gender"] or ""
    members.update_profile(ctx, member, changes)


def _adjust(ctx: Context, member: UUID, body: AdjustIn) -> None:
    move = points.credit if body.amount > 0 else points.debit
    move(ctx, member, body.asset, abs(body.amount), key=f"adjust:{new_id()}", reason=body.reason)


def _set_class(ctx: Context, member: UUID, body: ClassIn) -> None:
    members.set_class(ctx, member, body.member_class, body.reason)


def _erase(ctx: Context, member: UUID, body: EraseIn) -> None:
    members.erase(ctx, member, body.reason)


def _alive(row: Any) -> bool:
    return row.erased_at is None


MEMBERS = Resource(
    name="members",
    area="members",
    title=Text("会员", "Members"),
    model=Member,
    reply=MemberOut,
    permission="members.view",
    edit_permission="members.edit",
    export_permission="members.export",
    venue="venue",
    member="id",
    present=_members,
    create=Form(MemberIn, _register),
    edit=Form(ProfileIn, _update),
    actions=(
        Action(
            "adjust",
            Text("调整积分", "Adjust points"),
            _adjust,
            "points.adjust",
            form=AdjustIn,
            reason=True,
            idempotent=True,
            approve_over=lambda body: abs(body.amount),
            limit=lambda ctx: ctx.services.settings.adjust_limit,
            counted_as=lambda body: f"adjust.{body.asset}",
            stands_on=(),
            shown=_alive,
        ),
        Action(
            "class",
            Text("更改类别", "Change class"),
            _set_class,
            "members.edit",
            form=ClassIn,
            reason=True,
            shown=_alive,
        ),
        Action(
            "attribute",
            Text("填写自定义字段", "Fill in a field"),
            set_value,
            "members.edit",
            form=ValueIn,
            shown=_alive,
        ),
        Action(
            "bar",
            Text("限制参加", "Bar"),
            set_bar,
            "members.bar",
            form=BarIn,
            reason=True,
            shown=_alive,
        ),
        Action(
            "erase",
            Text("注销并清除资料", "Erase"),
            _erase,
            "members.erase",
            form=EraseIn,
            reason=True,
            shown=_alive,
        ),
    ),
    columns=(
        Column("name", Text("姓名", "Name")),
        Column("phone_masked", Text("手机号", "Phone"), "phone"),
        Column("state", Text("身份", "State"), "choice", choices=STATES, filter=True),
        Column("level", Text("等级", "Level"), "choice", source="levels", filter=True),
        Column("member_class", Text("类别", "Class"), "choice", source="classes"),
        Column("venue", Text("所属门店", "Home venue"), "venue", filter=True),
        Column("channel", Text("来源", "Channel"), "choice", source="member_channels", filter=True),
        Column("registered_at", Text("注册时间", "Registered"), "time", filter=True),
        Column("gender", Text("性别", "Gender"), "choice", choices=GENDERS, list=False),
        Column("birthday", Text("生日", "Birthday"), "date", list=False),
        Column("converted_at", Text("入会时间", "Joined"), "time", list=False),
        Column("valid_until", Text("有效期至", "Valid until"), "date"),
        Column("frozen", Text("停卡", "Frozen"), "bool", filter=True),
        Column(
            "own",
            Text("自定义字段", "Fields of your own"),
            "table",
            parts=(Column("title", Text("字段", "Field")), Column("value", Text("内容", "Value"))),
            list=False,
        ),
    ),
)


def unmerged() -> Any:  # Any: a peewee expression
    """Leave out those who were merged into somebody else."""
    return Member.merged_into.is_null()
