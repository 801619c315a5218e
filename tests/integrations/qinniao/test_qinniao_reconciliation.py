"""The nightly reconciliation: finds what pushes missed, resumes where it stopped, does nothing twice."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any  # a story of the conftest

import pytest

from core import members, points, tenants
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.qinniao import leads, reconcile
from integrations.qinniao.client import Code
from integrations.qinniao.fake import Failure, Running
from integrations.qinniao.models import QinniaoCursor, QinniaoObject
from integrations.qinniao.schemas import PullJob

PHONE = "13800001111"


@pytest.fixture
def run(brand: Context, drain: Callable[[], int]) -> Callable[[], None]:
    def once() -> None:
        with brand.transaction():
            reconcile.Pull.start(brand)
        drain()

    return once


@pytest.fixture
def of_two(brand: Context, saas: Running) -> Context:
    """The brand, fetching two items at a time."""
    held = {"base_url": saas.url, "app_id": saas.fake.app_id, "page": 2}
    tenants.save_settings(brand, "qinniao", held)
    object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
    return brand


def put_a_life(story: Any, now: datetime) -> None:
    """Put into the SaaS, without a push, what a member bought and did today."""
    story.fake.put("members", {"id": "m-1", "phone": PHONE})
    story.fake.put("cards", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-11-21"})
    paid = {"member_id": "m-1", "paid_at": now.isoformat()}
    story.fake.put("orders", {"id": "o-1", "amount_fen": 100_00, **paid})
    story.fake.put("orders", {"id": "o-2", "amount_fen": 50_00, **paid})
    back = {"member_id": "m-1", "order_id": "o-1", "refunded_at": now.isoformat()}
    story.fake.put("refunds", {"id": "r-1", "amount_fen": 30_00, **back})
    story.fake.put("checkins", {"id": "k-1", "member_id": "m-1", "checked_in_at": now.isoformat(), "store_id": "001"})


def cursor(ctx: Context, kind: str) -> QinniaoCursor:
    return QinniaoCursor.scoped(ctx).get(QinniaoCursor.kind == kind)


def test_what_pushes_missed_is_found_and_is_live(
    story: Any, run: Callable[[], None], clock: ManualClock, brand: Context
) -> None:
    person = story.register()
    clock.advance(hours=2)
    put_a_life(story, clock.now())
    clock.advance(hours=16)
    run()
    assert story.member().state == "member"
    assert story.bought() == (150_00, 30_00)
    assert story.visit("k-1") is not None
    assert points.balance(brand, person.id).available == 120 + 10
    assert [fact.origin for fact in story.facts("member_converted")] == ["live"]
    row = story.lead(person)
    assert (row.converted_by, row.conversion_lag) == ("pull", 16 * 3600)
    assert {c.kind: (c.state, c.items, c.found) for c in QinniaoCursor.scoped(brand).select()} == {
        "members": ("idle", 1, 1), "cards": ("idle", 1, 1), "orders": ("idle", 2, 2),
        "refunds": ("idle", 1, 1), "checkins": ("idle", 1, 1), "bookings": ("idle", 0, 0),
        "classes": ("idle", 0, 0), "staff": ("idle", 0, 0), "stores": ("idle", 0, 0),
    }  # fmt: skip


def test_what_pushes_brought_is_not_done_again(
    story: Any, run: Callable[[], None], clock: ManualClock, listening: str, brand: Context
) -> None:
    story.register()
    story.push("member.converted", {"id": "m-1", "phone": PHONE})
    story.push(
        "order.paid",
        {"id": "o-1", "member_id": "m-1", "amount_fen": 100_00, "paid_at": clock.now().isoformat()},
    )
    story.drain()
    run()
    run()
    assert story.bought() == (100_00, 0)
    assert len(story.facts("member_converted")) == 1
    assert (cursor(brand, "orders").items, cursor(brand, "orders").found) == (0, 0), (
        "the second run had nothing to read"
    )


def test_history_is_taken_over_and_starts_no_gifts(story: Any, run: Callable[[], None], clock: ManualClock) -> None:
    put_a_life(story, clock.now() - timedelta(days=400))
    run()
    assert story.facts("purchase_recorded") == []
    story.register()
    run()
    assert story.bought() == (150_00, 30_00)
    for name in ("member_converted", "purchase_recorded", "visit_recorded"):
        assert {fact.origin for fact in story.facts(name)} == {"import"}, name


def test_a_run_that_fails_half_way_resumes_at_its_cursor(
    story: Any, of_two: Context, run: Callable[[], None], clock: ManualClock
) -> None:
    for number in range(7):
        story.register(f"1380000000{number}")
        story.fake.put("members", {"id": f"m-{number}", "phone": f"1380000000{number}"})
    story.fake.fail(Failure(api="members", status=500, times=2))
    run()
    assert (cursor(of_two, "members").tries, cursor(of_two, "members").cursor) == (1, None)
    pulled = [call for call in story.fake.calls("members") if "limit" in call["target"]]
    assert len(pulled) == 2, "both attempts failed, nothing was read"
    clock.advance(seconds=15)
    story.fake.fail(Failure(api="orders", status=500))  # another kind's failure holds nobody up
    reconcile_page(story, of_two)
    kept = cursor(of_two, "members").cursor
    assert base64.urlsafe_b64decode(kept).decode() == "members:2"
    story.fake.fail(Failure(api="members", errcode=int(Code.BUSY), times=2))
    story.drain()
    assert cursor(of_two, "members").cursor == kept
    clock.advance(hours=1)
    story.drain()
    done = cursor(of_two, "members")
    assert (done.state, done.items, done.found, done.error) == ("idle", 7, 7, "")
    targets = [call["target"] for call in story.fake.calls("members") if "limit=2" in call["target"]]
    assert sum("cursor" not in target for target in targets) == 3, "the first page was asked for until it came"
    assert QinniaoObject.scoped(of_two).select().where(QinniaoObject.state == "applied").count() == 7


def reconcile_page(story: Any, ctx: Context) -> None:
    """Run one page of the members' run, as a worker that is then killed would."""
    job, row = reconcile.Pull(), cursor(ctx, "members")
    mine = ctx.for_plugin("qinniao")
    prepared = job.prepare(mine, payload=PullJob(kind="members", run=row.run))
    answer = job.call(prepared)
    with ctx.transaction():
        job.complete(mine, prepared, answer)


