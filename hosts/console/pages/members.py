"""A member's page: profile, balances, statement, grants and why, what plugins add; how staff find a member."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import members, points, rewards, tenants
from core.choices import options
from core.contract import hookspecs
from core.contract.console import Column
from core.contract.context import Context
from core.errors import RoostError
from core.words import Text, said
from hosts.console import keyset
from hosts.console.core_resources import core_desk
from hosts.console.member_resources import ASSET_NAMES, STATES
from hosts.console.pages import merging, rows
from hosts.console.resources import plugin_name
from hosts.console.showing import Cell, Names, cell, find_members, local_time, member_label
from hosts.console.web import Reply, Route, Visit, local_path, with_query
from hosts.reason_words import EVIDENCE, evidence_of, reason_words

STATEMENT = 20
WHY = 20
ENTRY_KINDS = {
    "credit": Text("获得", "earned"),
    "debit": Text("使用", "spent"),
    "hold": Text("冻结", "held"),
    "release": Text("解冻", "released"),
    "transfer_out": Text("转出", "sent"),
    "transfer_in": Text("转入", "received"),
    "reversal": Text("冲正", "reversed"),
    "repayment": Text("补扣", "repaid"),
    "expiry": Text("过期", "expired"),
}
OUTCOMES = {
    "given": Text("已发放", "given"),
    "partly": Text("部分发放", "partly given"),
    "revoked": Text("已收回", "taken back"),
    "refused": Text("未发放", "refused"),
    "noted": Text("已记录", "noted"),
}


def show(visit: Visit, *, row_id: str) -> Reply:
    """Show a member."""
    desk = core_desk("members")
    row = desk.detail(visit.ctx, keyset.read_key(desk.resource, row_id))
    values = rows.detail_values(visit, desk, row)
    ctx, asset = visit.ctx, visit.query.get("asset", "points")
    may_see_points = ctx.has("points.view")
    values["heading"] = row.value("name") or row.value("phone_masked") or visit.say("会员")
    values["may_reveal"] = ctx.has("members.reveal")
    values["balances"] = (
        [
            (
                ASSET_NAMES[a].in_(visit.locale) if a in ASSET_NAMES else a,
                f"{b.available:,}",
                f"{b.held:,}",
                local_time(ctx, b.next_expiry) if b.next_expiry else "",
            )
            for a, b in sorted(points.balances(ctx, row.id).items())
        ]
        if may_see_points
        else []
    )
    values["statement"], values["next"] = _statement(visit, row.id, asset) if may_see_points else ([], "")
    values["asset"], values["assets"] = (
        asset,
        [(a, name.in_(visit.locale)) for a, name in ASSET_NAMES.items()],
    )
    values["why"] = _why(visit, row.id) if ctx.has("rewards.view") else None
    values["merge"] = f"{merging.PATH}?member={row.id}" if ctx.has("members.merge") else ""
    values["merges"] = merging.merges_of(visit, row.id)
    values["summaries"] = _summaries(visit, row.id)
    return visit.page("_statement.html" if visit.htmx else "member.html", **values)


def _statement(visit: Visit, member: UUID, asset: str) -> tuple[list[dict[str, Any]], str]:
    asset = asset if asset in ASSET_NAMES else "points"
    listing = points.statement(visit.ctx, member, asset, limit=STATEMENT, cursor=visit.query.get("cursor", ""))
    lines = [
        {
            "at": local_time(visit.ctx, entry.occurred_at),
            "kind": ENTRY_KINDS[entry.kind].in_(visit.locale),
            "amount": f"{entry.amount:+,}",
            "balance": f"{entry.balance:,}",
            "reason": reason_words(said(entry.reason, visit.locale), visit.locale),
            "down": entry.amount < 0,
        }
        for entry in listing.items
    ]
    path = f"/console/core/members/{member}"
    return lines, with_query(path, visit.query, cursor=listing.next_cursor) if listing.next_cursor else ""


def _why(visit: Visit, member: UUID) -> list[dict[str, Any]]:
    ctx, locale = visit.ctx, visit.locale
    found = rewards.why(ctx, member, WHY)
    levels = dict(options(ctx, "levels"))
    told = [evidence_of(why.evidence) for why in found]
    names = Names.of(ctx, EVIDENCE, [{**one, **_ids(one)} for one in told])
    registry = visit.console.runtime.registry
    lines = []
    for why, evidence in zip(found, told, strict=True):
        named = said(why.subject, locale) or plugin_name(visit.console.runtime, why.plugin).in_(locale)
        if named in registry.plugins:
            named = registry.manifest(named).name.in_(locale)
        facts = _evidence(ctx, evidence, names, locale)
        lines.append(
            {
                "at": local_time(ctx, why.at),
                "what": "、".join(why.rewards) or "—",
                "state": OUTCOMES[why.outcome].in_(locale) if why.outcome in OUTCOMES else why.outcome,
                "reason": reason_words(said(why.reason, locale), locale, levels),
                "rule": named + (f" · v{why.rule_version}" if why.rule_version else ""),
                "evidence": facts,
            }
        )
    return lines


def _ids(evidence: Mapping[str, Any]) -> dict[str, UUID]:
    return {name: UUID(str(evidence[name])) for name in ("inviter", "invitee") if evidence.get(name)}


def _evidence(ctx: Context, evidence: Mapping[str, Any], names: Names, locale: str) -> Cell | None:
    column = Column("evidence", Text("依据", "Values read"), "facts", parts=EVIDENCE)
    shown = cell(ctx, column, {**evidence, **_ids(evidence)}, names, locale)
    return shown if shown.rows else None


def _summaries(visit: Visit, member: UUID) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what plugins show of a member: the values that they have words for."""
    runtime, locale = visit.console.runtime, visit.locale
    shown = []
    for slug, values in visit.ctx.collect(hookspecs.member_summary, member=member):
        columns = [c for resource in runtime.registry.plugin(slug).gives.resources for c in resource.summary]
        columns = [column for column in columns if values and column.name in values]
        names = Names.of(visit.ctx, columns, [values], slug)
        pairs = [(c.title.in_(locale), cell(visit.ctx, c, values[c.name], names, locale).text) for c in columns]
        if pairs:
            shown.append((runtime.registry.manifest(slug).name.in_(locale), pairs))
    return shown


