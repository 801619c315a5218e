"""Members as a resource: who is listed, what staff may change, and what needs a reason or a second person."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core import members, points
from core.context import Context
from core.ids import new_id
from core.members.models import Member
from core.privacy import PhoneText
from core.runtime.declarations import Action, Choice, Column, Form, Resource
from core.runtime.manifest import Text
from hosts.console.member_care_resources import BarIn, ValueIn, set_bar, set_value, told

STATES = {
    "lead": Text(zh="潜客", en="Lead"),
    "member": Text(zh="会员", en="Member"),
    "lapsed": Text(zh="已过期", en="Lapsed"),
}
GENDERS = {"male": Text(zh="男", en="Male"), "female": Text(zh="女", en="Female")}
ASSET_NAMES = {
    "points": Text(zh="积分", en="Points"),
    "growth": Text(zh="成长值", en="Growth"),
    "stored_value": Text(zh="储值", en="Stored value"),
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
        None, description="每年只能修改一次", json_schema_extra={"zh": "生日", "en": "Birthday"}
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
        description="正数增加，负数扣减",
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
        description="此操作不可恢复",
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
    title=Text(zh="会员", en="Members"),
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
            Text(zh="调整积分", en="Adjust points"),
            _adjust,
            "points.adjust",
            form=AdjustIn,
            reason=True,
            idempotent=True,
            approve_over=lambda body: abs(body.amount),
            limit=lambda ctx: ctx.runtime.settings.adjust_limit,
            counted_as=lambda body: f"adjust.{body.asset}",
            stands_on=(),
            shown=_alive,
        ),
        Action(
            "class",
            Text(zh="更改类别", en="Change class"),
            _set_class,
            "members.edit",
            form=ClassIn,
            reason=True,
            shown=_alive,
        ),
        Action(
            "attribute",
            Text(zh="填写自定义字段", en="Fill in a field"),
            set_value,
            "members.edit",
            form=ValueIn,
            shown=_alive,
        ),
        Action(
            "bar",
            Text(zh="限制参加", en="Bar"),
            set_bar,
            "members.bar",
            form=BarIn,
            reason=True,
            shown=_alive,
        ),
        Action(
            "erase",
            Text(zh="注销并清除资料", en="Erase"),
            _erase,
            "members.erase",
            form=EraseIn,
            reason=True,
            shown=_alive,
        ),
    ),
    columns=(
        Column("name", Text(zh="姓名", en="Name")),
        Column("phone_masked", Text(zh="手机号", en="Phone"), "phone"),
        Column("state", Text(zh="身份", en="State"), "choice", choices=STATES, filter=True),
        Column("level", Text(zh="等级", en="Level"), "choice", source="levels", filter=True),
        Column("member_class", Text(zh="类别", en="Class"), "choice", source="classes"),
        Column("venue", Text(zh="所属门店", en="Home venue"), "venue", filter=True),
        Column("channel", Text(zh="来源", en="Channel"), "choice", source="member_channels", filter=True),
        Column("registered_at", Text(zh="注册时间", en="Registered"), "time", filter=True),
        Column("gender", Text(zh="性别", en="Gender"), "choice", choices=GENDERS, list=False),
        Column("birthday", Text(zh="生日", en="Birthday"), "date", list=False),
        Column("converted_at", Text(zh="入会时间", en="Joined"), "time", list=False),
        Column("valid_until", Text(zh="有效期至", en="Valid until"), "date"),
        Column("frozen", Text(zh="停卡", en="Frozen"), "bool", filter=True),
        Column(
            "own",
            Text(zh="自定义字段", en="Fields of your own"),
            "table",
            parts=(Column("title", Text(zh="字段", en="Field")), Column("value", Text(zh="内容", en="Value"))),
            list=False,
        ),
    ),
)


def unmerged() -> Any:  # Any: a peewee expression
    """Leave out those who were merged into somebody else."""
    return Member.merged_into.is_null()
