"""Each job in a transaction of its own: its effects and "done" together, or neither."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import peewee
import pytest

from core import db
from core.bulk import deleting
from core.clock import ManualClock
from core.events import jobs, outbox
from core.events.models import Event, Job, ScheduleSlot
from core.ids import new_id
from tests.hosts.worker.lab import Lab, Order


def only(lab: Lab) -> Any:
    """Return the one job there is."""
    (row,) = Job.scoped(lab.ctx).select()
    return row


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note every raw statement of core that is sent."""
    sent: list[str] = []
    before = db.run

    def run(scope: int, statement: db.Sql, params: Any = ()) -> Any:
        sent.append(statement.postgres.split()[0])
        return before(scope, statement, params)

    with monkeypatch.context() as patch:
        patch.setattr(db, "run", run)
        yield sent


def test_a_failure_takes_back_its_effects_and_is_tried_again_later_and_later(lab: Lab, clock: ManualClock) -> None:
    lab.strike(1)
    Event.scoped(lab.ctx).delete().execute()  # what it tells of is gone: the delivery fails each time
    waits = []
    for _ in range(10):
        jobs.drain(lab.runtime)
        waits.append((only(lab).due_at - lab.ctx.now()).total_seconds())
        clock.set(only(lab).due_at)
    assert [round(w) for w in waits[:4]] == [5, 10, 20, 40]
    assert max(waits) <= 3600
    assert (only(lab).state, only(lab).failures) == ("dead", 10)
    assert lab.effects() == {}
    clock.advance(days=2)
    assert jobs.drain(lab.runtime) == 0


def test_what_staff_read_of_a_failure_has_no_phone_number_in_it(lab: Lab, clock: ManualClock) -> None:
    lab.enqueue("stubborn", until="/nowhere")
    jobs.drain(lab.runtime)
    assert only(lab).error == "RuntimeError: the file is not there; call 138****1111"
    assert lab.effects("stubborn") == {}


