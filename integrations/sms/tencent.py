"""Send by Tencent Cloud: `SendSms` of the version 2021-01-11, signed by TC3-HMAC-SHA256.

An error stands in `Response.Error` with HTTP 200, or, for the one number, in the `Code` of its `SendStatusSet`.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

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

BASE_URL = "https://sms.tencentcloudapi.com"
REGION = "ap-guangzhou"
ACTION, VERSION, SERVICE = "SendSms", "2021-01-11", "sms"
ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
SIGNED_HEADERS = "content-type;host;x-tc-action"

MEANINGS: Sequence[tuple[str, Reason]] = (
    ("LimitExceeded.PhoneNumber", "too_often"),
    ("LimitExceeded.DeliveryFrequencyLimit", "busy"),
    ("LimitExceeded", "balance"),  # of the application, for the day
    ("RequestLimitExceeded", "busy"),
    ("InvalidParameterValue.IncorrectPhoneNumber", "bad_number"),
    ("UnsupportedOperation", "bad_number"),  # a number of a country that this application does not serve
    ("FailedOperation.PhoneNumberInBlacklist", "blocked"),
    ("FailedOperation.PhoneNumberOnBlacklist", "blocked"),
    ("FailedOperation.MarketingSendTimeConstraint", "closed_hours"),
    ("FailedOperation.ContainSensitiveWord", "bad_content"),
    ("InvalidParameter.DirtyWordFound", "bad_content"),
    ("FailedOperation.Signature", "bad_sign"),
    ("FailedOperation.Template", "bad_template"),
    ("InvalidParameterValue.Template", "bad_template"),
    ("InvalidParameterValue.ContentLengthLimit", "bad_template"),
    ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "bad_template"),
    ("FailedOperation.InsufficientBalanceInSmsPackage", "balance"),
    ("UnauthorizedOperation.SerivceSuspendDueToArrears", "balance"),  # spelt like this on the wire
    ("UnauthorizedOperation", "credentials"),
    ("AuthFailure", "credentials"),
    ("InvalidParameter.AppidAndBizId", "credentials"),
    ("InvalidParameterValue.SdkAppIdNotExist", "credentials"),
    ("InternalError.RequestTimeException", "credentials"),  # our clock is more than ten minutes off
    ("InternalError.Sig", "credentials"),
)
CERTAIN = ("InternalError.RequestTimeException", "InternalError.Sig", "InternalError.JsonParseFail")
"""Of the internal errors those that come before anything is sent. The others, a time-out towards the operators say,
leave it open."""


def signature(
    secret_key: str, service: str, timestamp: int, canonical_headers: str, signed_headers: str, body: bytes
) -> str:
    """Return the hex signature of a POST to `/`. `canonical_headers` has a line, with its end, for each header."""
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    request = f"POST\n/\n\n{canonical_headers}\n{signed_headers}\n{hashlib.sha256(body).hexdigest()}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{timestamp}\n{scope(service, timestamp)}\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def scope(service: str, timestamp: int) -> str:
    """Return what a signature is good for: the UTC day and the service."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}/{service}/tc3_request"


class _Status(Told):
    SerialNo: str = ""
    Fee: int = 1
    Code: str = Field(min_length=1)
    Message: str = ""


class _Error(Told):
    Code: str = Field(min_length=1)
    Message: str = ""


class _Response(Told):
    Error: _Error | None = None
    SendStatusSet: list[_Status] | None = None


class _Reply(Told):
    Response: _Response


class TencentSms:
    """Send for one application (`SmsSdkAppId`) of one account. `clock` gives UTC: signatures are dated by it."""

    name = "tencent"

    def __init__(
        self,
        secret_id: str,
        secret_key: str,
        app_id: str,
        *,
        base_url: str = BASE_URL,
        region: str = REGION,
        session: Callable[[], requests.Session] = kept_session,
        timeout: tuple[float, float] = TIMEOUT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._secret_id = secret_id
        self._secret_key = secret_key
        self._app_id = app_id
        self._region = region
        self._clock = clock
        self._wire = Wire(base_url, session, timeout)
        self.base_url = self._wire.base_url

    def __repr__(self) -> str:
        return f"TencentSms({self.base_url!r}, {self._app_id!r})"

    def send(self, order: Order) -> Accepted:
        """Send one message; `SessionContext` carries our key. Raises Refused or Unknown."""
        body = json.dumps(
            {
                "PhoneNumberSet": [order.phone],
                "SmsSdkAppId": self._app_id,
                "SignName": order.sign,
                "TemplateId": order.template,
                "TemplateParamSet": list(order.params.values()),
                "SessionContext": order.key,
            },
            ensure_ascii=False,
        ).encode()
        status, payload = self._wire.post("/", body, self._headers(body))
        if status != 200 or payload is None:
            raise no_answer(status)
        answer = read_answer(_Reply, payload).Response
        if answer.Error is not None:
            raise _failure(answer.Error.Code, answer.Error.Message)
        if not answer.SendStatusSet:
            raise Unknown("", "the answer has no state of the number")
        told = answer.SendStatusSet[0]
        if told.Code != "Ok":
            raise _failure(told.Code, told.Message)
        return Accepted(told.SerialNo, max(told.Fee, 1))

    def _headers(self, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock().timestamp())
        host = self._wire.host
        canonical = f"content-type:{CONTENT_TYPE}\nhost:{host}\nx-tc-action:{ACTION.lower()}\n"
        signed = signature(self._secret_key, SERVICE, timestamp, canonical, SIGNED_HEADERS, body)
        return {
            "Content-Type": CONTENT_TYPE,
            "Host": host,
            "X-TC-Action": ACTION,
            "X-TC-Version": VERSION,
            "X-TC-Timestamp": str(timestamp),
            "X-TC-Region": self._region,
            "Authorization": (
                f"{ALGORITHM} Credential={self._secret_id}/{scope(SERVICE, timestamp)}, "
                f"SignedHeaders={SIGNED_HEADERS}, Signature={signed}"
            ),
        }


def _failure(code: str, message: str) -> Refused | Unknown:
    if code.startswith("InternalError") and not code.startswith(CERTAIN):
        return Unknown(code, message)
    return Refused(reason_of(code, MEANINGS), code, message)
