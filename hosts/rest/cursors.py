"""Cursors as the outside sees them: opaque, and good only for the list and the tenant that gave them.

What a service writes into a cursor is its own affair; here it gets a signature, so that a service never meets
a cursor that somebody made up.
"""

import base64
import binascii
import hmac

from core.contract.context import Context
from core.runtime import Runtime
from hosts.rest.inputs import bad_cursor

_SIGNATURE = 12  # bytes of an HMAC: enough where a guess costs a request


class Cursors:
    """Signs and checks cursors of one deployment."""

    def __init__(self, runtime: Runtime) -> None:
        self.keyring = runtime.keyring

    def seal(self, ctx: Context, path: str, inner: str) -> str:
        """Return a cursor for the outside."""
        data = inner.encode()
        return base64.urlsafe_b64encode(self._sign(ctx, path, data) + data).decode().rstrip("=")

    def open(self, ctx: Context, path: str, cursor: str) -> str:
        """Return what a service wrote into a cursor; raise Invalid for any that this list did not give."""
        try:
            data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            signature, inner = data[:_SIGNATURE], data[_SIGNATURE:]
            if not hmac.compare_digest(signature, self._sign(ctx, path, inner)):
                raise bad_cursor()
            return inner.decode()
        except (binascii.Error, ValueError):
            raise bad_cursor() from None

    def _sign(self, ctx: Context, path: str, data: bytes) -> bytes:
        return self.keyring.signature(ctx.tenant.id, f"cursor:{path}", data)[:_SIGNATURE]
