"""A storage that hangs, over real HTTP: it is given up soon, and takes only its share of the threads meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from core import db, identity
from core.clock import SystemClock
from core.config import Settings
from hosts.testkit.plugin import test_settings
from hosts.testkit.waiting import wait_until
from tests.integrations.silence import silence
from tests.integrations.storage.conftest import s3_settings
from tests.journeys.servers import rest

THREADS, REQUEST_SECONDS = 4, 3
PICTURE = {"kind": "image", "size": 1000, "content_type": "image/jpeg"}


@pytest.fixture
def clock():
    """The server is a process of its own: it lives in real time."""
    return SystemClock()


@pytest.fixture
def settings(database_url, tmp_path) -> Settings:
    """Let the storage's address lead to this machine."""
    return test_settings(database_url, tmp_path, egress_allow="127.0.0.1/32")


def _ask(method, url, token, body=None):
    began = time.monotonic()
    reply = requests.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return reply, time.monotonic() - began


@pytest.mark.own_database
@pytest.mark.engines("sqlite")  # nothing of it is the database's
def test_a_storage_that_hangs_is_given_up_soon_and_the_rest_goes_on(settings, tenant, api, member, enable_plugin):
    with silence() as server, ThreadPoolExecutor(8) as pool:
        enable_plugin("storage", **s3_settings(server.url, request_seconds=REQUEST_SECONDS))
        enable_plugin("media")
        with tenant.transaction():
            _, key = identity.create_key(tenant, "uploader", ["media.upload"])
        own = api.as_member(member())
        db.database.close_all()
        with rest(settings, ROOST_THREADS=str(THREADS), ROOST_WORKERS="1") as port:
            url = f"http://127.0.0.1:{port}"
            begun = requests.post(
                f"{url}/admin/v1/media/uploads", json=PICTURE, headers={"Authorization": f"Bearer {key}"}, timeout=30
            )
            assert begun.status_code == 201, begun.text
            complete = f"{url}/admin/v1/media/uploads/{begun.json()['id']}/complete"
            asked = [pool.submit(_ask, "POST", complete, key) for _ in range(THREADS)]
            wait_until(lambda: len(server.callers) == THREADS // 2, what="the calls at the storage")
            me, seconds = pool.submit(_ask, "GET", f"{url}/v1/me", own).result(timeout=30)
            assert me.status_code == 200
            assert seconds < REQUEST_SECONDS, "no thread was left for it"
            told = sorted((r.status_code, r.json()["code"], r.headers["Retry-After"]) for r, _ in _results(asked))
            refused, hung = [(503, "outside_busy", "2")], [(503, "storage_unavailable", "5")]
            assert told == refused * (THREADS // 2) + hung * (THREADS // 2)
            assert max(seconds for _, seconds in _results(asked)) < 3 * REQUEST_SECONDS


def _results(asked):
    return [one.result(timeout=30) for one in asked]
