"""Send by Alibaba Cloud: `SendSms` of the version 2017-05-25, signed by ACS3-HMAC-SHA256.

The answer is `{Code, Message, BizId, RequestId}`; an error has an HTTP status of its own or, of the business, 200.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import requests
from pydantic import Field

from integrations.sms.providers import (
    TIMEOUT,
    Accepted,
    Order,
    Reason,
    Refused,
    Told,
    Unknown,
    Wire,
    kept_session,
    no_answer,
    reason_of,
)
from integrations.sms.providers import read as read_answer

BASE_URL = "https://dysmsapi.aliyuncs.com"
ACTION, VERSION = "SendSms", "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
MAINLAND = "+86"

MEANINGS: Sequence[tuple[str, Reason]] = (
    ("isv.BUSINESS_LIMIT_CONTROL", "too_often"),
    ("isv.DAY_LIMIT_CONTROL", "balance"),  # the quotas that the account set for itself
    ("isv.MONTH_LIMIT_CONTROL", "balance"),
    ("isv.MOBILE_NUMBER_ILLEGAL", "bad_number"),
    ("isv.DOMESTIC_NUMBER_NOT_SUPPORTED", "bad_number"),
    ("isv.BLACK_KEY_CONTROL_LIMIT", "bad_content"),
    ("isv.SMS_CONTENT_ILLEGAL", "bad_content"),
    ("isv.SMS_TEMPLATE_ILLEGAL", "bad_template"),
    ("isv.TEMPLATE_", "bad_template"),
    ("isv.PARAM_", "bad_template"),
    ("isv.INVALID_JSON_PARAM", "bad_template"),
    ("isv.SMS_SIGN", "bad_sign"),
    ("isv.SIGN_", "bad_sign"),
    ("isv.AMOUNT_NOT_ENOUGH", "balance"),
    ("isv.OUT_OF_SERVICE", "balance"),
    ("isv.PRODUCT_UN", "balance"),  # the service was not ordered
    ("isv.ACCOUNT_", "credentials"),
    ("isv.DENY_IP_RANGE", "credentials"),
    ("isp.RAM_PERMISSION_DENY", "credentials"),
    ("SignatureDoesNotMatch", "credentials"),
    ("SignatureNonceUsed", "refused"),
    ("InvalidAccessKeyId", "credentials"),
    ("InvalidTimeStamp", "credentials"),  # our clock is more than fifteen minutes off
    ("IncompleteSignature", "credentials"),
    ("Forbidden", "credentials"),
    ("Throttling", "busy"),
)
UNCERTAIN = ("isp.SYSTEM_ERROR", "isv.SYSTEM_ERROR", "InternalError", "ServiceUnavailable", "UnknownError")


def encoded(text: str) -> str:
    """Return a text percent-encoded as RFC 3986 has it."""
    return quote(text, safe="-_.~")


def canonical_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{encoded(name)}={encoded(query[name])}" for name in sorted(query))


def signature(
    secret: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> tuple[str, str]:
    """Return the names of the signed headers and the hex signature.

    Signed are `host` and every `x-acs-` header of `headers`, whose names are lower-case; the hash of the body is added.
    """
    digest = hashlib.sha256(body).hexdigest()
    signed = {**headers, "x-acs-content-sha256": digest}
    names = sorted(name for name in signed if name in ("host", "content-type") or name.startswith("x-acs-"))
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in names)
    request = f"{method}\n{path}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{digest}"
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return ";".join(names), hmac.digest(secret.encode(), to_sign.encode(), "sha256").hex()


class _Reply(Told):
    Code: str = Field(min_length=1)
    Message: str = ""
    BizId: str = ""


class AliyunSms:
    """Send for one access key. `clock` gives UTC: signatures are dated by it."""

    name = "aliyun"

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        *,
        base_url: str = BASE_URL,
        session: Callable[[], requests.Session] = kept_session,
        timeout: tuple[float, float] = TIMEOUT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._key_id = key_id
        self._key_secret = key_secret
        self._clock = clock
        self._wire = Wire(base_url, session, timeout)
        self.base_url = self._wire.base_url

    def __repr__(self) -> str:
        return f"AliyunSms({self.base_url!r}, {self._key_id!r})"

    def send(self, order: Order) -> Accepted:
        """Send one message; `OutId` carries our key and comes back with the receipt. Raises Refused or Unknown."""
        query = {
            "PhoneNumbers": order.phone.removeprefix(MAINLAND),
            "SignName": order.sign,
            "TemplateCode": order.template,
            "OutId": order.key,
        }
        if order.params:
            query["TemplateParam"] = json.dumps(dict(order.params), ensure_ascii=False)
        status, payload = self._wire.post(f"/?{canonical_query(query)}", b"", self._headers(query))
        if not isinstance(payload, dict) or not payload.get("Code"):
            raise no_answer(status)
        told = read_answer(_Reply, payload)
        if told.Code == "OK" and status == 200:
            return Accepted(told.BizId)
        if told.Code == "OK" or told.Code.startswith(UNCERTAIN):
            raise Unknown(told.Code, told.Message)
        if status >= 500 and not told.Code.startswith("Throttling"):
            raise Unknown(told.Code, told.Message)
        raise Refused(reason_of(told.Code, MEANINGS), told.Code, told.Message)

    def _headers(self, query: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "host": self._wire.host,
            "x-acs-action": ACTION,
            "x-acs-version": VERSION,
            "x-acs-date": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        names, signed = signature(self._key_secret, "POST", "/", query, headers, b"")
        headers["Authorization"] = f"{ALGORITHM} Credential={self._key_id},SignedHeaders={names},Signature={signed}"
        return headers
