"""Who calls: the request's id, language and address, the token, the tenant, and from them the context."""

import functools
import re
import time
from dataclasses import dataclass
from typing import Any

from falcon import Request

from core import identity, tenants
from core.contract.context import NOBODY, Context, Tenant
from core.contract.rest import Audience
from core.errors import Forbidden, NotFound, RoostError, Unauthorized
from core.ids import new_id
from core.runtime import Runtime

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TOKEN_LENGTH = 200
_SLUG_LENGTH = 40
_HOST_SECONDS = 60.0
_HOSTS_KEPT = 1000


class NoTenant(RoostError):
    """A call before login does not say which brand it is for (400)."""

    status = 400
    code = "tenant_missing"


def begin(req: Request) -> None:
    """Give the request its id: the caller's own `X-Request-Id` when it is sane, else a new one."""
    given = req.env.get("HTTP_X_REQUEST_ID", "")
    req.context.request_id = given if given and _SANE_ID.fullmatch(given) else new_id().hex


def request_id(req: Request) -> str:
    """Return the request's id."""
    return getattr(req.context, "request_id", "")


@functools.lru_cache(maxsize=512)
def wants_english(accept_language: str) -> bool:
    """Tell whether `Accept-Language` puts English before Chinese; without either it is Chinese."""
    best = {"zh": 0.0, "en": 0.0}
    for part in accept_language[:200].lower().split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.partition("=")[2]) if rest else 1.0
        except ValueError:
            continue
        main = tag.split("-")[0]
        if main in best:
            best[main] = max(best[main], weight)
    return best["en"] > best["zh"]


def address_of(req: Request, trusted_proxies: int) -> str:
    """Return the client's address: `X-Forwarded-For` counts only as far as our own proxies wrote it."""
    if trusted_proxies:
        hops = [hop.strip() for hop in req.env.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            return str(hops[-trusted_proxies])
    return str(req.env.get("REMOTE_ADDR", ""))


@dataclass(slots=True)
class _Known:
    tenant: int | None
    until: float


class Hosts:
    """Which tenant a Host header names; remembered for a minute, because it changes once in a brand's life."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def tenant_of(self, host: str) -> int | None:
        """Return the number of the tenant that answers to a host, or None."""
        now = time.monotonic()
        known = self._known.get(host)
        if known is None or known.until < now:
            if len(self._known) >= _HOSTS_KEPT:
                self._known.clear()
            found = tenants.by_host(host)
            known = self._known[host] = _Known(found.id if found else None, now + _HOST_SECONDS)
        return known.tenant


class Callers:
    """Turns a request into a context. One per process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.hosts = Hosts()

    def signed_in(self, req: Request, slug: str) -> Context:
        """Return the context of a call with a token: one statement.

        Raises Unauthorized for a missing, foreign or revoked token, and for another tenant's address.
        """
        signed = identity.authenticate(self.runtime, _token(req))
        self._same_tenant(req, signed.tenant)
        ctx = self._context(req, signed.tenant, signed.actor, slug)
        req.context.session = signed.session
        return ctx

    def presumed(self, req: Request, slug: str) -> Context | None:
        """Return the context of a call whose token names who calls, before the database has said so; else None."""
        signed = identity.presume(self.runtime, _token(req))
        if signed is None:
            return None
        self._same_tenant(req, signed.tenant)
        return self._context(req, signed.tenant, signed.actor, slug)

    def check_audience(self, ctx: Context, audience: Audience) -> None:
        """Raise Forbidden when a member's token is used for staff's endpoints or the other way round."""
        if (ctx.actor.kind == "member") != (audience == "member"):
            raise Forbidden(
                f"this is for {'members' if audience == 'member' else 'staff'}",
                "该接口不面向此类账号",
                code="wrong_audience",
            )

    def anonymous(self, req: Request, slug: str, in_path: str | None = None) -> Context:
        """Return the context of a call before login, for the tenant that the path, the header or the host names.

        Raises Unauthorized when the header names another one than the path.
        """
        named = req.env.get("HTTP_X_ROOST_TENANT")
        if in_path is not None:
            if named and named != in_path:
                raise _mismatch("this address belongs to another tenant", "该地址属于另一租户")
            named = in_path
        if named:
            if len(named) > _SLUG_LENGTH or not named.isascii() or not named.isprintable():
                raise NotFound("there is no such tenant", "没有该租户")
            tenant = tenants.by_slug(named)
        else:
            number = self.hosts.tenant_of(_host(req))
            if number is None:
                raise NoTenant(
                    "say which brand this is for: send X-Roost-Tenant", "请在 X-Roost-Tenant 请求头中注明租户"
                )
            tenant = tenants.by_id(number)
        return self._context(req, tenant, NOBODY, slug)

    def _same_tenant(self, req: Request, tenant: Tenant) -> None:
        named = req.env.get("HTTP_X_ROOST_TENANT")
        other = named != tenant.slug if named else self.hosts.tenant_of(_host(req)) not in (None, tenant.id)
        if other:
            raise _mismatch("this token belongs to another tenant", "登录凭证属于另一租户")

    def _context(self, req: Request, tenant: Tenant, actor: Any, slug: str) -> Context:
        asked = request_id(req)
        language = req.env.get("HTTP_ACCEPT_LANGUAGE")
        locale = "en" if language and wants_english(language) else "zh"
        req.context.tenant = tenant.slug
        address = address_of(req, self.runtime.settings.trusted_proxies)
        return Context(self.runtime, tenant, actor, slug, f"request:{asked}", asked, "live", locale, address)


def _token(req: Request) -> str:
    scheme, _, token = req.env.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LENGTH or not token.isascii():
        raise Unauthorized("sign in first: send Authorization: Bearer …", "请先登录")
    return str(token)


def _mismatch(message: str, message_zh: str) -> Unauthorized:
    return Unauthorized(message, message_zh, code="tenant_mismatch")


def _host(req: Request) -> str:
    return str(req.env.get("HTTP_HOST", "")).partition(":")[0].lower()[:255]
