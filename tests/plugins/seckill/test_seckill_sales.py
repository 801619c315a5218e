"""Flash sales as members meet them."""

from datetime import datetime, timedelta

import pytest

from core import points, tenants
from plugins.seckill import service, sessions, vouchers
from plugins.seckill.models import SeckillClaim, SeckillSession
from plugins.seckill.schemas import ItemCreate, PlanForm, Redeem, SessionForm
from roost import Conflict, inventory, local_time


@pytest.fixture
def seckill(tenant, enable_plugin):
    enable_plugin("seckill")
    return tenant.for_plugin("seckill")


@pytest.fixture
def sale(seckill):
    """Return a function that publishes a session that is open now, with one item."""

    def make(opens_in=timedelta(0), **item):
        now = seckill.now()
        with seckill.transaction():
            form = SessionForm(title="周三抢", starts_at=now + opens_in, ends_at=now + opens_in + timedelta(hours=2))
            session = sessions.create_session(seckill, form)
            values = {"title": "毛巾", "stock": 2, **item}
            found = sessions.add_item(seckill, ItemCreate(session=session, **values))
            sessions.publish_session(seckill, session)
        return found

    return make


@pytest.fixture
def rich(member, tenant):
    """Return a function that makes a member with points."""

    def make(amount=500):
        view = member()
        with tenant.transaction():
            points.credit(tenant, view.id, "points", amount, key=f"start:{view.id}", reason="test")
        return view

    return make


def take(api, view, item, key="k1"):
    return api.post(f"/v1/seckill/items/{item}/take", token=api.as_member(view), key=key)


def balance(tenant, view):
    found = points.balance(tenant, view.id)
    return found.available, found.held


def test_what_is_taken_is_held_and_then_won_for_points(sale, rich, api, tenant):
    item, view = sale(price_points=120), rich()
    held = take(api, view, item)
    assert held.status_code == 201, held.text
    assert held.json["state"] == "held"
    assert balance(tenant, view) == (380, 120)
    won = api.post(f"/v1/seckill/claims/{held.json['id']}/confirm", token=api.as_member(view), key="k2")
    assert won.json["state"] == "won"
    assert len(won.json["code"]) == 10
    assert balance(tenant, view) == (380, 0)


def test_confirming_twice_pays_once(sale, rich, api, tenant):
    item, view = sale(price_points=120), rich()
    claim = take(api, view, item).json["id"]
    codes = {
        api.post(f"/v1/seckill/claims/{claim}/confirm", token=api.as_member(view), key=key).json["code"]
        for key in ("a", "b")
    }
    assert len(codes) == 1
    assert balance(tenant, view) == (380, 0)


def test_a_repeated_take_holds_one(sale, rich, api):
    item, view = sale(), rich()
    assert take(api, view, item, "same").json == take(api, view, item, "same").json


def test_the_last_unit_goes_to_the_first(sale, rich, api):
    item = sale(stock=1)
    assert take(api, rich(), item).status_code == 201
    late = take(api, rich(), item)
    assert (late.status_code, late.json["code"]) == (409, "sold_out")


def test_one_a_session_and_three_a_month(sale, rich, api):
    view = rich()
    first = sale()
    assert take(api, view, first, "a").status_code == 201
    assert take(api, view, first, "b").json["code"] == "limit_reached"
    for key in ("c", "d"):
        assert take(api, view, sale(), key).status_code == 201
    assert take(api, view, sale(), "e").json["code"] == "limit_reached"


def test_too_few_points_take_nothing(sale, rich, api, seckill):
    item, view = sale(price_points=501), rich(500)
    refused = take(api, view, item)
    assert (refused.status_code, refused.json["code"]) == (409, "insufficient_balance")
    assert inventory.available(seckill, sessions.stock_key(item)) == 2
    assert balance(seckill, view) == (500, 0)


def test_before_it_opens_nothing_is_sold_and_after_it_closes_neither(sale, rich, api, clock):
    item, view = sale(opens_in=timedelta(hours=1)), rich()
    assert take(api, view, item, "a").json["code"] == "not_open"
    clock.advance(hours=1)
    assert take(api, view, item, "b").status_code == 201
    clock.advance(hours=2)
    assert take(api, rich(), item, "c").json["code"] == "not_open"


def test_a_hold_that_is_not_confirmed_goes_back_by_itself(sale, rich, api, clock, tick, seckill):
    item, view = sale(stock=1, price_points=100), rich()
    claim = take(api, view, item).json["id"]
    clock.advance(minutes=11)
    tick()
    assert balance(seckill, view) == (500, 0)
    assert inventory.available(seckill, sessions.stock_key(item)) == 1
    late = api.post(f"/v1/seckill/claims/{claim}/confirm", token=api.as_member(view), key="late")
    assert (late.status_code, late.json["code"]) == (409, "lapsed")
    assert take(api, rich(), item, "next").status_code == 201


def test_a_confirmation_after_the_deadline_is_refused_even_before_the_sweep(sale, rich, api, clock):
    item, view = sale(), rich()
    claim = take(api, view, item).json["id"]
    clock.advance(minutes=10)
    assert api.post(f"/v1/seckill/claims/{claim}/confirm", token=api.as_member(view), key="x").status_code == 409


