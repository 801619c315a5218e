"""What members and staff live through in flash sales, over REST: sent, refunded, expired, barred, reminded, limited."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core import members, points, tenants
from core.points import verify
from plugins.notify.models import NotifyMessage

ADMIN = "/admin/v1/seckill"
HOME = {"name": "韩梅梅", "phone": "13900000001", "province": "上海市", "city": "上海市", "detail": "南京西路 1 号"}
PRICED = {"price_points": 100}


@pytest.fixture
def brand(tenant, enable_plugin, box):
    """A brand that sells for points and money, and tells its members."""
    enable_plugin("notify")
    enable_plugin("orders", earns=False)
    enable_plugin("seckill", per_month=99)
    enable_plugin("paybox")
    return tenant


@pytest.fixture
def venues(brand):
    with brand.transaction():
        return [str(tenants.add_venue(brand, code, code).id) for code in ("jingan", "pudong")]


class Story:
    """Acts over REST as staff and as members; each call with a key of its own."""

    def __init__(self, api, brand, clock, box):
        self.api, self.brand, self.clock, self.box, self.count = api, brand, clock, box, 0

    def staff(self, path, json=None, *, venue=None, method="POST", permissions=("seckill.view", "seckill.edit")):
        token = self.api.as_staff(*permissions, "seckill.redeem", venues=(UUID(venue),) if venue else ())
        return self._call(method, path, token, json)

    def member(self, view, path, json=None, method="POST"):
        return self._call(method, path, self.api.as_member(view), json)

    def _call(self, method, path, token, json):
        self.count += 1
        return self.api.request(method, path, token=token, key=f"key-{self.count}", json=json)

    def sale(self, *, opens_in=timedelta(0), session=None, **item):
        """Publish a session of two hours with one item; return (session, item)."""
        starts_at = self.clock.now() + opens_in
        times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=2)).isoformat()}
        made = self.staff(f"{ADMIN}/sessions", {"title": "周三抢", **times, **(session or {})})
        assert made.status_code == 201, made.text
        body = {"session": made.json["id"], "title": "毛巾", "stock": 5, **item}
        added = self.staff(f"{ADMIN}/items", body)
        assert added.status_code == 201, added.text
        assert self.staff(f"{ADMIN}/sessions/{made.json['id']}/publish").status_code == 200
        return made.json["id"], added.json["id"]

    def take(self, view, item, **body):
        return self.member(view, f"/v1/seckill/items/{item}/take", body or None)

    def act(self, view, claim, what):
        return self.member(view, f"/v1/seckill/claims/{claim}/{what}")

    def won(self, view, item, **body):
        """Take one and confirm it; return the claim."""
        taken = self.take(view, item, **body)
        assert taken.status_code == 201, taken.text
        reply = self.act(view, taken.json["id"], "confirm")
        assert reply.status_code == 200, reply.text
        return reply.json

    def pay(self, view, order):
        """Pay an order outside; return the charge's number."""
        reply = self.member(view, f"/v1/orders/{order}/pay", {"method": "paybox"})
        assert reply.status_code == 200, reply.text
        self.box.charges[reply.json["charge"]]["state"] = "paid"
        assert self.member(view, f"/v1/orders/{order}/refresh").json["paid_at"]
        return reply.json["charge"]

    def claim(self, view, claim):
        return self.member(view, f"/v1/seckill/claims/{claim}", method="GET").json

    def points(self, view):
        return points.balance(self.brand, view.id).available


@pytest.fixture
def story(api, brand, clock, box):
    return Story(api, brand, clock, box)


@pytest.fixture
def rich(member, brand):
    """Return a function that makes a member with 500 points."""

    def make(**more):
        view = member(**more)
        with brand.transaction():
            points.credit(brand, view.id, "points", 500, key=f"start:{view.id}", reason="test")
        return view

    return make


