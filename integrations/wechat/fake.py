"""Speak WeChat's server API on this machine: for tests, for the demo, and for anyone without an app id.

Run it with ``python -m integrations.wechat.fake --port 9101``, or in a test ``with serve() as wechat:
wechat.url``.

Codes say what they stand for, so that a story needs no set-up:

- ``code-alice`` logs Alice in, once; ``code-alice#2`` is the next code of the same person; ``reuse-alice``
  never wears out.
- ``phone-13800001111`` is the quick-phone code of that number, once; ``phone-13800001111#2`` the next one of
  the same number; ``phone-852-91234567`` is one from abroad. `WechatFake.issue_phone_code` makes codes that
  die after five minutes.
- ``agree`` and ``refuse`` are what a person answers in the dialogue of subscribe messages; a message without a yes
  is refused with 43101. A text with ``违规`` is risky, one with ``广告`` is for people to look at, and one of somebody
  who did not log in within two hours is not looked at. ``pay`` makes a payment whose shipping may be told.

What WeChat does and this does not: the frequency limits, the limits of ``force_refresh``, the white list of
addresses.

Beside the API: ``POST /_fake/expire_tokens`` ends all tokens; ``/_fake/agree``, ``refuse``, ``judge``, ``pay`` and
``visit`` do what the methods of these names do; ``POST /_fake/push_to`` says where and how events are pushed to, and
``POST /_fake/push`` pushes one. And what every fake has (`integrations.fake_server`): the APIs are `APIS`.
"""

import base64
import hashlib
import json
import re
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from xml.sax.saxutils import escape

import requests
from pydantic import BaseModel, ConfigDict, JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Reply, Route, Running, command_line
from integrations.fake_server import Failure as Failure
from integrations.fake_server import create_app as create_app
from integrations.wechat.envelope import encrypt, signature

