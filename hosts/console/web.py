"""One request of the console, from cookie to page: sign-in, forged requests, transaction, audit, errors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import falcon

from core import db, tenants
from core.contract.context import Context
from core.errors import NotFound, RoostError
from core.runtime import Runtime
from hosts.console import sessions
from hosts.console.core_resources import CORE_DESKS
from hosts.console.menu import menu_of
from hosts.console.rendering import Templates
from hosts.console.resources import Desk, all_desks
from hosts.console.rows_of_forms import Sent
from hosts.console.sessions import SignedIn
from hosts.rest.adapter import with_connection


class TooLarge(RoostError):
    """What the browser sent is longer than the deployment takes (413)."""

    status = 413
    code = "too_large"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a page answers."""

    html: str = ""
    status: int = 200
    location: str = ""  # where to go next
    flash: str = ""  # shown there
    cookies: Mapping[str, str] = field(default_factory=dict)  # an empty value removes it
    stream: Iterable[bytes] | None = None
    content_type: str = falcon.MEDIA_HTML
    filename: str = ""


class Console:
    """What every page of the console shares. One per process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.templates = Templates(runtime)
        self.desks = all_desks(runtime, CORE_DESKS)

    def desk(self, slug: str, name: str) -> Desk:
        """Return a resource, or raise NotFound."""
        try:
            return self.desks[(slug, name)]
        except KeyError:
            raise NotFound(f"there is no page {slug}/{name}", "没有这个页面") from None


@dataclass(slots=True)
class Visit:
    """A request of a signed-in account."""

    console: Console
    req: falcon.Request
    ctx: Context
    who: SignedIn
    form: Sent = field(default_factory=dict)

    @property
    def locale(self) -> str:
        """Return `zh` or `en`."""
        return self.ctx.locale

    @property
    def htmx(self) -> bool:
        """Tell whether htmx asks, for a part of a page."""
        return self.req.get_header("HX-Request") == "true"

    @property
    def query(self) -> dict[str, str]:
        """Return the query string, one value a name, without the empty ones."""
        found = parse_qs(self.req.query_string, keep_blank_values=False, max_num_fields=100)
        return {name: values[-1] for name, values in found.items()}

    def sent(self, name: str) -> str:
        """Return one value of the form, or ""."""
        return (self.form.get(name) or [""])[0]

    def say(self, message: str, **values: Any) -> str:
        """Return a message in the reader's language; Chinese is the source."""
        return self.console.templates.say(self.locale, message, **values)

    def shared(self) -> dict[str, Any]:
        """Return what every template may use."""
        ctx = self.ctx
        mine = [v for v in tenants.venues(ctx) if not ctx.actor.venues or v.id in ctx.actor.venues]
        return {
            "ctx": ctx,
            "csrf": sessions.form_token(self.who.token),
            "path": self.req.path,
            "menu": menu_of(self.console.runtime, self.console.desks, ctx),
            "flash": sessions.flash_of(self.req),
            "brand": ctx.tenant.name,
            "venues": [(str(v.id), v.name) for v in mine],
            "bare": self.htmx,
        }

    def page(self, template: str, status: int = 200, **values: Any) -> Reply:
        """Return a page from a template."""
        return Reply(self.render(template, **values), status)

    def render(self, template: str, **values: Any) -> str:
        """Return a template filled in."""
        name = template if "/" in template else f"console/{template}"
        return self.console.templates.render(self.locale, name, {**self.shared(), **values})

    def go(self, location: str, flash: str = "") -> Reply:
        """Return a redirect, with a message to be shown there."""
        return Reply(status=303, location=location, flash=flash)


