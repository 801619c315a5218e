"""The staff endpoints of a resource, made from the same declaration as its pages."""

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from core.contract.console import Action, Form, Resource
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.errors import NotFound
from hosts.console import approvals, keyset
from hosts.console.models import Approval
from hosts.console.resources import REASON_LENGTH, Desk, check_declaration


class ApprovalOut(BaseModel):
    """An act above its limit, and what a second person decided."""

    id: UUID
    state: Literal["pending", "approved", "rejected"]
    subject: str
    amount: int
    reason: str
    requested_by: UUID | None
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    note: str


class RejectionIn(BaseModel):
    """Why an act is refused."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


def endpoints_for(slug: str, resource: Resource) -> Endpoints:
    """Return the endpoints of one resource of a plugin (`endpoints_of`). Raises ConfigurationError for a wrong one."""
    check_declaration(slug, resource)
    return endpoints_of(Desk(slug, resource))


def endpoints_of(desk: Desk) -> Endpoints:
    """Return the endpoints of a resource, below `/admin/v1/{slug}`: list, detail, create, edit, each action.

    Of a resource of core those that its desk serves, where it says.
    An action above its limit answers `{"state": "pending", "approval": …}`; a second person decides at
    `…/{action}/approvals/{approval}/approve` or `/reject`.
    """
    slug, resource = desk.slug, desk.resource
    served = desk.rest
    group = Endpoints("staff", prefix=served.prefix if served else None, tag=served.tag if served else slug)

    def wanted(part: str) -> bool:
        return served is None or part in served.parts

    path = f"/{resource.name}"
    stem = "".join(part.title() for part in f"{slug}_{resource.name}".replace("-", "_").split("_"))
    if wanted("list"):
        _add_list(group, desk, path, stem)
    if wanted("get"):
        _add_get(group, desk, path)
    if resource.create is not None and wanted("create"):
        _add_create(group, desk, path, resource.create)
    if resource.edit is not None and wanted("edit"):
        _add_edit(group, desk, path + "/{row_id}", resource.edit)
    for action in filter(lambda action: wanted(action.name), resource.actions):
        _add_action(group, desk, f"{path}/{{row_id}}/{action.name}", action, stem)
        if action.approve_over is not None:
            _add_approvals(group, desk, f"{path}/{{row_id}}/{action.name}/approvals", action, stem)
    return group


def _typed(function: Callable[..., Any], name: str, says: str, **types: Any) -> Callable[..., Any]:
    """Give a function the name, docstring and annotations that the REST host reads."""
    function.__name__ = function.__qualname__ = name.replace("-", "_")
    function.__doc__ = says
    function.__annotations__ = {"ctx": Context, **types}
    assert set(inspect.signature(function).parameters) == set(function.__annotations__) - {"return"}
    return function


def _add_list(group: Endpoints, desk: Desk, path: str, stem: str) -> None:
    resource = desk.resource

    def rows(ctx: Any, query: Any, page: Any) -> Any:
        found, cursor = desk.listing(ctx, query, page)
        return Listing(items=[desk.reply(row) for row in found], next_cursor=cursor)

    def whole(ctx: Any, query: Any) -> Any:
        found, cursor = desk.listing(ctx, query, PageQuery(limit=keyset.MOST_ROWS))
        while cursor:
            more, cursor = desk.listing(ctx, query, PageQuery(limit=keyset.MOST_ROWS, cursor=cursor))
            found += more
        return reply(items=[desk.reply(row) for row in found])

    says = f"List: {resource.title.en}. Days of a filter are in the tenant's time zone."
    types: dict[str, Any] = {"query": keyset.filter_model(desk.slug, resource)}
    function: Callable[..., Any] = rows
    reply: Any = Listing.__class_getitem__(desk.reply_model)  # Any: a generic made at run time
    if desk.rest is not None and desk.rest.whole:
        function, reply = whole, create_model(f"{stem}Rows", __doc__="All rows.", items=(list[desk.reply_model], ...))  # type: ignore[name-defined]  # a type made at run time
    else:
        types["page"] = PageQuery
    name = f"list_{desk.slug}_{resource.name}"
    group.get(path, permission=resource.permission)(_typed(function, name, says, **types, **{"return": reply}))


def _add_get(group: Endpoints, desk: Desk, path: str) -> None:
    resource = desk.resource

    def row(ctx: Any, row_id: Any) -> Any:
        return desk.reply(desk.detail(ctx, row_id))

    group.get(path + "/{row_id}", permission=resource.permission)(
        _typed(
            row,
            f"get_{desk.slug}_{resource.name}",
            f"Return one row: {resource.title.en}.",
            row_id=keyset.key_type(resource),
            **{"return": desk.reply_model},
        )
    )


def _add_create(group: Endpoints, desk: Desk, path: str, form: Form) -> None:
    def create(ctx: Any, body: Any) -> Any:
        return desk.reply(desk.create(ctx, body))

    group.post(path, permission=desk.edit_permission, status=201)(
        _typed(
            create,
            f"create_{desk.slug}_{desk.resource.name}",
            f"Add a row: {desk.resource.title.en}.",
            body=form.model,
            **{"return": desk.reply_model},
        )
    )


def _add_edit(group: Endpoints, desk: Desk, path: str, form: Form) -> None:
    def edit(ctx: Any, row_id: Any, body: Any) -> Any:
        return desk.reply(desk.edit(ctx, row_id, body))

    group.patch(path, permission=desk.edit_permission)(
        _typed(
            edit,
            f"edit_{desk.slug}_{desk.resource.name}",
            f"Change a row: {desk.resource.title.en}.",
            row_id=keyset.key_type(desk.resource),
            body=form.model,
            **{"return": desk.reply_model},
        )
    )


def body_model(action: Action, stem: str) -> type[BaseModel] | None:
    """Return the body of an action's endpoint: its form, with a reason where one is asked for."""
    if not action.reason:
        return action.form
    name = f"{stem}{action.name.title().replace('_', '').replace('-', '')}In"
    if action.form is not None:
        if "reason" in action.form.model_fields:
            return action.form
        return create_model(name, __base__=action.form, reason=(str, Field(min_length=1, max_length=REASON_LENGTH)))
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid"),
        reason=(str, Field(min_length=1, max_length=REASON_LENGTH)),
    )