def told(brand, view):
    rows = NotifyMessage.scoped(brand).select().where(NotifyMessage.member == view.id).order_by(NotifyMessage.id)
    return [row.notice for row in rows if row.state == "sent"]


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_goods_for_points_are_sent_to_the_address_given_with_the_purchase(story, rich, drain):
    view = rich()
    _, item = story.sale(delivery="ship", **PRICED)
    missing = story.take(view, item)
    assert (missing.status_code, missing.json["code"]) == (422, "address_needed")
    assert story.points(view) == 500
    claim = story.take(view, item, address=HOME).json
    assert (claim["state"], claim["code"], claim["expires_at"]) == ("won", None, None)
    assert story.points(view) == 400
    drain()
    path = f"/admin/v1/orders/orders/{claim['order']}"
    rights = ("orders.view", "orders.ship")
    assert story.staff(path, method="GET", permissions=rights).json["to_ship"] == 1
    assert (
        story.staff(f"{path}/ship", {"carrier": "顺丰速运", "tracking": "SF100"}, permissions=rights).status_code == 200
    )
    drain()
    assert story.claim(view, claim["id"])["state"] == "shipped"
    assert story.act(view, claim["id"], "refund").json["code"] == "not_refundable"
    asked = story.member(view, f"/v1/orders/{claim['order']}/refunds", {"reason": "torn"})
    assert asked.status_code == 201, asked.text  # faulty goods: within the days of orders


def test_goods_for_money_are_sent_once_paid_and_may_go_back_before(story, rich, drain, enable_plugin):
    enable_plugin("orders", earns=False, postage="flat", postage_fen=800)
    view = rich()
    _, item = story.sale(delivery="ship", price_fen=990, **PRICED)
    with_book = story.member(view, "/v1/orders/addresses", HOME).json["id"]
    claim = story.take(view, item, address=with_book).json
    assert claim["state"] == "held"
    charge = story.pay(view, claim["order"])
    assert story.box.charges[charge]["amount"] == 990 + 800
    drain()
    assert story.claim(view, claim["id"])["state"] == "won"
    assert story.act(view, claim["id"], "refund").json["state"] == "refunding"
    drain()
    assert story.claim(view, claim["id"])["state"] == "refunded"
    assert (story.box.given_back(charge), story.points(view)) == (1790, 500)


def test_what_has_just_been_sent_is_not_refunded_however_late_the_news(story, rich):
    view = rich()
    _, item = story.sale(delivery="ship", **PRICED)
    claim = story.take(view, item, address=HOME).json
    shipped = story.staff(
        f"/admin/v1/orders/orders/{claim['order']}/ship",
        {"carrier": "顺丰速运", "tracking": "SF100"},
        permissions=("orders.view", "orders.ship"),
    )
    assert shipped.status_code == 200, shipped.text
    refused = story.act(view, claim["id"], "refund")
    assert (refused.status_code, refused.json["code"]) == (409, "already_sent")
    assert story.points(view) == 400


def test_sold_out_goods_leave_no_order_and_take_no_points(story, rich):
    _, item = story.sale(delivery="ship", stock=1, **PRICED)
    story.take(rich(), item, address=HOME)
    late = rich()
    assert story.take(late, item, address=HOME).json["code"] == "sold_out"
    assert story.points(late) == 500
    assert story.member(late, "/v1/orders", method="GET").json["items"] == []


def test_a_service_is_not_sent(story):
    now = story.clock.now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    session = story.staff(f"{ADMIN}/sessions", {"title": "抢", **times}).json["id"]
    body = {"session": session, "title": "体测", "stock": 5, "kind": "service", "delivery": "ship"}
    assert story.staff(f"{ADMIN}/items", body).status_code == 422


# --- unused vouchers -------------------------------------------------------------------------------------------------


def test_a_member_gives_back_an_unused_voucher_on_its_last_day_and_the_points_keep_their_end(story, rich, clock, brand):
    view = rich()
    _, item = story.sale(**PRICED)
    claim = story.won(view, item)
    assert claim["expires_at"] == "2026-12-22T16:00:00Z"  # the end of 22 December in Shanghai
    clock.set(clock.now().replace(month=12, day=22, hour=15, minute=59))
    reply = story.act(view, claim["id"], "refund")
    assert (reply.status_code, reply.json["state"]) == (200, "refunded")
    assert story.points(view) == 500
    assert story.act(view, claim["id"], "refund").json["state"] == "refunded"  # again: nothing more
    assert story.points(view) == 500
    assert verify(brand) == []