@pytest.mark.parametrize("text", ["\x00 nul", "\ud800 half a letter", "x" * 100_000])
def test_no_error_message_keeps_a_failure_from_being_stored(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def fail(ctx: Any, order: Any) -> None:
        raise ValueError(text)

    (declared,) = (job for job in lab.runtime.registry.plugin("faultlab").gives.jobs if job.name == "leave")
    monkeypatch.setattr(type(declared), "run", property(lambda self: fail))
    lab.enqueue("leave")
    jobs.drain(lab.runtime)
    assert only(lab).state == "dead"
    assert only(lab).error.startswith("ValueError: ")


def test_a_plugin_that_calls_exit_fails_alone(lab: Lab) -> None:
    lab.enqueue("leave")
    lab.enqueue("work", number=1)
    jobs.drain(lab.runtime)
    assert lab.states() == {"dead": 1, "done": 1}


def test_a_statement_that_the_database_refuses_is_the_jobs_failure_and_no_outage(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(ctx: Any, order: Any) -> None:
        db.database.execute_sql("SELECT * FROM no_such_table")

    (declared,) = (job for job in lab.runtime.registry.plugin("faultlab").gives.jobs if job.name == "leave")
    monkeypatch.setattr(type(declared), "run", property(lambda self: broken))
    lab.enqueue("leave")
    jobs.drain(lab.runtime)
    assert only(lab).state == "dead"
    assert "no_such_table" in only(lab).error


def test_each_step_of_a_chain_puts_its_successor_in_with_its_effects(lab: Lab) -> None:
    lab.enqueue("chain", steps=3)
    (first,) = jobs.claim(lab.runtime, 10)
    assert jobs.run(lab.runtime, first) == "done"
    assert (lab.effects("chain"), lab.waiting()) == ({0: 1}, 1)
    jobs.drain(lab.runtime)
    assert lab.effects("chain") == {0: 1, 1: 1, 2: 1}
    assert lab.states() == {"done": 3}


def test_a_job_that_calls_out_writes_before_and_after_but_not_during(lab: Lab) -> None:
    lab.enqueue("call_out", number=4)
    jobs.drain(lab.runtime)
    assert (lab.effects("prepared"), lab.texts("completed")) == ({4: 1}, ["8"])


def test_a_job_with_the_same_dedupe_is_put_in_once(lab: Lab) -> None:
    put = [lab.ctx.run(lambda: jobs.enqueue(lab.ctx, "faultlab.work", Order(), dedupe="x")) for _ in range(2)]
    jobs.drain(lab.runtime)
    put.append(lab.ctx.run(lambda: jobs.enqueue(lab.ctx, "faultlab.work", Order(), dedupe="x")))
    assert put == [True, False, False]


def _strike_and_fail(lab: Lab) -> None:
    lab.strike(1)
    raise RuntimeError("changed my mind")


def test_a_fact_and_its_deliveries_go_with_the_transaction_that_tells_it(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"):
        lab.ctx.run(lambda: _strike_and_fail(lab))
    assert (lab.waiting(), Event.scoped(lab.ctx).select().count()) == (0, 0)


def test_a_delivery_costs_one_statement_beside_its_transaction_and_what_the_handler_does(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.strike(20)
    with db.connection(), statements(monkeypatch) as sent:
        assert jobs.drain(lab.runtime, batch=20) == 20
    assert sent.count("UPDATE") == 20 + 2, "one for each delivery, one for each claim"
    assert len(sent) <= 20 + 3, "and one that reads all the events of the batch"


def test_deliveries_of_one_batch_tell_their_own_facts(lab: Lab) -> None:
    lab.strike(3)
    with lab.ctx.transaction():
        lab.ctx.enqueue("faultlab.work", Order(number=9))
    batch = jobs.claim(lab.runtime, 10)
    told = {job.id: job.event.body for job in batch if job.event}
    assert len(told) == 3
    assert len(set(told.values())) == 3
    assert outbox.read_events([new_id()]) == {}
    [jobs.run(lab.runtime, job) for job in batch]
    assert (lab.effects(), lab.effects("work")) == ({0: 1, 1: 1, 2: 1}, {9: 1})


def test_cleaning_takes_what_is_finished_and_past_its_keeping_a_bounded_part_at_a_time(
    lab: Lab, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.strike(7)
    lab.enqueue("stubborn", until="/nowhere")
    for _ in range(2):
        jobs.drain(lab.runtime)
        clock.advance(minutes=1)
    ScheduleSlot.scoped(lab.ctx).create(schedule="faultlab.minutely", slot="x", fired_at=lab.ctx.now())
    clock.advance(days=6)
    assert not jobs.clean(lab.ctx)
    assert lab.states() == {"done": 7, "dead": 1}
    clock.advance(days=2)
    monkeypatch.setattr(deleting, "DELETED_AT_ONCE", 5)
    assert [(jobs.clean(lab.ctx), lab.states()["done"]) for _ in range(2)] == [(True, 2), (False, 0)]
    assert lab.states() == {"dead": 1}
    clock.advance(days=100)
    assert [jobs.clean(lab.ctx) for _ in range(2)] == [True, False]
    assert (lab.states(), Event.scoped(lab.ctx).select().count()) == ({"dead": 1}, 0)
    assert not ScheduleSlot.scoped(lab.ctx).select().where(ScheduleSlot.slot == "x").exists()
    assert timedelta(days=jobs.SLOTS_DAYS) > timedelta(days=40)


def test_ids_read_back_alike_on_every_database(lab: Lab) -> None:
    lab.strike(1)
    (job,) = jobs.claim(lab.runtime, 1)
    assert job.event is not None
    assert isinstance(job.event.id, UUID)
    assert f"fact:{job.event.id}" == job.cause


def test_a_job_that_swallows_a_database_error_is_not_taken_for_done(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(ctx: Any, order: Order) -> None:
        with contextlib.suppress(peewee.IntegrityError):  # without a savepoint: PostgreSQL gives the transaction up
            Job.scoped(ctx).insert(
                id=1, plugin="x", kind="x", payload="", due_at=ctx.now(), created_at=ctx.now()
            ).execute()

    (declared,) = (job for job in lab.runtime.registry.plugin("faultlab").gives.jobs if job.name == "leave")
    monkeypatch.setattr(type(declared), "run", property(lambda self: swallow))
    lab.enqueue("leave")
    assert only(lab).id == 1
    (claimed,) = jobs.claim(lab.runtime, 1)
    outcome = jobs.run(lab.runtime, claimed)
    assert (outcome, only(lab).state) in (("done", "done"), ("dead", "dead"))
    assert outcome == "done" or "swallowed" in only(lab).error
