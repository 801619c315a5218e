"""Live choices: this tenant's levels, gifts, channels, picked by their names and stored by their codes."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core import identity, members, tenants
from core.contract.console import Choice, Source
from core.contract.context import Context
from core.members.attributes import attributes
from core.members.models import Member
from core.tables import TenantModel
from core.words import Text

M = TypeVar("M", bound=BaseModel)
Options = list[tuple[str, str]]
STATES = {
    "lead": Text("潜客", "Lead"),
    "member": Text("会员", "Member"),
    "lapsed": Text("已过期", "Lapsed"),
}
CLASSES = {
    "ordinary": Text("普通会员", "Ordinary"),
    "discount": Text("优惠会员", "Discount"),
    "vip": Text("贵宾", "VIP"),
    "staff": Text("员工", "Staff"),
    "coach": Text("教练", "Coach"),
}
CHANNELS = {
    "wechat": Text("微信小程序", "WeChat"),
    "phone": Text("手机号", "Phone"),
    "sms": Text("短信验证码", "SMS code"),
    "staff": Text("门店登记", "Staff"),
    "import": Text("导入", "Import"),
    "qinniao": Text("门店 SaaS", "Venue SaaS"),
}


def _classes(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    """Return the classes that staff may choose, and those that members have besides."""
    held = {row.class_ for row in Member.scoped(ctx).select(Member.class_).distinct()}
    return [*CLASSES.items(), *((code, code) for code in sorted(held - set(CLASSES)))]


def _channels(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    held = {row.channel for row in Member.scoped(ctx).select(Member.channel).distinct()}
    names = {m.slug: m.name for m in ctx.services.registry.manifests()}
    return [(code, CHANNELS.get(code) or names.get(code) or code) for code in sorted(held)]


def _plugins(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    """Return what modules are called."""
    core = ("core", Text("系统", "System"))
    return [core, *((m.slug, m.name) for m in ctx.services.registry.manifests())]


def _sources(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    """Return who writes purchases and visits down; a till of the tenant's own is shown by the code that it gives."""
    people = [
        ("staff", Text("员工录入", "Staff")),
        ("api", Text("接口", "API")),
        ("import", Text("导入", "Import")),
        ("pos", Text("收银", "POS")),
    ]
    return [*people, *_plugins(ctx)]


def _credit_sources(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    """Return who gives points: core's own doors, and the modules that are on."""
    own = [
        ("manual", Text("人工调整", "By hand")),
        ("api", Text("接口", "API")),
        ("import", Text("导入", "Import")),
    ]
    return [*own, *((m.slug, m.name) for m in ctx.services.registry.manifests() if ctx.enabled(m.slug))]


def _bar_functions(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    """Return what members can be kept out of: the functions of modules that ask."""
    return [(m.slug, m.bars) for m in ctx.services.registry.manifests() if m.bars is not None]


def _attributes(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    return [(one.code, one.title) for one in members.attributes(ctx) if one.active]


OWN: dict[str, Callable[[Context], Sequence[tuple[Any, Text | str]]]] = {
    "venues": lambda ctx: [(venue.id, venue.name) for venue in tenants.venues(ctx)],
    "states": lambda ctx: list(STATES.items()),
    "classes": _classes,
    "member_channels": _channels,
    "plugins": _plugins,
    "entry_sources": _sources,
    "bar_functions": _bar_functions,
    "member_attributes": _attributes,
    "credit_sources": _credit_sources,
    "attributes": lambda ctx: [(one.code, one.title) for one in attributes(ctx) if one.active],
    "roles": lambda ctx: [(role.code, role.name) for role in identity.roles(ctx)],
    "permissions": lambda ctx: [(c, w) for c, w in identity.known_permissions(ctx).items() if ctx.has(c)],
}


def choice_of(info: FieldInfo) -> Choice | None:
    """Return the `Choice` that a field, or the items of its list, are annotated with."""
    found = next((m for m in info.metadata if isinstance(m, Choice)), None)
    return found or _within(info.annotation)


def _within(annotation: Any) -> Choice | None:
    inner = getattr(annotation, "__metadata__", ())
    found = next((m for m in inner if isinstance(m, Choice)), None)
    if found is not None or (get_origin(annotation) is None and not inner):
        return found
    return next((c for a in get_args(annotation) if (c := _within(a)) is not None), None)


def options(ctx: Context, source: Source, row: Any = None) -> Options:
    """Return the choices of a source as (value, words); none where the plugin that offers them is off."""
    if not isinstance(source, str):
        read, slug = source, ctx.plugin
    elif source in OWN:
        read, slug = OWN[source], "core"
    else:
        found = next((one for one in ctx.services.registry.offers(source) if ctx.enabled(one[0])), None)
        if found is None:
            return []
        slug, read = found
    given: Sequence[tuple[Any, Any]] = read(ctx.for_plugin(slug), *(() if row is None else (row,)))
    return [(str(value), words if isinstance(words, str) else words.in_(ctx.locale)) for value, words in given]


def in_words(ctx: Context, values: M) -> M:
    """Return a model whose picked values are replaced by their words, for a sentence; it is not for storing."""
    said: dict[str, Any] = {}
    for name, info in type(values).model_fields.items():
        choice, held = choice_of(info), getattr(values, name)
        if choice is None or not held:
            continue
        known = dict(options(ctx, choice.source))
        if isinstance(held, list | tuple):
            said[name] = [known.get(str(one), str(one)) for one in held]
        else:
            said[name] = known.get(str(held), str(held))
    return values.model_copy(update=said)


def names_in(model: type[TenantModel], field: str) -> Callable[[Context, Sequence[Any]], dict[Any, str]]:
    """Return what a column of references says in the place of ids: a field of the rows that they point to."""

    def read(ctx: Context, ids: Sequence[Any]) -> dict[Any, str]:
        column: Any = getattr(model, field)
        rows = model.scoped(ctx).select(model.id, column).where(model.id.in_(list(ids) or [None]))  # type: ignore[attr-defined]  # peewee
        return {row.id: str(getattr(row, field)) for row in rows}

    return read
