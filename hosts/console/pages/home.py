"""The dashboard. Each panel is fetched by itself, so that a slow or broken one keeps no other waiting."""

from collections.abc import Sequence
from typing import Any

from peewee import fn

from core import points
from core.contract.console import Panel
from core.contract.context import Context
from core.errors import NotFound
from core.events.models import Job
from core.members.models import Member
from core.words import Text
from hosts.console import approvals
from hosts.console.member_resources import STATES
from hosts.console.resources import CORE
from hosts.console.web import Console, Reply, Route, Visit


def _members(ctx: Context) -> Sequence[tuple[str, str]]:
    query = (
        Member.scoped(ctx).select(Member.state, fn.COUNT(Member.id).alias("count")).where(Member.merged_into.is_null())
    )
    if ctx.actor.venues:
        query = query.where(Member.venue.in_(sorted(ctx.actor.venues)))
    counts = {row.state: row.count for row in query.group_by(Member.state)}
    return [(title.in_(ctx.locale), f"{counts.get(state, 0):,}") for state, title in STATES.items()]


def _dead(ctx: Context) -> Sequence[tuple[str, str]]:
    count = Job.scoped(ctx).select().where(Job.state == "dead").count()
    return [("Dead letters" if ctx.locale == "en" else "死信", f"{count:,}")]


def _ledger(ctx: Context) -> Sequence[tuple[str, str]]:
    english, last = ctx.locale == "en", points.last_check(ctx)
    when = last.day.isoformat() if last is not None else "—"
    return [
        ("Proved for" if english else "最近核对", when),
        ("Faults" if english else "不符", f"{last.faults:,}" if last is not None else "—"),
    ]


CORE_PANELS = (
    Panel("members", Text("会员", "Members"), "members.view", _members),
    Panel("jobs", Text("后台任务", "Jobs"), "jobs.view", _dead),
    Panel("ledger", Text("积分账目核对", "Proof of the ledger"), "audit.view", _ledger),
)


def _panels(console: Console, ctx: Context) -> list[tuple[str, Panel]]:
    found = [(CORE, panel) for panel in CORE_PANELS]
    for plugin in console.runtime.registry.plugins.values():
        if ctx.enabled(plugin.slug):
            found += [(plugin.slug, panel) for panel in plugin.gives.panels]
    return [(slug, panel) for slug, panel in found if ctx.has(panel.permission)]


def home(visit: Visit) -> Reply:
    """Show the frame of each panel and what waits for approval."""
    panels: list[dict[str, Any]] = [
        {"title": panel.title.in_(visit.locale), "link": f"/console/panels/{slug}/{panel.name}"}
        for slug, panel in _panels(visit.console, visit.ctx)
    ]
    waiting = [w for w in approvals.waiting(visit.ctx, visit.console.desks) if w.row.requested_by != visit.ctx.actor.id]
    return visit.page("home.html", title=visit.say("首页"), panels=panels, waiting=len(waiting))


def panel(visit: Visit, *, slug: str, name: str) -> Reply:
    """Show the numbers of one panel."""
    for owner, found in _panels(visit.console, visit.ctx):
        if (owner, found.name) == (slug, name):
            pairs = list(found.read(visit.ctx.for_plugin(slug)))
            return visit.page("_panel.html", pairs=pairs)
    raise NotFound(f"there is no panel {slug}/{name}", "没有这个面板")


def own_page(visit: Visit, *, slug: str, page: str) -> Reply:
    """Show a plugin's own page."""
    plugin = visit.console.runtime.registry.plugin(slug)
    if not visit.ctx.enabled(slug):
        raise NotFound(f"the plugin {slug} is off", "该功能未启用")
    found = next(p for p in plugin.gives.pages if p.path == page)
    visit.ctx.require(found.permission)
    values = found.render(visit.ctx.for_plugin(slug), visit.query)
    return visit.page(f"{slug}/{found.template}", **{"title": found.title.in_(visit.locale), **values})


ROUTES = (
    Route("/console", get=home),
    Route("/console/panels/{slug}/{name}", get=panel, audited=False),
)
