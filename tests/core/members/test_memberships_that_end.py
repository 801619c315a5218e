"""A membership lapses by itself with the tenant's last valid day: once, told as of that day, however late."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core import db, members
from core.clock import ManualClock, local_day_end
from core.contract.context import Context
from core.events.models import Event
from core.members import MemberFilter, MemberView, lapsing

Make = Callable[..., MemberView]
LAST = date(2026, 12, 31)
SECOND = timedelta(seconds=1)


def hold(ctx: Context, one: MemberView, **more: Any) -> bool:
    values = {"state": "member", "valid_until": LAST, **more}
    return ctx.run(lambda: members.set_membership(ctx, one.id, **values))


def state(ctx: Context, one: MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, one.id).state


def lapses(ctx: Context) -> list[tuple[str, datetime]]:
    """Return (member, occurred_at) of every change of a state that was told."""
    with ctx.transaction():
        rows = list(Event.scoped(ctx).select().where(Event.name == "member_updated").order_by(Event.id))
    return [(row.body, row.occurred_at) for row in rows if "state" in row.body]


def found(ctx: Context, wanted: str) -> list[Any]:
    with ctx.transaction():
        return [one.id for one in members.find(ctx, MemberFilter(state=wanted)).items]


ZONES = [  # the last day, and when it is over: far east, far west, and days on which clocks change
    ("Asia/Shanghai", LAST, datetime(2026, 12, 31, 16, tzinfo=UTC)),
    ("Pacific/Kiritimati", LAST, datetime(2026, 12, 31, 10, tzinfo=UTC)),
    ("Pacific/Pago_Pago", LAST, datetime(2027, 1, 1, 11, tzinfo=UTC)),
    ("Europe/Berlin", date(2027, 3, 28), datetime(2027, 3, 28, 22, tzinfo=UTC)),
    ("Africa/Cairo", date(2027, 4, 29), datetime(2027, 4, 29, 22, tzinfo=UTC)),
    ("Australia/Lord_Howe", date(2027, 4, 4), datetime(2027, 4, 4, 13, 30, tzinfo=UTC)),
    ("Asia/Shanghai", date(2028, 2, 29), datetime(2028, 2, 29, 16, tzinfo=UTC)),
]


@pytest.mark.parametrize(("tenant_zone", "last", "end"), ZONES, ids=lambda value: str(value))
def test_the_membership_ends_with_the_tenants_day_and_the_sweep_tells_it_once(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int], last: date, end: datetime
) -> None:
    one = member()
    hold(tenant, one, valid_until=last)
    clock.set(end - SECOND)
    tick()
    assert (state(tenant, one), lapses(tenant)) == ("member", [])

    clock.set(end)
    assert state(tenant, one) == "lapsed", "before any worker has looked"
    clock.advance(minutes=10)
    tick()
    clock.advance(minutes=20)
    tick()
    assert [at for _, at in lapses(tenant)] == [end]
    assert state(tenant, one) == "lapsed"


def test_after_days_without_a_worker_it_is_told_as_of_its_own_day(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    ends = [LAST + timedelta(days=days) for days in (0, 2, 5)]
    for day in ends:
        hold(tenant, member(), valid_until=day)
    clock.set(local_day_end(ends[-1], tenant.tenant.zone) + timedelta(days=9))
    tick()
    assert [at for _, at in lapses(tenant)] == [local_day_end(day, tenant.tenant.zone) for day in ends]


def test_who_is_a_member_today_is_the_same_in_every_list(tenant: Context, member: Make, clock: ManualClock) -> None:
    over, frozen, open_, lead = member(), member(), member(), member()
    tenant.run(lambda: members.update_profile(tenant, over.id, {"birthday": date(1990, 1, 1)}))
    hold(tenant, over)
    hold(tenant, frozen, frozen=True)
    hold(tenant, open_, valid_until=None)
    clock.set(local_day_end(LAST, tenant.tenant.zone))

    assert set(found(tenant, "member")) == {frozen.id, open_.id}
    assert found(tenant, "lapsed") == [over.id]
    assert found(tenant, "lead") == [lead.id]
    with tenant.transaction():
        born = [members.born_on(tenant, [(1, 1)], states=states) for states in (["member"], ["lapsed", "member"])]
        assert [[one.id for one in day] for day in born] == [[], [over.id]]
        assert members.ending(tenant, LAST, LAST) == []
        assert members.export(tenant, over.id)["member"]["state"] == "lapsed"


def test_a_frozen_membership_lapses_when_it_goes_on_without_a_new_end(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    one = member()
    hold(tenant, one, frozen=True, version=1)
    clock.set(local_day_end(LAST, tenant.tenant.zone) + timedelta(days=30))
    tick()
    assert state(tenant, one) == "member"
    hold(tenant, one, version=2)
    assert state(tenant, one) == "lapsed"


def test_a_renewal_undoes_it_and_the_next_end_is_told_again(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    one = member()
    hold(tenant, one, version=1)
    clock.set(local_day_end(LAST, tenant.tenant.zone))
    tick()
    again = LAST + timedelta(days=30)
    assert hold(tenant, one, valid_until=again, version=2)
    assert state(tenant, one) == "member"
    clock.set(local_day_end(again, tenant.tenant.zone))
    tick()
    assert state(tenant, one) == "lapsed"
    assert len(lapses(tenant)) == 3, "the lapse, the return, the lapse"


def test_a_renewal_that_comes_before_the_sweep_finds_the_lapse_told(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    one = member()
    hold(tenant, one, version=1)
    clock.set(local_day_end(LAST, tenant.tenant.zone) + timedelta(days=3))
    assert hold(tenant, one, valid_until=LAST + timedelta(days=365), version=2)
    told = lapses(tenant)
    assert [("valid_until" in body) for body, _ in told] == [False, True]
    tick()
    assert lapses(tenant) == told


def test_what_the_business_software_repeats_does_not_wake_a_lapsed_membership(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    one = member()
    hold(tenant, one, version=1)
    clock.set(local_day_end(LAST, tenant.tenant.zone))
    tick()
    assert not hold(tenant, one, version=2)
    assert not hold(tenant, one, version=3)
    tick()
    assert len(lapses(tenant)) == 1


def test_a_card_that_ran_out_before_we_heard_of_it_converts_and_lapses(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    clock.set(local_day_end(LAST, tenant.tenant.zone))
    assert hold(tenant, one, version=1)
    assert state(tenant, one) == "lapsed"
    with tenant.transaction():
        names = [
            row.name for row in Event.scoped(tenant).select().order_by(Event.id) if row.name != "member_registered"
        ]
    assert names == ["member_converted", "member_updated"]


def test_a_merge_takes_no_membership_that_is_over(tenant: Context, member: Make, clock: ManualClock) -> None:
    kept, gone = member(), member()
    hold(tenant, kept, state="lapsed", valid_until=date(2026, 12, 1))
    hold(tenant, gone)
    clock.set(local_day_end(LAST, tenant.tenant.zone))
    with tenant.transaction():
        assert "membership" not in members.merge_preview(tenant, kept.id, gone.id).taken


def test_the_undo_of_a_merge_returns_the_membership_also_after_its_end(
    tenant: Context, member: Make, clock: ManualClock, tick: Callable[[], int]
) -> None:
    kept, gone = member(), member()
    hold(tenant, gone)
    end = local_day_end(LAST, tenant.tenant.zone)
    clock.set(end - timedelta(days=9))
    tenant.run(lambda: members.merge(tenant, kept.id, gone.id, "one person"))
    clock.set(end)
    tick()
    assert state(tenant, kept) == "lapsed"
    undone = tenant.run(lambda: members.unmerge(tenant, gone.id, "two people"))
    assert "membership" not in undone.kept
    assert (state(tenant, kept), state(tenant, gone)) == ("lead", "lapsed")


@pytest.mark.parametrize("locked", [True, False], ids=["as it is", "control: the sweep takes rows that others hold"])
def test_a_renewal_and_the_sweep_at_one_moment_leave_a_member(
    tenant: Context, member: Make, clock: ManualClock, locked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.dialect() != "postgresql":
        pytest.skip("SQLite has one writer")
    one = member()
    hold(tenant, one, version=1)
    clock.set(local_day_end(LAST, tenant.tenant.zone))
    renewed, go_on = threading.Event(), threading.Event()

    def renew() -> None:
        with tenant.transaction():
            members.set_membership(tenant, one.id, state="member", valid_until=LAST + timedelta(days=9), version=2)
            renewed.set()
            go_on.wait(10)

    if not locked:
        monkeypatch.setattr(lapsing.db, "dialect", lambda: "sqlite")
    thread = threading.Thread(target=renew)
    thread.start()
    assert renewed.wait(10)
    if locked:
        assert tenant.run(lambda: members.lapse(tenant)) == 0
        go_on.set()
        thread.join(10)
        assert state(tenant, one) == "member"
    else:
        go_on_soon = threading.Timer(0.3, go_on.set)
        go_on_soon.start()
        tenant.run(lambda: members.lapse(tenant))
        thread.join(10)
        assert state(tenant, one) == "lapsed", "the control lost the renewal"
