"""The menu: what an account may see, grouped by what staff do; a group holds pages of several plugins."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.contract.context import Context
from core.contract.manifest import Area
from core.runtime import Runtime
from core.words import Text
from hosts.console.resources import CORE, Desk

AREAS: dict[Area, Text] = {
    "members": Text("会员", "Members"),
    "marketing": Text("营销", "Marketing"),
    "orders": Text("订单", "Orders"),
    "content": Text("内容", "Content"),
    "data": Text("数据", "Data"),
    "integrations": Text("接入", "Integrations"),
    "system": Text("系统", "System"),
}
CORE_NAME = Text("系统", "System")
# core's pages that are not resources: area, title, link, permission, and whether they are for all venues only
_PAGES: tuple[tuple[Area, Text, str, str, bool], ...] = (
    ("members", Text("合并会员", "Merge members"), "/console/core/merge", "members.merge", False),
    ("members", Text("积分有效期", "Life of points"), "/console/core/points-settings", "plugins.view", True),
    ("system", Text("插件", "Plugins"), "/console/core/plugins", "plugins.view", True),
)
_HOME = (
    (Text("首页", "Home"), "/console"),
    (Text("待审批", "Approvals"), "/console/core/approvals"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One link of the menu; `words` is what a search finds it by."""

    title: str
    link: str
    words: str

    def here(self, path: str) -> bool:
        """Tell whether the reader is on it, or below it."""
        return path == self.link or (self.link != "/console" and path.startswith(self.link + "/"))


@dataclass(frozen=True, slots=True)
class Group:
    """The links of an area; the first group, without a title, is always open."""

    area: str
    title: str
    items: tuple[Item, ...]

    def holds(self, path: str) -> bool:
        """Tell whether one of its links is where the reader is."""
        return any(item.here(path) for item in self.items)


def menu_of(runtime: Runtime, desks: Mapping[tuple[str, str], Desk], ctx: Context) -> list[Group]:
    """Return the groups of the menu that the account may see; plugins that are off have no part in any."""
    found: dict[str, list[Item]] = {area: [] for area in AREAS}

    def item(title: Text, link: str, owner: Text = CORE_NAME) -> Item:
        return Item(title.in_(ctx.locale), link, f"{title.zh} {title.en} {owner.zh} {owner.en}".lower())

    for (slug, name), desk in desks.items():
        if slug == CORE and desk.visible(ctx):
            found[desk.resource.area or "system"].append(item(desk.resource.title, f"/console/core/{name}"))
    for area, title, link, permission, everywhere in _PAGES:
        if ctx.has(permission) and not (everywhere and ctx.actor.venues):
            found[area].append(item(title, link))
    for plugin in runtime.registry.plugins.values():
        if not ctx.enabled(plugin.slug):
            continue
        manifest = plugin.manifest
        for resource in plugin.gives.resources:
            if desks[(plugin.slug, resource.name)].visible(ctx):
                link = f"/console/{plugin.slug}/{resource.name}"
                found[resource.area or manifest.area].append(item(resource.title, link, manifest.name))
        for page in plugin.gives.pages:
            if page.menu and ctx.has(page.permission):
                link = f"/console/{plugin.slug}/{page.path.strip('/')}"
                found[page.area or manifest.area].append(item(page.title, link, manifest.name))
    home = Group("", "", tuple(item(title, link) for title, link in _HOME))
    groups = (Group(area, title.in_(ctx.locale), tuple(found[area])) for area, title in AREAS.items() if found[area])
    return [home, *groups]
