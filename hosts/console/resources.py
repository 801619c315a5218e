"""What staff do with a declared resource: list, look, create, edit, act. Pages and REST endpoints both call this.

Every check stands here once (the plugin is on, the permission, the venue), and every act leaves one audit row here.
All of it runs in the caller's transaction.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core import identity
from core.contract.console import Action, Column, Form, Resource
from core.contract.context import Context
from core.contract.rest import PageQuery
from core.db import read_only
from core.errors import ConfigurationError, Conflict, Forbidden, Invalid, NotFound
from core.privacy import mask_phone
from core.runtime import Runtime
from core.words import Text
from hosts.console import keyset
from hosts.console.models import Approval
from hosts.console.replies import reply_of

CORE = "core"
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One row: as it is stored, and as the plugin presents it."""

    id: Any  # Any: UUID, int or str, by the table
    stored: Any
    shown: Any

    def value(self, name: str) -> Any:
        """Return a column's value: the presented one, else the stored one, else None."""
        return self.values([name]).get(name)

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of those columns that are presented or stored."""
        shown = self.shown if isinstance(self.shown, Mapping) else None
        found = {}
        for name in names:
            if shown is not None and name in shown:
                found[name] = shown[name]
            elif shown is None and hasattr(self.shown, name):
                found[name] = getattr(self.shown, name)
            elif hasattr(self.stored, name):
                found[name] = getattr(self.stored, name)
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: done, or waiting for a second approver."""

    approval: UUID | None = None
    result: Any = None  # what `run` returned

    @property
    def pending(self) -> bool:
        """Tell whether it waits for approval."""
        return self.approval is not None


def masked(value: Any) -> str:
    """Return a phone number as `138****5678`; one that is masked already stays."""
    text = str(value or "")
    return text if not text or "*" in text else mask_phone(text)


@dataclass(frozen=True, slots=True)
class Served:
    """What of a resource of core is served over REST too, and where; a plugin's is served whole.

    `parts` are `list`, `get`, `create`, `edit` and names of actions. `whole` gives a short list without pages.
    """

    parts: frozenset[str]
    prefix: str = "/admin/v1"
    tag: str = "core"
    whole: bool = False