def split_body(action: Action, body: BaseModel | None) -> tuple[BaseModel | None, str]:
    """Return the action's own form and the reason out of one body."""
    reason = str(getattr(body, "reason", "") or "") if action.reason else ""
    if action.form is None:
        return None, reason
    if body is None:  # nothing of it is required
        return action.form(), reason
    if type(body) is action.form:
        return body, reason
    values = {name: getattr(body, name) for name in action.form.model_fields}
    return action.form.model_construct(body.model_fields_set & set(values), **values), reason


def _add_action(group: Endpoints, desk: Desk, path: str, action: Action, stem: str) -> None:
    resource = desk.resource
    model = body_model(action, stem)
    fields: Any = {  # Any: types made at run time
        "state": (Literal["done", "pending"], ...),
        "approval": (UUID | None, None),
        "item": (desk.reply_model | None, None),
    }
    if action.reveals is not None:
        _add_reveal(group, desk, path, action, model)
        return
    outcome = create_model(
        f"{stem}{action.name.title().replace('_', '').replace('-', '')}Out",
        __doc__="What became of the action: `pending` waits for a second approver.",
        **fields,
    )

    def perform(ctx: Any, row_id: Any, body: Any) -> Any:
        form, reason = split_body(action, body)
        became = desk.act(ctx, row_id, action.name, form, reason)
        try:
            item = desk.reply(desk.detail(ctx, row_id))
        except NotFound:  # the action removed the row, or moved it out of sight
            item = None
        return outcome(state="pending" if became.pending else "done", approval=became.approval, item=item)

    def plain(ctx: Any, row_id: Any) -> Any:
        return perform(ctx, row_id, None)

    types: dict[str, Any] = {"row_id": keyset.key_type(resource), "return": outcome}
    function: Callable[..., Any] = plain
    if model is not None:
        needed = any(field.is_required() for field in model.model_fields.values())
        function, types = perform, {**types, "body": model if needed else model | None}
    group.post(path, permission=action.permission, idempotent=action.idempotent)(
        _typed(
            function,
            f"{action.name}_{desk.slug}_{resource.name}",
            f"{action.title.en}: {resource.title.en}.",
            **types,
        )
    )


