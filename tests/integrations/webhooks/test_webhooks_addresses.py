"""Where a webhook may lead: not into our own network, however it is asked."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from egress import connections
from integrations.webhooks import endpoints
from integrations.webhooks.fake import PATH, Failure, ReceiverFake, Running
from integrations.webhooks.schemas import EndpointChange
from roost import RoostError
from tests.integrations.webhooks.conftest import Brand

Receivers = Callable[[], Running[ReceiverFake]]
INSIDE = (  # the deployment of these tests lets addresses lead to 127.0.0.1, and nowhere else inside
    "http://127.0.0.2/", "http://0.0.0.0/", "http://10.0.0.1/", "http://100.64.0.1/", "http://172.16.0.1/",
    "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.100.100.200/", "http://[::1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://224.0.0.1/",
    "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.0.1.:80/",
)  # fmt: skip
WRONG = ("ftp://a.example/", "https://user:pass@a.example/", "file:///etc/passwd", "https://8.8.8.8:22/", "https://")


@pytest.mark.parametrize("url", INSIDE + WRONG)
def test_an_address_that_leads_inside_is_refused_when_it_is_written_down(brand: Brand, url: str) -> None:
    with pytest.raises(RoostError) as refused:
        brand.subscribe(url)
    assert refused.value.code == "address_refused"
    endpoint = brand.subscribe("https://hooks.example.com/")
    with pytest.raises(RoostError):
        brand.do(endpoints.change, endpoint, EndpointChange(url=url))
    assert brand.endpoint(endpoint).url == "https://hooks.example.com/"


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name lead to the first of the answers, then to the next; return the names that were asked for."""
    asked: list[str] = []

    def look_up(host: str, port: int, seconds: float) -> Any:
        asked.append(host)
        given = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, (one, port)) for one in given]

    monkeypatch.setattr(connections, "look_up", look_up)
    return asked


@pytest.mark.parametrize("inside", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_that_leads_inside_is_refused_when_it_is_sent(
    brand: Brand, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    asked = resolve(monkeypatch, [inside])
    brand.subscribe("http://hooks.example.com/in")
    brand.register()
    assert [(a.status, a.error) for a in brand.attempts()] == [(None, "refused:address")]
    assert asked == ["hooks.example.com"]


def test_a_name_that_leads_inside_the_second_time_is_refused_then(
    brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = receivers()
    asked = resolve(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    endpoint = brand.subscribe(f"http://rebind.example.com:{receiver.port}{PATH}")
    receiver.fake.secrets.append(brand.secret(endpoint))
    brand.register()
    assert (len(receiver.fake.messages), len(asked)) == (1, 1)  # looked up once for the connection it made
    brand.register()
    assert [(a.status, a.error) for a in brand.attempts()] == [(204, ""), (None, "refused:address")]
    assert len(receiver.fake.log) == 1


def test_a_redirect_inside_leads_nowhere(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=307))
    brand.register()
    assert [a.status for a in brand.attempts()] == [307]
    assert len(receiver.fake.log) == 1
