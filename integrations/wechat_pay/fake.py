"""Be WeChat Pay on this machine, for one merchant: for tests, for the demo, and for anyone without an account.

Run it with ``python -m integrations.wechat_pay.fake --port 9103``, or in a test ``with serve() as pay: pay.url``. Real
signatures go both ways; keys are made at the start, and `WechatPayFake.settings` (``GET /_fake/merchant``) says what a
brand enters in the plugin's settings.

Beside the API:

- ``POST /_fake/pay`` pays a charge as its payer would (`Pay`), ``POST /_fake/refund`` ends a refund, or makes one as
  the merchant does by hand on the platform (`GiveBack`). Both send the callback, as `Delivery` says: several times,
  never, badly signed, or again and again until it is taken, after the waits of the real one times ``wait``.
- ``POST /_fake/notify`` sends a notification again; ``GET /_fake/orders`` and ``/_fake/refunds`` show the books.
- ``distort`` makes the next replies unbelievable: unsigned, altered, an hour old, by an unknown serial.
- And what every fake has (`integrations.fake_server`): the APIs are ``prepay``, ``query``, ``close``, ``refund``,
  ``query_refund`` and ``certificates``.

What WeChat Pay does and this does not: frequency limits, the year and the minute between refunds, bills.
"""

import base64
import re
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pydantic import BaseModel, ValidationError

from integrations.fake_server import Answer, Call, Fake, Refusal, Reply, Route, Running, command_line
from integrations.fake_server import Failure as Failure
from integrations.fake_server import create_app as create_app
from integrations.wechat_pay import signing
from integrations.wechat_pay.fake_books import (
    STATUS,
    WAITS,
    Again,
    Delivery,
    GiveBack,
    Given,
    Item,
    Notification,
    Order,
    Pay,
    PrepayAsked,
    RefundAmount,
    RefundAsked,
)
from integrations.wechat_pay.fake_keys import MERCHANT_SERIAL, PUBLIC_KEY_ID, Keys, make_keys

APPID, MCHID = "wx0123456789abcdef", "1900000109"
API_V3_KEY = "fake-api-v3-key-of-32-characters"
DELIVERY_SECONDS = 5
Distortion = Literal["", "unsigned", "altered", "timestamp", "serial"]

_AUTHORIZATION = re.compile(
    rf'{signing.SCHEME} mchid="(?P<mchid>[^"]*)",nonce_str="(?P<nonce>[^"]*)",signature="(?P<signature>[^"]*)",'
    r'timestamp="(?P<timestamp>[0-9]+)",serial_no="(?P<serial>[^"]*)"'
)


