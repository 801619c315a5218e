"""A claim is a promise with an end: whoever is too slow changes nothing."""

import random
from typing import Any

import pytest

from core import db
from core.clock import ManualClock
from core.errors import NotFound
from core.events import jobs
from core.events.models import Job
from tests.hosts.worker.lab import Lab

PAST_THE_LEASE = {"seconds": 61}


def only(lab: Lab) -> Any:
    """Return the one job there is."""
    (row,) = Job.scoped(lab.ctx).select()
    return row


def test_two_claims_never_share_a_job_and_keep_to_their_limit(lab: Lab) -> None:
    lab.strike(10)
    first, second, third = (jobs.claim(lab.runtime, 4) for _ in range(3))
    assert [len(batch) for batch in (first, second, third)] == [4, 4, 2]
    assert len({job.id for batch in (first, second, third) for job in batch}) == 10
    assert jobs.claim(lab.runtime, 4) == []


def too_slow(lab: Lab, clock: ManualClock) -> list[str]:
    """Let a worker hold a job past its lease while another does it; return what came of each."""
    lab.strike(1)
    (held,) = jobs.claim(lab.runtime, 1)
    assert jobs.claim(lab.runtime, 1) == []
    clock.advance(**PAST_THE_LEASE)
    (taken,) = jobs.claim(lab.runtime, 1)
    return [jobs.run(lab.runtime, taken), jobs.run(lab.runtime, held)]


def test_a_worker_past_its_lease_changes_nothing(lab: Lab, clock: ManualClock) -> None:
    assert too_slow(lab, clock) == ["done", "lost"]
    assert lab.effects() == {0: 1}


def test_without_the_attempt_condition_the_effect_happens_twice(
    lab: Lab, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfenced = db.Sql("UPDATE job SET state = %s, finished_at = %s WHERE id = %s AND %s > 0")
    monkeypatch.setattr(jobs, "_DONE", unfenced)
    assert too_slow(lab, clock) == ["done", "done"]
    assert lab.effects() == {0: 2}


def test_a_worker_past_its_lease_cannot_fail_the_job_for_its_new_holder(lab: Lab, clock: ManualClock) -> None:
    lab.enqueue("stubborn", until="/nowhere")
    (held,) = jobs.claim(lab.runtime, 1)
    clock.advance(**PAST_THE_LEASE)
    (taken,) = jobs.claim(lab.runtime, 1)
    assert jobs.run(lab.runtime, held) == "lost"
    assert (only(lab).state, only(lab).failures) == ("running", 0)
    assert jobs.run(lab.runtime, taken) == "retry"


def test_a_renewed_lease_holds_on_and_one_that_was_taken_is_not_renewed(lab: Lab, clock: ManualClock) -> None:
    lab.strike(1)
    (held,) = jobs.claim(lab.runtime, 1)
    clock.advance(seconds=50)
    jobs.renew(lab.runtime, [held])
    clock.advance(seconds=50)
    assert jobs.claim(lab.runtime, 1) == []
    clock.advance(**PAST_THE_LEASE)
    (taken,) = jobs.claim(lab.runtime, 1)
    due = only(lab).due_at
    clock.advance(seconds=5)
    jobs.renew(lab.runtime, [held])
    assert only(lab).due_at == due
    assert jobs.run(lab.runtime, taken) == "done"


@pytest.mark.engines("postgresql")  # SQLite has no row locks: its writer holds the whole database
def test_renewing_does_not_wait_for_a_job_that_is_at_work(lab: Lab) -> None:
    lab.strike(2)
    at_work, waiting = jobs.claim(lab.runtime, 2)
    with db.transaction(lab.ctx.scope):
        db.run(lab.ctx.scope, jobs._DONE, ("done", lab.ctx.now(), at_work.id, at_work.attempt))
        before = db.database.obj.connection().info.backend_pid
        state, db.database.obj._state = db.database.obj._state, type(db.database.obj._state)()
        scope, db._local.scope = db._local.scope, None
        try:
            jobs.renew(lab.runtime, [at_work, waiting])
            assert db.database.obj.connection().info.backend_pid != before
            db.database.close()
        finally:
            db.database.obj._state, db._local.scope = state, scope


def test_what_is_given_back_is_due_at_once_and_counts_as_never_claimed(lab: Lab) -> None:
    lab.strike(3)
    batch = jobs.claim(lab.runtime, 3)
    jobs.give_back(lab.runtime, batch[1:])
    again = jobs.claim(lab.runtime, 3)
    assert {job.id for job in again} == {job.id for job in batch[1:]}
    assert {(job.claims, job.attempt) for job in again} == {(1, 2)}
    assert [jobs.run(lab.runtime, job) for job in batch] == ["done", "lost", "lost"]


def test_what_was_taken_by_another_cannot_be_given_back(lab: Lab, clock: ManualClock) -> None:
    lab.strike(1)
    held = jobs.claim(lab.runtime, 1)
    clock.advance(**PAST_THE_LEASE)
    jobs.claim(lab.runtime, 1)
    jobs.give_back(lab.runtime, held)
    assert only(lab).state == "running"


def test_a_job_that_never_comes_to_an_end_is_a_dead_letter_at_last(lab: Lab, clock: ManualClock) -> None:
    lab.enqueue("end_worker")
    for _ in range(jobs.LAST_CLAIM):
        assert len(jobs.claim(lab.runtime, 1)) == 1  # and the worker is gone
        clock.advance(**PAST_THE_LEASE)
    (last,) = jobs.claim(lab.runtime, 1)
    assert jobs.run(lab.runtime, last) == "dead"
    assert "seems to end its worker" in only(lab).error


def test_a_replayed_dead_letter_cannot_be_taken_for_an_old_claim(lab: Lab, clock: ManualClock) -> None:
    lab.enqueue("work", number=5)
    (held,) = jobs.claim(lab.runtime, 1)  # attempt 1, and then this worker hangs for a long time
    Job.scoped(lab.ctx).update(state="dead").execute()
    jobs.replay_dead(lab.ctx, held.id)
    (taken,) = jobs.claim(lab.runtime, 1)
    assert taken.attempt > held.attempt
    assert jobs.run(lab.runtime, held) == "lost"
    assert jobs.run(lab.runtime, taken) == "done"
    assert lab.effects("work") == {5: 1}
    with pytest.raises(NotFound):
        jobs.replay_dead(lab.ctx, held.id)


def test_jobs_that_did_not_end_before_come_last_and_in_no_fixed_order(
    lab: Lab, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.strike(8)
    suspects = {job.id for job in jobs.claim(lab.runtime, 4)}
    clock.advance(**PAST_THE_LEASE)
    random.seed(7)
    batch = [job.id for job in jobs.claim(lab.runtime, 8)]
    assert set(batch[4:]) == suspects
    assert batch[:4] == sorted(batch[:4])
    assert batch[4:] != sorted(batch[4:])
