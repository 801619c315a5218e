"""What a plugin declares and nothing would ever find: `roost plugins check` says it before it runs."""

from collections.abc import Iterator
from inspect import get_annotations
from string import Formatter

from core.contract.plugin import Plugin
from core.registry.registry import Registry


def faults_of(registry: Registry, plugin: Plugin) -> Iterator[str]:
    """Yield each fault of a loaded plugin's declarations, in words that begin with its slug."""
    for fault in (*_columns(plugin), *_notices(registry, plugin)):
        yield f"{plugin.slug}: {fault}"


def _columns(plugin: Plugin) -> Iterator[str]:
    for resource in plugin.gives.resources:
        if resource.present is not None:  # it may make what it likes of a row
            continue
        for column in resource.columns:
            if not hasattr(resource.model, column.name):
                yield (
                    f"resource {resource.name} has the column {column.name!r}, which {resource.model.__name__} does not"
                    " have: it would stand empty"
                )


def _notices(registry: Registry, plugin: Plugin) -> Iterator[str]:
    for notice in plugin.gives.notices:
        by_fact = get_annotations(notice.read).get("return", ...) not in (None, "None")
        if by_fact and notice.fact not in registry.facts:  # one whose `read` tells nobody is told by the clock
            yield f"a notice tells of the fact {notice.fact!r}, which no plugin that is loaded declares"
        values = {language: _values(text) for language, text in (("zh", notice.text.zh), ("en", notice.text.en))}
        for language, named in values.items():
            if named is None:
                yield f"the notice of {notice.fact} cannot be written in {language}: its braces do not match"
        if None not in values.values() and values["zh"] != values["en"]:
            odd = ", ".join(sorted((values["zh"] or set()) ^ (values["en"] or set())))
            yield f"the notice of {notice.fact} names other values in zh than in en: {odd}"


def _values(text: str) -> set[str] | None:
    """Return the values that a template names; None when it cannot be read."""
    try:
        return {name.partition(".")[0] for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return None
