"""Join two records of one person; `core.members.unmerging` takes it back.

The merged row stays and points at the survivor; ids resolve, sessions and identities carry on as the
survivor. Points move by transfers of the ledger, lot by lot, so they keep their expiry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core import db, points
from core.contract.context import Context
from core.contract.facts import MemberMerged
from core.errors import Conflict, Invalid
from core.members import rows
from core.members.class_lists import beside_lists, settle_class
from core.members.finding import not_found
from core.members.lapsing import state_on
from core.members.models import Consent, Member, MemberBar, MemberIdentity, MemberMerge
from core.members.registration import sealed_phone
from core.members.views import MemberView, name_in_clear, phone_in_clear, view

STANDING = {"lead": 0, "lapsed": 1, "member": 2}  # the better membership survives
ASSETS_ZH = {"points": "积分", "growth": "成长值", "stored_value": "储值"}
FILLED = ("name", "gender", "birthday", "venue")  # taken over where the survivor has none


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do. It is possible when `blockers` is empty."""

    member: MemberView
    merged: MemberView
    taken: tuple[str, ...]  # fields that the survivor would take over
    differing: tuple[str, ...]  # fields where the survivor's value stays and the other is no longer shown
    assets: Mapping[str, int]  # what would move, by asset
    identities: int
    blockers: tuple[str, ...]  # in words
    blockers_zh: tuple[str, ...] = ()  # the same in Chinese


def lock_pair(ctx: Context, member_id: UUID, merged_id: UUID) -> tuple[Member, Member]:
    """Lock both rows, lower id first."""
    if member_id == merged_id:
        raise Invalid("a member cannot be merged into themselves", "不能与自己合并")
    rows = {}
    for one in sorted((member_id, merged_id)):
        query = Member.scoped(ctx).select().where(Member.id == one)
        row = (query.for_update() if db.dialect() == "postgresql" else query).first()
        if row is None:
            raise not_found()
        rows[one] = row
    return rows[member_id], rows[merged_id]


def _taken(ctx: Context, member: Member, merged: Member) -> list[str]:
    taken = [f for f in FILLED if not getattr(member, f) and getattr(merged, f)]
    if member.phone is None and merged.phone is not None:
        taken.append("phone")
    today = ctx.today()
    if STANDING[state_on(merged, today)] > STANDING[state_on(member, today)]:
        taken.append("membership")
    taken += [f"attributes.{code}" for code in merged.attributes if code not in member.attributes]
    return taken


def _differing(ctx: Context, member: Member, merged: Member) -> tuple[str, ...]:
    found = [
        f for f in FILLED[1:] if getattr(member, f) and getattr(merged, f) and getattr(member, f) != getattr(merged, f)
    ]
    for name, read in (("name", name_in_clear), ("phone", phone_in_clear)):
        mine, theirs = read(ctx, member), read(ctx, merged)
        if mine and theirs and mine != theirs:
            found.append(name)
    return (
        *found,
        *(f"attributes.{c}" for c, v in merged.attributes.items() if member.attributes.get(c, v) != v),
    )


def _blockers(ctx: Context, member: Member, merged: Member) -> list[tuple[str, str]]:
    """Return what stands against a merge, each in English and in Chinese."""
    found = []
    for row, which, name_zh in (
        (member, "the surviving member", "保留的会员"),
        (merged, "the member to be merged", "被合并的会员"),
    ):
        if row.merged_into is not None:
            found.append((f"{which} is merged into another already", f"{name_zh}已并入其他会员"))
        if row.erased_at is not None:
            found.append((f"{which} was erased", f"{name_zh}已注销"))
    for asset, balance in points.balances(ctx, merged.id).items():
        called = ASSETS_ZH.get(asset, asset)
        if balance.held:
            found.append(
                (
                    f"{balance.held} {asset} of the member to be merged are on hold: settle the order first",
                    f"被合并的会员有 {balance.held} {called}冻结中，请先处理相关订单",
                )
            )
        if balance.owed:
            found.append(
                (
                    f"the member to be merged owes {balance.owed} {asset}: settle it first",
                    f"被合并的会员欠 {balance.owed} {called}，请先处理",
                )
            )
    return found


def _movable(ctx: Context, member: UUID) -> dict[str, int]:
    return {asset: b.available for asset, b in points.balances(ctx, member).items() if b.available}


def merge_preview(ctx: Context, member_id: UUID, merged_id: UUID) -> MergePreview:
    """Return what merging `merged_id` into `member_id` would do; changes nothing. Needs members.merge."""
    ctx.require("members.merge")
    member, merged = lock_pair(ctx, member_id, merged_id)
    blockers = _blockers(ctx, member, merged)
    return MergePreview(
        member=view(ctx, member),
        merged=view(ctx, merged),
        taken=tuple(_taken(ctx, member, merged)),
        differing=_differing(ctx, member, merged),
        assets=_movable(ctx, merged.id),
        identities=MemberIdentity.scoped(ctx).select().where(MemberIdentity.member == merged.id).count(),
        blockers=tuple(en for en, _ in blockers),
        blockers_zh=tuple(zh for _, zh in blockers),
    )