def test_a_voucher_for_money_can_be_given_back_after_the_days_of_orders(story, rich, clock, drain):
    view = rich()
    _, item = story.sale(price_fen=990, **PRICED)
    claims = [story.take(view, item).json]
    charge = story.pay(view, claims[0]["order"])
    other = rich()
    claims.append(story.take(other, item).json)
    story.pay(other, claims[1]["order"])
    drain()
    clock.advance(days=20)
    asked = story.member(other, f"/v1/orders/{claims[1]['order']}/refunds", {"reason": "moving away"})
    assert asked.status_code == 201, asked.text  # through the order, staff decide
    assert story.act(view, claims[0]["id"], "refund").json["state"] == "refunding"
    drain()
    assert story.claim(view, claims[0]["id"])["state"] == "refunded"
    assert (story.box.given_back(charge), story.points(view)) == (990, 500)


def test_an_unused_voucher_ends_by_itself_and_what_it_cost_goes_back(story, rich, clock, tick, brand):
    view, payer, freed = rich(), rich(), rich()
    claim = story.won(view, story.sale(**PRICED)[1])
    free = story.won(freed, story.sale()[1])
    bought = story.take(payer, story.sale(price_fen=990)[1]).json
    charge = story.pay(payer, bought["order"])
    tick()
    clock.set(clock.now().replace(month=12, day=22, hour=15, minute=59))
    tick()
    assert story.claim(view, claim["id"])["state"] == "won"
    clock.advance(minutes=1)
    tick()
    tick()
    states = [story.claim(v, c["id"])["state"] for v, c in ((view, claim), (payer, bought), (freed, free))]
    assert states == ["refunded", "refunded", "expired"]
    assert (story.points(view), story.box.given_back(charge)) == (500, 990)
    assert "seckill_expired" in told(brand, view)
    with brand.transaction():
        tenants.disable_plugin(brand, "seckill")


def test_where_the_tenant_keeps_what_expired_staff_may_still_give_it_back(story, rich, clock, tick, enable_plugin):
    enable_plugin("seckill", refund_expired=False)
    view = rich()
    claim = story.won(view, story.sale(**PRICED)[1])
    clock.advance(days=31)
    refused = story.act(view, claim["id"], "refund")
    assert (refused.status_code, refused.json["code"]) == (409, "not_refundable")
    tick()
    assert story.claim(view, claim["id"])["state"] == "expired"
    assert story.points(view) == 400
    assert story.staff(f"{ADMIN}/claims/{claim['id']}/refund", {"reason": "goodwill"}).status_code == 200
    assert story.points(view) == 500


def test_nobody_refunds_the_voucher_of_another_or_one_that_was_used(story, rich, venues):
    owner = rich()
    claim = story.won(owner, story.sale(**PRICED)[1])
    assert story.act(rich(), claim["id"], "refund").status_code == 404
    assert story.staff(f"{ADMIN}/claims/{claim['id']}/redeem", {"venue": venues[0]}).status_code == 200
    assert story.act(owner, claim["id"], "refund").json["code"] == "not_refundable"
    assert story.points(owner) == 400


# --- unpaid ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def leave(story, clock, tick):
    """Return a function that lets a member take one and never pay."""

    def run(view):
        assert story.take(view, story.sale()[1]).status_code == 201
        clock.advance(minutes=11)
        tick()

    return run


def test_three_unpaid_holds_bar_for_seven_days_from_the_third(story, rich, clock, leave, brand):
    view = rich()
    leave(view)
    clock.advance(days=6)
    leave(view)
    clock.advance(days=6)
    leave(view)
    (bar,) = members.bars(brand, view.id)
    assert bar.function == "seckill"
    refused = story.take(view, story.sale()[1])
    assert (refused.status_code, refused.json["code"]) == (403, "barred")
    assert datetime.fromisoformat(refused.json["until"]) == bar.ends_at == bar.barred_at + timedelta(days=7)
    assert members.bars(brand, view.id, "another") == []
    clock.advance(days=6, hours=23)
    assert story.take(view, story.sale()[1]).json["code"] == "barred"
    clock.advance(hours=1, minutes=1)
    assert story.take(view, story.sale()[1]).status_code == 201


def test_after_a_bar_the_count_begins_anew_and_staff_may_lift_one(story, rich, leave, brand):
    view = rich()
    for _ in range(3):
        leave(view)
    assert story.take(view, story.sale()[1]).json["code"] == "barred"
    with brand.transaction():
        members.lift_bar(brand, view.id, "seckill", "the app was down")
    leave(view)
    assert story.take(view, story.sale()[1]).status_code == 201