def test_giving_back_frees_the_unit_and_the_limit(sale, rich, api, seckill):
    item, view = sale(stock=1), rich()
    claim = take(api, view, item).json["id"]
    assert (
        api.post(f"/v1/seckill/claims/{claim}/cancel", token=api.as_member(view), key="x").json["state"] == "cancelled"
    )
    assert take(api, view, item, "again").status_code == 201


def test_three_unconfirmed_holds_bar_for_a_week(sale, rich, api, clock, tick, enable_plugin):
    enable_plugin("seckill", per_month=99)
    view = rich()
    for number in range(3):
        assert take(api, view, sale(), f"k{number}").status_code == 201
        clock.advance(minutes=11)
        tick()
    barred = take(api, view, sale(), "k9")
    assert (barred.status_code, barred.json["code"]) == (403, "barred")
    clock.advance(days=7, minutes=1)
    assert take(api, view, sale(), "k10").status_code == 201


def test_an_item_for_members_refuses_a_lead(sale, rich, member, api):
    item = sale(states=["member"])
    assert take(api, rich(), item).json["code"] == "not_for_you"
    assert take(api, member(state="member"), item).status_code == 201


def test_nobody_touches_the_claim_of_another(sale, rich, api):
    owner, other = rich(), rich()
    claim = take(api, owner, sale()).json["id"]
    for act in ("confirm", "cancel"):
        assert api.post(f"/v1/seckill/claims/{claim}/{act}", token=api.as_member(other), key=act).status_code == 404
    assert api.get(f"/v1/seckill/claims/{claim}", token=api.as_member(other)).status_code == 404


def test_members_see_what_is_left_and_what_is_theirs(sale, rich, api):
    item, view = sale(stock=3), rich()
    take(api, view, item)
    shown = api.get("/v1/seckill/sessions", token=api.as_member(view)).json["sessions"]
    assert [(s["phase"], s["items"][0]["left"], s["items"][0]["mine"]) for s in shown] == [("open", 2, 1)]


def test_a_won_voucher_is_used_once_in_a_venue(sale, rich, api, seckill):
    item, view = sale(), rich()
    claim = take(api, view, item).json["id"]
    with seckill.transaction():
        venue = tenants.add_venue(seckill, "001", "静安").id
        service.confirm(seckill, view.id, SeckillClaim.scoped(seckill).get(SeckillClaim.id == claim).id)
        vouchers.redeem(seckill, SeckillClaim.scoped(seckill).first().id, Redeem(venue=venue))
    with pytest.raises(Conflict, match="used"), seckill.transaction():
        vouchers.redeem(seckill, SeckillClaim.scoped(seckill).first().id, Redeem(venue=venue))


def test_an_unused_voucher_is_refunded_to_the_points(sale, rich, api, seckill):
    item, view = sale(price_points=100), rich()
    claim = take(api, view, item).json["id"]
    api.post(f"/v1/seckill/claims/{claim}/confirm", token=api.as_member(view), key="x")
    row = SeckillClaim.scoped(seckill).first()
    with seckill.transaction():
        vouchers.refund(seckill, row.id)
    assert balance(seckill, view) == (500, 0)


def test_a_struck_through_price_must_say_what_it_rests_on():
    with pytest.raises(ValueError, match="basis"):
        ItemCreate(session="0198f0c0-0000-7000-8000-000000000000", title="x", stock=1, market_fen=9900)


def test_plans_make_their_sessions_for_the_days_ahead_once(seckill, tick, clock):
    form = PlanForm(title="周三", repeat="weekly", day=3, at="20:00", items=[{"title": "x", "stock": 5}])
    with seckill.transaction():
        sessions.create_plan(seckill, form)
        assert sessions.shown(seckill) == []
    for _ in range(4):
        clock.advance(days=1)
        tick()
    with seckill.transaction():
        assert sessions.make_sessions(seckill) == 0
    clock.set(clock.now().replace(hour=11, minute=0))  # 19:00 in Shanghai
    rows = sessions.shown(seckill)
    assert [(r.starts_at.isoformat(), r.state) for r in rows] == [("2026-11-25T12:00:00+00:00", "published")]


@pytest.mark.parametrize("change", ["2027-03-28", "2027-10-31"])
def test_a_plan_lasts_its_minutes_over_a_change_of_summer_time(new_tenant, clock, change):
    ctx = new_tenant("berlin", plugins=("seckill",), zone="Europe/Berlin").for_plugin("seckill")
    clock.set(datetime.fromisoformat(f"{change}T00:00:00+00:00") - timedelta(days=1))
    for at in ("01:30", "02:30"):
        form = PlanForm(title="深夜", repeat="daily", at=at, minutes=120, items=[{"title": "x", "stock": 5}])
        with ctx.transaction():
            sessions.create_plan(ctx, form)
    with ctx.transaction():
        sessions.make_sessions(ctx)
    made = list(SeckillSession.scoped(ctx).select())
    assert {row.ends_at - row.starts_at for row in made} == {timedelta(minutes=120)}
    shown = [local_time(row.starts_at, "Europe/Berlin").isoformat() for row in made]
    opens = sorted(text[11:16] for text in shown if text.startswith(change))
    assert opens == ["01:30", "03:30" if change == "2027-03-28" else "02:30"]


def test_switching_off_is_refused_while_something_is_held(sale, rich, api, seckill):
    take(api, rich(), sale())
    with pytest.raises(Conflict, match="held or unused"), seckill.transaction():
        tenants.disable_plugin(seckill, "seckill")


def test_conforms(assert_plugin_conforms):
    assert_plugin_conforms("seckill")
