"""Change what a member or staff may change of a profile; see a phone, with a reason."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from core import tenants
from core.contract.context import Context
from core.contract.facts import MemberUpdated
from core.errors import Conflict, Forbidden, Invalid
from core.members.attributes import checked_attributes
from core.members.class_lists import overruled, write_class
from core.members.consents import give_consent, withdraw_consent
from core.members.finding import check_scope, row_of
from core.members.models import Member
from core.members.registration import clean_name, sealed_name
from core.members.views import MemberView, name_in_clear, phone_in_clear, view
from core.words import Words

GENDERS = ("", "male", "female")
LOCALES = ("zh", "en")
EARLIEST_BIRTHDAY = date(1900, 1, 1)
FIELDS = ("name", "gender", "birthday", "venue", "locale", "attributes", "consents")


def _wrong(path: str, message: str, message_zh: str) -> Invalid:
    return Invalid(message, message_zh, code="bad_profile", fields=[{"path": path, "message": message}])


def _may_edit(ctx: Context, row: Member) -> None:
    if ctx.actor.kind == "member" and ctx.actor.id is not None:
        if row_of(ctx, ctx.actor.id).id != row.id:
            raise Forbidden("a member changes only their own profile", "只能修改本人资料")
        return
    ctx.require("members.edit")
    check_scope(ctx, row)


def update_profile(ctx: Context, member_id: UUID, changes: Mapping[str, Any]) -> MemberView:
    """Change some of name, gender, birthday, venue, locale, attributes, consents; publish `member_updated`.

    `attributes` is merged, None takes one away; `consents` is `{purpose: {"given": bool, "policy_version":
    "…", "channel": "…"}}`. A birthday may be filled in once and then changed once in 365 days, by members
    and staff alike; the system (the business software, an import) is not held to it. Raises Invalid with
    paths, Conflict for a birthday changed too soon, Forbidden for somebody else's profile.
    """
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise _wrong(
            unknown[0][:40],
            f"a profile has no {unknown[0][:40]!r}; it has {', '.join(FIELDS)}",
            "资料字段不存在",
        )
    row = row_of(ctx, member_id, lock=True)
    _may_edit(ctx, row)
    if row.erased_at is not None:
        raise Conflict("this member was erased", "该会员已注销", code="erased")
    values: dict[str, Any] = {}
    if "name" in changes:
        name = clean_name(changes["name"]) if changes["name"] else ""
        if name != name_in_clear(ctx, row):
            values["name"] = sealed_name(ctx, name) if name else None
    for key, allowed in (("gender", GENDERS), ("locale", LOCALES)):
        if key in changes and changes[key] != getattr(row, key):
            if changes[key] not in allowed:
                raise _wrong(key, f"{key} is one of {', '.join(filter(None, allowed))}", "取值不正确")
            values[key] = changes[key]
    if "venue" in changes and changes["venue"] != row.venue:
        if changes["venue"] is not None:
            tenants.venue(ctx, changes["venue"])
        values["venue"] = changes["venue"]
    if "birthday" in changes:
        values |= _birthday(ctx, row, changes["birthday"])
    if "attributes" in changes:
        merged = {**row.attributes, **checked_attributes(ctx, changes["attributes"] or {})}
        merged = {code: value for code, value in merged.items() if value is not None}
        if merged != row.attributes:
            values["attributes"] = merged
    changed = tuple(sorted(set(values) - {"birthday_changed_on", "birthday_entered_on"}))
    for purpose, answer in (changes.get("consents") or {}).items():
        _consent(ctx, row.id, purpose, answer)
        changed = tuple(sorted({*changed, "consents"}))
    if values:
        Member.scoped(ctx).update(**values).where(Member.id == row.id).execute()
    if changed:
        ctx.publish(MemberUpdated(member=row.id, changed=changed))
        if ctx.actor.kind != "member":
            ctx.audit("member.updated", str(row.id), {"changed": changed})
    return view(ctx, row_of(ctx, row.id))


def _consent(ctx: Context, member: UUID, purpose: str, answer: Any) -> None:  # Any: JSON as it came
    if not isinstance(answer, Mapping) or not isinstance(answer.get("given"), bool):
        raise _wrong(
            f"consents.{purpose[:40]}",
            "a consent is {given: true or false, policy_version, channel}",
            "同意记录格式不正确",
        )
    channel = str(answer.get("channel") or "")
    if answer["given"]:
        give_consent(ctx, member, purpose, policy_version=str(answer.get("policy_version") or ""), channel=channel)
    else:
        withdraw_consent(ctx, member, purpose, channel=channel)


def _birthday(ctx: Context, row: Member, birthday: Any) -> dict[str, Any]:  # Any: JSON as it came
    if isinstance(birthday, str):
        try:
            birthday = date.fromisoformat(birthday)
        except ValueError:
            raise _wrong("birthday", "a birthday is a date such as 1990-02-28", "生日格式不正确") from None
    if birthday == row.birthday:
        return {}
    today = ctx.today()
    if birthday is not None and not (isinstance(birthday, date) and EARLIEST_BIRTHDAY <= birthday <= today):
        raise _wrong("birthday", "a birthday lies between 1900 and today", "生日日期不正确")
    if row.birthday is None and row.birthday_changed_on is None:
        return {"birthday": birthday, "birthday_entered_on": today if ctx.actor.kind != "system" else None}
    if ctx.actor.kind != "system" and row.birthday_changed_on is not None:
        again = _a_year_later(row.birthday_changed_on)
        if today < again:
            raise Conflict(
                f"the birthday was changed on {row.birthday_changed_on}; it can be changed again on {again}",
                f"生日每年只能修改一次，{again} 之后可再次修改",
                code="birthday_changed",
                again_on=again.isoformat(),
            )
    return {"birthday": birthday, "birthday_changed_on": today}


def _a_year_later(day: date) -> date:
    return day.replace(year=day.year + 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year + 1)


def set_class(ctx: Context, member_id: UUID, class_: str, reason: Words) -> bool:
    """Put a member in a class ("vip", "staff", …): another thing than the level. False when they are in it.
    Audited. No list of another system takes it away.
    """
    if not 1 <= len(class_) <= 40:
        raise Invalid("a class has 1 to 40 characters", "会员类别需为 1 到 40 个字符")
    row = row_of(ctx, member_id, lock=True)
    overruled(ctx, row.id)
    if row.class_ == class_:
        return False
    write_class(ctx, row, class_, reason)
    return True


def reveal_phone(ctx: Context, member_id: UUID, reason: str) -> str:
    """Return a member's whole phone, `+8613812345678`, or "". Needs members.reveal and a reason; leaves an
    audit row.
    """
    ctx.require("members.reveal")
    if len(reason.strip()) < 2:
        raise Invalid(
            "say why the number is needed",
            "请填写查看原因",
            code="reason_needed",
            fields=[{"path": "reason", "message": "a reason of at least two characters"}],
        )
    row = row_of(ctx, member_id)
    check_scope(ctx, row)
    ctx.audit("member.phone_revealed", str(row.id), {"reason": reason.strip()[:200]})
    return phone_in_clear(ctx, row)


def phone_of(ctx: Context, member_id: UUID) -> str:
    """Return a member's whole phone for an integration that acts as the system (to match, to send);
    Forbidden for others.
    """
    if ctx.actor.kind != "system":
        raise Forbidden("only the system reads a phone without a reason; staff use reveal_phone", "无权查看完整手机号")
    return phone_in_clear(ctx, row_of(ctx, member_id))
