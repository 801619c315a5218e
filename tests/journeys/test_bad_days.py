"""A database that goes away, and a disk that is full: what was answered holds, the rest is refused, work goes on."""

import threading
import time

import pytest
import requests

from core import db, identity, points
from core.clock import SystemClock
from core.tenants import Venue
from tests.journeys.servers import rest

WRITERS, RESTARTS, WAIT_SECONDS = 4, 2, 60


@pytest.fixture
def clock():
    """The servers are processes of their own: they live in real time."""
    return SystemClock()


class Writer(threading.Thread):
    """Credits a member again and again, each credit under a key of its own, and notes what it was told."""

    def __init__(self, url, token, name):
        super().__init__(daemon=True)
        self.url, self.token, self.label = url, token, name
        self.told: dict[str, int] = {}
        self.stopping = threading.Event()

    def run(self):
        session = requests.Session()
        number = 0
        while not self.stopping.is_set():
            number += 1
            key = f"{self.label}-{number}"
            headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
            body = {"asset": "points", "amount": 1, "reason": "test"}
            self.told[key] = session.post(self.url, json=body, headers=headers, timeout=30).status_code


def answered(writers):
    """Return how many credits were acknowledged so far."""
    return sum(status == 200 for w in writers for status in list(w.told.values()))


def wait_for(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.own_database
@pytest.mark.engines("postgresql")  # SQLite has no server to restart
def test_a_restarted_database_loses_nothing_that_was_answered(postgres, settings, tenant, member):
    view = member()
    with tenant.transaction():
        _, key = identity.create_key(tenant, "writer", ["points.adjust"])
    db.database.close_all()
    with rest(settings, ROOST_THREADS="4") as port:
        url = f"http://127.0.0.1:{port}/admin/v1/members/{view.id}/points"
        writers = [Writer(url, key, f"w{n}") for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(RESTARTS):
            so_far = answered(writers)
            wait_for(lambda before=so_far: answered(writers) > before + 20)
            postgres.restart()
        so_far = answered(writers)
        wait_for(lambda: answered(writers) > so_far + 20)  # it goes on by itself
        for writer in writers:
            writer.stopping.set()
            writer.join(30)
    told = [status for writer in writers for status in writer.told.values()]
    assert set(told) <= {200, 503}, sorted(set(told))
    credited = points.balance(tenant, view.id).available
    # A commit whose answer the restart swallowed may count beside the acknowledged ones: one a writer and restart.
    assert told.count(200) <= credited <= told.count(200) + WRITERS * RESTARTS
    assert points.verify(tenant) == []


@pytest.mark.engines("sqlite")  # the same refusal by the database, and SQLite can be told that its disk is full
def test_a_full_disk_refuses_cleanly_and_the_same_key_works_once_there_is_room(api, tenant):
    token = api.as_staff("venues.edit", "venues.view")
    with db.connection():
        pages = db.database.execute_sql("PRAGMA page_count").fetchone()[0]
        db.database.execute_sql(f"PRAGMA max_page_count = {pages}")
        codes, refused = [], None
        for number in range(2000):
            code = f"{number:04d}"
            reply = api.post(
                "/admin/v1/venues", token=token, key=f"venue-{code}", json={"code": code, "name": "x" * 90}
            )
            if reply.status_code != 201:
                refused = (code, reply)
                break
            codes.append(code)
        assert refused is not None, "the disk never filled up"
        code, reply = refused
        assert (reply.status_code, reply.json["code"]) == (503, "unavailable")
        assert sorted(v.code for v in Venue.scoped(tenant).select()) == codes
        db.database.execute_sql("PRAGMA max_page_count = 1073741823")
        again = api.post("/admin/v1/venues", token=token, key=f"venue-{code}", json={"code": code, "name": "x" * 90})
        assert again.status_code == 201, again.text
    assert sorted(v.code for v in Venue.scoped(tenant).select()) == [*codes, code]
