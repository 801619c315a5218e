"""What the fakes of servers that speak the open protocol share: signatures and nonces, lists, pushes, envelopes.

A fake says which lists it has (`kinds`), where the data of an event stand (`kind_of`) and what narrows a list
(`fits`), and is served with the rest:

- ``POST /_fake/push {event_type, data, …}`` pushes an event and answers what the callback answered; see `Push`.
- ``POST /_fake/callback {url}`` sets the callback URL.
- ``POST /_fake/items {kind, items}`` puts items into a list without telling anyone, like a push that was lost.
"""

import argparse
import base64
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import requests
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Route, command_line, readable
from integrations.qinniao.client import MAX_PAGE, Code, Signed
from integrations.qinniao.signing import (
    NONCE_SECONDS,
    SIGNATURE,
    BadSignature,
    HmacSigner,
    Reason,
    Signer,
    verify,
)

APP_ID = "roost-demo"
PUSH_TIMEOUT_SECONDS = 5
OLD = timedelta(hours=1)

Item = dict[str, JsonValue]

_CODE_OF_REASON: Mapping[Reason, Code] = {
    "missing_header": Code.BAD_SIGNATURE,
    "malformed_header": Code.BAD_SIGNATURE,
    "wrong_signature": Code.BAD_SIGNATURE,
    "outside_window": Code.OUTSIDE_WINDOW,
    "unknown_app": Code.UNKNOWN_APP,
}