APPID = "wx0123456789abcdef"
SECRET = "fake-wechat-secret"

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)
PHONE_CODE_LIFE = timedelta(minutes=5)
VISIT_COUNTS = timedelta(hours=2)
MESSAGE_KEYWORD = re.compile(r"([a-z_]+?)[0-9]{1,2}")
KEYWORD_LIMITS = {"thing": 20, "character_string": 32, "phrase": 5, "name": 10, "symbol": 5, "car_number": 8}
OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")
SCENE = re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@\-._~]+")
RISKY_WORD, DOUBTFUL_WORD, SENSITIVE_WORD = "违规", "广告", "敏感"
LIST_EVENTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
APIS = (
    "code2session", "stable_token", "phone_number", "send", "mini_code", "check_text", "check_media", "risk_rank",
    "shipping",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _PhoneCode:
    number: str
    country_code: str | int
    issued_at: datetime | None


class PushTarget(BaseModel):
    """Where events are pushed to, and how: encrypted when there is an ``aes_key``, as JSON or XML."""

    model_config = ConfigDict(extra="forbid")

    url: str = ""
    token: str
    aes_key: str = ""
    form: Literal["json", "xml"] = "json"


@dataclass(frozen=True, slots=True)
class SignedPush:
    """A push as it goes over the wire."""

    query: Mapping[str, str]
    body: bytes
    content_type: str


@dataclass(slots=True)
class _Payment:
    openid: str
    told: list[str] = field(default_factory=list)  # what was told of its shipping, each version


class WechatFake(Fake):
    """Be one mini-program's WeChat, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    def __init__(
        self,
        appid: str = APPID,
        secret: str = SECRET,
        *,
        clock: Callable[[], datetime] | None = None,
        unionids: bool = True,
    ) -> None:
        self.appid = appid
        self.secret = secret
        self._unionids = unionids
        super().__init__(clock)

    def routes(self) -> Iterator[Route]:
        """Yield the calls of WeChat's API, and one that ends its tokens."""
        yield Route("GET", "/sns/jscode2session", lambda call: self.code_to_session(call.query), "code2session")
        yield Route("POST", "/cgi-bin/stable_token", lambda call: self.stable_token(_object(call)), "stable_token")
        yield Route(
            "POST",
            "/wxa/business/getuserphonenumber",
            lambda call: self.phone_number(call.query.get("access_token", ""), _object(call)),
            "phone_number",
        )
        for path, api, act in (
            ("/cgi-bin/message/subscribe/send", "send", self.send),
            ("/wxa/getwxacodeunlimit", "mini_code", self.mini_code),
            ("/wxa/msg_sec_check", "check_text", self.check_text),
            ("/wxa/media_check_async", "check_media", self.check_media),
            ("/wxa/getuserriskrank", "risk_rank", self.risk_rank),
            ("/wxa/sec/order/upload_shipping_info", "shipping", self.upload_shipping),
        ):
            yield Route("POST", path, self._with_token(act), api)
        yield Route("POST", "/_fake/expire_tokens", lambda call: self.expire_tokens())
        yield Route("POST", "/_fake/agree", lambda call: self.agree(**_asked(call)))
        yield Route("POST", "/_fake/refuse", lambda call: self.refuse(**_asked(call)))
        yield Route("POST", "/_fake/judge", lambda call: _pushed(self.judge(**_asked(call))))
        yield Route("POST", "/_fake/pay", lambda call: self.pay(**_asked(call)))
        yield Route("POST", "/_fake/visit", lambda call: self.visit(**_asked(call)))
        yield Route("POST", "/_fake/push_to", lambda call: self.push_to(PushTarget.model_validate_json(call.body)))
        yield Route("POST", "/_fake/push", lambda call: _pushed(self.push(_asked(call))))
        yield Route("GET", "/_fake/messages", lambda call: {"messages": [*self.messages]})

    def forget(self) -> None:
        """Forget used codes and tokens, who agreed to what, what was sent, looked at and told."""
        self._used: set[str] = set()
        self._phone_codes: dict[str, _PhoneCode] = {}
        self._tokens: dict[str, datetime] = {}
        self._current: str | None = None
        self._visits: dict[str, datetime] = {}
        self._agreed: dict[tuple[str, str], int] = {}
        self._traces: dict[str, str] = {}  # trace → open id
        self._payments: dict[str, _Payment] = {}
        self._target: PushTarget | None = None
        self.messages: list[JsonValue] = []
        self.blocked: set[str] = set()  # open ids that WeChat sends nothing to
        self.ranks: dict[str, int] = {}  # open id → risk
        self.pages: set[str] | None = None  # pages that are published; None: any

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        """Refuse inside HTTP 200, as WeChat does."""
        return {"errcode": errcode, "errmsg": f"{errmsg} rid: fake"}

    def wrong_method(self, call: Call, offered: str) -> Answer:
        """Refuse a GET where a POST is asked for, and the reverse."""
        return self.error(43002 if offered == "POST" else 43001, f"require {offered} method")

    # What a test or a story asks for

    def expire_tokens(self) -> None:
        """End every token now: using one answers 42001, and asking gives a new one."""
        with self.lock:
            self._current = None
            self._tokens = dict.fromkeys(self._tokens, self.now())

    def issue_phone_code(self, number: str, country_code: str | int = "86") -> str:
        """Return a new phone code for ``number`` (without country code) that lives five minutes from now."""
        with self.lock:
            code = secrets.token_hex(16)
            self._phone_codes[code] = _PhoneCode(number, country_code, self.now())
            return code

    def openid(self, person: str) -> str:
        """Return the openid, 28 characters, by which this app always knows ``person`` (``"alice"``)."""
        return "o" + _stable(f"openid/{self.appid}/{person}", 27)

    def visit(self, person: str) -> None:
        """Have a person open the mini-program, without a login."""
        with self.lock:
            self._visits[self.openid(person)] = self.now()

    def agree(self, person: str, template: str, times: int = 1) -> None:
        """Have a person say yes in the dialogue; it is pushed when there is where to."""
        for _ in range(times):
            self._answer(person, template, "accept")

    def refuse(self, person: str, template: str) -> None:
        """Have a person say no in the dialogue; it is pushed when there is where to."""
        self._answer(person, template, "reject")

    def take_back(self, person: str, template: str) -> None:
        """Have a person switch a template off in WeChat's settings; it is pushed when there is where to."""
        with self.lock:
            self._agreed[self.openid(person), template] = 0
        item: dict[str, JsonValue] = {"TemplateId": template, "SubscribeStatusString": "reject"}
        self._push_event("subscribe_msg_change_event", self.openid(person), List=item)

    def agreed(self, person: str, template: str) -> int:
        """Return how many messages of a template a person may still be sent."""
        return self._agreed.get((self.openid(person), template), 0)

    def judge(self, trace: str, suggest: str = "pass", label: int = 100, errcode: int = 0) -> requests.Response | None:
        """Push the verdict on a picture or sound; ``errcode`` -1008 says that it could not be fetched."""
        result: dict[str, JsonValue] = {"suggest": suggest, "label": label}
        said: dict[str, JsonValue] = {"strategy": "content_model", "errcode": errcode, **result, "prob": 90}
        return self._push_event(
            "wxa_media_check", self._traces.get(trace, ""), appid=self.appid, trace_id=trace, version=2,
            errcode=errcode, errmsg="ok", result={} if errcode else result, detail=[said],
        )  # fmt: skip

    def pay(self, transaction: str, person: str) -> None:
        """Have a person pay: the payment's shipping may be told."""
        with self.lock:
            self._payments[transaction] = _Payment(self.openid(person))

    def told(self, transaction: str) -> list[dict[str, Any]]:
        """Return what was told of a payment's shipping, each version."""
        return [json.loads(said) for said in self._payments[transaction].told]

    # Pushing

    def push_to(self, target: PushTarget | None) -> None:
        """Say where and how events are pushed; None: nowhere."""
        self._target = target

    def signed(self, content: Mapping[str, JsonValue], target: PushTarget | None = None) -> SignedPush:
        """Return an event as it goes over the wire, signed and, with a key, encrypted."""
        target = target or self._target
        assert target is not None, "say push_to first"
        timestamp, nonce = str(int(self.now().timestamp())), secrets.token_hex(5)
        query = {
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": str(content.get("FromUserName", "")),
            "signature": signature(target.token, timestamp, nonce),
        }
        body = _written(content, target.form)
        if target.aes_key:
            sealed = encrypt(body, target.aes_key, self.appid)
            query |= {"encrypt_type": "aes", "msg_signature": signature(target.token, timestamp, nonce, sealed)}
            body = _written({"ToUserName": content.get("ToUserName", ""), "Encrypt": sealed}, target.form)
        return SignedPush(query, body, "application/json" if target.form == "json" else "text/xml")

    def handshake(self, token: str) -> dict[str, str]:
        """Return the query of a handshake; ``hello`` is the answer."""
        timestamp, nonce = str(int(self.now().timestamp())), secrets.token_hex(5)
        given = {"timestamp": timestamp, "nonce": nonce, "echostr": "hello"}
        return {**given, "signature": signature(token, timestamp, nonce)}

    def push(self, content: Mapping[str, JsonValue]) -> requests.Response:
        """Push an event over HTTP; return what was answered."""
        assert self._target is not None, "say push_to first"
        signed = self.signed(content)
        headers = {"Content-Type": signed.content_type}
        return requests.post(self._target.url, params=signed.query, data=signed.body, headers=headers, timeout=10)

    def event(self, event: str, openid: str, **more: JsonValue) -> dict[str, JsonValue]:
        created = int(self.now().timestamp())
        sender: dict[str, JsonValue] = {"ToUserName": "gh_0123456789ab", "FromUserName": openid}
        return {**sender, "CreateTime": created, "MsgType": "event", "Event": event, **more}

    def _push_event(self, event: str, openid: str, **more: JsonValue) -> requests.Response | None:
        if self._target is None or not self._target.url:
            return None
        return self.push(self.event(event, openid, **more))

    def _answer(self, person: str, template: str, answer: str) -> None:
        key = self.openid(person), template
        with self.lock:
            self._agreed[key] = self._agreed.get(key, 0) + (answer == "accept")
        item: dict[str, JsonValue] = {"TemplateId": template, "SubscribeStatusString": answer, "PopupScene": "1"}
        self._push_event("subscribe_msg_popup_event", key[0], List=item)

    # The API

    def _with_token(self, act: Callable[[dict[str, Any]], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            with self.lock:
                self._check_token(call.query.get("access_token", ""), self.now())
                return act(_object(call))

        return answer

    def send(self, body: dict[str, Any]) -> Answer:
        openid, template = self._openid(body, "touser"), str(body.get("template_id") or "")
        if not template:
            raise Refusal(40037, "template_id invalid")
        if openid in self.blocked:
            raise Refusal(43107, "subscription is banned")
        if self._agreed.get((openid, template), 0) < 1:
            raise Refusal(43101, "user refuse to accept the msg")
        if body.get("miniprogram_state", "formal") not in ("formal", "trial", "developer"):
            raise Refusal(47003, "argument invalid! miniprogram_state")
        self._check_page(str(body.get("page") or "").partition("?")[0])
        data = body.get("data")
        if not isinstance(data, dict) or not data:
            raise Refusal(47003, "argument invalid! data is empty")
        for name, given in data.items():
            _check_keyword(str(name), given.get("value") if isinstance(given, dict) else None)
        self._agreed[openid, template] -= 1
        self.messages.append(body)
        return {"errcode": 0, "errmsg": "ok", "msgid": 3_000_000_000_000_000_000 + len(self.messages)}

    def mini_code(self, body: dict[str, Any]) -> Answer:
        """Answer with the picture of a code: another one for another scene."""
        scene = body.get("scene")
        if not isinstance(scene, str) or not scene or not SCENE.fullmatch(scene):
            raise Refusal(40129, "invalid scene")
        if len(scene) > 32:
            raise Refusal(40169, "invalid length for scene, or the data is not json string")
        width = body.get("width", 430)
        if not isinstance(width, int) or not 280 <= width <= 1280 or str(body.get("page") or "").startswith("/"):
            raise Refusal(40097, "invalid args")
        if body.get("page") == "pages/scancode_time/index":
            raise Refusal(85096, "not allow include scancode_time field")
        if body.get("check_path", True):
            self._check_page(str(body.get("page") or ""))
        return Reply(_png(scene), 200, {"Content-Type": "image/png"})

    def check_text(self, body: dict[str, Any]) -> Answer:
        self._check_visit(self._openid(body, "openid"))
        text = str(body.get("content") or "")
        if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4) or not 1 <= len(text) <= 2500:
            raise Refusal(40097, "invalid args")
        suggest, label = ("risky", 20001) if RISKY_WORD in text else ("pass", 100)
        if label == 100 and DOUBTFUL_WORD in text:
            suggest, label = "review", 10001
        return {
            "errcode": 0,
            "errmsg": "ok",
            "result": {"suggest": suggest, "label": label},
            "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}],
            "trace_id": secrets.token_hex(16),
        }

    def check_media(self, body: dict[str, Any]) -> Answer:
        """Answer that a look has begun; `judge` pushes its verdict."""
        openid = self._openid(body, "openid")
        self._check_visit(openid)
        if body.get("version") != 2 or body.get("media_type") not in (1, 2) or not body.get("media_url"):
            raise Refusal(40097, "invalid args")
        trace = secrets.token_hex(16)
        self._traces[trace] = openid
        return {"errcode": 0, "errmsg": "ok", "trace_id": trace}

    def risk_rank(self, body: dict[str, Any]) -> Answer:
        openid = str(body.get("openid") or "")
        if not OPENID.fullmatch(openid) or body.get("appid") != self.appid:
            raise Refusal(43104, "appid and openid do not match")
        if body.get("scene") not in (0, 1) or not body.get("client_ip"):
            raise Refusal(40097, "invalid args")
        return {"errcode": 0, "errmsg": "ok", "unoin_id": 1, "risk_rank": self.ranks.get(openid, 0)}

    def upload_shipping(self, body: dict[str, Any]) -> Answer:
        """Answer what is told of shipping: a first version, one change, and no more."""
        key = body.get("order_key") or {}
        payment = self._payments.get(str(key.get("transaction_id"))) if key.get("order_number_type") == 2 else None
        if payment is None:
            raise Refusal(10060001, "payment does not exist")
        if (body.get("payer") or {}).get("openid") != payment.openid:
            raise Refusal(10060031, "payment does not belong to openid")
        _check_shipping(body)
        said = json.dumps({k: v for k, v in body.items() if k != "upload_time"}, sort_keys=True)
        if payment.told and said == payment.told[-1]:
            raise Refusal(10060023, "shipping info not updated")
        if len(payment.told) > 1:
            raise Refusal(10060003, "the chance to re-ship is used up")
        payment.told.append(said)
        return {"errcode": 0, "errmsg": "ok"}

    def _openid(self, body: Mapping[str, Any], name: str) -> str:
        openid = str(body.get(name) or "")
        if not OPENID.fullmatch(openid):
            raise Refusal(40003, "invalid openid")
        return openid

    def _check_visit(self, openid: str) -> None:
        seen = self._visits.get(openid)
        if seen is None or self.now() - seen > VISIT_COUNTS:
            raise Refusal(61010, "code is expired")

    def _check_page(self, page: str) -> None:
        if self.pages is not None and page and page not in self.pages:
            raise Refusal(41030, "invalid page")

    def code_to_session(self, query: Mapping[str, str]) -> Answer:
        self._check_app(query)
        if query.get("grant_type") != "authorization_code":
            raise Refusal(40002, "invalid grant_type")
        code = query.get("js_code", "")
        kind, dash, rest = code.partition("-")
        person = rest.removeprefix("code-").partition("#")[0]
        if kind not in ("code", "reuse") or not dash or not person:
            raise Refusal(40029, "invalid code")
        with self.lock:
            if kind == "code":
                self._use(code)
            self._visits[self.openid(person)] = self.now()
        answer: dict[str, JsonValue] = {
            "openid": self.openid(person),
            "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        }
        if self._unionids:
            answer["unionid"] = "u" + _stable(f"unionid/{person}", 27)
        return answer

    def stable_token(self, body: Mapping[str, JsonValue]) -> Answer:
        """Answer getStableAccessToken: the next token comes five minutes early, and both are valid then."""
        self._check_app(body)
        if body.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        with self.lock:
            now = self.now()
            if body.get("force_refresh") is True:
                self.expire_tokens()
            if self._current is None or now >= self._tokens[self._current] - TOKEN_OVERLAP:
                self._current = secrets.token_urlsafe(384)  # 512 characters
                self._tokens[self._current] = now + TOKEN_LIFE
            left = self._tokens[self._current] - now
            return {"access_token": self._current, "expires_in": int(left.total_seconds())}

    def phone_number(self, token: str, body: Mapping[str, JsonValue]) -> Answer:
        with self.lock:
            now = self.now()
            self._check_token(token, now)
            phone = self._take_phone_code(str(body.get("code") or ""), now)
        abroad = str(phone.country_code) != "86"
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": f"+{phone.country_code}{phone.number}" if abroad else phone.number,
                "purePhoneNumber": phone.number,
                "countryCode": phone.country_code,
                "watermark": {"timestamp": int(now.timestamp()), "appid": self.appid},
            },
        }

    def _check_app(self, given: Mapping[str, object]) -> None:
        if not given.get("appid"):
            raise Refusal(41002, "appid missing")
        if given["appid"] != self.appid:
            raise Refusal(40013, "invalid appid")
        if not given.get("secret"):
            raise Refusal(41004, "appsecret missing")
        if given["secret"] != self.secret:
            raise Refusal(40125, "invalid appsecret")

    def _check_token(self, token: str, now: datetime) -> None:
        if not token:
            raise Refusal(41001, "access_token missing")
        expires_at = self._tokens.get(token)
        if expires_at is None:
            raise Refusal(40001, "invalid credential, access_token is invalid or not latest")
        if now >= expires_at:
            raise Refusal(42001, "access_token expired")

    def _take_phone_code(self, code: str, now: datetime) -> _PhoneCode:
        phone = self._phone_codes.get(code)
        if phone is None and code.startswith("phone-"):
            prefix, _, number = code.partition("#")[0].removeprefix("phone-").rpartition("-")
            if number.isdigit() and (not prefix or prefix.isdigit()):
                # WeChat gives the country code as a string or an integer; the fake does both.
                phone = _PhoneCode(number, int(prefix) if prefix else "86", None)
        if phone is None or (phone.issued_at is not None and now >= phone.issued_at + PHONE_CODE_LIFE):
            raise Refusal(40029, "invalid code")
        self._use(code)
        return phone

    def _use(self, code: str) -> None:
        if code in self._used:
            raise Refusal(40029, "invalid code")
        self._used.add(code)


def _object(call: Call) -> dict[str, JsonValue]:
    given = call.json()
    if not isinstance(given, dict):
        raise Refusal(47001, "data format error")
    return given


def _pushed(answer: requests.Response | None) -> Answer:
    return {"pushed": answer is not None, "status": answer.status_code if answer is not None else None}


def _asked(call: Call) -> dict[str, Any]:
    given = call.json()
    if not isinstance(given, dict):
        raise ValueError("send an object")
    return given


def _check_keyword(keyword: str, value: object) -> None:
    match = MESSAGE_KEYWORD.fullmatch(keyword)
    text = str(value or "")
    if match is None or not text or len(text) > KEYWORD_LIMITS.get(match[1], 40):
        raise Refusal(47003, f"argument invalid! data.{keyword}.value")
    if match[1] == "character_string" and not text.isascii():
        raise Refusal(47003, f"argument invalid! data.{keyword}.value")
    if SENSITIVE_WORD in text:
        raise Refusal(45168, "message contains sensitive words")


def _check_shipping(body: Mapping[str, Any]) -> None:
    kind, mode, parcels = body.get("logistics_type"), body.get("delivery_mode"), body.get("shipping_list")
    if kind not in (1, 2, 3, 4):
        raise Refusal(10060005, "logistics type is wrong")
    if mode not in (1, 2) or not isinstance(parcels, list) or not parcels:
        raise Refusal(10060014, "invalid argument")
    if mode == 2 and kind != 1:
        raise Refusal(10060006, "only express may be split")
    if mode == 2 and "is_all_delivered" not in body:
        raise Refusal(10060007, "is_all_delivered is missing")
    if len(parcels) > (1 if mode == 1 else 10):
        raise Refusal(10060024, "too many parcels")
    try:
        datetime.fromisoformat(str(body.get("upload_time")))
    except ValueError:
        raise Refusal(268485216, "upload_time is not RFC 3339") from None
    for parcel in parcels:
        if not parcel.get("item_desc"):
            raise Refusal(10060008, "item_desc is empty")
        if len(parcel["item_desc"]) > 120:
            raise Refusal(10060009, "item_desc is too long")
        if kind == 1 and not parcel.get("tracking_no"):
            raise Refusal(268485226, "tracking_no is empty")
        if kind == 1 and not parcel.get("express_company"):
            raise Refusal(268485227, "express_company is empty")


def _written(content: Mapping[str, JsonValue], form: str) -> bytes:
    """Return an object as JSON, or as WeChat's XML: the lists of some events stand one level deeper there."""
    if form == "json":
        return json.dumps(content, ensure_ascii=False).encode()
    wrapper = LIST_EVENTS.get(str(content.get("Event")))
    if wrapper is not None and "List" in content:
        content = {**{k: v for k, v in content.items() if k != "List"}, wrapper: {"List": content["List"]}}
    return f"<xml>{''.join(_element(name, value) for name, value in content.items())}</xml>".encode()


def _element(name: str, value: JsonValue) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(n, v) for n, v in value.items())}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def _png(text: str) -> bytes:
    """Return a picture of 16 by 16 black and white cells that differs by text."""
    bits = hashlib.sha256(text.encode()).digest()
    rows = b"".join(b"\x00" + bits[n : n + 2] for n in range(0, 32, 2))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 16, 16, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _stable(text: str, length: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


def serve(port: int = 0, *, fake: WechatFake | None = None) -> Running[WechatFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or WechatFake(), port)


def main(argv: list[str] | None = None) -> None:
    parser = command_line("integrations.wechat.fake", "A WeChat on this machine.", port=9101)
    parser.add_argument("--appid", default=APPID)
    parser.add_argument("--secret", default=SECRET)
    options = parser.parse_args(argv)
    with serve(options.port, fake=WechatFake(options.appid, options.secret)) as running:
        running.stay(f"WeChat fake at {running.url}, app id {running.fake.appid}")


if __name__ == "__main__":
    main()
