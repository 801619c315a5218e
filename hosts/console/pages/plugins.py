"""Plugins: what is installed, on or off for this brand, and each one's settings as a form."""

from typing import Any

from core import tenants
from core.contract.plugin import NoSettings
from core.db import savepoint
from core.errors import Forbidden, NotFound, RoostError
from core.words import Text
from hosts.console.forms import FormError, FormView, as_sent, edited, form_of, read
from hosts.console.web import Reply, Route, Visit

PATH = "/console/core/plugins"
CORE_PATH = "/console/core/points-settings"
POINTS = Text("积分有效期", "Life of points")
POINTS_SUMMARY = Text(
    "所有积分按同一规则到期；可按来源另行设定。已发放的积分不变",
    "All points end by one policy; single sources may differ. What was given before stays as it was",
)


def _require(visit: Visit, permission: str) -> None:
    visit.ctx.require(permission)
    if visit.ctx.actor.venues:
        raise Forbidden("plugins belong to the whole brand, not to single venues", "门店账号无权管理插件")


def listing(visit: Visit) -> Reply:
    """Show every plugin, and why a broken one is out."""
    _require(visit, "plugins.view")
    registry = visit.console.runtime.registry
    lines: list[dict[str, Any]] = [
        {
            "slug": m.slug,
            "name": m.name.in_(visit.locale),
            "summary": m.summary.in_(visit.locale),
            "version": m.version,
            "on": visit.ctx.enabled(m.slug),
            "requires": "、".join(registry.manifest(need).name.in_(visit.locale) for need in m.requires),
            "settings": f"{PATH}/{m.slug}" if registry.settings_model(m.slug) is not NoSettings else "",
            "personal": m.personal_data,
        }
        for m in registry.manifests()
    ]
    may_edit = visit.ctx.has("plugins.edit")
    return visit.page(
        "plugins.html",
        title=visit.say("插件"),
        lines=lines,
        broken=sorted(registry.broken.items()),
        may_edit=may_edit,
    )


def ask_off(visit: Visit, *, slug: str) -> Reply:
    """Ask once before a plugin goes off."""
    _require(visit, "plugins.edit")
    name = visit.console.runtime.registry.manifest(slug).name.in_(visit.locale)
    return visit.page(
        "_switch.html" if visit.htmx else "switch.html",
        title=visit.say("停用“%(name)s”？", name=name),
        back=PATH,
        action=f"{PATH}/{slug}/switch",
    )


def switch(visit: Visit, *, slug: str) -> Reply:
    """Switch a plugin on or off, at once in every process."""
    _require(visit, "plugins.edit")
    if visit.sent("to") == "on":
        tenants.enable_plugin(visit.ctx, slug)
        return visit.go(PATH, visit.say("已启用"))
    tenants.disable_plugin(visit.ctx, slug)
    return visit.go(PATH, visit.say("已停用，数据保留"))


def settings(visit: Visit, *, slug: str) -> Reply:
    """Show the settings of a plugin; its defaults where nothing is set."""
    _require(visit, "plugins.view")
    model = visit.console.runtime.registry.settings_model(slug)
    if model is NoSettings:
        raise NotFound(f"{slug} has no settings", "该插件没有设置项")
    held = model.model_validate(tenants.settings_values(visit.ctx, slug))
    return _page(visit, slug, form_of(visit.ctx, model, held))


def save(visit: Visit, *, slug: str) -> Reply:
    """Check and store the settings; those that equal the default are not stored."""
    _require(visit, "plugins.edit")
    model = visit.console.runtime.registry.settings_model(slug)
    stored = tenants.settings_values(visit.ctx, slug)
    again = edited(visit.ctx, model, visit.form)
    if again is not None:
        return _page(visit, slug, again)
    try:
        made = read(visit.ctx, model, visit.form, kept=stored)
        values = made.model_dump(mode="json")
        plain = model().model_dump(mode="json")
        for name in model.model_fields:  # a secret is dumped as stars: keep what was typed, or what is stored
            if getattr(getattr(made, name), "get_secret_value", None) is not None:
                values[name] = getattr(made, name).get_secret_value()
        with savepoint():
            tenants.save_settings(visit.ctx, slug, {k: v for k, v in values.items() if v != plain.get(k)})
    except (FormError, RoostError) as ex:
        view = as_sent(visit.ctx, model, visit.form).refused(ex, visit.locale)
        return _page(visit, slug, view, 422)
    return visit.go(_link(slug), visit.say("设置已保存"))


def _link(slug: str) -> str:
    return CORE_PATH if slug == "core" else f"{PATH}/{slug}"


def core_settings(visit: Visit) -> Reply:
    """Show core's own settings: how long points live."""
    return settings(visit, slug="core")


def save_core(visit: Visit) -> Reply:
    """Store core's own settings."""
    return save(visit, slug="core")


def _page(visit: Visit, slug: str, form: FormView, status: int = 200) -> Reply:
    own = slug == "core"
    manifest = None if own else visit.console.runtime.registry.manifest(slug)
    return visit.page(
        "settings.html",
        status,
        title=(manifest.name if manifest else POINTS).in_(visit.locale),
        summary=(manifest.summary if manifest else POINTS_SUMMARY).in_(visit.locale),
        form=form,
        may_edit=visit.ctx.has("plugins.edit"),
        action=_link(slug),
        back="" if own else PATH,
        on=own or visit.ctx.enabled(slug),
    )


ROUTES = (
    Route(PATH, get=listing),
    Route(CORE_PATH, get=core_settings, post=save_core),
    Route(PATH + "/{slug}", get=settings, post=save),
    Route(PATH + "/{slug}/switch", get=ask_off, post=switch),
)
