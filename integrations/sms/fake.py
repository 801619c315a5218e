"""Be Tencent's and Aliyun's text messages on this machine: for tests, and for anyone without an account.

Run both with ``python -m integrations.sms.fake --port 9105`` (Tencent there, Aliyun on the port after it), or one in a
test: ``with Running(TencentFake()) as tencent: tencent.url``. Both check signatures, count how often a number is
written to, and keep what they took in ``sent``: nobody's phone rings.

Beside the API, and what every fake has (`integrations.fake_server`; the one API is ``send``):

- ``GET /_fake/sent``: what was taken, with the values; so a code can be read there.
- ``POST /_fake/callback {url}``: where receipts and replies are pushed to.
- ``POST /_fake/receipt {phone, delivered, code, times}`` pushes the receipt of the last message to a phone, and
  ``POST /_fake/reply {phone, text, times}`` an answer; each says what the callback answered.
- ``POST /_fake/rules {balance, blocked, marketing, templates}``: how many messages are paid for (null: any number),
  which phones are on the black list, which templates are marketing, and which exist (null: all).
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import requests
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Reply, Route, Running, command_line
from integrations.fake_server import Failure as Failure
from integrations.sms import aliyun, tencent

KEY_ID, KEY_SECRET, APP_ID = "fake-key-id", "fake-key-secret", "1400000000"
BEIJING = timezone(timedelta(hours=8))
MARKETING_HOURS = range(8, 22)
LONGEST_TEXT = 70  # characters of one message
PUSH_SECONDS = 5


class Rules(BaseModel):
    """What the account and the law allow."""

    model_config = ConfigDict(extra="forbid")

    balance: int | None = None
    blocked: list[str] = Field(default_factory=list)
    marketing: list[str] = Field(default_factory=list)
    templates: list[str] | None = None


class Where(BaseModel):
    """Where to push to."""

    model_config = ConfigDict(extra="forbid")

    url: str


class ReceiptOrder(BaseModel):
    """A receipt to push, of the last message to a phone (11 digits)."""

    model_config = ConfigDict(extra="forbid")

    phone: str
    delivered: bool = True
    code: str = ""
    times: int = Field(1, ge=1, le=100)


class ReplyOrder(BaseModel):
    """An answer to push."""

    model_config = ConfigDict(extra="forbid")

    phone: str
    text: str
    times: int = Field(1, ge=1, le=100)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken. `params` are named where the provider's are."""

    phone: str  # 11 digits
    sign: str
    template: str
    params: Mapping[str, str]
    key: str  # what the caller gave to be given back
    receipt: str
    at: datetime

    @property
    def code(self) -> str:
        """Return the first value: of a code's template the code."""
        return next(iter(self.params.values()), "")


