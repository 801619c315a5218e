"""The menu: what an account may see, grouped by plugin."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.contract.context import Context
from core.contract.manifest import Text
from core.runtime import Runtime
from hosts.console.resources import CORE, Desk

_HOME = Text("工作台", "Dashboard")
_MEMBERS = Text("会员", "Members")
_SYSTEM = Text("系统", "System")
# core pages that are not resources: group, title, link, permission ("" is for everybody), and whether they are
# for accounts of all venues only
_PAGES = (
    (_HOME, Text("首页", "Home"), "/console", "", False),
    (_HOME, Text("待审批", "Approvals"), "/console/core/approvals", "", False),
    (_MEMBERS, Text("合并会员", "Merge members"), "/console/core/merge", "members.merge", False),
    (_SYSTEM, Text("插件", "Plugins"), "/console/core/plugins", "plugins.view", True),
)
_GROUPS = {"members": _MEMBERS}


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the menu."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Group:
    """The links of one plugin."""

    title: str
    items: tuple[Item, ...]

    def holds(self, path: str) -> bool:
        """Tell whether one of its links is where the reader is."""
        return any(
            path == item.link or (item.link != "/console" and path.startswith(item.link + "/")) for item in self.items
        )


def menu_of(runtime: Runtime, desks: Mapping[tuple[str, str], Desk], ctx: Context) -> list[Group]:
    """Return the groups of the menu that the account may see; plugins that are off have none."""
    groups: dict[str, list[Item]] = {}

    def add(group: Text, title: Text, link: str) -> None:
        groups.setdefault(group.in_(ctx.locale), []).append(Item(title.in_(ctx.locale), link))

    for group, title, link, _, _ in _PAGES[:2]:
        add(group, title, link)
    for (slug, name), desk in desks.items():
        if slug == CORE and desk.visible(ctx) and name in _GROUPS:
            add(_GROUPS[name], desk.resource.title, f"/console/core/{name}")
    for plugin in runtime.registry.plugins.values():
        if not ctx.enabled(plugin.slug):
            continue
        for resource in plugin.gives.resources:
            if desks[(plugin.slug, resource.name)].visible(ctx):
                add(plugin.manifest.name, resource.title, f"/console/{plugin.slug}/{resource.name}")
        for page in plugin.gives.pages:
            if page.menu and ctx.has(page.permission):
                add(plugin.manifest.name, page.title, f"/console/{plugin.slug}/{page.path.strip('/')}")
    for (slug, name), desk in desks.items():
        if slug == CORE and desk.visible(ctx) and name not in _GROUPS:
            add(_SYSTEM, desk.resource.title, f"/console/core/{name}")
    for group, title, link, permission, everywhere in _PAGES[2:]:
        if ctx.has(permission) and not (everywhere and ctx.actor.venues):
            add(group, title, link)
    return [Group(title, tuple(items)) for title, items in groups.items()]
