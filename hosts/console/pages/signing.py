"""Sign in, sign out, change the password, choose the language."""

from typing import Any

import falcon

from core import db, identity, tenants
from core.contract.context import NOBODY, Context
from core.errors import NotFound, RoostError, Unauthorized
from core.ids import new_id
from hosts.console import sessions
from hosts.console.rendering import LANGUAGES
from hosts.console.web import Console, Reply, Route, Visit, local_path, read_form, write
from hosts.rest.caller import address_of
from hosts.rest.ratelimit import RateLimits, parse

TRIES = parse("20/minute", "console sign-in")  # from one address, for one brand; an account locks itself after five
REMEMBERED = "roost_brand"


class SignIn:
    """The page before everything else; it belongs to no session yet."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._limits = RateLimits(console.runtime)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the form, or go on when somebody is signed in."""
        with db.connection():
            if sessions.signed_in(self._console.runtime, req) is not None:
                write(self._console, req, resp, Reply(status=303, location="/console"))
                return
            tenant = sessions.cookie(req, REMEMBERED) or self._tenant_of_host(req)
            self._show(req, resp, tenant=tenant, next=local_path(req.get_param("next") or ""))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sign in; a refusal does not say what was wrong."""
        with db.connection():
            held: dict[str, str] = {}
            try:
                form = read_form(req, 10_000)
                held = {
                    name: (form.get(name) or [""])[0] for name in ("tenant", "username", "password", "next", "csrf")
                }
                sessions.check_form_token(sessions.cookie(req, sessions.VISITOR), held["csrf"])
                token = self._sign_in(req, held)
            except RoostError as ex:
                said = ex.message if sessions.locale_of(req) == "en" else ex.message_zh
                kept = {name: held.get(name, "") for name in ("tenant", "username")}
                self._show(req, resp, ex.status, problem=said, next=local_path(held.get("next", "")), **kept)
                return
            cookies = {sessions.SESSION: token, REMEMBERED: held["tenant"].strip(), sessions.VISITOR: ""}
            write(
                self._console,
                req,
                resp,
                Reply(status=303, location=local_path(held["next"]), cookies=cookies),
            )

    def _sign_in(self, req: falcon.Request, held: dict[str, str]) -> str:
        runtime = self._console.runtime
        refused = Unauthorized("the brand, the username or the password is wrong", "品牌、用户名或密码错误")
        try:
            tenant = tenants.by_slug(held["tenant"].strip().lower()[:40])
        except NotFound:
            raise refused from None
        asked = getattr(req.context, "request_id", "") or new_id().hex
        ctx = Context(runtime, tenant, NOBODY, "core", f"request:{asked}", asked, "live", sessions.locale_of(req))
        self._limits.check(ctx, TRIES, "console sign-in", address_of(req, runtime.settings.trusted_proxies))
        device = (req.get_header("User-Agent") or "")[:100]
        try:
            return ctx.run(lambda: identity.sign_in_staff(ctx, held["username"], held["password"], device=device))
        except Unauthorized:
            raise refused from None

    def _tenant_of_host(self, req: falcon.Request) -> str:
        found = tenants.by_host((req.host or "").lower())
        return found.slug if found else ""

    def _show(self, req: falcon.Request, resp: falcon.Response, status: int = 200, **values: Any) -> None:
        secret = sessions.visitor(req)
        shown = {"problem": "", "username": "", "csrf": sessions.form_token(secret), **values}
        html = self._console.templates.render(sessions.locale_of(req), "console/sign_in.html", shown)
        write(self._console, req, resp, Reply(html, status, cookies={sessions.VISITOR: secret}))


class ChooseLanguage:
    """Remember the reader's language."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_get(self, req: falcon.Request, resp: falcon.Response, language: str) -> None:
        """Set the cookie and go back."""
        came_from = (req.get_header("Referer") or "").partition("://")[2].partition("/")[2]
        cookies = {sessions.LOCALE: language if language in LANGUAGES else "zh"}
        write(self._console, req, resp, Reply(status=303, location=local_path(f"/{came_from}"), cookies=cookies))


def sign_out(visit: Visit) -> Reply:
    """End the session."""
    if visit.who.session is not None:
        identity.revoke_session(visit.ctx, visit.who.session)
    visit.ctx.audit("staff.signed_out", str(visit.ctx.actor.id))
    return Reply(status=303, location="/console/sign-in", cookies={sessions.SESSION: ""})


def password(visit: Visit) -> Reply:
    """Show the form to change one's own password."""
    return visit.page("password.html", title=visit.say("修改密码"), problem="")


def change_password(visit: Visit) -> Reply:
    """Change one's own password; other sessions end."""
    if visit.sent("new") != visit.sent("again"):
        return visit.page(
            "password.html", 422, title=visit.say("修改密码"), problem=visit.say("两次输入的新密码不一致")
        )
    assert visit.ctx.actor.id is not None
    identity.change_password(
        visit.ctx, visit.ctx.actor.id, visit.sent("old"), visit.sent("new"), keep=visit.who.session
    )
    return visit.go("/console", visit.say("密码已修改，其他设备已退出登录"))


def refused_password(visit: Visit, ex: RoostError) -> Reply:
    """Show the form again with what is wrong; the failed try stays counted."""
    said = ex.message if visit.locale == "en" else ex.message_zh
    return visit.page("password.html", 422, title=visit.say("修改密码"), problem=said)


ROUTES = (
    Route("/console/sign-out", post=sign_out),
    Route("/console/password", get=password, post=change_password, refused=refused_password),
)
