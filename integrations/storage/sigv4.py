"""Verify AWS Signature Version 4 as S3 does: in headers, in a presigned address, in the policy of a form.

For the fake: our own side is signed by the library. Sources: the S3 API reference, "Authenticating Requests".
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
LONGEST = 7 * 24 * 3600  # seconds a presigned address lives at most
UNSIGNED = "UNSIGNED-PAYLOAD"
_STAMP = "%Y%m%dT%H%M%SZ"


class NotSigned(Exception):
    """A request is not signed as it must be: `code` is what S3 answers, `status` its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Keys:
    """The one account that a store knows."""

    access_key: str
    secret_key: str
    region: str

    def signature(self, day: str, text: str) -> str:
        """Return the signature of a text under the key of a day."""
        key = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def day_of(self, credential: str) -> str:
        """Return the day that a credential is for; raise NotSigned for another account, region or service."""
        try:
            access_key, day, region, service, end = credential.split("/")
        except ValueError:
            raise NotSigned("AuthorizationHeaderMalformed", "the credential has five parts", 400) from None
        if access_key != self.access_key:
            raise NotSigned("InvalidAccessKeyId", "this access key is not known")
        if (region, service, end) != (self.region, "s3", "aws4_request"):
            raise NotSigned("AuthorizationHeaderMalformed", f"the region is {self.region}, the service s3", 400)
        return day


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: `target` is still encoded, header names are in capitals."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> list[tuple[str, str]]:
        """Return the parameters, decoded, in the order they came."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


def verify(keys: Keys, asked: Asked, now: datetime) -> None:
    """Check the signature in the headers or in the address. Raises NotSigned."""
    query = dict(asked.query)
    if "X-Amz-Signature" in query:
        _verify_address(keys, asked, query, now)
    else:
        _verify_headers(keys, asked, now)


def _verify_headers(keys: Keys, asked: Asked, now: datetime) -> None:
    algorithm, _, rest = asked.headers.get("AUTHORIZATION", "").partition(" ")
    if algorithm != ALGORITHM:
        raise NotSigned("AccessDenied", "sign the request")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    day = keys.day_of(parts.get("Credential", ""))
    stamp = asked.headers.get("X-AMZ-DATE", "")
    at = _instant(stamp)
    if abs(now - at) > SKEW:
        raise NotSigned("RequestTimeTooSkewed", "the clocks differ by more than 15 minutes")
    signed = parts.get("SignedHeaders", "").split(";")
    loose = [name for name in asked.headers if name.startswith("X-AMZ-") and name.lower() not in signed]
    if "host" not in signed or loose:
        raise NotSigned("AccessDenied", f"these headers are to be signed too: host {' '.join(loose)}")
    declared = asked.headers.get("X-AMZ-CONTENT-SHA256", "")
    if declared != UNSIGNED and declared != hashlib.sha256(asked.body).hexdigest():
        if declared.startswith("STREAMING-"):
            raise NotSigned("NotImplemented", f"{declared} is not offered here", 501)
        raise NotSigned("XAmzContentSHA256Mismatch", "the body is not the one that was signed", 400)
    _compare(keys, asked, asked.query, signed, declared, stamp, day, parts.get("Signature", ""))


def _verify_address(keys: Keys, asked: Asked, query: Mapping[str, str], now: datetime) -> None:
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise NotSigned("AuthorizationQueryParametersError", f"the algorithm is {ALGORITHM}", 400)
    day = keys.day_of(query.get("X-Amz-Credential", ""))
    stamp = query.get("X-Amz-Date", "")
    at, seconds = _instant(stamp), query.get("X-Amz-Expires", "")
    if not seconds.isdigit() or not 1 <= int(seconds) <= LONGEST:
        raise NotSigned("AuthorizationQueryParametersError", f"X-Amz-Expires is 1 to {LONGEST}", 400)
    if now < at - SKEW:
        raise NotSigned("AccessDenied", "Request is not valid yet")
    if now > at + timedelta(seconds=int(seconds)):
        raise NotSigned("AccessDenied", "Request has expired")
    signed = query.get("X-Amz-SignedHeaders", "").split(";")
    if "host" not in signed:
        raise NotSigned("AuthorizationQueryParametersError", "host is to be signed", 400)
    rest = [(name, value) for name, value in asked.query if name != "X-Amz-Signature"]
    _compare(keys, asked, rest, signed, UNSIGNED, stamp, day, query["X-Amz-Signature"])


def _compare(
    keys: Keys,
    asked: Asked,
    query: Sequence[tuple[str, str]],
    signed: Sequence[str],
    payload: str,
    stamp: str,
    day: str,
    signature: str,
) -> None:
    if not stamp.startswith(day):
        raise NotSigned("AuthorizationHeaderMalformed", "the credential is for another day", 400)
    canonical = "\n".join(
        (
            asked.method,
            _encoded(unquote(urlsplit(asked.target).path), "/"),
            "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in query)),
            *(f"{name}:{' '.join(asked.headers.get(name.upper(), '').split())}" for name in signed),
            "",
            ";".join(signed),
            payload,
        )
    )
    scope = f"{day}/{keys.region}/s3/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    if not hmac.compare_digest(keys.signature(day, text), signature):
        raise NotSigned("SignatureDoesNotMatch", "the signature is not that of this request")


def verify_form(keys: Keys, bucket: str, fields: Mapping[str, str], size: int, now: datetime) -> None:
    """Check the policy of a form: its signature, its time, and that every field keeps to it. Raises NotSigned."""
    policy = fields.get("policy", "")
    if fields.get("x-amz-algorithm") != ALGORITHM or not policy:
        raise NotSigned("AccessDenied", "a form is signed, with a policy")
    day = keys.day_of(fields.get("x-amz-credential", ""))
    if not hmac.compare_digest(keys.signature(day, policy), fields.get("x-amz-signature", "")):
        raise NotSigned("SignatureDoesNotMatch", "the signature is not that of this policy")
    said: dict[str, Any] = json.loads(base64.b64decode(policy))
    if now > datetime.fromisoformat(said["expiration"]):
        raise NotSigned("AccessDenied", "Invalid according to Policy: Policy expired.")
    given = {**fields, "bucket": bucket}
    free = {"policy", "x-amz-signature", "file"}
    named = {name for condition in said["conditions"] for name in _check(condition, given, size)}
    loose = sorted(name for name in fields if name not in named | free and not name.startswith("x-ignore-"))
    if loose:
        raise NotSigned("AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(loose)}")


def _check(condition: Any, given: Mapping[str, str], size: int) -> Sequence[str]:
    """Raise NotSigned unless a form keeps to one condition; return the fields that it names."""
    if isinstance(condition, dict):
        kept = all(given.get(name.lower()) == value for name, value in condition.items())
        names = [name.lower() for name in condition]
    elif condition[0] == "content-length-range":
        least, most = int(condition[1]), int(condition[2])
        if size > most:
            raise NotSigned("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
        if size < least:
            raise NotSigned("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
        return ()
    else:
        names = [condition[1].removeprefix("$").lower()]
        value = given.get(names[0], "")
        kept = value.startswith(condition[2]) if condition[0] == "starts-with" else value == condition[2]
    if not kept:
        raise NotSigned("AccessDenied", f"Invalid according to Policy: Policy Condition failed: {condition}")
    return names


def _encoded(text: str, safe: str = "") -> str:
    return quote(text, safe=f"-_.~{safe}")


def _instant(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise NotSigned("AccessDenied", "X-Amz-Date is like 20130524T000000Z") from None