class WechatPayFake(Fake):
    """Be one merchant's WeChat Pay, in memory. Safe to use from several threads; ``clock`` gives UTC.

    ``refunds`` is how a refund answers at first: PROCESSING, and then `give_back` ends it, or SUCCESS. ``signs_by`` is
    the key of callbacks, and of replies to who names none. ``on_prepay`` is called with the number before the reply to
    a prepay goes out: to play a payer who is quicker than the reply.
    """

    def __init__(
        self,
        appid: str = APPID,
        mchid: str = MCHID,
        api_v3_key: str = API_V3_KEY,
        *,
        clock: Callable[[], datetime] | None = None,
        keys: Keys | None = None,
        refunds: Literal["PROCESSING", "SUCCESS"] = "PROCESSING",
        signs_by: Literal["public_key", "certificate"] = "public_key",
    ) -> None:
        self.appid, self.mchid, self.api_v3_key = appid, mchid, api_v3_key
        self.keys = keys or make_keys()
        self.refunds = refunds
        self.signs_by = signs_by
        self.on_prepay: Callable[[str], object] | None = None
        super().__init__(clock)

    def settings(self, base_url: str, *, mode: Literal["public_key", "certificate", "both"] = "public_key") -> Item:
        """Return what a brand enters to work with this fake; ``mode`` is by which keys it knows us."""
        known: Item = {}
        if mode != "certificate":
            known |= {"public_key_id": PUBLIC_KEY_ID, "public_key": self.keys.public_pem}
        if mode != "public_key":
            known |= {"certificates": self.keys.certificate}
        return {
            "mchid": self.mchid,
            "appid": self.appid,
            "merchant_serial": MERCHANT_SERIAL,
            "private_key": self.keys.merchant_pem,
            "api_v3_key": self.api_v3_key,
            "base_url": base_url,
            "backup_url": "",
            **known,
        }

    def routes(self) -> Iterator[Route]:
        """Yield the calls of the API, and those that play the payer, the platform and the network."""
        charges, refunds = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
        yield Route("POST", f"{charges}/jsapi", self._prepay, "prepay")
        yield Route("GET", f"{charges}/out-trade-no/{{number}}", self._query, "query")
        yield Route("GET", f"{charges}/id/{{transaction}}", self._query, "query")
        yield Route("POST", f"{charges}/out-trade-no/{{number}}/close", self._close, "close")
        yield Route("POST", refunds, self._refund, "refund")
        yield Route("GET", f"{refunds}/{{number}}", self._query_refund, "query_refund")
        yield Route("GET", "/v3/certificates", self._certificates, "certificates")
        yield Route("GET", "/_fake/merchant", lambda call: self.settings(f"http://{call.headers.get('HOST', '')}"))
        yield Route("POST", "/_fake/pay", lambda call: self._answers(self.pay(Pay.model_validate_json(call.body))))
        yield Route(
            "POST", "/_fake/refund", lambda call: self._answers(self.give_back(GiveBack.model_validate_json(call.body)))
        )
        yield Route("POST", "/_fake/notify", lambda call: self._again(Again.model_validate_json(call.body)))
        yield Route("GET", "/_fake/orders", lambda call: {"orders": [self._told(o) for o in self.orders.values()]})
        yield Route("GET", "/_fake/refunds", lambda call: {"refunds": [self._given(g) for g in self.given.values()]})

    def forget(self) -> None:
        self.orders: dict[str, Order] = {}
        self.given: dict[str, Given] = {}
        self.notifications: dict[str, Notification] = {}
        self.distort: Distortion = ""

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        return Reply({"code": str(errcode), "message": errmsg}, STATUS.get(str(errcode), 400))

    # --- what a test or a story asks for

    def pay(self, pay: Pay | str) -> list[int | None]:
        """Pay a charge and tell the merchant; return the status of each delivery. Raises ValueError if it cannot be."""
        pay = Pay(number=pay) if isinstance(pay, str) else pay
        with self.lock:
            order = self.orders.get(pay.number)
            if order is None or self._state(order) != "NOTPAY":
                raise ValueError(f"{pay.number} cannot be paid: {self._state(order) if order else 'nobody asked'}")
            order.state, order.paid_at = "SUCCESS", self.now()
            order.transaction = f"42000{secrets.randbelow(10**23):023d}"
            plain = {**self._told(order), **pay.overrides}
        return self._tell(
            Notification(
                _id(), order.asked.notify_url, f"TRANSACTION.{order.state}", "transaction", plain
            ),
            pay,
        )  # fmt: skip

    def give_back(self, end: GiveBack | str) -> list[int | None]:
        """End a refund and tell the merchant; return the status of each delivery."""
        end = GiveBack(number=end) if isinstance(end, str) else end
        with self.lock:
            given = self.given.get(end.number)
            if given is None:
                order = self.orders.get(end.charge)
                if order is None:
                    raise ValueError(f"no refund {end.number}, and no charge {end.charge!r} to make one of")
                asked = RefundAsked(
                    out_trade_no=end.charge,
                    out_refund_no=end.number,
                    amount=RefundAmount(total=order.asked.amount.total, refund=end.amount),
                )
                given = self.given[end.number] = Given(asked, order, f"50300{secrets.randbelow(10**23):023d}", "")
                order.state = "REFUND"
            given.status, given.ended_at = end.status, self.now()
            url = given.asked.notify_url or given.order.asked.notify_url
            plain = {**self._given(given), "user_received_account": "招商银行信用卡0403"}
            plain["refund_status"] = plain.pop("status")
            plain |= end.overrides
        return self._tell(Notification(_id(), url, f"REFUND.{end.status}", "refund", plain), end)

    def notify(self, id: str, how: Delivery | None = None) -> list[int | None]:
        """Send a notification once more."""
        return self._tell(self.notifications[id], how or Delivery())

    def post_of(self, notification: Notification, how: Delivery | None = None) -> tuple[dict[str, str], bytes]:
        """Return the headers and the body of one delivery of a notification."""
        how = how or Delivery()
        key = self.api_v3_key if how.badly != "key" else self.api_v3_key[::-1]
        resource = signing.seal_resource(
            key.encode(),
            signing.compact(notification.plain),
            original_type=notification.kind,
            associated_data=notification.kind,
        )
        body = signing.compact(
            {
                "id": notification.id,
                "create_time": self.now().isoformat(),
                "event_type": notification.event_type,
                "resource_type": "encrypt-resource",
                "summary": "支付成功" if notification.kind == "transaction" else "退款结果",
                "resource": resource,
            }
        )
        headers = self._signature(body, how.by or self.signs_by, age=timedelta(hours=how.badly == "timestamp"))
        if how.badly == "signature":
            headers[signing.SIGNATURE] = _turned(headers[signing.SIGNATURE])
        if how.badly == "probe":
            headers[signing.SIGNATURE] = signing.PROBE + headers[signing.SIGNATURE]
        if how.badly == "serial":
            headers[signing.SERIAL] = "7132D72A03E93CDDF8C03BBD1F37EEDF00000000"
        return {"Content-Type": "application/json", **headers}, body

    # --- telling the merchant

    def _tell(self, notification: Notification, how: Delivery) -> list[int | None]:
        with self.lock:
            self.notifications[notification.id] = notification
        if how.lost:
            return []
        answers = [self._deliver(notification, how) for _ in range(how.times)]
        if how.wait is None or _taken(answers[-1]):
            return answers
        if how.wait == 0:
            return answers + self._repeat(notification, how)
        threading.Thread(target=self._repeat, args=(notification, how), daemon=True).start()
        return answers

    def _repeat(self, notification: Notification, how: Delivery) -> list[int | None]:
        """Deliver again until it is taken, as the real one would."""
        answers: list[int | None] = []
        for wait in WAITS:
            if self.closing.wait(wait.total_seconds() * (how.wait or 0)):
                break
            answers.append(self._deliver(notification, how))
            if _taken(answers[-1]):
                break
        return answers

    def _deliver(self, notification: Notification, how: Delivery) -> int | None:
        headers, body = self.post_of(notification, how)
        try:
            reply = requests.post(
                notification.url, data=body, headers=headers, timeout=DELIVERY_SECONDS, allow_redirects=False
            )
        except requests.RequestException:
            return None
        return reply.status_code

    @staticmethod
    def _answers(statuses: list[int | None]) -> Item:
        return {"deliveries": [*statuses]}

    def _again(self, again: Again) -> Item:
        if again.id not in self.notifications:
            raise ValueError(f"no notification {again.id!r}")
        return self._answers(self.notify(again.id, again))

    # --- signatures

    def _signature(self, body: bytes, by: str, *, age: timedelta = timedelta(0)) -> dict[str, str]:
        key, serial = (
            (self.keys.platform, PUBLIC_KEY_ID)
            if by == "public_key"
            else (self.keys.certified, self.keys.certificate_serial)
        )
        timestamp, nonce = str(int((self.now() - age).timestamp())), secrets.token_hex(16)
        return {
            signing.SERIAL: serial,
            signing.TIMESTAMP: timestamp,
            signing.NONCE: nonce,
            signing.SIGNATURE: signing.sign(key, timestamp, nonce, body),
            f"{signing.SIGNATURE}-Type": signing.SCHEME,
        }

    def answer(self, api: str, call: Call, act: Callable[[Call], Answer]) -> Reply:
        """Answer a call, signed by the key that the caller names; what a gateway says in our place is not."""
        reply = super().answer(api, call, act)
        if isinstance(reply.body, bytes):
            return reply
        body = b"" if reply.body is None else signing.compact(reply.body)
        by = "public_key" if call.headers.get(signing.SERIAL.upper(), "") == PUBLIC_KEY_ID else self.signs_by
        how, self.distort = self.distort, ""
        headers = self._signature(body, by, age=timedelta(hours=how == "timestamp"))
        if how == "serial":
            headers[signing.SERIAL] = "PUB_KEY_ID_OF_NOBODY"
        if how == "unsigned":
            headers = {}
        if how == "altered":
            body = body.replace(b'"', b'" ', 1) or b" "
        return Reply(body, reply.status, {"Content-Type": "application/json", **headers, **reply.headers})

    def check(self, call: Call) -> None:
        """Refuse a call that our merchant has not signed."""
        found = _AUTHORIZATION.fullmatch(call.headers.get("AUTHORIZATION", ""))
        if found is None:
            raise Refusal("SIGN_ERROR", "the header Authorization is missing or malformed")
        if found["mchid"] != self.mchid:
            raise Refusal("MCH_NOT_EXISTS", "no such merchant")
        if found["serial"] != MERCHANT_SERIAL:
            raise Refusal("SIGN_ERROR", "no such certificate of the merchant")
        if abs(self.now().timestamp() - int(found["timestamp"])) >= signing.WINDOW_SECONDS:
            raise Refusal("SIGN_ERROR", "the timestamp is outside the window")
        serial = call.headers.get(signing.SERIAL.upper())
        if serial not in (None, PUBLIC_KEY_ID, self.keys.certificate_serial):
            raise Refusal("SIGN_ERROR", "Wechatpay-Serial names no key of ours")
        text = f"{call.method}\n{call.target}\n{found['timestamp']}\n{found['nonce']}\n".encode() + call.body + b"\n"
        try:
            self.keys.merchant.public_key().verify(
                base64.b64decode(found["signature"]), text, padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError):
            raise Refusal("SIGN_ERROR", "the signature is wrong") from None

    # --- the API

    def _prepay(self, call: Call) -> Answer:
        asked = _read(PrepayAsked, call.body)
        if asked.mchid != self.mchid or asked.appid != self.appid:
            raise Refusal("APPID_MCHID_NOT_MATCH", "the app id is not bound to the merchant")
        number = asked.out_trade_no
        with self.lock:
            order = self.orders.get(number)
            if order is not None and order.asked != asked:
                raise Refusal("OUT_TRADE_NO_USED", "this number was used with other content")
            if order is None:
                if asked.time_expire is not None and asked.time_expire <= self.now():
                    raise Refusal("PARAM_ERROR", "time_expire has passed")
                order = self.orders[number] = Order(asked, "")
            state = self._state(order)
            if state != "NOTPAY":
                raise Refusal("ORDER_CLOSED" if state == "CLOSED" else "ORDERPAID", f"the order is {state}")
            order.prepay = f"wx{secrets.token_hex(17)}"
        if self.on_prepay is not None:
            self.on_prepay(number)
        return {"prepay_id": order.prepay}

    def _state(self, order: Order) -> str:
        ends = order.asked.time_expire
        if order.state == "NOTPAY" and ends is not None and ends <= self.now():
            order.state = "CLOSED"
        return order.state

    def _query(self, call: Call) -> Answer:
        if call.query.get("mchid") != self.mchid:
            raise Refusal("PARAM_ERROR", "mchid is missing or wrong")
        with self.lock:
            if "number" in call.params:
                order = self.orders.get(call.params["number"])
            else:
                wanted = call.params["transaction"]
                order = next((o for o in self.orders.values() if o.transaction == wanted), None)
            if order is None:
                raise Refusal("ORDER_NOT_EXIST", "no such order")
            return self._told(order)

    def _told(self, order: Order) -> Item:
        asked, state = order.asked, self._state(order)
        told: Item = {
            "appid": asked.appid,
            "mchid": asked.mchid,
            "out_trade_no": asked.out_trade_no,
            "trade_state": state,
            "trade_state_desc": {"SUCCESS": "支付成功", "NOTPAY": "未支付", "CLOSED": "已关闭"}.get(state, "转入退款"),
            "attach": asked.attach,
            "amount": {"total": asked.amount.total, "currency": "CNY"},
        }
        if order.paid_at is not None:
            told |= {
                "transaction_id": order.transaction,
                "trade_type": "JSAPI",
                "bank_type": "OTHERS",
                "success_time": order.paid_at.isoformat(timespec="seconds"),
                "payer": {"openid": asked.payer.openid},
                "amount": {
                    "total": asked.amount.total,
                    "payer_total": asked.amount.total,
                    "currency": "CNY",
                    "payer_currency": "CNY",
                },
            }
        return told

    def _close(self, call: Call) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or body.get("mchid") != self.mchid:
            raise Refusal("PARAM_ERROR", "mchid is missing or wrong")
        with self.lock:
            order = self.orders.get(call.params["number"])
            if order is None:
                raise Refusal("ORDER_NOT_EXIST", "no such order")
            if self._state(order) in ("SUCCESS", "REFUND"):
                raise Refusal("ORDERPAID", "the order is paid")
            order.state = "CLOSED"
        return Reply(None, 204)

    def _refund(self, call: Call) -> Answer:
        asked = _read(RefundAsked, call.body)
        with self.lock:
            order = self.orders.get(asked.out_trade_no) or next(
                (o for o in self.orders.values() if asked.transaction_id and o.transaction == asked.transaction_id),
                None,
            )
            if order is None or order.state not in ("SUCCESS", "REFUND"):
                raise Refusal("RESOURCE_NOT_EXISTS", "no such paid order")
            given = self.given.get(asked.out_refund_no)
            if given is not None:
                if given.asked.amount != asked.amount:
                    raise Refusal("INVALID_REQUEST", "this refund number was used with other content")
                return self._given(given)
            if asked.amount.total != order.asked.amount.total:
                raise Refusal("PARAM_ERROR", "total is not the order's")
            back = sum(g.asked.amount.refund for g in self.given.values() if g.order is order and g.status != "CLOSED")
            if back + asked.amount.refund > asked.amount.total:
                raise Refusal("INVALID_REQUEST", "more than was paid")
            given = Given(asked, order, f"50300{secrets.randbelow(10**23):023d}", self.refunds)
            given.ended_at = self.now() if self.refunds == "SUCCESS" else None
            self.given[asked.out_refund_no] = given
            order.state = "REFUND"
            return self._given(given)

    def _given(self, given: Given) -> Item:
        told: Item = {
            "mchid": self.mchid,
            "refund_id": given.id,
            "out_refund_no": given.asked.out_refund_no,
            "transaction_id": given.order.transaction,
            "out_trade_no": given.order.asked.out_trade_no,
            "channel": "ORIGINAL",
            "status": given.status,
            "amount": {
                "total": given.order.asked.amount.total,
                "refund": given.asked.amount.refund,
                "payer_total": given.order.asked.amount.total,
                "payer_refund": given.asked.amount.refund,
                "currency": "CNY",
            },
        }
        if given.status == "SUCCESS" and given.ended_at is not None:
            told["success_time"] = given.ended_at.isoformat(timespec="seconds")
        return told

    def _query_refund(self, call: Call) -> Answer:
        with self.lock:
            given = self.given.get(call.params["number"])
            if given is None:
                raise Refusal("RESOURCE_NOT_EXISTS", "no such refund")
            return self._given(given)

    def _certificates(self, call: Call) -> Answer:
        sealed = signing.seal_resource(
            self.api_v3_key.encode(),
            self.keys.certificate.encode(),
            original_type="certificate",
            associated_data="certificate",
        )
        return {
            "data": [
                {
                    "serial_no": self.keys.certificate_serial,
                    "effective_time": "2024-01-01T08:00:00+08:00",
                    "expire_time": "2033-12-29T08:00:00+08:00",
                    "encrypt_certificate": {**sealed},
                }
            ]
        }


