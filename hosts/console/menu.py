"""The menu: what an account may see, grouped by what staff do; a group holds pages of several plugins."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.context import Context
from core.runtime.manifest import Area, Text
from core.runtime.runtime import Runtime
from hosts.console.resources import CORE, Desk

AREAS: dict[Area, Text] = {
    "members": Text(zh="会员", en="Members"),
    "marketing": Text(zh="营销", en="Marketing"),
    "orders": Text(zh="订单", en="Orders"),
    "content": Text(zh="内容", en="Content"),
    "data": Text(zh="数据", en="Data"),
    "integrations": Text(zh="接入", en="Integrations"),
    "system": Text(zh="系统", en="System"),
}
CORE_NAME = Text(zh="系统", en="System")
# core's pages that are not resources: area, title, link, permission, and whether they are for all venues only
_PAGES: tuple[tuple[Area, Text, str, str, bool], ...] = (
    ("members", Text(zh="合并会员", en="Merge members"), "/console/core/merge", "members.merge", False),
    ("members", Text(zh="积分有效期", en="Life of points"), "/console/core/points-settings", "plugins.view", True),
    ("system", Text(zh="插件", en="Plugins"), "/console/core/plugins", "plugins.view", True),
)
_HOME = (
    (Text(zh="首页", en="Home"), "/console"),
    (Text(zh="待审批", en="Approvals"), "/console/core/approvals"),
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
        for resource in plugin.resources:
            if desks[(plugin.slug, resource.name)].visible(ctx):
                link = f"/console/{plugin.slug}/{resource.name}"
                found[resource.area or manifest.area].append(item(resource.title, link, manifest.name))
        for page in plugin.pages:
            if page.menu and ctx.has(page.permission):
                link = f"/console/{plugin.slug}/{page.path.strip('/')}"
                found[page.area or manifest.area].append(item(page.title, link, manifest.name))
    home = Group("", "", tuple(item(title, link) for title, link in _HOME))
    groups = (Group(area, title.in_(ctx.locale), tuple(found[area])) for area, title in AREAS.items() if found[area])
    return [home, *groups]