@dataclass(frozen=True)
class Desk:
    """A resource as staff work with it.

    `audited` names the acts (`created`, `edited`, an action) that core writes an audit row for by itself; `only`
    narrows the rows, whoever looks; `rest` says what of core's own is served over REST.
    """

    slug: str
    resource: Resource
    audited: frozenset[str] = frozenset()
    only: Callable[[], Any] | None = None  # Any: a peewee expression
    rest: Served | None = None

    @property
    def code(self) -> str:
        """Return `slug.name`, the beginning of every audit action."""
        return f"{self.slug}.{self.resource.name}"

    @property
    def edit_permission(self) -> str:
        """Return the permission to create and edit."""
        return self.resource.edit_permission or self.resource.permission

    @cached_property
    def reply_model(self) -> type[BaseModel]:
        """Return what a row is over REST."""
        return reply_of(self.slug, self.resource)

    # who may

    def visible(self, ctx: Context) -> bool:
        """Tell whether the account sees this resource at all."""
        return self._on(ctx) and ctx.has(self.resource.permission) and self._within_reach(ctx)

    def require_visible(self, ctx: Context) -> None:
        """Raise NotFound when the plugin is off, Forbidden without permission or for a venue's account."""
        if not self._on(ctx):
            raise NotFound(f"the plugin {self.slug} is off", "该功能未启用")
        ctx.require(self.resource.permission)
        self._require_reach(ctx)

    def _on(self, ctx: Context) -> bool:
        return self.slug == CORE or ctx.enabled(self.slug)

    def _within_reach(self, ctx: Context) -> bool:
        return not ctx.actor.venues or self.resource.venue is not None or self.resource.venue_free

    def _require_reach(self, ctx: Context) -> None:
        if not self._within_reach(ctx):
            raise Forbidden("an account of single venues has no access here", "门店账号无权查看此页")

    def may_create(self, ctx: Context) -> bool:
        """Tell whether the account may add rows."""
        return self.resource.create is not None and ctx.has(self.edit_permission)

    def may_edit(self, ctx: Context) -> bool:
        """Tell whether the account may change rows."""
        return self.resource.edit is not None and ctx.has(self.edit_permission)

    def actions(self, ctx: Context, row: Row) -> list[Action]:
        """Return the actions that make sense for a row and that the account may do."""
        return [a for a in self.resource.actions if ctx.has(a.permission) and (a.shown is None or a.shown(row.stored))]

    def action(self, name: str) -> Action:
        """Return an action by name, or raise NotFound."""
        for action in self.resource.actions:
            if action.name == name:
                return action
        raise NotFound(f"{self.code} has no action {name!r}", f"没有操作 {name}")

    # reading

    def _query(self, ctx: Context, *, any_venue: bool = False) -> Any:
        query = self.resource.model.scoped(ctx).select()
        if self.only is not None:
            query = query.where(self.only())
        if ctx.actor.venues and self.resource.venue is not None and not any_venue:
            column = getattr(self.resource.model, self.resource.venue)
            query = query.where(column.in_(sorted(ctx.actor.venues)))
        return query

    def listing(self, ctx: Context, wanted: BaseModel | None, page: PageQuery) -> tuple[list[Row], str | None]:
        """Return a page of the rows the account may see, and the next cursor."""
        self.require_visible(ctx)
        query = self._query(ctx)
        for part in keyset.conditions(ctx, self.resource, wanted) if wanted is not None else ():
            query = query.where(part)
        stored, cursor = keyset.page_of(self.resource, query, page)
        return self._present(ctx, stored), cursor

    def detail(self, ctx: Context, row_id: Any, *, any_venue: bool = False) -> Row:
        """Return one row; NotFound also for a row of a venue that is not the account's, unless any will do."""
        self.require_visible(ctx)
        found = self._find(ctx, row_id, any_venue=any_venue)
        if found is None:
            raise NotFound(f"there is no {self.resource.title.en} {row_id}", f"找不到{self.resource.title.zh} {row_id}")
        return found

    def _find(self, ctx: Context, row_id: Any, *, any_venue: bool = False) -> Row | None:
        if row_id is None:
            return None
        stored = self._query(ctx, any_venue=any_venue).where(keyset.primary_key(self.resource) == row_id).first()
        return self._present(ctx, [stored])[0] if stored is not None else None

    def lock(self, ctx: Context, row_id: Any, action: Action) -> None:
        """Lock the row that an approved action stands on, so that nothing changes between the look and the act."""
        if action.stands_on != ():
            self.lock_row(ctx, row_id)

    def lock_row(self, ctx: Context, row_id: Any) -> None:
        """Lock a row until the transaction ends. Raises NotFound."""
        self.resource.model.scoped(ctx).lock(keyset.primary_key(self.resource) == row_id)

    def _present(self, ctx: Context, stored: Sequence[Any]) -> list[Row]:
        key = keyset.primary_key(self.resource).name
        shown: Sequence[Any] = stored
        if self.resource.present is not None and stored:
            with read_only():
                shown = list(self.resource.present(ctx.for_plugin(self.slug), stored))
            if len(shown) != len(stored):
                raise ConfigurationError(f"{self.code}: present returned {len(shown)} rows for {len(stored)}")
        return [Row(getattr(row, key), row, view) for row, view in zip(stored, shown, strict=True)]

    def reply(self, row: Row) -> BaseModel:
        """Return a row as REST shows it; columns of the kind `phone` are masked."""
        values = row.values(self.reply_model.model_fields)
        phones = {column.name for column in self.resource.columns if column.kind == "phone"}
        values |= {name: masked(values[name]) for name in phones & set(values)}
        return self.reply_model.model_validate(values, from_attributes=True, by_name=True)

    # writing

    def create(self, ctx: Context, body: BaseModel) -> Row:
        """Add a row from its form and return it. Raises Forbidden for a venue that is not the account's."""
        form = self._form(ctx, self.resource.create)
        self._hold_to_venues(ctx, body)
        row_id = id_of(form.save(ctx.for_plugin(self.slug), body))
        if row_id is None:
            raise ConfigurationError(f"{self.code}: create.save must return the new row, or its id")
        row = self._find(ctx, row_id)
        if row is None:  # created beyond the account's own venues: the transaction goes back
            raise Forbidden("this would belong to a venue that is not yours", "不能为其他门店新增")
        if "created" not in self.audited:
            ctx.for_plugin(self.slug).audit(f"{self.code}.created", str(row_id))
        return row

    def edit(self, ctx: Context, row_id: Any, body: BaseModel) -> Row:
        """Change a row by its form and return it."""
        form = self._form(ctx, self.resource.edit)
        before = self.detail(ctx, row_id)
        self._hold_to_venues(ctx, body)
        form.save(ctx.for_plugin(self.slug), before.id, body)
        after = self._find(ctx, before.id)
        if after is None:
            raise Forbidden("this would then belong to a venue that is not yours", "不能移到其他门店")
        if "edited" not in self.audited:
            changed = sorted(n for n in type(body).model_fields if before.value(n) != after.value(n))
            ctx.services.audit(ctx.for_plugin(self.slug), f"{self.code}.edited", str(before.id), {"changed": changed})
        return after

    def _form(self, ctx: Context, form: Form | None) -> Form:
        self.require_visible(ctx)
        if form is None:
            raise NotFound(f"{self.code} has no such form", "此处不能新增或修改")
        ctx.require(self.edit_permission)
        return form

    def _hold_to_venues(self, ctx: Context, body: BaseModel) -> None:
        """Refuse a form that names a venue beyond the account's own."""
        if not ctx.actor.venues or self.resource.venue is None:
            return
        named = getattr(body, self.resource.venue, None)
        if named is not None and named not in ctx.actor.venues:
            raise Forbidden(
                "this venue is not yours",
                "不能选择其他门店",
                fields=[{"path": f"body.{self.resource.venue}", "message": "not one of your venues"}],
            )

    def act(self, ctx: Context, row_id: Any, name: str, body: BaseModel | None, reason: str = "") -> Outcome:
        """Do an action to a row, or put it before a second approver when it is above its limit.

        Raises Invalid without a reason where one is asked for, Conflict where it does not fit the row.
        """
        self.require_visible(ctx)
        action = self.action(name)
        ctx.require(action.permission)
        if action.already is not None:  # two at once would both find little done
            self.lock_row(ctx, row_id)
        row = self.detail(ctx, row_id, any_venue=action.any_venue)
        if action.reason:
            reason = checked_reason(reason)
        if action.shown is not None and not action.shown(row.stored):
            raise Conflict(f"{action.title.en} does not fit this row's state", f"当前状态不能执行：{action.title.zh}")
        if action.approve_over is not None:
            amount = action.approve_over(body)
            if not self._alone(ctx, row, action, body, amount):
                return Outcome(approval=self._ask(ctx, row, action, body, reason, amount))
        details = {"reason": reason} if reason else {}
        return Outcome(result=self.perform(ctx, row.id, action, body, details))

    def _alone(self, ctx: Context, row: Row, action: Action, body: BaseModel | None, amount: int) -> bool:
        """Tell whether the account may do this by itself, with what it did today; count it if so."""
        name = action.counted_as(body) if action.counted_as is not None else f"{self.resource.name}.{action.name}"
        member = getattr(row.stored, self.resource.member, None) if self.resource.member else None
        own = ctx.for_plugin(self.slug)
        limit = limit_of(own, action)
        if action.already is not None and action.already(own, row.stored) + amount > limit:
            return False
        return identity.take_allowance(ctx, f"{self.slug}.{name}", member or row.id, amount, limit)

    def perform(
        self, ctx: Context, row_id: Any, action: Action, body: BaseModel | None, details: dict[str, Any]
    ) -> Any:
        """Run an action that has been allowed and write its audit row."""
        result = action.run(ctx.for_plugin(self.slug), row_id, body)
        if action.name not in self.audited:
            ctx.services.audit(ctx.for_plugin(self.slug), f"{self.code}.{action.name}", str(row_id), details)
        return result

    def _ask(self, ctx: Context, row: Row, action: Action, body: BaseModel | None, reason: str, amount: int) -> UUID:
        asked = Approval.scoped(ctx).create(
            plugin=self.slug,
            resource=self.resource.name,
            action=action.name,
            subject=str(row.id),
            body=None if body is None else body.model_dump(mode="json"),
            reason=reason,
            stood=fingerprint(row.stored, action),
            amount=amount,
            venue=getattr(row.stored, self.resource.venue) if self.resource.venue else None,
            requested_by=ctx.actor.id,
            requested_at=ctx.now(),
        )
        details = {"approval": str(asked.id), "amount": amount, "reason": reason}
        ctx.services.audit(ctx.for_plugin(self.slug), f"{self.code}.{action.name}.requested", str(row.id), details)
        return asked.id  # type: ignore[no-any-return]  # peewee's fields are untyped


