"""The client of IVEP against its fake, over real HTTP: what it reads, and what it does not believe."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from core.clock import ManualClock
from integrations.ivep.client import IvepClient
from integrations.ivep.fake import APP_ID, SECRET, Failure, IvepFake, Push, serve
from integrations.qinniao import Code, HmacSigner, QinniaoError, QinniaoUnavailable

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ivep(clock: ManualClock) -> Iterator[Any]:
    with serve(fake=IvepFake(clock=clock.now)) as running:
        yield running


def client_of(url: str, clock: ManualClock, secret: str = SECRET) -> IvepClient:
    signer = HmacSigner(APP_ID, secret, clock=clock.now)
    return IvepClient(url, APP_ID, secret, signer=signer, sleep=lambda seconds: None)


def test_coaches_and_relations_are_read_page_by_page_and_gone_on_from(ivep: Any, clock: ManualClock) -> None:
    client = client_of(ivep.url, clock)
    for number in range(5):
        ivep.fake.put("coaches", {"id": f"s-{number}", "name": f"Coach {number}"})
    seen, cursor, more = [], None, True
    while more:
        page = client.coaches(cursor, limit=2)
        seen += [item.name for item in page.items]
        cursor, more = page.next_cursor, page.has_more
    assert seen == [f"Coach {number}" for number in range(5)]
    assert client.coaches(cursor).items == ()
    ivep.fake.put("coaches", {"id": "s-1", "deleted": True})
    (gone,) = client.coaches(cursor).items
    assert (gone.id, gone.deleted, gone.version) == ("s-1", True, 2)


def test_the_relations_of_one_member_are_asked_for_by_the_saas_number(ivep: Any, clock: ManualClock) -> None:
    for number in ("m-1", "m-2"):
        ivep.fake.put("relations", {"id": f"r-{number}", "member_id": number, "coach_id": "s-1"})
    found = client_of(ivep.url, clock).relations_of("m-1")
    assert [(one.id, one.coach_id, one.assigned) for one in found] == [("r-m-1", "s-1", True)]
    assert ivep.fake.calls("relations")[0]["query"]["member"] == "m-1"


def test_a_call_with_another_secret_is_refused_inside_http_200(ivep: Any, clock: ManualClock) -> None:
    with pytest.raises(QinniaoError, match="40100") as refused:
        client_of(ivep.url, clock, "guess").coaches()
    assert not refused.value.retryable
    assert ivep.fake.log[0]["status"] == 200


@pytest.mark.parametrize(
    "failure",
    [Failure(status=503), Failure(body="<html>"), Failure(errcode=int(Code.SESSION_EXPIRED)), Failure(body='{"code":')],
    ids=["503", "html", "session over", "truncated"],
)
def test_what_may_pass_is_tried_again(ivep: Any, clock: ManualClock, failure: Failure) -> None:
    ivep.fake.fail(failure.model_copy())
    assert client_of(ivep.url, clock).relations().items == ()
    assert len(ivep.fake.log) == 2


def test_a_relation_that_cannot_be_read_is_not_taken_for_none(ivep: Any, clock: ManualClock) -> None:
    ivep.fake.put("relations", {"id": "r-1", "member_id": "m-1", "coach_id": "s-1", "status": "perhaps"})
    with pytest.raises(QinniaoUnavailable, match="status"):
        client_of(ivep.url, clock).relations_of("m-1")


def test_a_push_without_a_callback_is_told_so(ivep: Any) -> None:
    with pytest.raises(ValueError, match="callback"):
        ivep.fake.push(Push(event_type="coach.assigned"))
    assert requests.post(f"{ivep.url}/_fake/push", json={"event_type": "x"}, timeout=5).status_code == 400


def test_the_command_line_serves_the_demo_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "integrations.ivep.fake", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3].rstrip(",")
        found = IvepClient(url, APP_ID, SECRET).relations_of("m-1")
        assert [one.coach_id for one in found] == ["s-101"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