class SmsFake(Fake):
    """What both companies do, in memory. ``clock`` gives UTC."""

    limits: tuple[tuple[int, timedelta, str], ...]  # most, window, code

    def __init__(
        self,
        key_id: str = KEY_ID,
        key_secret: str = KEY_SECRET,
        *,
        callback_url: str = "",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.key_id, self.key_secret = key_id, key_secret
        self.callback_url = callback_url
        super().__init__(clock)

    def routes(self) -> Iterator[Route]:
        """Yield the call, and control calls."""
        yield Route("POST", "/", self.take, "send")
        yield Route("GET", "/_fake/sent", lambda call: {"sent": [_as_json(one) for one in self.sent]})
        yield Route("POST", "/_fake/callback", lambda call: self._call_back(Where.model_validate_json(call.body)))
        yield Route("POST", "/_fake/rules", lambda call: self._rule(Rules.model_validate_json(call.body)))
        yield Route("POST", "/_fake/receipt", lambda call: _told(self.push_receipt, ReceiptOrder, call))
        yield Route("POST", "/_fake/reply", lambda call: _told(self.push_reply, ReplyOrder, call))

    def forget(self) -> None:
        self.sent: list[Taken] = []
        self.rules = Rules()
        self._nonces: set[str] = set()

    def take(self, call: Call) -> Answer:
        """Answer a call of the company's."""
        raise NotImplementedError

    def receipt(self, taken: Taken, order: ReceiptOrder) -> JsonValue:
        """Return a receipt as the company pushes it."""
        raise NotImplementedError

    def reply(self, order: ReplyOrder) -> JsonValue:
        """Return an answer as the company pushes it."""
        raise NotImplementedError

    def _call_back(self, where: Where) -> None:
        self.callback_url = where.url

    def _rule(self, rules: Rules) -> None:
        self.rules = rules

    # What a test or a story asks for

    def last(self, phone: str) -> Taken:
        """Return the last message to a phone (11 digits)."""
        for one in reversed(self.sent):
            if one.phone == phone:
                return one
        raise ValueError(f"nothing was sent to a phone that ends in {phone[-4:]}")

    def push_receipt(self, order: ReceiptOrder) -> list[int]:
        """Push the receipt of the last message to a phone; return the callback's statuses."""
        return self.push(self.receipt(self.last(order.phone), order), order.times)

    def push_reply(self, order: ReplyOrder) -> list[int]:
        """Push an answer; return the callback's statuses."""
        return self.push(self.reply(order), order.times)

    def push(self, body: JsonValue, times: int = 1) -> list[int]:
        """Push a body as often as it is said."""
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        return [
            requests.post(self.callback_url, data=data, headers=headers, timeout=PUSH_SECONDS).status_code
            for _ in range(times)
        ]

    # The company's own rules

    def keep(self, phone: str, sign: str, template: str, params: Mapping[str, str], key: str, receipt: str) -> Taken:
        """Take a message, or refuse it by what limits there are; one lock makes it safe."""
        with self.lock:
            self._check_template(template)
            self._check_phone(phone, sign)
            if self.rules.balance is not None:
                if self.rules.balance < 1:
                    raise Refusal(self.words["balance"], "the package is used up")
                self.rules = self.rules.model_copy(update={"balance": self.rules.balance - 1})
            taken = Taken(phone, sign, template, params, key, receipt, self.now())
            self.sent.append(taken)
            return taken

    words: Mapping[str, str]  # what the company calls what is wrong

    def _check_template(self, template: str) -> None:
        if self.rules.templates is not None and template not in self.rules.templates:
            raise Refusal(self.words["template"], "no such template")
        if template in self.rules.marketing and self.now().astimezone(BEIJING).hour not in MARKETING_HOURS:
            raise Refusal(self.words["hours"], "marketing is sent from 8 to 22")

    def _check_phone(self, phone: str, sign: str) -> None:
        if len(phone) != 11 or not phone.isdigit():
            raise Refusal(self.words["number"], f"{phone} is no number")  # they do repeat it
        if phone in self.rules.blocked:
            raise Refusal(self.words["blocked"], f"{phone} is on the black list")
        mine = [one.at for one in self.sent if one.phone == phone and one.sign == sign]
        for most, window, code in self.limits:
            if sum(at > self.now() - window for at in mine) >= most:
                raise Refusal(code, f"{phone}: Permits:{most}")


class TencentFake(SmsFake):
    """Be Tencent's `SendSms`."""

    limits = (
        (1, timedelta(seconds=30), "LimitExceeded.PhoneNumberThirtySecondLimit"),
        (5, timedelta(hours=1), "LimitExceeded.PhoneNumberOneHourLimit"),
        (10, timedelta(days=1), "LimitExceeded.PhoneNumberDailyLimit"),
    )
    words = {
        "balance": "FailedOperation.InsufficientBalanceInSmsPackage",
        "template": "FailedOperation.TemplateIncorrectOrUnapproved",
        "hours": "FailedOperation.MarketingSendTimeConstraint",
        "number": "InvalidParameterValue.IncorrectPhoneNumber",
        "blocked": "FailedOperation.PhoneNumberInBlacklist",
    }
    of_the_number = ("LimitExceeded", "FailedOperation.PhoneNumber", "InvalidParameterValue")  # in the number's state
    app_id = APP_ID

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        return {"Response": {"Error": {"Code": str(errcode), "Message": errmsg}, "RequestId": secrets.token_hex(16)}}

    def check(self, call: Call) -> None:
        """Refuse a call that is not signed, is old, or is for another application."""
        head = call.headers
        method, _, rest = head.get("AUTHORIZATION", "").partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if method != tencent.ALGORITHM or set(given) != {"Credential", "SignedHeaders", "Signature"}:
            raise Refusal("AuthFailure.InvalidAuthorization", "the Authorization header cannot be read")
        if head.get("X-TC-ACTION") != tencent.ACTION or head.get("X-TC-VERSION") != tencent.VERSION:
            raise Refusal("InvalidAction", "no such action or version")
        if not head.get("X-TC-REGION"):
            raise Refusal("MissingParameter", "X-TC-Region")
        timestamp = int(head.get("X-TC-TIMESTAMP", "0"))
        if abs(self.now().timestamp() - timestamp) > 300:
            raise Refusal("AuthFailure.SignatureExpire", "the timestamp is more than five minutes off")
        if given["Credential"] != f"{self.key_id}/{tencent.scope(tencent.SERVICE, timestamp)}":
            raise Refusal("AuthFailure.SecretIdNotFound", "no such SecretId")
        names = given["SignedHeaders"].split(";")
        if not {"content-type", "host"} <= set(names):
            raise Refusal("AuthFailure.SignatureFailure", "content-type and host are signed")
        lines = "".join(f"{name}:{head.get(name.upper(), '').strip().lower()}\n" for name in names)
        right = tencent.signature(self.key_secret, tencent.SERVICE, timestamp, lines, given["SignedHeaders"], call.body)
        if not hmac.compare_digest(right, given["Signature"]):
            raise Refusal("AuthFailure.SignatureFailure", "the signature is not right")

    def take(self, call: Call) -> Answer:
        order: Any = call.json()
        if order["SmsSdkAppId"] != self.app_id:
            raise Refusal("InvalidParameterValue.SdkAppIdNotExist", "no such application")
        (phone,) = order["PhoneNumberSet"]
        serial = f"2640:{secrets.randbelow(10**15)}"
        values = [str(value) for value in order["TemplateParamSet"]]
        state: dict[str, JsonValue] = {
            "PhoneNumber": phone, "SessionContext": order["SessionContext"], "IsoCode": "CN", "SerialNo": "", "Fee": 0
        }  # fmt: skip
        try:
            params = {str(place): value for place, value in enumerate(values, 1)}
            mine = str(phone).removeprefix("+86")
            self.keep(mine, order["SignName"], order["TemplateId"], params, order["SessionContext"], serial)
        except Refusal as ex:
            if not str(ex.errcode).startswith(self.of_the_number):
                raise
            state |= {"Code": str(ex.errcode), "Message": ex.errmsg}
        else:
            fee = -(-sum(map(len, values)) // LONGEST_TEXT) or 1
            state |= {"SerialNo": serial, "Fee": fee, "Code": "Ok", "Message": "send success"}
        return {"Response": {"SendStatusSet": [state], "RequestId": secrets.token_hex(16)}}

    def receipt(self, taken: Taken, order: ReceiptOrder) -> JsonValue:
        return [
            {
                "user_receive_time": f"{self.now().astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
                "nationcode": "86",
                "mobile": taken.phone,
                "report_status": "SUCCESS" if order.delivered else "FAIL",
                "errmsg": order.code or ("DELIVRD" if order.delivered else "UNDELIV"),
                "description": "用户短信送达成功" if order.delivered else "用户短信送达失败",
                "sid": taken.receipt,
            }
        ]

    def reply(self, order: ReplyOrder) -> JsonValue:
        return {
            "extend": "",
            "mobile": order.phone,
            "nationcode": "86",
            "sign": "",
            "text": order.text,
            "time": int(self.now().timestamp()),
        }


class AliyunFake(SmsFake):
    """Be Aliyun's `SendSms`."""

    limits = (
        (1, timedelta(minutes=1), "isv.BUSINESS_LIMIT_CONTROL"),
        (5, timedelta(hours=1), "isv.BUSINESS_LIMIT_CONTROL"),
        (10, timedelta(days=1), "isv.BUSINESS_LIMIT_CONTROL"),
    )
    words = {
        "balance": "isv.AMOUNT_NOT_ENOUGH",
        "template": "isv.SMS_TEMPLATE_ILLEGAL",
        "hours": "isv.MARKETING_SEND_TIME_ILLEGAL",
        "number": "isv.MOBILE_NUMBER_ILLEGAL",
        "blocked": "isv.BLACK_LIST_NUMBER",
    }
    status_of = {"InvalidAccessKeyId.NotFound": 404, "ServiceUnavailable": 503, "InternalError": 500}

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        """Refuse: what concerns the message with HTTP 200, what concerns the call with a status of its own."""
        code = str(errcode)
        body: dict[str, JsonValue] = {"Code": code, "Message": errmsg, "RequestId": secrets.token_hex(16).upper()}
        return body if code.startswith(("isv.", "isp.")) else Reply(body, self.status_of.get(code, 400))

    def check(self, call: Call) -> None:
        """Refuse a call that is not signed, is old, or came before."""
        head = {name.lower(): value for name, value in call.headers.items()}
        method, _, rest = head.get("authorization", "").partition(" ")
        given = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
        if method != aliyun.ALGORITHM or set(given) != {"Credential", "SignedHeaders", "Signature"}:
            raise Refusal("IncompleteSignature", "the Authorization header cannot be read")
        if head.get("x-acs-action") != aliyun.ACTION or head.get("x-acs-version") != aliyun.VERSION:
            raise Refusal("InvalidAction.NotFound", "no such action or version")
        if given["Credential"] != self.key_id:
            raise Refusal("InvalidAccessKeyId.NotFound", "no such AccessKey")
        signed_at = datetime.strptime(head.get("x-acs-date", ""), "%Y-%m-%dT%H:%M:%S%z")
        if abs((self.now() - signed_at).total_seconds()) > 900:
            raise Refusal("InvalidTimeStamp.Expired", "the date is more than fifteen minutes off")
        names = given["SignedHeaders"].split(";")
        if head.get("x-acs-content-sha256") != hashlib.sha256(call.body).hexdigest() or "host" not in names:
            raise Refusal("SignatureDoesNotMatch", "the body or the host is not signed")
        right = aliyun.signature(
            self.key_secret, "POST", call.path, _query(call), {name: head.get(name, "") for name in names}, call.body
        )
        if not hmac.compare_digest(right[1], given["Signature"]) or right[0] != given["SignedHeaders"]:
            raise Refusal("SignatureDoesNotMatch", "the signature is not right")
        with self.lock:
            nonce = head.get("x-acs-signature-nonce", "")
            if not nonce or nonce in self._nonces:
                raise Refusal("SignatureNonceUsed", "this nonce was used before")
            self._nonces.add(nonce)

    def take(self, call: Call) -> Answer:
        query = _query(call)
        missing = [name for name in ("PhoneNumbers", "SignName", "TemplateCode") if not query.get(name)]
        if missing:
            raise Refusal(f"Missing{missing[0]}", f"{missing[0]} is mandatory")
        receipt = f"{secrets.randbelow(10**15)}^0"
        params = json.loads(query.get("TemplateParam", "{}"))
        key = query.get("OutId", "")
        self.keep(query["PhoneNumbers"], query["SignName"], query["TemplateCode"], params, key, receipt)
        return {"Code": "OK", "Message": "OK", "BizId": receipt, "RequestId": secrets.token_hex(16).upper()}

    def receipt(self, taken: Taken, order: ReceiptOrder) -> JsonValue:
        return [
            {
                "phone_number": taken.phone,
                "send_time": f"{taken.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
                "report_time": f"{self.now().astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
                "success": order.delivered,
                "err_code": order.code or ("DELIVERED" if order.delivered else "MOBILE_NOT_ON_SERVICE"),
                "err_msg": "用户接收成功" if order.delivered else "用户接收失败",
                "sms_size": str(-(-sum(map(len, taken.params.values())) // LONGEST_TEXT) or 1),
                "biz_id": taken.receipt,
                "out_id": taken.key,
            }
        ]

    def reply(self, order: ReplyOrder) -> JsonValue:
        return [
            {
                "phone_number": order.phone,
                "send_time": f"{self.now().astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
                "content": order.text,
                "sign_name": "",
                "dest_code": "1690",
                "sequence_id": int(self.now().timestamp() * 1000),
            }
        ]


def _query(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.target.partition("?")[2], keep_blank_values=True))


def _as_json(taken: Taken) -> JsonValue:
    told: dict[str, JsonValue] = json.loads(json.dumps(asdict(taken), default=str))
    return told


def _told(push: Callable[[Any], list[int]], order: type[BaseModel], call: Call) -> Answer:
    try:
        return {"statuses": [*push(order.model_validate_json(call.body))]}
    except requests.RequestException as ex:
        raise ValueError(f"the callback could not be reached ({type(ex).__name__})") from None


def main() -> None:
    parser = command_line("integrations.sms.fake", __doc__.partition("\n")[0], port=9105)
    parser.add_argument("--callback", default="", help="where receipts and replies are pushed to")
    options = parser.parse_args()
    with (
        Running(TencentFake(callback_url=options.callback), options.port) as first,
        Running(AliyunFake(callback_url=options.callback), options.port and options.port + 1) as second,
    ):
        first.stay(f"Tencent SMS at {first.url}, Aliyun at {second.url}; key {KEY_ID} / {KEY_SECRET}, app {APP_ID}")


if __name__ == "__main__":
    main()
