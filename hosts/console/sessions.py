"""Who looks at the console: the session cookie, the token against forged requests, language, headers."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import falcon

from core import identity
from core.contract.context import Actor, Context, Tenant
from core.errors import Forbidden, Unauthorized
from core.ids import new_id
from core.runtime import Runtime
from hosts.console.rendering import LANGUAGES
from hosts.rest.caller import wants_english

SESSION = "roost_staff"
VISITOR = "roost_visitor"  # before sign-in: what the form's token is bound to
LOCALE = "roost_locale"
FLASH = "roost_flash"
FORM_TOKEN = "csrf"
HEADER_TOKEN = "X-CSRF-Token"
PATH = "/console"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The staff account behind a request."""

    tenant: Tenant
    actor: Actor
    session: UUID | None
    token: str


def cookie(req: falcon.Request, name: str) -> str:
    """Return a cookie's value, or ""."""
    found = req.get_cookie_values(name)
    return found[0] if found else ""


def signed_in(runtime: Runtime, req: falcon.Request) -> SignedIn | None:
    """Return the account of the session cookie, or None when nobody is signed in."""
    token = cookie(req, SESSION)
    if not token or len(token) > 200 or not token.isascii():
        return None
    try:
        signed = identity.authenticate(runtime, token)
    except Unauthorized:
        return None
    if signed.actor.kind != "staff":
        return None
    return SignedIn(signed.tenant, signed.actor, signed.session, token)


def context_of(runtime: Runtime, req: falcon.Request, who: SignedIn) -> Context:
    """Return the context in which the account acts."""
    asked = getattr(req.context, "request_id", "") or new_id().hex
    return Context(runtime, who.tenant, who.actor, "core", f"request:{asked}", asked, "live", locale_of(req))


def locale_of(req: falcon.Request) -> str:
    """Return `zh` or `en`: what the reader chose, else what the browser prefers, else Chinese."""
    chosen = cookie(req, LOCALE)
    if chosen in LANGUAGES:
        return chosen
    return "en" if wants_english(req.get_header("Accept-Language") or "") else "zh"


def form_token(secret: str) -> str:
    """Return the token that forms carry, bound to the secret of one cookie; it does not reveal the secret."""
    return hmac.new(secret.encode(), b"roost console form", hashlib.sha256).hexdigest()


def check_form_token(secret: str, given: str) -> None:
    """Raise Forbidden unless a request carries the token of its own session."""
    if not secret or not hmac.compare_digest(form_token(secret), given if given.isascii() else ""):
        raise Forbidden(
            "this form is out of date: reload the page and send it again",
            "表单已过期，请刷新页面后重试",
            code="bad_form_token",
        )


def secure(runtime: Runtime, req: falcon.Request) -> bool:
    """Tell whether cookies are for https only."""
    return req.scheme == "https" or runtime.settings.public_url.startswith("https://")


def set_cookie(resp: falcon.Response, name: str, value: str, *, https: bool, max_age: int | None = None) -> None:
    """Set a cookie that no script reads and no other site sends along."""
    resp.set_cookie(name, value, path=PATH, http_only=True, same_site="Lax", secure=https, max_age=max_age)


def clear_cookie(resp: falcon.Response, name: str) -> None:
    """Remove a cookie."""
    resp.unset_cookie(name, path=PATH, same_site="Lax")


def visitor(req: falcon.Request) -> str:
    """Return the secret of somebody not signed in yet, a new one when there is none."""
    held = cookie(req, VISITOR)
    return held if 20 <= len(held) <= 100 else secrets.token_urlsafe(24)


def flash_of(req: falcon.Request) -> str:
    """Return the message that the request before left for this one."""
    return unquote(cookie(req, FLASH))[:200]


def set_flash(resp: falcon.Response, text: str, *, https: bool) -> None:
    """Leave a message for the next page."""
    set_cookie(resp, FLASH, quote(text), https=https, max_age=60)


def apply_headers(resp: falcon.Response, headers: dict[str, Any] | None = None) -> None:
    """Set the headers that every page carries."""
    for name, value in {**HEADERS, **(headers or {})}.items():
        resp.set_header(name, value)