def _add_reveal(group: Endpoints, desk: Desk, path: str, action: Action, model: type[BaseModel] | None) -> None:
    def reveal(ctx: Any, row_id: Any, body: Any) -> Any:
        form, reason = split_body(action, body)
        return desk.act(ctx, row_id, action.name, form, reason).result

    group.post(path, permission=action.permission)(
        _typed(
            reveal,
            f"{action.name}_{desk.slug}_{desk.resource.name}",
            f"{action.title.en}: {desk.resource.title.en}. Audited, with the reason.",
            row_id=keyset.key_type(desk.resource),
            body=model,
            **{"return": action.reveals},
        )
    )


def _add_approvals(group: Endpoints, desk: Desk, path: str, action: Action, stem: str) -> None:
    desks = {(desk.slug, desk.resource.name): desk}
    key = keyset.key_type(desk.resource)
    name = f"{action.name}_{desk.slug}_{desk.resource.name}"

    def out(row: Any) -> ApprovalOut:
        return ApprovalOut.model_validate(row, from_attributes=True)

    def check(ctx: Any, row_id: Any, approval_id: Any) -> None:
        held = approvals.open_one(ctx, desks, approval_id).row
        if (held.subject, held.action) != (str(row_id), action.name):
            raise NotFound(f"there is no approval {approval_id} of this row", "找不到该审批")

    def asked(ctx: Any, row_id: Any, page: Any) -> Any:
        row = desk.detail(ctx, row_id)
        mine = (
            Approval.scoped(ctx)
            .select()
            .where(
                Approval.plugin == desk.slug,
                Approval.resource == desk.resource.name,
                Approval.subject == str(row.id),
                Approval.action == action.name,
            )
        )
        rows, cursor = keyset.page_of(_APPROVALS, mine, page)
        return Listing(items=[out(held) for held in rows], next_cursor=cursor)

    def approve(ctx: Any, row_id: Any, approval_id: Any) -> Any:
        check(ctx, row_id, approval_id)
        approvals.approve(ctx, desks, approval_id)
        return out(Approval.scoped(ctx).get(Approval.id == approval_id))

    def reject(ctx: Any, row_id: Any, approval_id: Any, body: Any) -> Any:
        check(ctx, row_id, approval_id)
        approvals.reject(ctx, desks, approval_id, body.reason)
        return out(Approval.scoped(ctx).get(Approval.id == approval_id))

    says = f"“{action.title.en}” above its limit: "
    group.get(path, permission=action.permission)(
        _typed(
            asked,
            f"approvals_of_{name}",
            says + "what was asked for.",
            row_id=key,
            page=PageQuery,
            **{"return": Listing[ApprovalOut]},
        )
    )
    group.post(path + "/{approval_id}/approve", permission=action.permission, idempotent=action.idempotent)(
        _typed(
            approve,
            f"approve_{name}",
            says + "approve, as a second person; it then runs.",
            row_id=key,
            approval_id=UUID,
            **{"return": ApprovalOut},
        )
    )
    group.post(path + "/{approval_id}/reject", permission=action.permission)(
        _typed(
            reject,
            f"reject_{name}",
            says + "refuse, with a reason.",
            row_id=key,
            approval_id=UUID,
            body=RejectionIn,
            **{"return": ApprovalOut},
        )
    )


_APPROVALS = Resource(
    name="approvals",
    title=approvals.TITLE,
    model=Approval,
    reply=ApprovalOut,
    columns=(),
    permission="",
    venue_free=True,
    member=None,
)
