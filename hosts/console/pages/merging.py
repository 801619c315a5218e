"""Merge two records of one person: choose, look at what would happen, give a reason; and take it back."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import members, points
from core.db import savepoint
from core.errors import Invalid, NotFound, RoostError
from core.members.models import Member, MemberMerge
from core.members.unmerging import UNDO_FOR
from core.members.views import view as view_of
from core.words import Text
from hosts.console import keyset, once
from hosts.console.core_resources import core_desk
from hosts.console.forms import FormError, FormView, as_sent, form_of, read
from hosts.console.member_resources import ASSET_NAMES
from hosts.console.resources import Row, checked_reason
from hosts.console.showing import Cell, Names, cell, local_time, member_label
from hosts.console.web import Reply, Route, Visit

PATH = "/console/core/merge"
MEMBERS = "/console/core/members"
MERGES = 20  # the newest, on a member's page
FIELDS = {
    "name": Text("姓名", "Name"),
    "gender": Text("性别", "Gender"),
    "birthday": Text("生日", "Birthday"),
    "venue": Text("所属门店", "Home venue"),
    "phone": Text("手机号", "Phone"),
    "membership": Text("会籍", "Membership"),
}


class Pair(BaseModel):
    """The two who are one person."""

    model_config = ConfigDict(extra="forbid")

    member: UUID = Field(json_schema_extra={"zh": "保留的会员", "en": "Surviving member", "kind": "member"})
    merged: UUID = Field(json_schema_extra={"zh": "被合并的会员", "en": "Member to be merged", "kind": "member"})


# --- choosing ---------------------------------------------------------------------------------------------------------


def choose(visit: Visit) -> Reply:
    """Ask which two; a member's page names the first."""
    _require(visit)
    return _choice(visit, form_of(visit.ctx, Pair, {"member": visit.query.get("member", "")}))


def chosen(visit: Visit) -> Reply:
    """Go to the preview of the two; a phone never stands in an address line."""
    _require(visit)
    try:
        pair = read(visit.ctx, Pair, visit.form)
        if pair.member == pair.merged:
            raise Invalid("a member cannot be merged into themselves", "不能与自己合并")
        _rows(visit, str(pair.member), str(pair.merged))
    except (FormError, RoostError) as ex:
        return _choice(visit, as_sent(visit.ctx, Pair, visit.form).refused(ex, visit.locale), 422)
    return visit.go(f"{PATH}/{pair.member}/{pair.merged}")


def _require(visit: Visit) -> None:
    core_desk("members").require_visible(visit.ctx)
    visit.ctx.require("members.merge")


def _choice(visit: Visit, form: FormView, status: int = 200) -> Reply:
    return visit.page(
        "form.html",
        status,
        title=visit.say("合并会员"),
        form=form,
        action=PATH,
        back=MEMBERS,
        base=MEMBERS,
        part_of=core_desk("members").resource.title.in_(visit.locale),
        submit=visit.say("下一步：预览"),
    )


def _rows(visit: Visit, member_id: str, merged_id: str) -> tuple[Row, Row]:
    """Return the two rows that the account may see, or raise NotFound."""
    desk = core_desk("members")
    first, second = (
        desk.detail(visit.ctx, keyset.read_key(desk.resource, member_id)),
        desk.detail(visit.ctx, keyset.read_key(desk.resource, merged_id)),
    )
    return first, second


# --- looking and doing ------------------------------------------------------------------------------------------------


def preview(visit: Visit, *, member_id: str, merged_id: str) -> Reply:
    """Show what a merge would do."""
    _require(visit)
    return _preview(visit, *_rows(visit, member_id, merged_id))


def merge(visit: Visit, *, member_id: str, merged_id: str) -> Reply:
    """Merge the two, or show the preview again with what is wrong; core writes the audit row."""
    _require(visit)
    member, merged = _rows(visit, member_id, merged_id)
    reason = visit.sent("reason")
    try:
        with savepoint():
            once.use(visit.ctx, visit.sent(once.NONCE))
            members.merge(visit.ctx, member.id, merged.id, checked_reason(reason))
    except RoostError as ex:
        problem = FormView((), {}).refused(ex, visit.locale)
        if visit.htmx:
            return visit.page("_action.html", 422, **_confirmation(visit, member, merged, problem, reason))
        return _preview(visit, member, merged, problem, reason, 422)
    return visit.go(f"{MEMBERS}/{member.id}", visit.say("已合并"))


def _confirmation(visit: Visit, member: Row, merged: Row, form: FormView, reason: str) -> dict[str, Any]:
    return {
        "title": visit.say("确认合并"),
        "form": form,
        "action": f"{PATH}/{member.id}/{merged.id}",
        "back": f"{PATH}?member={member.id}",
        "asks_reason": True,
        "reason": reason,
        "limited": False,
        "once": once.nonce(),
    }


def _preview(
    visit: Visit, member: Row, merged: Row, form: FormView | None = None, reason: str = "", status: int = 200
) -> Reply:
    ctx = visit.ctx
    found = members.merge_preview(ctx, member.id, merged.id)
    values = _confirmation(visit, member, merged, form or FormView((), {}), reason)
    return visit.page(
        "merge.html",
        status,
        **{**values, "title": visit.say("合并会员")},
        confirm=values["title"],
        base=MEMBERS,
        part_of=core_desk("members").resource.title.in_(visit.locale),
        compared=_compared(visit, member, merged),
        balances=_balances(visit, member.id, merged.id, found),
        taken=[_called(visit, name) for name in found.taken],
        differing=[_called(visit, name) for name in found.differing],
        identities=found.identities,
        blockers=found.blockers if visit.locale == "en" else found.blockers_zh,
        swapped=f"{PATH}/{merged.id}/{member.id}",
        again=f"{PATH}?member={member.id}",
    )


