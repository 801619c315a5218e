"""The story of a new member (J1), told by real calls: what each step did to her numbers, checked as it goes."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import requests

from integrations.qinniao import fake as qinniao_fake
from integrations.wechat import fake as wechat_fake

BRAND = "guichao"
STAFF = "hq"
PASSWORD = "open the demo door"
WAIT_SECONDS = 15
VENUES = (("001", "归巢·静安店"), ("002", "归巢·徐汇店"), ("003", "归巢·浦东店"))
T = TypeVar("T")


class Unexpected(Exception):
    """A step came out otherwise than the story says."""


@dataclass
class Person:
    """Someone of the story as her telephone knows her."""

    name: str
    phone: str
    token: str = ""
    id: str = ""


def wechat_settings(url: str) -> dict[str, Any]:
    """Return the brand's settings for the fake of WeChat."""
    return {"base_url": url, "appid": wechat_fake.APPID, "secret": wechat_fake.SECRET}


def qinniao_settings(url: str) -> dict[str, Any]:
    """Return the brand's settings for the fake of the SaaS."""
    return {"base_url": url, "app_id": qinniao_fake.APP_ID, "secret": qinniao_fake.SECRET}


class Story:
    """Plays J1 against a running deployment."""

    def __init__(self, base: str, wechat: str, qinniao: str, say: Callable[[str], None] = print) -> None:
        self.base, self.wechat, self.qinniao, self.say = base, wechat, qinniao, say
        self.http = requests.Session()
        self.alice = Person("alice", "13800001111")
        self.bob = Person("bob", "13800002222")
        self.staff = ""
        self.venues: dict[str, str] = {}

    def play(self) -> None:
        """Tell the whole story; raise Unexpected at the first step that is not as it should be."""
        self.open_house()
        self.first_login()
        self.becomes_a_member()
        self.first_visit()
        self.first_purchase()
        self.growth_gift()
        self.invites_a_friend()
        self.wins_a_flash_sale()
        self.why()

    # --- the wire

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, status: int = 200, **headers: str
    ) -> Any:
        """Send one request as a mini-program or the console would; return its JSON."""
        sent = {"X-Roost-Tenant": BRAND, **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if method != "GET":
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        reply = self.http.request(method, self.base + path, json=body, headers=sent, timeout=20)
        if reply.status_code // 100 != status // 100:
            raise Unexpected(f"{method} {path} answered {reply.status_code}: {reply.text[:400]}")
        return reply.json() if reply.content else None

    def until(self, what: str, read: Callable[[], T | None]) -> T:
        """Wait until `read` gives something: deliveries are quick, but they come after the answer."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = read()
            if found:
                return found
            time.sleep(0.05)
        raise Unexpected(f"{what} did not happen within {WAIT_SECONDS} s")

    def pushes(self, event_type: str, data: dict[str, Any]) -> None:
        """Let the SaaS push an event to us, signed."""
        reply = self.http.post(
            f"{self.qinniao}/_fake/push",
            json={"event_type": event_type, "data": data, "store_id": "001"},
            timeout=20,
        )
        if not reply.ok:
            raise Unexpected(f"the SaaS could not push {event_type}: {reply.text[:300]}")

    def me(self, person: Person) -> dict[str, Any]:
        """Read /v1/me."""
        found: dict[str, Any] = self.call("GET", "/v1/me", token=person.token)
        return found

    def points(self, person: Person, asset: str = "points") -> int:
        """Read a balance."""
        return int(self.call("GET", "/v1/me/points", token=person.token)[asset]["available"])

    def step(self, title: str, numbers: str) -> None:
        """Print one line of the story."""
        self.say(f"  {title:<14}{numbers}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Raise Unexpected unless a number is as the story says."""
        if found != wanted:
            raise Unexpected(f"{what} is {found!r}, the story says {wanted!r}")