def test_a_page_that_was_read_twice_is_taken_once(story: Any, brand: Context, clock: ManualClock) -> None:
    story.register()
    story.fake.put("members", {"id": "m-1", "phone": PHONE})
    with brand.transaction():
        reconcile.Pull.start(brand)
    job, row, mine = reconcile.Pull(), cursor(brand, "members"), brand.for_plugin("qinniao")
    prepared = job.prepare(mine, payload=PullJob(kind="members", run=row.run))
    answer = job.call(prepared)
    for _ in range(2):
        with brand.transaction():
            job.complete(mine, prepared, answer)
    assert cursor(brand, "members").items == 1


def test_a_run_that_is_started_anew_takes_over(story: Any, brand: Context) -> None:
    with brand.transaction():
        reconcile.Pull.start(brand)
    old = cursor(brand, "members").run
    with brand.transaction():
        reconcile.Pull.start(brand)
    assert reconcile.Pull().prepare(brand.for_plugin("qinniao"), payload=PullJob(kind="members", run=old)) is None
    story.drain()
    assert len(story.fake.calls("members")) == 1


def test_what_cannot_pass_stops_the_kind_and_shows(
    story: Any, run: Callable[[], None], brand: Context, api: Api
) -> None:
    story.fake.fail(Failure(api="cards", errcode=int(Code.INVALID), errmsg="no such list"))
    run()
    assert (cursor(brand, "cards").state, cursor(brand, "orders").state) == ("failed", "idle")
    assert "42200" in cursor(brand, "cards").error


def test_one_item_that_cannot_be_read_holds_up_nobody(story: Any, run: Callable[[], None], brand: Context) -> None:
    story.register()
    story.fake.put("members", {"id": "m-0", "phone": None})
    story.fake.put("members", {"id": "m-1", "phone": PHONE})
    run()
    assert story.member().state == "member"
    assert cursor(brand, "members").rejected == 1
    assert story.object_state("members", "m-0") == ("failed", "phone: string_type")


def test_the_night_looks_again_for_who_registered_through_a_side_door(
    story: Any, run: Callable[[], None], brand: Context, clock: ManualClock
) -> None:
    story.fake.put("members", {"id": "m-1", "phone": PHONE})
    run()
    assert story.object_state("members", "m-1") == ("waiting", "member")
    story.register(channel="saas")  # which asks the SaaS nothing
    with brand.transaction():
        brand.enqueue("qinniao.sweep", reconcile.SweepJob())
    story.drain()
    assert story.member().state == "member"