Handler = Callable[..., Reply]  # (visit, **path parameters)


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one path. A view leaves an audit row, unless it is a part of a page or writes its own."""

    path: str
    get: Handler | None = None
    post: Handler | None = None
    audited: bool = True
    records: bool = False  # the GET writes its own audit row: exports
    refused: Callable[[Visit, RoostError], Reply] | None = None  # shows a refusal; otherwise the page of problems


class Door:
    """A Falcon resource around the handlers of one path."""

    def __init__(self, console: Console, route: Route, **fixed: str) -> None:
        self._console, self._route, self._fixed = console, route, fixed
        if route.get is not None:
            self.on_get = self._serve(route.get, writes=False)
        if route.post is not None:
            self.on_post = self._serve(route.post, writes=True)

    def _serve(self, handler: Handler, *, writes: bool) -> Callable[..., None]:
        def serve(req: falcon.Request, resp: falcon.Response, **params: str) -> None:
            with db.connection():
                who = with_connection(lambda: sessions.signed_in(self._console.runtime, req))
                if who is None:
                    back = "" if writes or req.get_header("HX-Request") else f"?next={quote(req.relative_uri)}"
                    write(self._console, req, resp, Reply(status=303, location=f"/console/sign-in{back}"))
                    return
                ctx = sessions.context_of(self._console.runtime, req, who)
                visit = Visit(self._console, req, ctx, who)
                try:
                    if writes:
                        visit.form = read_form(req, self._console.runtime.settings.body_limit)
                        given = req.get_header(sessions.HEADER_TOKEN) or visit.sent(sessions.FORM_TOKEN)
                        sessions.check_form_token(who.token, given)
                    reply = ctx.run(lambda: self._within(handler, visit, {**self._fixed, **params}, writes))
                except RoostError as ex:
                    reply = self._refused(visit, ex)
                write(self._console, req, resp, reply)

        return serve

    def _refused(self, visit: Visit, ex: RoostError) -> Reply:
        show = self._route.refused
        if show is None or ex.status in (403, 404):
            return problem(visit, ex)
        return visit.ctx.run(lambda: show(visit, ex))

    def _within(self, handler: Handler, visit: Visit, params: Mapping[str, str], writes: bool) -> Reply:
        if writes or self._route.records:
            return handler(visit, **params)
        with db.read_only():
            reply = handler(visit, **params)
        if self._route.audited and reply.status == 200:
            names = sorted(visit.query)
            visit.ctx.audit("console.viewed", visit.req.path, {"query": names} if names else {})
        return reply


def read_form(req: falcon.Request, most: int) -> Sent:
    """Return the fields of a form, or raise TooLarge."""
    if (req.content_length or 0) > most:
        raise TooLarge(f"a form has at most {most} bytes", "提交的内容过大")
    raw = req.bounded_stream.read(most + 1)
    try:
        return parse_qs(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=2000)
    except ValueError:
        raise NotFound("the form cannot be read", "表单无法识别") from None


def problem(visit: Visit, ex: RoostError) -> Reply:
    """Return the page, or the part of one, that tells of a refusal."""
    said = ex.message if visit.locale == "en" else ex.message_zh
    values = {"status": ex.status, "said": said, "code": ex.code}
    return Reply(visit.ctx.run(lambda: visit.render("problem.html", **values)), ex.status)


def write(console: Console, req: falcon.Request, resp: falcon.Response, reply: Reply) -> None:
    """Put a reply into Falcon's response."""
    https = sessions.secure(console.runtime, req)
    sessions.apply_headers(resp)
    for name, value in reply.cookies.items():
        if value:
            sessions.set_cookie(resp, name, value, https=https)
        else:
            sessions.clear_cookie(resp, name)
    if reply.flash:
        sessions.set_flash(resp, reply.flash, https=https)
    elif reply.html and req.get_header("HX-Request") is None and sessions.cookie(req, sessions.FLASH):
        sessions.clear_cookie(resp, sessions.FLASH)
    if reply.location:
        if req.get_header("HX-Request") == "true":
            resp.status, resp.text = 200, ""
            resp.set_header("HX-Redirect", reply.location)
        else:
            resp.status = reply.status
            resp.set_header("Location", reply.location)
        return
    resp.status, resp.content_type = reply.status, reply.content_type
    if reply.stream is not None:
        resp.stream = reply.stream
        resp.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(reply.filename)}")
    else:
        resp.text = reply.html


def with_query(path: str, query: Mapping[str, str], **changes: str | None) -> str:
    """Return a link with some values of its query changed; None takes one away."""
    merged = {**query, **{k: v for k, v in changes.items() if v is not None}}
    kept = {k: v for k, v in merged.items() if not (k in changes and changes[k] is None)}
    return f"{path}?{urlencode(kept)}" if kept else path


def local_path(text: str, otherwise: str = "/console") -> str:
    """Return a path of the console to go back to; anything that leads elsewhere gives `otherwise`."""
    inside = text == "/console" or text.startswith(("/console/", "/console?"))
    return text if inside and "\\" not in text and text.isprintable() and "//" not in text.split("?")[0] else otherwise