def test_a_bar_that_staff_set_holds_and_is_not_shortened(story, rich, leave, brand):
    view = rich()
    leave(view)
    leave(view)
    held = story.take(view, story.sale()[1]).json["id"]
    with brand.transaction():
        members.bar(brand, view.id, "seckill", "resells")
    assert story.act(view, held, "confirm").json["state"] == "won"
    assert story.take(view, story.sale()[1]).json["code"] == "barred"
    assert [bar.reason for bar in members.bars(brand, view.id, "seckill")] == ["resells"]


@pytest.mark.parametrize(
    ("minutes", "paid_with_money", "barred"), [(7, False, False), (7, True, False), (9, False, True), (9, True, True)]
)
def test_giving_back_just_before_the_deadline_counts_as_unpaid(
    story, rich, clock, drain, enable_plugin, minutes, paid_with_money, barred
):
    enable_plugin("seckill", unpaid_limit=1, late_cancel_minutes=2)
    view = rich()
    claim = story.take(view, story.sale(price_fen=990 if paid_with_money else 0)[1]).json
    clock.advance(minutes=minutes)
    if paid_with_money:  # the door of orders is no way round it
        assert story.member(view, f"/v1/orders/{claim['order']}/cancel").status_code == 200
    else:
        assert story.act(view, claim["id"], "cancel").status_code == 200
    drain()
    assert (story.take(view, story.sale()[1]).status_code == 403) is barred


def test_who_gave_back_too_late_but_paid_all_the_same_is_not_counted(story, rich, clock, drain, enable_plugin):
    enable_plugin("seckill", unpaid_limit=1)
    view = rich()
    claim = story.take(view, story.sale(price_fen=990)[1]).json
    number = story.member(view, f"/v1/orders/{claim['order']}/pay", {"method": "paybox"}).json["charge"]
    clock.advance(minutes=9)
    story.box.charges[number]["state"] = "paid"
    assert story.act(view, claim["id"], "cancel").json["state"] == "closing"
    drain()
    assert story.claim(view, claim["id"])["state"] == "won"
    assert story.take(view, story.sale()[1]).status_code == 201


# --- reminders -------------------------------------------------------------------------------------------------------


def test_who_asked_is_reminded_five_minutes_before_once_and_nobody_else(story, rich, clock, tick, brand):
    session, _ = story.sale(opens_in=timedelta(hours=2))
    asked, changed_mind, other = rich(), rich(), rich()
    path = f"/v1/seckill/sessions/{session}/reminder"
    reply = story.member(asked, path)
    assert (reply.status_code, reply.json["at"]) == (200, "2026-11-22T03:55:00Z")
    assert story.member(asked, path).status_code == 200  # a second tap
    story.member(changed_mind, path)
    assert story.member(changed_mind, path, method="DELETE").status_code == 204
    shown = story.member(asked, "/v1/seckill/sessions", method="GET").json["sessions"]
    assert [(s["phase"], s["reminded"]) for s in shown] == [("upcoming", True)]
    clock.advance(minutes=114)
    tick()
    assert told(brand, asked) == []
    clock.advance(minutes=1)
    tick()
    tick()
    assert [told(brand, view) for view in (asked, changed_mind, other)] == [["seckill_reminded"], [], []]
    late = story.member(other, path)
    assert (late.status_code, late.json["code"]) == (409, "too_late")


def test_the_minutes_of_the_reminder_are_a_setting_and_a_closed_session_reminds_nobody(
    story, rich, clock, tick, brand, enable_plugin
):
    enable_plugin("seckill", reminder_minutes=60)
    stays, _ = story.sale(opens_in=timedelta(hours=3))
    closed, _ = story.sale(opens_in=timedelta(hours=3))
    view = rich()
    for session in (stays, closed):
        assert story.member(view, f"/v1/seckill/sessions/{session}/reminder").json["at"] == "2026-11-22T04:00:00Z"
    assert story.staff(f"{ADMIN}/sessions/{closed}/close", {"reason": "no stock"}).status_code == 200
    clock.advance(hours=2)
    tick()
    assert told(brand, view) == ["seckill_reminded"]


