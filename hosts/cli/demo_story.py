"""The story of a new member (J1), told by real calls: what each step did to her numbers, checked as it goes."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import requests

from core.clock import Clock, SystemClock, local_date
from integrations.qinniao import fake as qinniao_fake
from integrations.wechat import fake as wechat_fake

BRAND = "guichao"
ZONE = "Asia/Shanghai"
STAFF = "headoffice"
PASSWORD = "open the demo door"
WAIT_SECONDS = 15
WELCOME_POINTS, VISIT_POINTS, PAID_FEN = 200, 10, 52_050
REGISTRATION_POINTS, CONVERSION_POINTS, SALE_POINTS = 50, 500, 300
POINTS_AT_THE_END = (
    WELCOME_POINTS + VISIT_POINTS + PAID_FEN // 100 + REGISTRATION_POINTS + CONVERSION_POINTS - SALE_POINTS
)
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
    """Plays J1 against a running deployment, whose clock is `clock`, in a brand of the time zone `zone`."""

    def __init__(
        self,
        base: str,
        wechat: str,
        qinniao: str,
        *,
        clock: Clock | None = None,
        zone: str = ZONE,
        say: Callable[[str], None] = print,
    ) -> None:
        self.base, self.wechat, self.qinniao, self.say = base, wechat, qinniao, say
        self.clock, self.zone = clock or SystemClock(), zone
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
        return int(self.call("GET", "/v1/me/points", token=person.token)["balances"][asset]["available"])

    def step(self, title: str, numbers: str) -> None:
        """Print one line of the story."""
        self.say(f"  {title:<14}{numbers}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Raise Unexpected unless a number is as the story says."""
        if found != wanted:
            raise Unexpected(f"{what} is {found!r}, the story says {wanted!r}")

    # --- the steps

    def open_house(self) -> None:
        """Staff sign in, open three venues, and give the SaaS our address."""
        session = self.call("POST", "/admin/v1/session", {"username": STAFF, "password": PASSWORD})
        self.staff = session["token"]
        for code, name in VENUES:
            made = self.call("POST", "/admin/v1/venues", {"code": code, "name": name}, token=self.staff)
            self.venues[code] = made["id"]
        callback = {"url": f"{self.base}/callbacks/qinniao/{BRAND}"}
        self.http.post(f"{self.qinniao}/_fake/callback", json=callback, timeout=20).raise_for_status()
        self.step("开店 open", f"品牌 {BRAND}, 门店 venues {', '.join(self.venues)}")

    def login(self, person: Person, *, invitation: str = "") -> None:
        """One tap: the login code and the phone code of WeChat."""
        body = {"code": f"code-{person.name}", "phone_code": f"phone-{person.phone}", "invitation": invitation}
        reply = self.call("POST", "/v1/wechat/login", body)
        person.token, person.id = reply["token"], reply["member"]["id"]
        self.expect("registered", reply["registered"], True)

    def leads(self) -> list[dict[str, Any]]:
        """Return the leads that the SaaS was given."""
        found: list[dict[str, Any]] = self.http.get(f"{self.qinniao}/_fake/leads", timeout=20).json()["leads"]
        return found

    def first_login(self) -> None:
        """A stranger becomes a lead, here and, since the SaaS does not know her, there."""
        self.login(self.alice)
        self.expect("state", self.me(self.alice)["state"], "lead")
        self.until(
            "the lead in the SaaS", lambda: [lead for lead in self.leads() if lead["external_id"] == self.alice.id]
        )
        self.step(
            "登录 login",
            f"{self.me(self.alice)['phone_masked']} 一键登录 → 潜客 lead; 已推送 SaaS leads {len(self.leads())}",
        )

    def converts(self, person: Person) -> None:
        """The SaaS sells a card and says so."""
        self.pushes("member.converted", self.saas_member(person))
        self.until(f"{person.name} a member", lambda: self.me(person)["state"] == "member")

    def saas_member(self, person: Person) -> dict[str, Any]:
        """Return a person as the SaaS shows a member: its days are the brand's."""
        now = self.clock.now()
        today = local_date(now, self.zone)
        return {
            "id": f"saas-{person.name}",
            "version": 1,
            "updated_at": now.isoformat(),
            "phone": person.phone,
            "status": "active",
            "joined_on": today.isoformat(),
            "ends_on": (today + timedelta(days=365)).isoformat(),
            "lead_external_id": person.id,
        }

    def becomes_a_member(self) -> None:
        """She buys a card in the venue; the welcome gift follows by itself."""
        self.converts(self.alice)
        welcome = self.until("the welcome gift", lambda: self.claims("new_member"))
        self.until("welcome points", lambda: self.points(self.alice) == WELCOME_POINTS)
        names = ", ".join(claim["name"] for claim in welcome)
        self.step(
            "成为会员 member", f"潜客 lead → 会员 member; 新会员礼 welcome: {names}; 积分 points {WELCOME_POINTS}"
        )

    def claims(self, moment: str) -> list[dict[str, Any]]:
        """Return her gifts of one occasion."""
        items = self.call("GET", "/v1/gifts/claims", token=self.alice.token)["items"]
        return [item for item in items if item["moment"] == moment]

    def saas_item(self, kind: str, **values: Any) -> dict[str, Any]:
        """Return an item of hers as the SaaS shows it."""
        now = self.clock.now().isoformat()
        return {
            "id": f"{kind}-{uuid.uuid4().hex[:8]}",
            "version": 1,
            "updated_at": now,
            "member_id": "saas-alice",
            **values,
        }

    def first_visit(self) -> None:
        """The gate scans her; a visit earns points."""
        before = self.points(self.alice)
        self.pushes("checkin.created", self.saas_item("checkin", checked_in_at=self.clock.now().isoformat()))
        after = self.until("points for the visit", lambda: self.more_than(before))
        self.expect("points for a visit", after - before, VISIT_POINTS)
        self.step("入场 visit", f"闸机扫码 gate scan; 积分 points {before} → {after}")

    def more_than(self, before: int) -> int | None:
        """Return her points once they are more than before."""
        now = self.points(self.alice)
        return now if now > before else None

    def first_purchase(self) -> None:
        """She spends; points and growth follow, and growth lifts her level."""
        before, level = self.points(self.alice), self.me(self.alice)["level"]
        paid = self.saas_item("order", amount_fen=PAID_FEN, paid_at=self.clock.now().isoformat(), subject="私教课")
        self.pushes("order.paid", paid)
        after = self.until("points for the purchase", lambda: self.more_than(before))
        self.expect("points for the purchase", after - before, PAID_FEN // 100)
        self.until("the level-up", lambda: self.me(self.alice)["level"] == "gold")
        growth = self.points(self.alice, "growth")
        self.step(
            "消费 purchase",
            f"{PAID_FEN / 100:.2f} 元 yuan; 积分 points {before} → {after}; 成长值 growth {growth};"
            f" 等级 level {level} → gold",
        )

    def growth_gift(self) -> None:
        """Rising two levels brings two gifts; she has one sent to her."""
        gifts = self.until("growth gifts", lambda: found if len(found := self.claims("growth")) == 2 else None)
        address = {"name": "李雷", "phone": self.alice.phone, "region": "上海市静安区", "detail": "南京西路 1 号"}
        for gift in gifts:
            if gift["kind"] == "physical":
                path = f"/v1/gifts/claims/{gift['id']}/accept"
                accepted = self.call("POST", path, {"address": address}, token=self.alice.token)
                self.expect("the gift's state", accepted["state"], "accepted")
        self.step("成长礼 gift", f"{' + '.join(g['name'] for g in gifts)} → 已填地址 address given, 待发货 accepted")

    def invites_a_friend(self) -> None:
        """Her invitation brings a friend; his registration and his card reward her, once each."""
        before = self.points(self.alice)
        invitation = self.call("GET", "/v1/referrals/invitation", token=self.alice.token)["token"]
        self.login(self.bob, invitation=invitation)
        self.until("the reward for a registration", lambda: self.points(self.alice) == before + REGISTRATION_POINTS)
        self.until(
            "his lead in the SaaS", lambda: [lead for lead in self.leads() if lead["external_id"] == self.bob.id]
        )
        self.converts(self.bob)
        after = before + REGISTRATION_POINTS + CONVERSION_POINTS
        self.until("the reward for a conversion", lambda: self.points(self.alice) == after)
        self.step(
            "邀请 referral",
            f"好友注册 friend registers +{REGISTRATION_POINTS}, 办卡 converts +{CONVERSION_POINTS};"
            f" 积分 points {before} → {after}",
        )

    def wins_a_flash_sale(self) -> None:
        """Staff open a session; she takes the last unit, pays in points, and has won."""
        before, now = self.points(self.alice), self.clock.now()
        session = self.call(
            "POST",
            "/admin/v1/seckill/sessions",
            {
                "title": "周三秒杀",
                "starts_at": (now - timedelta(minutes=1)).isoformat(),
                "ends_at": (now + timedelta(hours=2)).isoformat(),
            },
            token=self.staff,
        )["id"]
        item = self.call(
            "POST",
            "/admin/v1/seckill/items",
            {"session": session, "title": "体测一次", "kind": "service", "stock": 1, "price_points": SALE_POINTS},
            token=self.staff,
        )["id"]
        self.call("POST", f"/admin/v1/seckill/sessions/{session}/publish", {}, token=self.staff)
        held = self.call("POST", f"/v1/seckill/items/{item}/take", {}, token=self.alice.token, status=201)
        won = self.call("POST", f"/v1/seckill/claims/{held['id']}/confirm", {}, token=self.alice.token)
        self.expect("the claim's state", won["state"], "won")
        self.expect("points after the sale", self.points(self.alice), before - SALE_POINTS)
        self.step(
            "秒杀 flash sale", f"抢得 won, 凭证 code {won['code']}; 积分 points {before} → {before - SALE_POINTS}"
        )

    def why(self) -> None:
        """The statement adds up to the balance, to the last point."""
        entries = self.call("GET", "/v1/me/points/statement?limit=100", token=self.alice.token)["items"]
        total = sum(entry["amount"] for entry in entries)
        self.expect("the sum of her statement", total, self.points(self.alice))
        self.expect("her points at the end", total, POINTS_AT_THE_END)
        self.step("对账 ledger", f"{len(entries)} 笔 entries, 合计 sum {total} = 余额 balance")
