"""Speak IVEP's side of the open protocol on this machine: for tests, for a demo, and without an account.

Run it with ``python -m integrations.ivep.fake --port 9104 --callback URL``, or in a test
``with serve() as ivep: ivep.url``.

It checks signatures and nonces and gives out coaches and relations, as `integrations.ivep.client` says. Beside the
protocol:

- ``POST /_fake/push`` signs an event and delivers it to the callback URL (`Push`); it answers what the
  callback answered.
- ``POST /_fake/callback {url}`` sets the callback URL; ``POST /_fake/items {kind, items}`` puts items into a
  list without telling anyone, like a push that was lost.
- And what every fake has (`integrations.fake_server`): an API is ``coaches`` or ``relations``.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

import requests
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Route, Running, command_line, readable
from integrations.fake_server import Failure as Failure
from integrations.qinniao import (
    MAX_PAGE,
    NONCE_SECONDS,
    BadSignature,
    Code,
    HmacSigner,
    Reason,
    Signed,
    verify,
)

APP_ID = "roost-demo"
SECRET = "fake-ivep-secret"
PUSH_TIMEOUT_SECONDS = 5
OLD = timedelta(hours=1)

Item = dict[str, JsonValue]
Kind = Literal["coaches", "relations"]
KINDS: tuple[Kind, ...] = ("coaches", "relations")

DEMO_ITEMS: Mapping[Kind, tuple[Item, ...]] = {
    "coaches": (
        {
            "id": "s-101",
            "store_id": "001",
            "name": "周岚",
            "title": "力量教练",
            "picture": "https://cdn.example/101.jpg",
        },
        {"id": "s-102", "store_id": "002", "name": "许川", "title": "瑜伽教练"},
    ),
    "relations": ({"id": "r-1", "member_id": "m-1", "coach_id": "s-101", "status": "assigned", "store_id": "001"},),
}
"""What the command line starts with: two coaches, and the member m-1 of the SaaS's demo with one of them."""

_CODE_OF_REASON: Mapping[Reason, Code] = {
    "missing_header": Code.BAD_SIGNATURE,
    "malformed_header": Code.BAD_SIGNATURE,
    "wrong_signature": Code.BAD_SIGNATURE,
    "outside_window": Code.OUTSIDE_WINDOW,
    "unknown_app": Code.UNKNOWN_APP,
}


class Push(BaseModel):
    """Say what to push, and how badly.

    ``data`` is an item of the relations, or of the coaches for ``coach.updated``: what it lacks (``id``, ``version``,
    ``updated_at``, ``deleted``) is filled in, and, with ``keep``, the list takes it. ``times`` deliveries carry the
    same event, each with a timestamp and a nonce of its own, unless ``nonce`` is given.
    """

    model_config = ConfigDict(extra="forbid")

    event_type: str = Field(min_length=1)
    data: dict[str, JsonValue] = Field(default_factory=dict)
    store_id: str | None = None
    event_id: str | None = None
    occurred_at: AwareDatetime | None = None
    version: int | None = None
    times: int = Field(default=1, ge=1, le=1000)
    bad_signature: bool = False
    old_timestamp: bool = False
    nonce: str | None = None
    keep: bool = True


