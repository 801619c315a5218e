"""What a plugin declares, held against its manifest, its tables and the specifications, before any of it is used."""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args

from peewee import UUIDField
from pydantic import BaseModel, ValidationError

from core.contract.facts import Fact
from core.contract.plugin import Contribution, Plugin
from core.contract.rest import prefix_of
from core.contract.work import Schedule
from core.errors import ConfigurationError
from core.member_rows import ByPlugin, MemberRows, Unite, declared_rows
from core.tables import TenantModel
from core.words import Text, said

MEMBER_COLUMNS = frozenset(("member", "invitee", "inviter"))
"""Columns that hold a member's id by their name; others are declared by `MemberRows(column=…)` alone."""
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MINUTE = timedelta(minutes=1)


def check_contribution(plugin: Plugin) -> None:
    """Raise ConfigurationError for settings without defaults, and for what names a permission that is not declared."""
    slug, gives = plugin.slug, plugin.gives
    if not isinstance(gives, Contribution):
        raise ConfigurationError(f"{slug}: contribute() must return a Contribution, not {type(gives).__name__}")
    try:
        gives.settings()
    except ValidationError:
        raise ConfigurationError(f"{slug}: every field of {gives.settings.__name__} needs a default") from None
    for model, where in _models(gives):
        check_words(slug, model, where)
    for permission, where in _permissions(plugin):
        if permission is not None and permission not in plugin.manifest.permissions:
            raise ConfigurationError(
                f"{slug}: {where} uses the permission {permission!r}, which its plugin.toml does not declare"
            )
    for resource in gives.resources:
        if resource.venue is None and not resource.venue_free:
            raise ConfigurationError(
                f"{slug}: resource {resource.name} must name its venue column, or say venue_free=True"
            )
    for schedule in gives.schedules:
        check_schedule(slug, schedule)


def _models(gives: Contribution) -> Iterator[tuple[type[BaseModel], str]]:
    """Return the models that staff fill in, and what each is of."""
    yield gives.settings, "setting"
    for resource in gives.resources:
        for form in (resource.create, resource.edit):
            if form is not None:
                yield form.model, f"field of the form of {resource.name}"
        for action in resource.actions:
            if action.form is not None:
                yield action.form, f"field of the form of {action.name}"
    for reward in gives.rewards:
        yield reward.spec, f"field of the reward {reward.name}"
    for condition in gives.conditions:
        yield condition.spec, f"field of the condition {condition.name}"


def check_words(slug: str, model: type[BaseModel], where: str, seen: frozenset[type] = frozenset()) -> None:
    """Raise ConfigurationError for a field, however deep, that is described to the readers of one language only."""
    for name, info in model.model_fields.items():
        words = info.description or ""
        if words and said(words, "zh") == said(words, "en"):
            raise ConfigurationError(
                f"{slug}: the {where} {name} is described in one language: write both, as"
                f' description="days it lasts · 有效天数"',
                f'{slug}：{model.__name__} 的 {name} 只有一种语言的说明，请写成 description="days it lasts · 有效天数"',
            )
        for inner in _models_in(info.annotation):
            if inner not in seen:
                check_words(slug, inner, where, seen | {model, inner})


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # Any: what an annotation may be
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def check_schedule(slug: str, schedule: Schedule) -> None:
    """Raise ConfigurationError for a schedule that would never run, or at a time that is not what it says."""
    if (schedule.daily is None) == (schedule.every is None):
        raise ConfigurationError(f"{slug}: schedule {schedule.name} is either daily or every so often")
    if schedule.daily is not None and not _TIME_OF_DAY.fullmatch(schedule.daily):
        raise ConfigurationError(
            f"{slug}: schedule {schedule.name} is daily at {schedule.daily!r}, which is no time of a day;"
            " write 00:00 to 23:59"
        )
    if schedule.every is not None and (schedule.every < _MINUTE or schedule.every % _MINUTE):
        raise ConfigurationError(
            f"{slug}: schedule {schedule.name} runs every {schedule.every}; write whole minutes, 1 at least"
        )


def _permissions(plugin: Plugin) -> Iterator[tuple[str | None, str]]:
    gives = plugin.gives
    for group in gives.endpoints:
        for endpoint in group.items:
            yield endpoint.permission, f"route {endpoint.method} {prefix_of(plugin.slug, group)}{endpoint.path}"
    for resource in gives.resources:
        for permission in (
            resource.permission, resource.edit_permission, resource.export_permission,
            *(action.permission for action in resource.actions),
        ):  # fmt: skip
            yield permission, f"resource {resource.name}"
    for page in gives.pages:
        yield page.permission, f"page {page.path}"
    for notice in gives.notices:
        yield notice.permission or None, f"notice {notice.fact}"
    for panel in gives.panels:
        yield panel.permission, f"panel {panel.name}"


