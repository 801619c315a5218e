"""HTTP to addresses that tenants and members name, by the deployment's policy and with Roost's errors.

`session(ctx).post(url, …)` is the door; a client of one server that a tenant's settings name keeps connections:
`kept(ctx)` gives its `requests.Session`. The wall itself is the package `egress`, which knows nothing of Roost.

What may be reached beside the public internet says `ROOST_EGRESS_ALLOW` (networks, none by default), on which ports
elsewhere `ROOST_EGRESS_PORTS`.

- call: session, kept, client, pool_manager
- ask first: policy, check, is_public, look_up
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network

import requests

import egress
from core.config import Settings
from core.contract.context import Context
from core.errors import ConfigurationError, Invalid, Unavailable
from egress import (
    Adapter,
    AddressRefused,
    Failed,
    Policy,
    Refused,
    Reply,
    Session,
    client,
    is_public,
    look_up,
    pool_manager,
)

__all__ = [
    "Adapter",
    "AddressRefused",
    "Failed",
    "Policy",
    "Refused",
    "Reply",
    "Session",
    "check",
    "client",
    "is_public",
    "kept",
    "look_up",
    "policy",
    "pool_manager",
    "session",
]


class RefusedAddress(Refused, Invalid):
    """An address is none that may be reached from here (422)."""

    code = "address_refused"

    def __init__(self, reason: str, message: str, message_zh: str) -> None:
        Invalid.__init__(self, message, message_zh, reason=reason)
        self.reason = reason


class NoAnswer(Failed, Unavailable):
    """The other side did not answer (503)."""

    code = "no_answer"

    def __init__(self, reason: str, message: str, message_zh: str) -> None:
        Unavailable.__init__(self, message, message_zh, reason=reason)
        self.reason = reason


@lru_cache(maxsize=16)
def _policy(networks: str, ports: str) -> Policy:
    try:
        return Policy(
            tuple(ip_network(part.strip()) for part in networks.split(",") if part.strip()),
            frozenset(int(part) for part in ports.split(",") if part.strip()),
            RefusedAddress,
            NoAnswer,
        )
    except ValueError as ex:
        raise ConfigurationError(
            f"ROOST_EGRESS_ALLOW is networks (10.0.0.0/8,fd00::/8), ROOST_EGRESS_PORTS is numbers (80,443): {ex}"
        ) from None


def policy_of(settings: Settings) -> Policy:
    """Return what a deployment may reach. Raises ConfigurationError for what is no network or no port."""
    return _policy(settings.egress_allow, settings.egress_ports)


def policy(ctx: Context) -> Policy:
    """Return what this deployment may reach."""
    return policy_of(ctx.services.settings)


@lru_cache(maxsize=16)
def _session(policy: Policy) -> Session:
    return Session(policy)


def session(ctx: Context) -> Session:
    """Return the door by the deployment's policy; `prepare` fetches it for the `call` that follows."""
    return _session(policy(ctx))


def kept(ctx: Context) -> Callable[[], requests.Session]:
    """Return what gives the calling thread's session by the deployment's policy: fetch it in `prepare`."""
    return egress.kept(policy(ctx))


def check(ctx: Context, url: str) -> None:
    """Raise Refused for an address that could never be reached, when somebody writes it down; nothing is looked up."""
    policy(ctx).check_url(url)