def fingerprint(stored: Any, action: Action) -> str:
    """Return a digest of the columns of a row that an action stands on."""
    names = sorted(stored._meta.fields) if action.stands_on is None else action.stands_on
    said = [(name, getattr(stored, name)) for name in names]
    return hashlib.sha256(json.dumps(said, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def limit_of(ctx: Context, action: Action) -> int:
    """Return the amount up to which an action needs no second approver."""
    return action.limit(ctx) if callable(action.limit) else action.limit


def id_of(saved: Any) -> Any:
    """Return the id in what a form's `save` returned: an id, a row, or a view of one."""
    if isinstance(saved, tuple) and saved:
        saved = saved[0]
    return saved if saved is None or isinstance(saved, UUID | int | str) else getattr(saved, "id", None)


def checked_reason(reason: str) -> str:
    """Return a reason fit for the audit, or raise Invalid."""
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_LENGTH:
        raise Invalid(
            f"give a reason of 1 to {REASON_LENGTH} characters",
            f"请填写原因（1 至 {REASON_LENGTH} 字）",
            fields=[{"path": "body.reason", "message": "请填写原因"}],
        )
    return reason


def columns_in_list(resource: Resource) -> list[Column]:
    """Return the columns of the list; the others stand on the detail page."""
    return [column for column in resource.columns if column.list and column.page]


def check_declaration(slug: str, resource: Resource) -> None:
    """Raise ConfigurationError for a resource that cannot be interpreted, and say what to change."""
    where = f"{slug}: resource {resource.name}"
    fields = resource.model._meta.fields
    also = ((name, "also") for name in resource.also if isinstance(name, str))
    for named, what in ((resource.order.lstrip("-"), "order"), (resource.venue, "venue"), *also):
        if named is not None and named not in fields:
            raise ConfigurationError(f"{where}: {what} names {named!r}, which {resource.model.__name__} does not have")
    taken = {"new", "edit"}
    for action in resource.actions:
        if action.name in taken:
            raise ConfigurationError(f"{where}: an action cannot be called {action.name!r}, or is there twice")
        taken.add(action.name)
        if action.reveals is not None and (not action.reason or action.approve_over is not None):
            raise ConfigurationError(f"{where}: {action.name} reveals something: it asks for a reason and no approval")
        for column in action.stands_on or ():
            if column not in fields:
                raise ConfigurationError(f"{where}: {action.name} stands on {column!r}, which is no column")


def all_desks(runtime: Runtime, core: Iterable[Desk]) -> dict[tuple[str, str], Desk]:
    """Return every resource of the deployment, core's first, by (slug, name); none of a plugin that is broken."""
    whole = (p for p in runtime.registry.plugins.values() if p.slug not in runtime.registry.broken)
    desks = [*core, *(Desk(p.slug, r) for p in whole for r in p.gives.resources)]
    return {(desk.slug, desk.resource.name): desk for desk in desks}


def plugin_name(runtime: Runtime, slug: str) -> Text:
    """Return what a plugin is called, in both languages."""
    return Text("系统", "System") if slug == CORE else runtime.registry.manifest(slug).name
