"""The pages of a resource: list, detail, create, edit, actions, export."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from core.choices import options as live_options
from core.contract.console import Action, Form
from core.contract.rest import PageQuery
from core.db import savepoint
from core.errors import Invalid, NotFound, RoostError
from hosts.console import export, keyset, once
from hosts.console.fields import fields_of
from hosts.console.forms import FormError, FormView, as_sent, edited, form_of, read
from hosts.console.resource_endpoints import split_body
from hosts.console.resources import Desk, Row, checked_reason, columns_in_list
from hosts.console.showing import Names, cell
from hosts.console.web import Reply, Visit, with_query

PAGE = 20
NOTHING = "~"  # in a list's address: rows whose value is empty, where the empty one is a choice too


@dataclass(frozen=True, slots=True)
class Filter:
    """One input above a list."""

    name: str
    label: str
    kind: str  # text, choice, date, venue, bool, member
    value: str
    options: tuple[tuple[str, str], ...] = ()


def base(desk: Desk) -> str:
    """Return the path of a resource's list."""
    return f"/console/{desk.slug}/{desk.resource.name}"


def row_path(desk: Desk, row_id: Any) -> str:
    """Return the path of one row."""
    return f"{base(desk)}/{quote(str(row_id), safe='')}"


def listing(visit: Visit, *, slug: str, name: str) -> Reply:
    """Show the list, or only its table when htmx asks."""
    desk = visit.console.desk(slug, name)
    desk.require_visible(visit.ctx)
    query = visit.query
    cursor = query.pop("cursor", "")
    wanted, errors = read_filters(visit, desk, query)
    found: list[Row] = []
    following: str | None = None
    if not errors:
        found, following = desk.listing(visit.ctx, wanted, PageQuery(limit=PAGE, cursor=cursor))
    columns = columns_in_list(desk.resource)
    names = Names.of(visit.ctx, columns, found, slug)
    path = base(desk)
    exported = desk.resource.export_permission is not None and visit.ctx.has(desk.resource.export_permission)
    values: dict[str, Any] = {
        "title": desk.resource.title.in_(visit.locale),
        "columns": [(c.title.in_(visit.locale), c.kind in ("int", "fen", "points")) for c in columns],
        "rows": [
            (
                row_path(desk, row.id),
                [cell(visit.ctx, c, row.value(c.name), names, visit.locale) for c in columns],
            )
            for row in found
        ],
        "filters": filter_inputs(visit, desk, query),
        "filter_errors": errors,
        "filtered": len(query),
        "base": path,
        "first": with_query(path, query) if cursor else "",
        "next": with_query(path, query, cursor=following) if following else "",
        "create": f"{path}/new" if desk.may_create(visit.ctx) else "",
        "exports": [(kind, with_query(f"{path}/export.{kind}", query)) for kind in ("csv", "xlsx")] if exported else [],
        "asks_reason": exported and export.holds_phones(visit.ctx, desk),
        "finds_member": any(c.kind == "member" for c in keyset.filters(desk.resource))
        or (slug, name) == ("core", "members"),
    }
    return visit.page("_table.html" if visit.htmx else "list.html", **values)


def read_filters(visit: Visit, desk: Desk, query: dict[str, str]) -> tuple[BaseModel, list[str]]:
    """Return the filters of a query string, and what is wrong with them, in words."""
    model = keyset.filter_model(desk.slug, desk.resource)
    known = {n: "" if v == NOTHING else v for n, v in query.items() if n in model.model_fields}
    try:
        return model.model_validate(known), []
    except ValidationError as ex:
        titles = {c.name: c.title.in_(visit.locale) for c in desk.resource.columns}
        wrong = [str(e["loc"][0]).removesuffix("_from").removesuffix("_to") for e in ex.errors()]
        return model(), [visit.say("筛选条件“%(title)s”格式不正确", title=titles.get(name, name)) for name in wrong]