# --- who, and where --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limited", ["item", "session"])
def test_what_is_limited_to_a_venue_is_for_its_members_and_used_there(story, rich, venues, limited):
    here, there = venues
    limit = {"venues": [here]}
    _, item = story.sale(**(limit if limited == "item" else {}), session=limit if limited == "session" else None)
    local, stranger = rich(venue=here), rich(venue=there)
    for view in (stranger, rich()):
        refused = story.take(view, item)
        assert (refused.status_code, refused.json["code"]) == (403, "not_for_you")
    shown = [story.member(v, "/v1/seckill/sessions", method="GET").json["sessions"] for v in (local, stranger)]
    assert [sessions[0]["items"][0]["for_me"] for sessions in shown] == [True, False]
    claim = story.won(local, item)
    redeem = f"{ADMIN}/claims/{claim['id']}/redeem"
    assert story.staff(redeem, {"venue": there}).json["code"] == "other_venue"
    assert story.staff(redeem, {"venue": here}, venue=there).status_code == 403  # staff of another venue
    assert story.staff(redeem, {"venue": here}, venue=here).status_code == 200


def test_buying_and_using_are_limited_by_settings_of_their_own(story, rich, venues, enable_plugin):
    here, there = venues
    enable_plugin("seckill", per_session=9, venues_limit_buying=False)
    _, item = story.sale(venues=[here])
    claim = story.won(rich(venue=there), item)
    assert story.staff(f"{ADMIN}/claims/{claim['id']}/redeem", {"venue": there}).json["code"] == "other_venue"
    enable_plugin("seckill", venues_limit_buying=True, venues_limit_use=False)
    assert story.staff(f"{ADMIN}/claims/{claim['id']}/redeem", {"venue": there}).status_code == 200
    assert story.take(rich(venue=there), item).json["code"] == "not_for_you"


@pytest.mark.parametrize("class_", ["staff", "coach"])
def test_staff_do_not_take_part_unless_the_tenant_lets_them(story, rich, brand, class_, enable_plugin):
    view = rich()
    with brand.transaction():
        members.set_class(brand, view.id, class_, "works here")
    _, item = story.sale()
    assert story.take(view, item).json["code"] == "not_for_you"
    enable_plugin("seckill", exclude_staff=False)
    assert story.take(view, item).status_code == 201


# --- plans -----------------------------------------------------------------------------------------------------------


def test_a_new_tenant_finds_the_usual_plans_asleep_and_switches_one_on(story, rich, tick, clock):
    tick()
    clock.advance(minutes=1)
    tick()
    plans = story.staff(f"{ADMIN}/plans", method="GET").json["items"]
    found = sorted((p["repeat"], p["day"], p["at"], p["minutes"], p["active"]) for p in plans)
    assert found == [
        ("daily", 0, "10:00", 120, False),
        ("monthly", 8, "20:00", 120, False),
        ("weekly", 3, "20:00", 120, False),
    ]
    daily = next(p for p in plans if p["repeat"] == "daily")
    body = {name: daily[name] for name in ("title", "repeat", "day", "at", "minutes")}
    empty = story.staff(f"{ADMIN}/plans/{daily['id']}", {**body, "active": True}, method="PATCH")
    assert empty.status_code == 422  # nothing to sell
    full = {**body, "active": True, "items": [{"title": "毛巾", "stock": 5}]}
    assert story.staff(f"{ADMIN}/plans/{daily['id']}", full, method="PATCH").status_code == 200
    view = rich()
    shown = story.member(view, "/v1/seckill/sessions", method="GET").json["sessions"]
    assert [(s["starts_at"], s["phase"]) for s in shown] == [
        ("2026-11-22T02:00:00Z", "open"),
        ("2026-11-23T02:00:00Z", "upcoming"),
    ]


def test_the_sessions_of_a_plan_have_its_venues(story, rich, venues):
    here, there = venues
    items = [{"title": "毛巾", "stock": 5}]
    plan = {"title": "每日", "repeat": "daily", "at": "09:30", "items": items, "venues": [here]}
    assert story.staff(f"{ADMIN}/plans", plan).status_code == 201
    view = rich(venue=there)
    item = story.member(view, "/v1/seckill/sessions", method="GET").json["sessions"][0]["items"][0]["id"]
    assert story.take(view, item).json["code"] == "not_for_you"
    assert story.take(rich(venue=here), item).status_code == 201
