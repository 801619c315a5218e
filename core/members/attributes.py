"""Fields that a tenant adds to its members' profiles: defined once, typed, checked on every write."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from core.contract.context import Context
from core.errors import Invalid
from core.members.models import AttributeDefinition

Kind = Literal["text", "int", "bool", "date", "choice"]
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
TEXT_LENGTH = 500
LARGEST = 2**53  # integers that JSON readers keep exact
MOST = 100  # definitions of a tenant


@dataclass(frozen=True, slots=True)
class Attribute:
    """One field of a tenant's own. `by_member`: members may fill it in themselves."""

    code: str
    title: str
    kind: Kind
    choices: tuple[str, ...] = ()
    by_member: bool = False
    active: bool = True


def define_attribute(ctx: Context, attribute: Attribute) -> None:
    """Add a field, or change its title, choices and switches; its kind stays, for values are stored. Audited.

    Raises Invalid for a bad code, kind or choices.
    """
    ctx.require("members.edit")
    if not CODE.fullmatch(attribute.code):
        raise Invalid("an attribute's code is 1 to 40 of a-z, 0-9 and _, starting with a letter", "属性编码格式不正确")
    if attribute.kind not in get_args(Kind):
        raise Invalid(f"an attribute is one of {', '.join(get_args(Kind))}, not {attribute.kind!r}", "属性类型不正确")
    if (attribute.kind == "choice") != bool(attribute.choices):
        raise Invalid("an attribute of the kind choice has choices, others have none", "仅选项类属性可设置选项")
    held = AttributeDefinition.scoped(ctx).first(AttributeDefinition.code == attribute.code)
    values = {
        "title": attribute.title[:60],
        "choices": list(attribute.choices),
        "by_member": attribute.by_member,
        "active": attribute.active,
    }
    if held is None:
        if AttributeDefinition.scoped(ctx).select().count() >= MOST:
            raise Invalid(f"a tenant has at most {MOST} attributes", f"最多 {MOST} 个自定义属性")
        AttributeDefinition.scoped(ctx).create(code=attribute.code, kind=attribute.kind, **values)
    else:
        if held.kind != attribute.kind:
            raise Invalid(
                f"the attribute {attribute.code} is of the kind {held.kind}: it has values, add another",
                "属性类型不可更改，请新增属性",
            )
        AttributeDefinition.scoped(ctx).update(**values).where(AttributeDefinition.id == held.id).execute()
    ctx.audit("member.attribute_defined", attribute.code)


def attributes(ctx: Context) -> list[Attribute]:
    """Return the tenant's own fields, by code."""
    return [
        Attribute(row.code, row.title, row.kind, tuple(row.choices), row.by_member, row.active)
        for row in AttributeDefinition.scoped(ctx).select().order_by(AttributeDefinition.code)
    ]


def checked_attributes(ctx: Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they are stored, None takes one away; Invalid has a path for each wrong one."""
    known = {a.code: a for a in attributes(ctx) if a.active}
    wrong: list[dict[str, str]] = []
    checked: dict[str, Any] = {}
    for code, value in values.items():
        attribute = known.get(code)
        if attribute is None or (ctx.actor.kind == "member" and not attribute.by_member):
            wrong.append({"path": f"attributes.{code[:40]}", "message": "no such attribute"})
            continue
        fault = None if value is None else _fault(attribute, value)
        if fault:
            wrong.append({"path": f"attributes.{code}", "message": fault})
        else:
            checked[code] = value.isoformat() if isinstance(value, date) else value
    if wrong:
        raise Invalid("some attributes cannot be used", "部分属性无效", code="bad_attributes", fields=wrong)
    return checked


def _fault(attribute: Attribute, value: Any) -> str | None:  # Any: a JSON value as it came
    kind, choices = attribute.kind, attribute.choices
    if kind == "text":
        return (
            None
            if isinstance(value, str) and len(value) <= TEXT_LENGTH
            else f"text of at most {TEXT_LENGTH} characters"
        )
    if kind == "int":
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
        return None if fits else "a whole number"
    if kind == "bool":
        return None if isinstance(value, bool) else "true or false"
    if kind == "date":
        return None if _is_date(value) else "a date such as 2026-11-22"
    return None if value in choices else f"one of {_list(choices)}"


def _is_date(value: Any) -> bool:
    if isinstance(value, date):
        return True
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _list(choices: Sequence[str]) -> str:
    return ", ".join(choices)