# --- the whole phone ----------------------------------------------------------------------------------------


def ask_reveal(visit: Visit, *, row_id: str) -> Reply:
    """Ask for the reason before a phone is shown whole."""
    desk = core_desk("members")
    visit.ctx.require("members.reveal")
    row = desk.detail(visit.ctx, keyset.read_key(desk.resource, row_id))
    return _reveal_page(visit, row.id)


def reveal(visit: Visit, *, row_id: str) -> Reply:
    """Show a phone whole, once; core writes the audit row."""
    desk = core_desk("members")
    row = desk.detail(visit.ctx, keyset.read_key(desk.resource, row_id))
    try:
        phone = members.reveal_phone(visit.ctx, row.id, visit.sent("reason"))
    except RoostError as ex:
        if ex.status != 422:
            raise
        return _reveal_page(visit, row.id, problem=ex.message if visit.locale == "en" else ex.message_zh, status=422)
    return _reveal_page(visit, row.id, phone=phone or "—")


def _reveal_page(visit: Visit, member: UUID, *, phone: str = "", problem: str = "", status: int = 200) -> Reply:
    path = f"/console/core/members/{member}"
    template = "_reveal.html" if visit.htmx else "reveal.html"
    return visit.page(
        template,
        status,
        title=visit.say("查看完整手机号"),
        phone=phone,
        problem=problem,
        back=path,
        action=f"{path}/reveal",
    )


# --- finding ------------------------------------------------------------------------------------------------


def find(visit: Visit) -> Reply:
    """Find by exact phone, last four digits or a member's code; a phone never stands in an address line."""
    visit.ctx.require("members.view")
    back = local_path(visit.sent("back"), "/console/core/members").split("?")[0]
    found = find_members(visit.ctx, visit.sent("who"))
    visit.ctx.audit("member.searched", back, {"found": len(found)})
    venues = {venue.id: venue.name for venue in tenants.venues(visit.ctx)}
    mine, levels = visit.ctx.actor.venues, dict(options(visit.ctx, "levels"))
    lines = []
    for view in found:
        within = not mine or view.venue in mine
        own = f"/console/core/members/{view.id}" if within else ""
        elsewhere = "" if back == "/console/core/members" else _filtered(visit, back, view.id)
        lines.append(
            {
                "label": member_label(view),
                "state": STATES[view.state].in_(visit.locale) if view.state in STATES else view.state,
                "level": levels.get(view.level, "—"),
                "venue": venues.get(view.venue, "—") if view.venue else "—",
                "own": own,
                "rows": elsewhere,
            }
        )
    if len(lines) == 1 and (lines[0]["rows"] or lines[0]["own"]):
        return visit.go(lines[0]["rows"] or lines[0]["own"])
    return visit.page("found.html", title=visit.say("查找会员"), lines=lines, back=back)


def _filtered(visit: Visit, back: str, member: UUID) -> str:
    """Return the list at `back`, narrowed to one member."""
    parts = back.strip("/").split("/")
    desk = visit.console.desks.get((parts[1], parts[2])) if len(parts) == 3 else None
    column = next((c.name for c in keyset.filters(desk.resource) if c.kind == "member"), None) if desk else None
    return with_query(back, {column: str(member)}) if column else ""


def pick(visit: Visit) -> Reply:
    """Show which member a form's field means; with several, let one be chosen."""
    visit.ctx.require("members.view")
    name = visit.sent("field")
    found = find_members(visit.ctx, visit.sent(name))
    return visit.page("_picked.html", name=name, found=[(str(view.id), member_label(view)) for view in found])


ROUTES = (
    Route("/console/core/members/{row_id}", get=show),
    Route("/console/core/members/{row_id}/reveal", get=ask_reveal, post=reveal),
    Route("/console/core/find-member", post=find),
    Route("/console/core/pick-member", post=pick),
)
