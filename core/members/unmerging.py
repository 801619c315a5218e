"""Take a merge back, up to 30 days after it: what is still there moves, the rest is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import IntegrityError

from core import db, points
from core.contract.context import Context
from core.contract.facts import MemberUpdated
from core.errors import Conflict, NotFound
from core.members.class_lists import beside_lists, settle_class
from core.members.merging import lock_pair, membership_of
from core.members.models import Consent, Member, MemberBar, MemberIdentity, MemberMerge
from core.members.registration import sealed_phone
from core.members.views import name_in_clear, phone_in_clear

UNDO_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What came of taking a merge back: amounts by asset, and fields that stayed, changed meanwhile."""

    returned: Mapping[str, int]
    short: Mapping[str, int]  # spent or expired since: stays gone
    kept: tuple[str, ...]


def unmerge(ctx: Context, merged_id: UUID, reason: str) -> Unmerged:
    """Take the merge of `merged_id` back, up to 30 days after it. Needs members.merge; audited.

    What is still there moves back: identities, consents, fields that nobody changed since, points that the
    survivor still has. The rest is said in the result. What plugins moved stays with the survivor. Raises
    NotFound when there is no such merge, Conflict when it is too old or one of the two was merged again or
    erased.
    """
    ctx.require("members.merge")
    query = MemberMerge.scoped(ctx).select().where(MemberMerge.merged == merged_id, MemberMerge.undone_at.is_null())
    done = query.order_by(MemberMerge.merged_at.desc()).first()
    if done is None:
        raise NotFound("this member is not merged", "该会员未被合并")
    if ctx.now() - done.merged_at > UNDO_FOR:
        raise Conflict(
            f"the merge of {done.merged_at:%Y-%m-%d} is more than {UNDO_FOR.days} days old",
            "合并已超过 30 天，无法撤销",
            code="too_late",
        )
    beside_lists(ctx)
    member, merged = lock_pair(ctx, done.member, merged_id)
    if member.merged_into is not None or merged.erased_at is not None or member.erased_at is not None:
        raise Conflict(
            "the surviving member was merged again, or one of the two was erased",
            "主会员已再次合并或注销，无法撤销",
            code="cannot_unmerge",
        )
    Member.scoped(ctx).update(merged_into=None).where(Member.id == merged.id).execute()
    _return_children(ctx, merged.id)
    kept = _give_back(ctx, member, merged, done.moved["fields"])
    for one in (member.id, merged.id):
        settle_class(ctx, one)
    for name, model in (("identities", MemberIdentity), ("consents", Consent), ("bars", MemberBar)):
        ids = [UUID(one) for one in done.moved[name]]
        if ids:
            model.scoped(ctx).update(member=merged.id).where(model.id.in_(ids)).execute()
    returned, short = _return_assets(ctx, done, member.id, merged.id)
    MemberMerge.scoped(ctx).update(undone_at=ctx.now()).where(MemberMerge.id == done.id).execute()
    for one in (member.id, merged.id):
        ctx.publish(MemberUpdated(member=one, changed=("merge",)))
    ctx.audit(
        "member.unmerged",
        str(member.id),
        {"merged": str(merged.id), "reason": reason, "returned": returned, "short": short, "kept": kept},
    )
    return Unmerged(returned, short, tuple(kept))


def _return_children(ctx: Context, merged: UUID) -> None:
    """Let those who were merged into `merged` before point at them again."""
    open_ = MemberMerge.scoped(ctx).select(MemberMerge.merged)
    children = [c.merged for c in open_.where(MemberMerge.member == merged, MemberMerge.undone_at.is_null())]
    if children:
        Member.scoped(ctx).update(merged_into=merged).where(Member.id.in_(children)).execute()


def _return_assets(
    ctx: Context, done: MemberMerge, member: UUID, merged: UUID
) -> tuple[dict[str, int], dict[str, int]]:
    returned: dict[str, int] = {}
    short: dict[str, int] = {}
    ledger = ctx.for_plugin("core")
    held = points.balances(ctx, member)
    for asset, amount in sorted(done.moved["assets"].items()):
        back = min(amount, held[asset].available) if asset in held else 0
        if back:
            points.transfer(ledger, member, merged, asset, back, key=f"unmerge:{done.id}:{asset}", reason="unmerge")
            returned[asset] = back
        if back < amount:
            short[asset] = amount - back
    return returned, short


def _give_back(ctx: Context, member: Member, merged: Member, undo: dict[str, Any]) -> list[str]:
    """Empty the survivor's fields that came from the merge and are as they were; return those that stay."""
    values: dict[str, Any] = {}
    kept: list[str] = []
    attributes = dict(member.attributes)
    for name in undo["filled"]:
        if name.startswith("attributes."):
            code = name.partition(".")[2]
            if code in attributes and attributes[code] == merged.attributes.get(code):
                del attributes[code]
            else:
                kept.append(name)
        elif name == "phone":
            same = phone_in_clear(ctx, member) == phone_in_clear(ctx, merged)
            if same:
                cleared = {"phone": None, "phone_blind": None, "phone_last_four": None}
                Member.scoped(ctx).update(**cleared).where(Member.id == member.id).execute()
            if not _regain_phone(ctx, merged) or not same:
                kept.append(name)
        elif name == "name" and name_in_clear(ctx, member) == name_in_clear(ctx, merged):
            values["name"] = None
        elif name != "name" and getattr(member, name) == getattr(merged, name):
            values[name] = "" if name == "gender" else None
        else:
            kept.append(name)
    if attributes != member.attributes:
        values["attributes"] = attributes
    if "membership" in undo:
        if membership_of(ctx, member) == membership_of(ctx, merged):
            state, valid_until, frozen, version = undo["membership"]
            values |= {"state": state, "frozen": frozen, "membership_version": version}
            values["valid_until"] = date.fromisoformat(valid_until) if valid_until else None
        else:
            kept.append("membership")
    for name in ("registered_at", "converted_at"):
        if name in undo and getattr(member, name) == getattr(merged, name):
            values[name] = datetime.fromisoformat(undo[name]) if undo[name] else None
    if values.get("converted_at", 1) is None and values.get("state", member.state) != "lead":
        del values["converted_at"]  # they hold a membership of their own by now: it was their first
    if values:
        Member.scoped(ctx).update(**values).where(Member.id == member.id).execute()
    return kept


def _regain_phone(ctx: Context, merged: Member) -> bool:
    """Let the merged one be found by their phone again; False when somebody else has it by now."""
    try:
        with db.savepoint():
            columns = sealed_phone(ctx, phone_in_clear(ctx, merged))
            Member.scoped(ctx).update(**columns).where(Member.id == merged.id).execute()
    except IntegrityError:
        Member.scoped(ctx).update(phone=None).where(Member.id == merged.id).execute()
        return False
    return True
