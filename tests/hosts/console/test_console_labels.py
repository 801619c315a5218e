"""What a field of a form is called: its name, and not a hint; money in yuan, as it is typed."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.registry.registry import PluginsFile, Registry
from hosts.console.core_resources import CORE_DESKS
from hosts.console.fields import Field, fields_of

HINTS = ("留空", "不填", "不选", "单位", "0 ", "none", "empty", "fen")


def _inside(fields: tuple[Field, ...], model: Any, locale: str) -> Iterator[Field]:
    for one in fields:
        yield one
        yield from _inside(one.fields, model, locale)
        if one.kind == "rows" and one.shape == "models":
            yield from _inside(fields_of(one.item, locale), one.item, locale)


def _fields(locale: str) -> Iterator[tuple[str, Field]]:
    """Yield every field that staff fill in, with where it stands."""
    registry = Registry.load(PluginsFile())
    resources = [(slug, one) for slug, plugin in registry.plugins.items() for one in plugin.gives.resources]
    for slug, spec in [*resources, *((desk.slug, desk.resource) for desk in CORE_DESKS)]:
        forms = [(form.model, spec.columns) for form in (spec.create, spec.edit) if form is not None]
        forms += [(action.form, ()) for action in spec.actions if action.form is not None]
        for model, columns in forms:
            for one in _inside(fields_of(model, locale, columns), model, locale):
                yield f"{slug}/{spec.name} {one.path}", one
    for slug, plugin in registry.plugins.items():
        for kind in (*plugin.gives.rewards, *plugin.gives.conditions):
            for one in _inside(fields_of(kind.spec, locale), kind.spec, locale):
                yield f"{slug}:{kind.name} {one.path}", one


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_field_is_called_by_a_name_and_not_by_a_hint(locale: str) -> None:
    found = list(_fields(locale))
    assert len(found) > 200
    wrong = {where: one.label for where, one in found if one.label.lower().startswith(HINTS)}
    assert not wrong


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_money_is_asked_for_in_the_unit_that_is_typed(locale: str) -> None:
    money = [(where, one.label) for where, one in _fields(locale) if one.kind == "fen"]
    assert len(money) > 8
    wrong = [(where, label) for where, label in money if "分" in label or "fen" in label.lower()]
    assert not wrong
