"""The pages of webhooks, as staff see them in a browser."""

from collections.abc import Callable
from uuid import UUID

import pytest

from core import identity
from hosts.testkit.plugin import PASSWORD, Api
from integrations.webhooks.fake import Failure, ReceiverFake, Running
from tests.hosts.console.browser import Browser
from tests.integrations.webhooks.conftest import Brand

PATH = "/console/webhooks"


@pytest.fixture
def browser(brand: Brand, api: Api) -> Browser:
    """Return a signed-in browser of somebody who may do everything with webhooks."""
    ctx = brand.base
    with ctx.transaction():
        identity.save_role(ctx, "it", "IT", ("webhooks.view", "webhooks.edit", "webhooks.replay"))
        account = identity.create_staff(ctx, "it-staff", PASSWORD, "IT", ["it"])
    found = Browser(api.app, ctx, account.id, "it-staff")
    assert found.sign_in().status_code == 303
    return found


def test_an_address_is_added_and_its_secret_read_once_it_is_there(brand: Brand, browser: Browser) -> None:
    assert browser.get(f"{PATH}/endpoints/new").status_code == 200
    form = {"url": "https://hooks.example.com/in", "facts": ["member_registered", "level_up"], "active": "true"}
    made = browser.post(f"{PATH}/endpoints/new", form)
    assert made.status_code == 303, made.text
    page = made.headers["location"].partition("?")[0]
    secret = brand.secret(UUID(page.rpartition("/")[2]))
    assert secret in browser.get(page).text
    assert secret not in browser.get(f"{PATH}/endpoints").text
    brand.clock.advance(minutes=6)
    assert secret not in browser.get(page).text


def test_attempts_and_deliveries_are_seen_and_sent_again(
    brand: Brand, browser: Browser, receivers: Callable[[], Running[ReceiverFake]]
) -> None:
    receiver = receivers()
    endpoint = brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=500, body="we are at lunch"))
    browser.act(f"{PATH}/endpoints/{endpoint}/ping")
    brand.drain()
    assert "we are at lunch" in browser.get(f"{PATH}/attempts").text
    (row,) = brand.deliveries()
    assert "测试" in browser.get(f"{PATH}/deliveries").text
    assert browser.act(f"{PATH}/deliveries/{row.id}/replay").status_code == 303
    brand.drain()
    assert [one.state for one in brand.deliveries()] == ["delivered"]
    edited = browser.post(
        f"{PATH}/endpoints/{endpoint}/edit", {"url": "https://b.example/", "facts": "level_up", "active": "false"}
    )
    assert edited.status_code == 303, edited.text
    assert (brand.endpoint(endpoint).facts, brand.endpoint(endpoint).state) == (["level_up"], "off")
    assert browser.act(f"{PATH}/endpoints/{endpoint}/remove").status_code == 303


def test_a_period_is_sent_again_from_its_form(
    brand: Brand, browser: Browser, receivers: Callable[[], Running[ReceiverFake]]
) -> None:
    receiver = receivers()
    endpoint = brand.subscribe(receiver)
    brand.register()
    brand.clock.advance(minutes=5)
    done = browser.act(f"{PATH}/endpoints/{endpoint}/replay", {"since": "2026-11-22T09:00", "delivered": "true"})
    assert done.status_code == 303, done.text
    brand.drain()
    assert len(receiver.fake.calls("receive")) == 2


def test_the_facts_to_subscribe_to_and_the_figures_are_shown(brand: Brand, browser: Browser) -> None:
    page = browser.get(f"{PATH}/facts")
    assert page.status_code == 200
    assert "到店记录" in page.text
    assert "<code>visit_recorded</code>" in page.text
    assert "事件推送" in browser.get("/console").text