def filter_inputs(visit: Visit, desk: Desk, query: dict[str, str]) -> list[Filter]:
    """Return the inputs above the list, holding what was asked for."""
    made: list[Filter] = []
    for column in keyset.filters(desk.resource):
        title = column.title.in_(visit.locale)
        if not column.page:
            continue
        if column.named is not None:  # rows of one reference: from a link, never typed
            made.append(Filter(column.name, title, "member", query.get(column.name, "")))
            continue
        if column.kind in ("time", "date"):
            for end, words in (("from", visit.say("起")), ("to", visit.say("止"))):
                key = f"{column.name}_{end}"
                made.append(Filter(key, f"{title} {words}", "date", _day(query.get(key, ""))))
            continue
        options: tuple[tuple[str, str], ...] = ()
        kind = column.kind if column.kind in ("choice", "venue", "bool", "member") else "text"
        if column.source is not None:
            kind, options = "choice", tuple(live_options(visit.ctx.for_plugin(desk.slug), column.source))
        elif kind == "choice":
            options = tuple((value or NOTHING, text.in_(visit.locale)) for value, text in column.choices.items())
        made.append(Filter(column.name, title, kind, query.get(column.name, ""), options))
    return made


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def detail(visit: Visit, *, slug: str, name: str, row_id: str) -> Reply:
    """Show one row with every column and what can be done to it."""
    desk = visit.console.desk(slug, name)
    row = desk.detail(visit.ctx, keyset.read_key(desk.resource, row_id))
    return visit.page("detail.html", **detail_values(visit, desk, row))


def detail_values(visit: Visit, desk: Desk, row: Row) -> dict[str, Any]:
    """Return what the template of a row shows."""
    names = Names.of(visit.ctx, desk.resource.columns, [row], desk.slug)
    path = row_path(desk, row.id)
    return {
        "title": desk.resource.title.in_(visit.locale),
        "base": base(desk),
        "facts": [
            (
                c.title.in_(visit.locale),
                cell(visit.ctx, c, row.value(c.name), names, visit.locale),
            )
            for c in desk.resource.columns
            if c.page
        ],
        "edit": f"{path}/edit" if desk.may_edit(visit.ctx) else "",
        "actions": [(a.title.in_(visit.locale), f"{path}/{a.name}") for a in desk.actions(visit.ctx, row)],
        "row_id": str(row.id),
    }


# --- forms --------------------------------------------------------------------------------------------------


def _form_page(
    visit: Visit, desk: Desk, form: FormView, title: str, action: str, back: str, status: int = 200
) -> Reply:
    values = {
        "title": title,
        "form": form,
        "action": action,
        "back": back,
        "part_of": desk.resource.title.in_(visit.locale),
    }
    return visit.page("form.html", status, base=base(desk), **values)


def new(visit: Visit, *, slug: str, name: str) -> Reply:
    """Show the form of a new row."""
    desk, form = _creating(visit, slug, name)
    view = form_of(visit.ctx, form.model, None, desk.resource.columns)
    return _form_page(visit, desk, view, visit.say("新增"), f"{base(desk)}/new", base(desk))


def create(visit: Visit, *, slug: str, name: str) -> Reply:
    """Add a row, or show the form again with what is wrong."""
    desk, form = _creating(visit, slug, name)
    again = edited(visit.ctx, form.model, visit.form, desk.resource.columns)
    if again is not None:
        return _form_page(visit, desk, again, visit.say("新增"), f"{base(desk)}/new", base(desk))
    try:
        with savepoint():
            row = desk.create(visit.ctx, read(visit.ctx, form.model, visit.form))
    except (FormError, RoostError) as ex:
        view = as_sent(visit.ctx, form.model, visit.form, desk.resource.columns).refused(ex, visit.locale)
        return _form_page(visit, desk, view, visit.say("新增"), f"{base(desk)}/new", base(desk), 422)
    return visit.go(row_path(desk, row.id), visit.say("已新增"))


def _creating(visit: Visit, slug: str, name: str) -> tuple[Desk, Form]:
    desk = visit.console.desk(slug, name)
    desk.require_visible(visit.ctx)
    if desk.resource.create is None:
        raise NotFound("rows are not added here", "此处不能新增")
    visit.ctx.require(desk.edit_permission)
    return desk, desk.resource.create