def claims_of(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """Return (kind, name) of everything that no other plugin may declare as well."""
    slug, gives = plugin.slug, plugin.gives
    for group in gives.endpoints:
        for endpoint in group.items:
            yield "route", f"{endpoint.method} {prefix_of(slug, group)}{endpoint.path}"
    yield from (("reward kind", kind.name) for kind in gives.rewards)
    yield from (("condition kind", kind.name) for kind in gives.conditions)
    yield from (("notice", notice.fact) for notice in gives.notices)
    yield from (("channel", channel.name) for channel in gives.channels)
    yield from (("payment method", method.name) for method in gives.payments)
    yield from (("content check", check.name) for check in gives.checks)
    yield from (("risk check", check.name) for check in gives.risks)
    yield from (("job", f"{slug}.{job.name}") for job in gives.jobs)
    yield from (("schedule", f"{slug}.{schedule.name}") for schedule in gives.schedules)
    yield from (("resource", f"{slug}/{resource.name}") for resource in gives.resources)
    yield from (("console page", f"{slug}/{page.path}") for page in gives.pages)


def check_facts(plugin: Plugin, known: Mapping[str, type[Fact]]) -> None:
    """Raise ConfigurationError for a fact of the plugin that has no specification: nobody could hear it."""
    for fact in _subclasses(Fact):
        module = sys.modules.get(fact.__module__)
        if module is None or getattr(module, fact.__name__, None) is not fact:
            continue  # of a plugin that was written twice, in tests
        if fact.__subclasses__():
            continue  # what facts have in common, never published itself
        if fact.__module__.startswith(f"{plugin.package}.") and known.get(fact.fact_name()) is not fact:
            raise ConfigurationError(
                f"{plugin.slug}: the fact {fact.__name__} of {fact.__module__} is not specified: write it in"
                f" hookspecs.py, with @fact above a function {fact.fact_name()}(ctx, fact)"
            )
        if fact.__module__.startswith(f"{plugin.package}.") and not isinstance(getattr(fact, "label", None), Text):
            raise ConfigurationError(
                f'{plugin.slug}: the fact {fact.__name__} has no words for staff: label = Text("…", "…")'
            )


def _subclasses(kind: type[Fact]) -> Iterator[type[Fact]]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def check_table(plugin: Plugin, model: type[TenantModel], others: Collection[str]) -> None:
    """Raise ConfigurationError for a table outside the plugin's prefix, or one that forgets the member in it."""
    slug, table = plugin.slug, model._meta.table_name
    if not (table == slug or table.startswith(f"{slug}_")):
        raise ConfigurationError(f"{slug}: table {table!r} must be named {slug}_…")
    for other in others:
        if other != slug and table.startswith(f"{other}_") and len(other) > len(slug):
            raise ConfigurationError(f"{slug}: table {table!r} is under the prefix of {other}")
    fields = model._meta.fields
    declared = {rows.column: rows for rows in declared_rows(model)}
    for name, field in fields.items():
        if name in MEMBER_COLUMNS and isinstance(field, UUIDField) and name not in declared:
            raise ConfigurationError(
                f"{slug}: {model.__name__}.{name} holds a member: say in member_rows = MemberRows(…) what becomes of"
                " its rows when the member is erased or merged, and what they take away in an export"
            )
    for rows in declared.values():
        _check_rows(plugin, model, rows)


def _check_rows(plugin: Plugin, model: type[TenantModel], rows: MemberRows) -> None:
    named = [rows.column, *(one if isinstance(one, str) else one[0] for one in rows.export or ())]
    named += getattr(rows.erase, "values", {})
    if isinstance(rows.merge, Unite):
        named += [*rows.merge.by, *rows.merge.add, *rows.merge.latest, *filter(None, [rows.merge.newest])]
    for name in named:
        if name not in model._meta.fields:
            raise ConfigurationError(f"{plugin.slug}: member_rows of {model.__name__} names {name!r}, no column of it")
    for answer, hook in ((rows.erase, "erase_member"), (rows.merge, "merge_members")):
        if isinstance(answer, ByPlugin) and not hasattr(getattr(plugin.hooks, hook, None), "roost_impl"):
            raise ConfigurationError(
                f"{plugin.slug}: member_rows of {model.__name__} leaves it to {hook}, which hooks.py does not implement"
            )