def merge(ctx: Context, member_id: UUID, merged_id: UUID, reason: str) -> MemberView:
    """Merge `merged_id` into `member_id` and return the survivor. Needs members.merge; audited; published.

    The survivor keeps what they have, takes over what they lack and the better membership, and gets the
    points. Every plugin moves its own. Raises Conflict, with the reason, when `merge_preview` shows a
    blocker.
    """
    ctx.require("members.merge")
    beside_lists(ctx)
    member, merged = lock_pair(ctx, member_id, merged_id)
    blockers = _blockers(ctx, member, merged)
    if blockers:
        raise Conflict(
            f"cannot merge: {'; '.join(en for en, _ in blockers)}",
            f"暂时无法合并：{'；'.join(zh for _, zh in blockers)}",
            code="cannot_merge",
        )
    done = MemberMerge.scoped(ctx).create(member=member.id, merged=merged.id, moved={}, merged_at=ctx.now())
    moved: dict[str, Any] = {
        "fields": _take_over(ctx, member, merged),
        "identities": _repoint(ctx, MemberIdentity, merged.id, member.id),
        "consents": _repoint(ctx, Consent, merged.id, member.id),
        "bars": _repoint(ctx, MemberBar, merged.id, member.id),
        "assets": {},
    }
    # Those merged into the merged one before point at the survivor now: an id resolves in one step.
    Member.scoped(ctx).update(merged_into=member.id).where(Member.merged_into == merged.id).execute()
    Member.scoped(ctx).update(merged_into=member.id).where(Member.id == merged.id).execute()
    settle_class(ctx, member.id)
    ledger = ctx.for_plugin("core")
    for asset, amount in sorted(_movable(ctx, merged.id).items()):
        points.transfer(ledger, merged.id, member.id, asset, amount, key=f"merge:{done.id}:{asset}", reason="merge")
        moved["assets"][asset] = amount
    MemberMerge.scoped(ctx).update(moved=moved).where(MemberMerge.id == done.id).execute()
    rows.merge(ctx, member.id, merged.id)
    ctx.publish(MemberMerged(member=member.id, merged=merged.id))
    ctx.audit(
        "member.merged",
        str(member.id),
        {"merged": str(merged.id), "reason": reason, "assets": moved["assets"]},
    )
    return view(ctx, Member.scoped(ctx).get(Member.id == member.id))


def _repoint(ctx: Context, model: Any, old: UUID, new: UUID) -> list[str]:  # Any: a table with id and member
    ids = [row.id for row in model.scoped(ctx).select(model.id).where(model.member == old)]
    if ids:
        model.scoped(ctx).update(member=new).where(model.member == old).execute()
    return [str(one) for one in ids]


def _take_over(ctx: Context, member: Member, merged: Member) -> dict[str, Any]:
    """Fill the survivor's row; return the names of fields taken, and old values that were not empty."""
    values: dict[str, Any] = {}
    taken = _taken(ctx, member, merged)
    undo: dict[str, Any] = {"filled": [f for f in taken if f != "membership"]}
    for name in (f for f in FILLED if f in taken):
        values[name] = getattr(merged, name)
    if "birthday" in taken:
        values["birthday_entered_on"] = merged.birthday_entered_on
        values["birthday_changed_on"] = merged.birthday_changed_on or member.birthday_changed_on
    if "phone" in taken:
        Member.scoped(ctx).update(phone_blind=None, phone_last_four=None).where(Member.id == merged.id).execute()
        values |= sealed_phone(ctx, phone_in_clear(ctx, merged))
    extra = {c: v for c, v in merged.attributes.items() if c not in member.attributes}
    if extra:
        values["attributes"] = {**member.attributes, **extra}
    if "membership" in taken:
        undo["membership"] = membership_of(ctx, member)
        for name in ("state", "valid_until", "frozen", "membership_version"):
            values[name] = getattr(merged, name)
    for name in ("registered_at", "converted_at"):
        mine, theirs = getattr(member, name), getattr(merged, name)
        if theirs is not None and (mine is None or theirs < mine):
            values[name] = theirs
            undo[name] = mine.isoformat() if mine is not None else None
    if values:
        Member.scoped(ctx).update(**values).where(Member.id == member.id).execute()
    return undo


def membership_of(ctx: Context, row: Member) -> list[Any]:
    """Return what the undo of a merge compares and restores, as JSON values."""
    return [
        state_on(row, ctx.today()),
        row.valid_until.isoformat() if row.valid_until else None,
        row.frozen,
        row.membership_version,
    ]