def edit(visit: Visit, *, slug: str, name: str, row_id: str) -> Reply:
    """Show the form of a row."""
    desk, form, row = _editing(visit, slug, name, row_id)
    path = row_path(desk, row.id)
    source = {field: row.value(field) for field in form.model.model_fields if has_value(row, field)}
    view = form_of(visit.ctx, form.model, source, desk.resource.columns)
    return _form_page(visit, desk, view, visit.say("编辑"), f"{path}/edit", path)


def has_value(row: Row, name: str) -> bool:
    """Tell whether a row knows a field of its form; otherwise the model's default stands there."""
    if isinstance(row.shown, dict):
        return name in row.shown or hasattr(row.stored, name)
    return hasattr(row.shown, name) or hasattr(row.stored, name)


def save(visit: Visit, *, slug: str, name: str, row_id: str) -> Reply:
    """Change a row, or show the form again with what is wrong."""
    desk, form, row = _editing(visit, slug, name, row_id)
    path = row_path(desk, row.id)
    again = edited(visit.ctx, form.model, visit.form, desk.resource.columns)
    if again is not None:
        return _form_page(visit, desk, again, visit.say("编辑"), f"{path}/edit", path)
    try:
        with savepoint():
            desk.edit(visit.ctx, row.id, read(visit.ctx, form.model, visit.form))
    except (FormError, RoostError) as ex:
        view = as_sent(visit.ctx, form.model, visit.form, desk.resource.columns).refused(ex, visit.locale)
        return _form_page(visit, desk, view, visit.say("编辑"), f"{path}/edit", path, 422)
    return visit.go(path, visit.say("已保存"))


def _editing(visit: Visit, slug: str, name: str, row_id: str) -> tuple[Desk, Form, Row]:
    desk = visit.console.desk(slug, name)
    row = desk.detail(visit.ctx, keyset.read_key(desk.resource, row_id))
    if desk.resource.edit is None:
        raise NotFound("rows are not changed here", "此处不能修改")
    visit.ctx.require(desk.edit_permission)
    return desk, desk.resource.edit, row


# --- actions ------------------------------------------------------------------------------------------------


def confirm(visit: Visit, *, slug: str, name: str, row_id: str, action: str) -> Reply:
    """Ask before an action: its form, a reason where one is needed."""
    desk, act, row = _acting(visit, slug, name, row_id, action)
    form = form_of(visit.ctx, act.form, None, desk.resource.columns, row.id) if act.form else FormView((), {})
    return _dialog(visit, desk, act, row, form)


def perform(visit: Visit, *, slug: str, name: str, row_id: str, action: str) -> Reply:
    """Do an action, put it before a second approver, or show the form again with what is wrong."""
    desk, act, row = _acting(visit, slug, name, row_id, action)
    reason = visit.sent("reason")
    again = edited(visit.ctx, act.form, visit.form, desk.resource.columns, row.id) if act.form else None
    if again is not None:
        return _dialog(visit, desk, act, row, again, reason)
    try:
        with savepoint():
            once.use(visit.ctx, visit.sent(once.NONCE))
            body = read(visit.ctx, act.form, visit.form, row=row.id) if act.form else None
            body, own = split_body(act, body)
            outcome = desk.act(visit.ctx, row.id, act.name, body, own or reason)
    except (FormError, RoostError) as ex:
        form = as_sent(visit.ctx, act.form, visit.form, desk.resource.columns, row.id) if act.form else FormView((), {})
        return _dialog(visit, desk, act, row, form.refused(ex, visit.locale), reason, 422)
    if act.reveals is not None:
        return _revealed(visit, desk, act, row, outcome.result)
    said = visit.say("已提交，等待另一位同事审批") if outcome.pending else visit.say("操作完成")
    return visit.go(row_path(desk, row.id), said)