class Seed(BaseModel):
    """Name items to put into a list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    items: list[dict[str, JsonValue]]


class Callback(BaseModel):
    """Name where to push events to, None for nowhere."""

    model_config = ConfigDict(extra="forbid")

    url: str | None


class IvepFake(Fake):
    """Be one brand's IVEP, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    def __init__(
        self,
        app_id: str = APP_ID,
        secret: str = SECRET,
        *,
        callback_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.app_id = app_id
        self.callback_url = callback_url
        self._secret = secret
        super().__init__(clock)

    def routes(self) -> Iterator[Route]:
        """Yield the calls of the protocol, and those that play IVEP's own side."""
        for kind in KINDS:
            yield Route("GET", f"/v1/{kind}", self._lister(kind), kind)
        yield Route("POST", "/_fake/push", lambda call: self.push(Push.model_validate_json(call.body)))
        yield Route("POST", "/_fake/callback", lambda call: self._call_back(Callback.model_validate_json(call.body)))
        yield Route("POST", "/_fake/items", lambda call: self._seed(Seed.model_validate_json(call.body)))

    def forget(self) -> None:
        """Forget items and nonces; the callback URL stays."""
        self._items: dict[Kind, dict[str, tuple[int, Item]]] = {kind: {} for kind in KINDS}
        self._changes = 0
        self._nonces: dict[str, datetime] = {}

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        """Refuse in an envelope inside HTTP 200."""
        return _envelope(errcode, errmsg)

    def wrong_method(self, call: Call, offered: str) -> Answer:
        """Refuse in an envelope too."""
        return self.error(Code.NOT_FOUND, f"{call.method} is not offered here")

    # What a test or a story asks for

    def put(self, kind: Kind, item: Mapping[str, JsonValue], *, keep: bool = True) -> Item:
        """Put an item into a list, over what it was before, and return it whole; it gets the next version."""
        with self.lock:
            key = str(item.get("id") or f"{kind}-{uuid.uuid4().hex[:12]}")
            _, before = self._items[kind].get(key, (0, Item()))
            held = before.get("version")
            version = held if isinstance(held, int) else 0
            fresh: Item = {"deleted": False, "version": version + 1, "updated_at": self.now().isoformat()}
            after = {**before, **fresh, **item, "id": key}
            later = after["version"]
            if keep and (not isinstance(later, int) or later >= version):  # what is no version is kept as it was given
                self._changes += 1
                self._items[kind][key] = (self._changes, after)
            return dict(after)

    def push(self, push: Push) -> Item:
        """Deliver an event to the callback URL; return its id and what each delivery was answered."""
        url = self.callback_url
        if url is None:
            raise ValueError("no callback URL is set: POST /_fake/callback first")
        now = self.now()
        data: Item = {**push.data}
        if push.version is not None:
            data["version"] = push.version
        if push.store_id is not None:
            data.setdefault("store_id", push.store_id)
        if push.event_type in ("coach.assigned", "coach.released"):
            data.setdefault("status", push.event_type.partition(".")[2])
        data = self.put("coaches" if push.event_type == "coach.updated" else "relations", data, keep=push.keep)
        event: Item = {
            "event_id": push.event_id or f"evt-{uuid.uuid4().hex}",
            "event_type": push.event_type,
            "occurred_at": (push.occurred_at or now).isoformat(),
            "store_id": push.store_id,
            "data": data,
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        deliveries: list[JsonValue] = [self._deliver(url, body, push) for _ in range(push.times)]
        return {"event_id": event["event_id"], "event": event, "deliveries": deliveries}

    def _deliver(self, url: str, body: bytes, push: Push) -> Item:
        age = OLD if push.old_timestamp else timedelta(0)
        nonce = push.nonce
        signer = HmacSigner(
            self.app_id,
            "another secret" if push.bad_signature else self._secret,
            clock=lambda: self.now() - age,
            nonce=lambda: nonce if nonce is not None else uuid.uuid4().hex,
        )
        try:
            response = requests.post(
                url,
                data=body,
                headers={"Content-Type": "application/json"},
                auth=Signed(signer),
                timeout=PUSH_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as ex:
            return {"status": None, "error": type(ex).__name__}
        return {"status": response.status_code, "body": readable(response.content)}

    # The protocol

    def check(self, call: Call) -> None:
        """Refuse a call that is not signed by our app, or whose nonce was seen within ten minutes."""
        now = self.now()
        try:
            caller = verify(
                self._secret, call.method, call.target, call.headers, call.body, now=now, app_id=self.app_id
            )
        except BadSignature as ex:
            raise Refusal(_CODE_OF_REASON[ex.reason], str(ex)) from ex
        with self.lock:
            kept_from = now - timedelta(seconds=NONCE_SECONDS)
            self._nonces = {nonce: at for nonce, at in self._nonces.items() if at > kept_from}
            if caller.nonce in self._nonces:
                raise Refusal(Code.NONCE_USED, "this nonce was used before")
            self._nonces[caller.nonce] = now

    def list_page(self, kind: Kind, query: Mapping[str, str]) -> Item:
        """Answer a page of a list: ``cursor``, ``limit``, ``updated_since``, and ``member`` for relations."""
        limit, cursor = query.get("limit", str(MAX_PAGE)), query.get("cursor", "0")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_PAGE):
            raise Refusal(Code.INVALID, f"limit is 1 to {MAX_PAGE}")
        if not (cursor.isascii() and cursor.isdigit()):
            raise Refusal(Code.INVALID, f"not a cursor of {kind}")
        since = query.get("updated_since")
        with self.lock:
            entries = sorted(self._items[kind].values(), key=lambda entry: entry[0])
        found = [
            (place, item)
            for place, item in entries
            if place > int(cursor)
            and (since is None or datetime.fromisoformat(str(item["updated_at"])) >= datetime.fromisoformat(since))
            and ("member" not in query or item.get("member_id") == query["member"])
        ]
        page = found[: int(limit)]
        return {
            "items": [dict(item) for _, item in page],
            "next_cursor": str(page[-1][0] if page else int(cursor)),
            "has_more": len(found) > len(page),
        }

    def _lister(self, kind: Kind) -> Callable[[Call], Answer]:
        return lambda call: _envelope(Code.OK, "ok", self.list_page(kind, call.query))

    def _call_back(self, callback: Callback) -> Item:
        self.callback_url = callback.url
        return {"url": callback.url}

    def _seed(self, seed: Seed) -> Item:
        return {"items": [self.put(seed.kind, item) for item in seed.items]}


def _envelope(code: int | str, msg: str, data: JsonValue = None) -> Item:
    return {"code": code, "msg": msg, "data": data, "request_id": uuid.uuid4().hex}


def serve(port: int = 0, *, fake: IvepFake | None = None) -> Running[IvepFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or IvepFake(), port)


def main(argv: list[str] | None = None) -> None:
    """Serve a fake until it is interrupted."""
    parser = command_line("integrations.ivep.fake", "An IVEP of our own.", port=9104)
    parser.add_argument("--callback", help="where to push events to; POST /_fake/callback sets it later")
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--secret", default=SECRET)
    parser.add_argument("--empty", action="store_true", help="start without the coaches of the demo")
    options = parser.parse_args(argv)
    fake = IvepFake(options.app_id, options.secret, callback_url=options.callback)
    if not options.empty:
        for kind, items in DEMO_ITEMS.items():
            for item in items:
                fake.put(kind, item)
    with serve(options.port, fake=fake) as running:
        running.stay(f"IVEP fake at {running.url}, app id {fake.app_id}")


if __name__ == "__main__":
    main()
