"""Connections that a client of one server keeps open between calls, where a tenant's settings name that server."""

import threading
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests import PreparedRequest, Response
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from egress.addresses import Policy, Refused
from egress.connections import Adapter

CHUNK = 16_384
MOST_BYTES = 16 * 1024 * 1024  # of an answer
MOST_SECONDS = 20.0  # that a body may take, however slowly it comes

_of_thread = threading.local()


class AddressRefused(requests.ConnectionError):
    """Tell a client of requests that its server is none that may be reached: nothing was sent."""


class _Guarded(Adapter):
    """Send over checked connections, and read no more than anybody needs. What goes wrong are errors of requests."""

    def send(
        self, request: PreparedRequest, stream: bool = False, timeout: Any = None, verify: Any = True, cert: Any = None,
        proxies: Any = None,
    ) -> Response:  # fmt: skip
        try:
            response = super().send(request, True, timeout, verify, cert, proxies)
        except Refused as ex:
            # As if no connection had come about: how clients tell what certainly did not go out.
            reason = NewConnectionError(cast(Any, self), ex.message)
        else:
            if not stream:
                _read(response)
            return response
        raise AddressRefused(MaxRetryError(cast(Any, self), "", reason), request=request)


def _read(response: Response) -> None:
    taken, end = bytearray(), time.monotonic() + MOST_SECONDS
    try:
        while piece := response.raw.read1(CHUNK, decode_content=True):
            taken += piece
            if len(taken) > MOST_BYTES or time.monotonic() > end:
                raise requests.ConnectionError(f"more than {MOST_BYTES} bytes or {MOST_SECONDS:g} seconds of answer")
    except (HTTPError, OSError) as ex:  # those of requests are OSErrors too
        response.close()
        raise requests.ConnectionError(f"the answer broke off: {type(ex).__name__}") from None
    response._content, response._content_consumed = bytes(taken), True  # type: ignore[attr-defined]  # requests' own
    response.raw.release_conn()


def client(policy: Policy) -> requests.Session:
    """Return a new `requests.Session` that reaches what the policy allows; anything else raises `AddressRefused`.

    That is a `requests.ConnectionError`, as is an answer of more than 16 MB or 20 seconds. Proxies and `.netrc` of the
    environment are not used.
    """
    session = requests.Session()
    session.trust_env = False
    # A session serves all brands in turn: what a server remembers of one by a cookie must not come with another's call.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Guarded(policy))
    return session


def kept(policy: Policy) -> Callable[[], requests.Session]:
    """Return what gives the calling thread's session by a policy."""

    def of_thread() -> requests.Session:
        sessions: dict[Policy, requests.Session] = _of_thread.__dict__.setdefault("sessions", {})
        if policy not in sessions:
            sessions[policy] = client(policy)
        return sessions[policy]

    return of_thread
