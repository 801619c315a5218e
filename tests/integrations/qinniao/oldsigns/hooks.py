"""Sign as that SaaS does: MD5 over the sorted fields and the key, in capitals; its pushes are forms without nonces."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from integrations.qinniao import BadSignature, Scheme, Signer, Verified
from roost import Context, hookimpl

WINDOW_SECONDS = 600


def md5_of(fields: Mapping[str, str], secret: str) -> str:
    """Return the signature of fields."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name])
    return hashlib.md5(f"{text}&key={secret}".encode()).hexdigest().upper()


class _Md5Signer:
    def __init__(self, app_id: str, secret: str, clock: Callable[[], datetime]) -> None:
        self._app_id, self._secret, self._clock = app_id, secret, clock

    def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]:
        """Return the old SaaS's three headers."""
        fields = {"appid": self._app_id, "ts": str(int(self._clock().timestamp()))}
        signed = {**fields, "path": path_and_query, "body": body.decode()}
        return {"X-Old-App": fields["appid"], "X-Old-Ts": fields["ts"], "X-Old-Sign": md5_of(signed, self._secret)}

    def renew(self) -> None:
        """Do nothing."""


class _Md5Scheme:
    def signer(self, app_id: str, secret: str, clock: Callable[[], datetime]) -> Signer:
        """Return what signs calls."""
        return _Md5Signer(app_id, secret, clock)

    def verify(
        self, app_id: str, secret: str, method: str, path_and_query: str, headers: Mapping[str, str], body: bytes,
        now: datetime,
    ) -> Verified:  # fmt: skip
        """Check a form; its signature stands for a nonce."""
        fields = dict(parse_qsl(body.decode("utf-8", "replace")))
        given = fields.pop("sign", "")
        if fields.get("appid") != app_id:
            raise BadSignature("unknown_app", "appid is another")
        if not hmac.compare_digest(md5_of(fields, secret), given):
            raise BadSignature("wrong_signature", "sign does not belong to this form")
        timestamp = int(fields["ts"])
        if abs(timestamp - now.timestamp()) > WINDOW_SECONDS:
            raise BadSignature("outside_window", "ts is too far from our clock")
        return Verified(app_id, timestamp, given, fields["event"].encode())


@hookimpl
def signing_scheme(ctx: Context, name: str) -> Scheme | None:
    """Answer for `md5-form`."""
    return _Md5Scheme() if name == "md5-form" else None