_Model = TypeVar("_Model", bound=BaseModel)


def _read(model: type[_Model], body: bytes) -> _Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as ex:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in ex.errors())
        raise Refusal("PARAM_ERROR", wrong) from ex


def _id() -> str:
    return str(uuid.uuid4())


def _turned(signature: str) -> str:
    return base64.b64encode(base64.b64decode(signature)[::-1]).decode()


def _taken(status: int | None) -> bool:
    return status is not None and status in (200, 204)


def serve(port: int = 0, *, fake: WechatPayFake | None = None) -> Running[WechatPayFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or WechatPayFake(), port)


def main(argv: list[str] | None = None) -> None:
    parser = command_line("integrations.wechat_pay.fake", "A WeChat Pay of our own.", port=9103)
    parser.add_argument("--appid", default=APPID)
    parser.add_argument("--mchid", default=MCHID)
    parser.add_argument("--slow-refunds", action="store_true", help="refunds wait for POST /_fake/refund")
    options = parser.parse_args(argv)
    fake = WechatPayFake(options.appid, options.mchid, refunds="PROCESSING" if options.slow_refunds else "SUCCESS")
    with serve(options.port, fake=fake) as running:
        running.stay(f"WeChat Pay fake at {running.url}; settings for a brand: {running.url}/_fake/merchant")


if __name__ == "__main__":
    main()
