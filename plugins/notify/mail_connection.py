"""Connections to the mail server that a tenant named: never into our own network, and never for longer than allowed."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from roost import Context, egress

PORTS = frozenset((25, 465, 587, 2525))  # of mail; and those that the deployment allows anyway
LONGEST = 4  # times the seconds that one answer may take: a server that drips its answers is cut off


def policy_of(ctx: Context) -> egress.Policy:
    """Return which addresses a mail server may have, by the deployment's settings."""
    policy = egress.policy(ctx)
    return replace(policy, ports=policy.ports | PORTS)


class _Guarded:
    """Opens the socket to an address that was checked, and shuts it when its time is over."""

    def __init__(self, policy: egress.Policy, host: str, port: int, **options: Any) -> None:  # Any: smtplib's own
        self._policy = policy
        self._cut: threading.Timer | None = None
        self._held: socket.socket | None = None
        super().__init__(host, port, **options)  # type: ignore[call-arg]  # smtplib's, of the other base

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # where smtplib opens its socket
        found = egress.look_up(host, port, timeout)
        for _, place in found:  # all of them: a name that leads both out and in is not to be trusted
            self._policy.check_address(ip_address(str(place[0])), port)
        opened = _first(found, timeout)
        self._held = opened.dup()  # TLS takes the first descriptor over
        self._cut = threading.Timer(timeout * LONGEST, _shut, (self._held,))
        self._cut.daemon = True
        self._cut.start()
        return self._dressed(opened, host)

    def _dressed(self, opened: socket.socket, host: str) -> socket.socket:
        return opened

    def close(self) -> None:
        """Close, and let the time be."""
        if self._cut is not None:
            self._cut.cancel()
        if self._held is not None:
            self._held.close()
        super().close()  # type: ignore[misc]  # smtplib's, of the other base


class Plain(_Guarded, smtplib.SMTP):
    """A connection that is not encrypted yet."""


class Tls(_Guarded, smtplib.SMTP_SSL):
    """A connection that is encrypted from the start."""

    context: ssl.SSLContext

    def _dressed(self, opened: socket.socket, host: str) -> socket.socket:
        return self.context.wrap_socket(opened, server_hostname=host)


def _first(found: Sequence[tuple[socket.AddressFamily, tuple[Any, ...]]], timeout: float) -> socket.socket:
    error = OSError("the name has no address")
    for family, place in found:
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(timeout)
        try:
            opened.connect(place)
        except OSError as ex:
            opened.close()
            error = ex
        else:
            return opened
    raise error


def _shut(held: socket.socket) -> None:
    with contextlib.suppress(OSError):
        held.shutdown(socket.SHUT_RDWR)