class Push(BaseModel):
    """Say what to push, and how badly.

    ``data`` is an item: what it lacks (``id``, ``version``, ``updated_at``, ``deleted``) is filled in, and,
    with ``keep``, the list of its kind takes it, so that a pull agrees. ``times`` deliveries carry the same
    event, each with a timestamp and a nonce of its own, unless ``nonce`` is given. ``old_timestamp`` signs as
    of an hour ago.
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

    kind: str
    items: list[dict[str, JsonValue]]


class Callback(BaseModel):
    """Name where to push events to, None for nowhere."""

    model_config = ConfigDict(extra="forbid")

    url: str | None


class ProtocolFake(Fake):
    """Be one brand's server, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    kinds: ClassVar[tuple[str, ...]]  # its lists, each at /v1/{kind}
    pushed: ClassVar[tuple[str, ...]] = ()  # kinds that only pushes tell: no list has them

    def __init__(
        self,
        app_id: str = APP_ID,
        secret: str = "",
        *,
        callback_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.app_id = app_id
        self.callback_url = callback_url
        self._secret = secret
        super().__init__(clock)

    def kind_of(self, event_type: str) -> str | None:
        """Return which list the data of an event belong to, or None."""
        raise NotImplementedError

    def fits(self, kind: str, item: Item, query: Mapping[str, str]) -> bool:
        """Tell whether a list that is narrowed by `query` has an item."""
        raise NotImplementedError

    def routes(self) -> Iterator[Route]:
        """Yield the calls of the protocol, and those that play the server's own side."""
        for kind in self.kinds:
            yield Route("GET", f"/v1/{kind}", self._lister(kind), kind)
        yield Route("POST", "/_fake/push", lambda call: self.push(Push.model_validate_json(call.body)))
        yield Route("POST", "/_fake/callback", lambda call: self._call_back(Callback.model_validate_json(call.body)))
        yield Route("POST", "/_fake/items", lambda call: self._seed(Seed.model_validate_json(call.body)))

    def forget(self) -> None:
        """Forget items and nonces; the callback URL stays."""
        self._items: dict[str, dict[str, tuple[int, Item]]] = {kind: {} for kind in (*self.kinds, *self.pushed)}
        self._changes = 0
        self._nonces: dict[str, datetime] = {}

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        """Refuse in an envelope inside HTTP 200."""
        return envelope(errcode, errmsg)

    def wrong_method(self, call: Call, offered: str) -> Answer:
        return self.error(Code.NOT_FOUND, f"{call.method} is not offered here")

    def noted(self, call: Call) -> Item:
        return {**super().noted(call), "nonce": call.headers.get("X-NONCE")}

    # What a test or a story asks for

    def items(self, kind: str) -> list[Item]:
        """Return a list as it is, in the order in which its items last changed."""
        with self.lock:
            return [dict(item) for _, item in sorted(self._items[kind].values(), key=lambda entry: entry[0])]

    def put(self, kind: str, item: Mapping[str, JsonValue], *, keep: bool = True) -> Item:
        """Put an item into a list, over what it was before, and return it whole.

        Without a ``version`` it gets the next one; with one that is lower than that of the item there, the
        list stays as it is.
        """
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
        """Deliver an event to the callback URL; return its id and what each delivery was answered.

        A delivery is ``{status, body}``, or ``{status: null, error}`` when nobody answered within five
        seconds.
        """
        url = self.callback_url
        if url is None:
            raise ValueError("no callback URL is set: POST /_fake/callback first")
        now = self.now()
        data: Item = {**push.data}
        if push.version is not None:
            data["version"] = push.version
        if push.store_id is not None:
            data.setdefault("store_id", push.store_id)
        kind = self.kind_of(push.event_type)
        if kind is not None:
            data = self.put(kind, data, keep=push.keep)
        event: Item = {
            "event_id": push.event_id or f"evt-{uuid.uuid4().hex}",
            "event_type": push.event_type,
            "occurred_at": (push.occurred_at or now).isoformat(),
            "store_id": push.store_id,
            "data": data,
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        signer = self._signer(push)
        return {
            "event_id": event["event_id"],
            "event": event,
            "deliveries": [self._deliver(url, body, signer) for _ in range(push.times)],
        }

    def _signer(self, push: Push) -> Signer:
        age = OLD if push.old_timestamp else timedelta(0)
        nonce = push.nonce
        signer = HmacSigner(
            self.app_id,
            self._secret,
            clock=lambda: self.now() - age,
            nonce=lambda: nonce if nonce is not None else uuid.uuid4().hex,
        )
        return _Forger(signer) if push.bad_signature else signer

    def _deliver(self, url: str, body: bytes, signer: Signer) -> Item:
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

    def list_page(self, kind: str, query: Mapping[str, str]) -> Item:
        """Answer a page of a list: ``cursor``, ``limit``, ``updated_since``, and what narrows it."""
        limit = query.get("limit", str(MAX_PAGE))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_PAGE):
            raise Refusal(Code.INVALID, f"limit is 1 to {MAX_PAGE}")
        after = _read_cursor(kind, query["cursor"]) if query.get("cursor") else 0
        since = _read_time(query["updated_since"]) if query.get("updated_since") else None
        with self.lock:
            entries = sorted(self._items[kind].values(), key=lambda entry: entry[0])
        found = [
            (place, item)
            for place, item in entries
            if place > after
            and (since is None or _read_time(str(item["updated_at"])) >= since)
            and self.fits(kind, item, query)
        ]
        page = found[: int(limit)]
        last = page[-1][0] if page else after
        return {
            "items": [dict(item) for _, item in page],
            "next_cursor": _write_cursor(kind, last),
            "has_more": len(found) > len(page),
        }

    def _lister(self, kind: str) -> Callable[[Call], Answer]:
        return lambda call: envelope(Code.OK, "ok", self.list_page(kind, call.query))

    def _call_back(self, callback: Callback) -> Item:
        self.callback_url = callback.url
        return {"url": callback.url}

    def _seed(self, seed: Seed) -> Item:
        if seed.kind not in self._items:
            raise ValueError(f"there is no list {seed.kind!r}: it is one of {', '.join(self._items)}")
        return {"items": [self.put(seed.kind, item) for item in seed.items]}


class _Forger:
    """Sign with a signature that is not the right one."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]:
        honest = self._signer.headers(method, path_and_query, body)
        return {**honest, SIGNATURE: honest[SIGNATURE][::-1]}

    def renew(self) -> None:
        self._signer.renew()


def envelope(code: int | str, msg: str, data: JsonValue = None) -> Item:
    """Answer as the protocol does."""
    return {"code": code, "msg": msg, "data": data, "request_id": uuid.uuid4().hex}


def _write_cursor(kind: str, place: int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{place}".encode()).decode()


def _read_cursor(kind: str, cursor: str) -> int:
    try:
        name, _, place = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if name == kind:
            return int(place)
    except ValueError:
        pass
    raise Refusal(Code.INVALID, f"not a cursor of {kind}")


def _read_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Refusal(Code.INVALID, "a time is RFC 3339 with its offset")
    return time


def protocol_line(module: str, what: str, *, port: int, secret: str, start: str) -> argparse.ArgumentParser:
    """Return the command line of a fake; it starts with `start` unless it is told to be empty."""
    parser = command_line(module, what, port=port)
    parser.add_argument("--callback", help="where to push events to; POST /_fake/callback sets it later")
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--secret", default=secret)
    parser.add_argument("--empty", action="store_true", help=f"start without {start}")
    return parser


def fill(fake: ProtocolFake, lists: Mapping[str, Sequence[Item]]) -> None:
    """Put items into the lists of a fake."""
    for kind, items in lists.items():
        for item in items:
            fake.put(kind, item)
