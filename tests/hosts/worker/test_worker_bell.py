"""The bell: few messages, no pickle, never a wait."""

import json
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.config import Settings
from core.errors import ConfigurationError
from hosts.testkit.waiting import wait_until
from hosts.worker.bell import HueyBell, make_huey, prepare_queue, wake_task


def settings(folder: Path, **more: str) -> Settings:
    return Settings(
        _env_file=None, database_url=f"sqlite:///{folder}/roost.db", encryption_keys=SecretStr("x"), var=folder, **more
    )


def test_many_rings_become_one_message_while_nobody_listens(tmp_path: Path) -> None:
    bell = HueyBell(settings(tmp_path))
    for _ in range(500):
        bell.ring()
    assert bell.flush(10)
    assert make_huey(settings(tmp_path)).storage.queue_size() == 1


def test_a_ring_after_the_message_was_taken_is_a_message_again(tmp_path: Path) -> None:
    heard: list[int] = []
    huey = make_huey(settings(tmp_path))
    prepare_queue(huey)
    wake_task(huey, lambda: heard.append(1))
    bell = HueyBell(settings(tmp_path))
    for turn in range(1, 4):
        bell.ring()
        task = wait_until(huey.dequeue, 10)
        huey.execute(task)
        assert len(heard) == turn


def test_a_message_is_json_that_names_the_task_and_carries_nothing(tmp_path: Path) -> None:
    bell = HueyBell(settings(tmp_path))
    bell.ring()
    assert bell.flush(10)
    (message,) = make_huey(settings(tmp_path)).storage.enqueued_items()
    task_id, name = json.loads(bytes(message))
    assert (len(task_id), name) == (36, "hosts.worker.bell.wake")


def test_the_queue_is_a_file_beside_a_sqlite_database(tmp_path: Path) -> None:
    prepare_queue(make_huey(settings(tmp_path)))
    assert (tmp_path / "roost-queue.db").exists()


def test_a_ring_returns_at_once_and_a_dead_queue_is_left_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    given = threading.Event()

    def dead(settings: Settings) -> None:
        tried.append(time.monotonic())
        given.set()
        raise ConnectionError("nobody there")

    monkeypatch.setattr("hosts.worker.bell.make_huey", dead)
    bell = HueyBell(settings(tmp_path), rest=0.3)
    started = time.monotonic()
    for _ in range(1000):
        bell.ring()
    assert time.monotonic() - started < 2
    assert given.wait(10)
    wait_until(lambda: len(tried) >= 3, 10)
    assert min(later - sooner for sooner, later in pairwise(tried)) >= 0.3


@pytest.mark.parametrize("url", ["amqp://localhost", "http://x", "rubbish"])
def test_a_queue_url_that_nobody_understands_is_refused_with_its_name(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="ROOST_QUEUE_URL"):
        make_huey(settings(tmp_path, queue_url=url))


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_redis_and_valkey_urls_get_time_limits(tmp_path: Path, scheme: str) -> None:
    pool = make_huey(settings(tmp_path, queue_url=f"{scheme}://127.0.0.1:6399/2")).storage.pool
    assert pool.connection_kwargs["socket_connect_timeout"] == 3
    assert pool.connection_kwargs["socket_timeout"] == 4
    assert pool.connection_kwargs["db"] == 2