class TestClock:
    def test_it_runs_once_a_night_after_its_hour_in_the_brands_zone(
        self, story: Any, brand: Context, clock: ManualClock, tick: Callable[[], int]
    ) -> None:
        tenants.save_settings(
            brand, "qinniao", {"base_url": story_url(story), "app_id": story.fake.app_id, "reconcile_hour": 3}
        )
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        clock.set(datetime(2026, 11, 22, 18, 0, tzinfo=UTC))  # 02:00 of the 23rd in Shanghai
        tick()
        with brand.transaction():
            reconcile.Pull.start(brand)  # by hand, on the 23rd
        story.drain()
        asked = len(story.fake.calls("members"))
        clock.set(datetime(2026, 11, 22, 19, 1, tzinfo=UTC))  # 03:01: the day has had its run
        tick()
        assert len(story.fake.calls("members")) == asked
        clock.set(datetime(2026, 11, 23, 18, 59, tzinfo=UTC))  # 02:59 of the 24th
        tick()
        assert len(story.fake.calls("members")) == asked
        clock.set(datetime(2026, 11, 23, 19, 1, tzinfo=UTC))  # 03:01 of the 24th
        tick()
        tick()
        assert len(story.fake.calls("members")) == asked + 1

    def test_a_worker_that_was_halted_over_the_hour_runs_it_later_that_day(
        self, story: Any, brand: Context, clock: ManualClock, tick: Callable[[], int]
    ) -> None:
        tick()
        clock.advance(hours=30)
        asked = len(story.fake.calls("members"))
        tick()
        assert len(story.fake.calls("members")) == asked + 1


def story_url(story: Any) -> str:
    settings = tenants.settings_values(story.ctx, "qinniao")
    return str(settings["base_url"])


def test_staff_start_it_by_hand_and_not_without_a_connection(
    story: Any, api: Api, brand: Context, drain: Callable[[], int]
) -> None:
    token = api.as_staff("qinniao.retry")
    assert api.post("/admin/v1/qinniao/reconciliation", token=token).status_code == 204
    drain()
    assert len(story.fake.calls("orders")) == 1
    tenants.save_settings(brand, "qinniao", {"app_id": "x"})
    reply = api.post("/admin/v1/qinniao/reconciliation", token=token)
    assert (reply.status_code, reply.json["code"]) == (409, "not_configured")
    assert api.post("/admin/v1/qinniao/reconciliation", token=api.as_staff("qinniao.view")).status_code == 403


def test_the_panel_shows_what_lags(
    story: Any, run: Callable[[], None], clock: ManualClock, brand: Context, runtime: Any, listening: str
) -> None:
    story.register()
    story.register("13800002222")
    at = clock.now()
    clock.advance(hours=5)
    story.push("member.converted", {"id": "m-1", "phone": PHONE, "updated_at": at.isoformat()}, occurred_at=at)
    story.push("order.paid", {"id": "o-9", "member_id": "m-9", "amount_fen": 1, "paid_at": at.isoformat()})
    story.drain()
    clock.advance(minutes=10)
    story.fake.fail(Failure(api="cards", errcode=int(Code.INVALID)))
    run()
    clock.advance(minutes=20)
    (panel,) = runtime.registry.plugin("qinniao").gives.panels
    shown = dict(panel.read(brand))
    assert shown["近 7 天延迟转会员"] == "1"
    assert shown["待匹配 / 失败记录"] == "1 / 0"
    assert shown["最近一次推送"] == "30 分钟前"
    assert shown["对账 · 订单"] == "20 分钟前"
    assert shown["对账 · 卡"].startswith("失败")


def test_the_client_gives_up_well_within_a_jobs_lease() -> None:
    assert sum(leads.TIMEOUT) * 2 < 60


def test_the_staff_list_makes_members_staff_and_coaches_and_takes_that_back(
    story: Any, run: Callable[[], None], brand: Context, clock: ManualClock
) -> None:
    story.fake.put("staff", {"id": "s-1", "name": "周岚", "role": "教练", "phone": "13800001111"})
    story.fake.put("staff", {"id": "s-2", "name": "陆远", "role": "sales", "phone": "13800002222"})
    coach = story.register("13800001111")
    run()
    seller = story.register("13800002222")
    guest = story.register("13800003333")
    assert story.member("13800001111").class_ == "coach"
    assert [story.member(phone).class_ for phone in ("13800002222", "13800003333")] == ["staff", "ordinary"]
    clock.advance(minutes=1)
    story.fake.put("staff", {"id": "s-1", "name": "周岚", "role": "教练", "phone": "13800001111", "deleted": True})
    story.fake.put("staff", {"id": "s-2", "name": "陆远", "role": "sales", "phone": "13800003333"})
    run()
    classes = [members.get(brand, one.id).class_ for one in (coach, seller, guest)]
    assert classes == ["ordinary", "ordinary", "staff"]
    kept = [row.facts for row in QinniaoObject.scoped(brand).select().where(QinniaoObject.kind == "staff")]
    assert "1380000" not in str(kept), "a phone is kept sealed, in core's lists only"