def _called(visit: Visit, name: str) -> str:
    return FIELDS[name].in_(visit.locale) if name in FIELDS else name.removeprefix("attributes.")


def _compared(visit: Visit, member: Row, merged: Row) -> list[tuple[str, Cell, Cell]]:
    columns = core_desk("members").resource.columns
    names = Names.of(visit.ctx, columns, [member, merged])
    ctx, locale = visit.ctx, visit.locale
    lines = []
    for column in columns:
        mine, theirs = (cell(ctx, column, row.value(column.name), names, locale) for row in (member, merged))
        lines.append((column.title.in_(locale), mine, theirs))
    return [*lines, ("ID", Cell(str(member.id)), Cell(str(merged.id)))]


def _balances(visit: Visit, member: UUID, merged: UUID, found: members.MergePreview) -> list[tuple[str, str, str, str]]:
    """Return (asset, the survivor's, the other's, the survivor's afterwards) for who may see points."""
    if not visit.ctx.has("points.view"):
        return []
    mine, theirs = points.balances(visit.ctx, member), points.balances(visit.ctx, merged)
    lines = []
    for asset in sorted({*mine, *theirs}):
        name = ASSET_NAMES[asset].in_(visit.locale) if asset in ASSET_NAMES else asset
        held, moving = mine[asset].available if asset in mine else 0, found.assets.get(asset, 0)
        lines.append(
            (name, f"{held:,}", f"{theirs[asset].available if asset in theirs else 0:,}", f"{held + moving:,}")
        )
    return lines


# --- taking it back ---------------------------------------------------------------------------------------------------


def merges_of(visit: Visit, member: UUID) -> list[dict[str, str]]:
    """Return who was merged into a member and is, newest first, with the way to take it back while there is one."""
    ctx = visit.ctx
    query = MemberMerge.scoped(ctx).select().where(MemberMerge.member == member, MemberMerge.undone_at.is_null())
    done = list(query.order_by(MemberMerge.merged_at.desc()).limit(MERGES))
    rows = {r.id: r for r in Member.scoped(ctx).select().where(Member.id.in_([d.merged for d in done] or [None]))}
    possible = ctx.has("members.merge")
    return [
        {
            "label": member_label(view_of(ctx, rows[one.merged])),
            "id": str(one.merged),
            "at": local_time(ctx, one.merged_at),
            "undo": f"{PATH}/undo/{one.merged}" if possible and ctx.now() - one.merged_at <= UNDO_FOR else "",
        }
        for one in done
    ]


def ask_undo(visit: Visit, *, merged_id: str) -> Reply:
    """Ask for the reason before a merge is taken back."""
    done = _merge_of(visit, merged_id)
    return _undoing(visit, done, FormView((), {}))


def undo(visit: Visit, *, merged_id: str) -> Reply:
    """Take a merge back and say what did not return; core writes the audit row."""
    done = _merge_of(visit, merged_id)
    reason = visit.sent("reason")
    try:
        with savepoint():
            once.use(visit.ctx, visit.sent(once.NONCE))
            came = members.unmerge(visit.ctx, done.merged, checked_reason(reason))
    except RoostError as ex:
        return _undoing(visit, done, FormView((), {}).refused(ex, visit.locale), reason, 422)
    said = [visit.say("已撤销合并")]
    if came.short:
        named = ((ASSET_NAMES[a].in_(visit.locale) if a in ASSET_NAMES else a, n) for a, n in came.short.items())
        said.append(visit.say("已使用而未能退回：%(what)s", what="、".join(f"{name} {n:,}" for name, n in named)))
    if came.kept:
        said.append(visit.say("仍保留在此会员：%(what)s", what="、".join(_called(visit, name) for name in came.kept)))
    return visit.go(f"{MEMBERS}/{done.member}", "；".join(said))


def _merge_of(visit: Visit, merged_id: str) -> MemberMerge:
    """Return the merge of a record that the account may see on both sides, or raise NotFound."""
    _require(visit)
    desk = core_desk("members")
    key = keyset.read_key(desk.resource, merged_id)
    query = MemberMerge.scoped(visit.ctx).select().where(MemberMerge.merged == key, MemberMerge.undone_at.is_null())
    done: MemberMerge | None = query.order_by(MemberMerge.merged_at.desc()).first() if key is not None else None
    if done is None:
        raise NotFound("this member is not merged", "该会员未被合并")
    desk.detail(visit.ctx, done.member)
    members.check_scope(visit.ctx, Member.scoped(visit.ctx).get(Member.id == done.merged))
    return done


def _undoing(visit: Visit, done: MemberMerge, form: FormView, reason: str = "", status: int = 200) -> Reply:
    return visit.page(
        "_action.html" if visit.htmx else "action.html",
        status,
        title=visit.say("撤销合并"),
        part_of=core_desk("members").resource.title.in_(visit.locale),
        base=MEMBERS,
        form=form,
        action=f"{PATH}/undo/{done.merged}",
        back=f"{MEMBERS}/{done.member}",
        asks_reason=True,
        reason=reason,
        limited=False,
        once=once.nonce(),
    )


ROUTES = (
    Route(PATH, get=choose, post=chosen),
    Route(PATH + "/undo/{merged_id}", get=ask_undo, post=undo),
    Route(PATH + "/{member_id}/{merged_id}", get=preview, post=merge),
)