def _dialog(
    visit: Visit, desk: Desk, act: Action, row: Row, form: FormView, reason: str = "", status: int = 200
) -> Reply:
    limited = act.approve_over is not None
    values: dict[str, Any] = {
        "title": act.title.in_(visit.locale),
        "part_of": desk.resource.title.in_(visit.locale),
        "base": base(desk),
        "form": form,
        "action": f"{row_path(desk, row.id)}/{act.name}",
        "back": row_path(desk, row.id),
        "asks_reason": act.reason and "reason" not in (act.form.model_fields if act.form else {}),
        "reason": reason,
        "limited": limited,
        "once": once.nonce(),
    }
    return visit.page("_action.html" if visit.htmx else "action.html", status, **values)


def _revealed(visit: Visit, desk: Desk, act: Action, row: Row, shown: BaseModel) -> Reply:
    """Show what was sealed, on this answer only; the act has left its audit row."""
    values: dict[str, Any] = {
        "title": act.title.in_(visit.locale),
        "part_of": desk.resource.title.in_(visit.locale),
        "base": base(desk),
        "back": row_path(desk, row.id),
        "lines": [(one.label, getattr(shown, one.path)) for one in fields_of(type(shown), visit.locale)],
    }
    return visit.page("_revealed.html" if visit.htmx else "revealed.html", **values)


def _acting(visit: Visit, slug: str, name: str, row_id: str, action: str) -> tuple[Desk, Action, Row]:
    desk = visit.console.desk(slug, name)
    desk.require_visible(visit.ctx)
    act = desk.action(action)
    visit.ctx.require(act.permission)
    key = keyset.read_key(desk.resource, row_id)
    return desk, act, desk.detail(visit.ctx, key, any_venue=act.any_venue)


# --- export -------------------------------------------------------------------------------------------------


def download(visit: Visit, *, slug: str, name: str, kind: str) -> Reply:
    """Give the rows of the filters as a file; ask why first where it holds whole phone numbers."""
    desk = _exported(visit, slug, name)
    if export.holds_phones(visit.ctx, desk):
        return _ask_why(visit, desk, kind)
    return _file(visit, desk, kind)


def download_with_reason(visit: Visit, *, slug: str, name: str, kind: str) -> Reply:
    """Give the rows as a file, for a reason that the audit trail keeps."""
    desk = _exported(visit, slug, name)
    try:
        reason = checked_reason(visit.sent("reason"))
    except Invalid as ex:
        return _ask_why(visit, desk, kind, ex.message if visit.locale == "en" else ex.message_zh)
    return _file(visit, desk, kind, reason)


def _exported(visit: Visit, slug: str, name: str) -> Desk:
    desk = visit.console.desk(slug, name)
    desk.require_visible(visit.ctx)
    if desk.resource.export_permission is None:
        raise NotFound("this is not exported", "此处不提供导出")
    visit.ctx.require(desk.resource.export_permission)
    return desk


def _ask_why(visit: Visit, desk: Desk, kind: str, problem: str = "") -> Reply:
    title = desk.resource.title.in_(visit.locale)
    values = {
        "title": visit.say("导出%(title)s", title=title),
        "part_of": title,
        "back": base(desk),
        "problem": problem,
    }
    action = with_query(f"{base(desk)}/export.{kind}", visit.query)
    return visit.page("_export.html" if visit.htmx else "export.html", 422 if problem else 200, action=action, **values)


def _file(visit: Visit, desk: Desk, kind: str, reason: str = "") -> Reply:
    wanted, errors = read_filters(visit, desk, visit.query)
    if errors:
        raise Invalid(errors[0], errors[0])
    details: dict[str, Any] = {
        "format": kind,
        "filters": sorted(k for k, v in wanted.model_dump().items() if v is not None),
        **({"reason": reason} if reason else {}),
    }
    visit.ctx.services.audit(visit.ctx.for_plugin(desk.slug), f"{desk.code}.exported", "", details)
    return Reply(
        stream=export.WRITERS[kind](visit.ctx, desk, wanted),
        content_type=export.TYPES[kind],
        filename=f"{desk.resource.title.in_(visit.locale)}-{visit.ctx.today()}.{kind}",
    )
