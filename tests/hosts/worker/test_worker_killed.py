"""kill -9 of a worker while facts are delivered: nothing acknowledged is lost, and nothing happens twice."""

import signal

import pytest

from hosts.testkit.waiting import wait_until
from tests.hosts.worker.lab import Lab

ECHO = 1_000_000
ROUNDS = 100  # of work in each delivery: long enough to be seen at work from outside, also on a busy machine


def storm(lab: Lab, kills: int, *, fence: bool = True) -> None:
    """Kill a worker again and again while it delivers, with a second one that hangs past its leases; then count.

    Raises AssertionError when an effect is missing or happened twice, when the queue does not empty within a minute of
    the last restart, or when fewer than four kills in five landed while a job ran.
    """
    off = () if fence else ("--no-fence",)
    hung = lab.strange("--stall", *off)
    lab.strike(6)
    wait_until(hung.is_stalled, 60, what="the worker that hangs to have claimed", told=hung.said)
    landed = 0
    worker = lab.strange(*off)
    for turn in range(kills):
        lab.strike(6, rounds=ROUNDS, echo=turn % 2 == 0)
        wait_until(
            lambda w=worker: lab.at_work(w.pid) is not None, 60, what="a job at work", told=worker.said, every=0.001
        )
        worker.kill()
        landed += lab.at_work(worker.pid) is not None
        worker = lab.strange(*off)
    lab.wait_until_empty(60)
    held = hung.said().count("stalled with") and int(hung.said().split("stalled with ")[1].split()[0])
    hung.send(signal.SIGCONT)  # it wakes up with claims that others have worked off meanwhile
    hung.wait_for('"job_finished"', times=held)
    assert hung.stop() == 0
    assert worker.stop() == 0
    effects = lab.effects()
    twice = sorted(number for number, count in effects.items() if count > 1)
    assert not twice, f"happened twice: {twice}"
    echoes = {number + ECHO for number in lab.committed if number >= 6 and (number - 6) // 6 % 2 == 0}
    assert set(effects) == {*lab.committed, *echoes}
    assert held, "the worker that hung held nothing: this proves less than it should"
    assert landed * 5 >= kills * 4, f"only {landed} of {kills} kills landed while a job ran"


def test_five_kills_lose_nothing_and_repeat_nothing(lab: Lab) -> None:
    storm(lab, 5)


@pytest.mark.faults
def test_fifty_kills_lose_nothing_and_repeat_nothing(lab: Lab) -> None:
    storm(lab, 50)


def test_without_the_attempt_condition_the_same_storm_shows_effects_that_happened_twice(lab: Lab) -> None:
    with pytest.raises(AssertionError, match="happened twice"):
        storm(lab, 1, fence=False)


def test_a_chain_goes_on_where_it_was_killed(lab: Lab) -> None:
    lab.enqueue("chain", number=0, steps=12, rounds=ROUNDS)
    for _ in range(3):
        worker = lab.start()
        wait_until(
            lambda w=worker: lab.at_work(w.pid) is not None, 60, what="a step at work", told=worker.said, every=0.001
        )
        worker.kill()
    last = lab.start()
    lab.wait_until_empty()
    assert lab.effects("chain") == dict.fromkeys(range(12), 1)
    assert last.stop() == 0


def test_a_job_that_ends_its_worker_does_not_keep_the_others_from_running(lab: Lab) -> None:
    lab.enqueue("end_worker")
    for number in range(20):
        lab.enqueue("work", number=number)
    done = dict.fromkeys(range(20), 1)
    for _ in range(15):
        if lab.effects("work") == done:
            break
        worker = lab.start()
        wait_until(lambda w=worker: w.popen.poll() is not None or lab.effects("work") == done, 60, told=worker.said)
    assert lab.effects("work") == done
