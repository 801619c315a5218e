"""What a receiver is told, and what becomes of it when the receiver does not behave."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import tenants
from core.contract.context import Context
from core.events import jobs
from core.events.models import Event, Job
from core.registry.registry import PluginsFile, Registry
from integrations.webhooks import client, deliveries, endpoints
from integrations.webhooks.fake import PATH, Failure, ReceiverFake, Running
from integrations.webhooks.models import WebhooksDelivery
from integrations.webhooks.schemas import DeliverJob, EndpointChange, NewEndpoint, Period
from integrations.webhooks.sending import WAITS, Deliver
from plugins import visits
from tests.integrations.webhooks.conftest import Brand

Receivers = Callable[[], Running[ReceiverFake]]


def states(brand: Brand) -> list[str]:
    return [row.state for row in brand.deliveries()]


def test_a_fact_reaches_its_receiver_signed_once_and_with_ids_only(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    person = brand.register()
    (message,) = receiver.fake.messages.values()
    event = Event.scoped(brand.ctx).get(Event.name == "member_registered")
    assert message == {
        "id": f"evt_{event.id.hex}",
        "type": "member_registered",
        "occurred_at": brand.clock.now().isoformat(),
        "tenant": "acme",
        "data": {"member": str(person.id), "channel": "wechat", "invitation": ""},
    }
    (call,) = receiver.fake.log
    assert call["status"] == 204
    assert states(brand) == ["delivered"]
    (attempt,) = brand.attempts()
    assert (attempt.number, attempt.status, attempt.error) == (1, 204, "")
    assert brand.drain() == 0


def test_no_fact_of_any_plugin_has_a_field_for_what_only_a_person_may_know() -> None:
    private = {"phone", "name", "address", "email", "birthday", "id_number", "openid", "text", "words", "content"}
    for name, fact in Registry.load(PluginsFile()).facts.items():
        assert not private & set(fact.model_fields), name


def test_facts_of_a_plugin_that_is_not_required_are_heard_by_name(
    brand: Brand, receivers: Receivers, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("visits")
    receiver = receivers()
    brand.subscribe(receiver, "visit_recorded")
    person = brand.register()
    assert receiver.fake.messages == {}
    brand.do(visits.record, person.id, None, brand.clock.now(), "gate", "1")
    brand.drain()
    (message,) = receiver.fake.messages.values()
    assert message["type"] == "visit_recorded"  # type: ignore[index, call-overload]  # JSON


def test_without_a_subscription_a_fact_costs_what_it_costs_without_the_plugin(
    brand: Brand, receivers: Receivers, statements: list[str]
) -> None:
    def cost() -> int:
        brand.register(drain=False)  # the listeners are asked once for a configuration
        before = len(statements)
        brand.register(drain=False)
        return len(statements) - before

    without = cost()
    assert Job.scoped(brand.ctx).select().where(Job.plugin == "webhooks").count() == 0
    endpoint = brand.subscribe("https://hooks.example.com/", "level_up")
    assert cost() == without  # another fact is subscribed to
    brand.do(endpoints.change, endpoint, EndpointChange(facts=["member_registered"]))
    brand.register(drain=False)
    assert Job.scoped(brand.ctx).select().where(Job.plugin == "webhooks").count() == 1
    brand.do(tenants.disable_plugin, "webhooks")
    assert cost() == without


def test_a_subscription_is_heard_at_once_and_a_cancelled_one_no_more(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.register()
    endpoint = brand.subscribe(receiver)
    brand.register()
    assert len(receiver.fake.messages) == 1
    brand.do(endpoints.change, endpoint, EndpointChange(active=False))
    brand.register()
    brand.do(endpoints.remove, endpoint)
    brand.register()
    assert len(receiver.fake.messages) == 1


def test_what_is_imported_is_no_news(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    brand.register(ctx=brand.ctx.imported())
    assert receiver.fake.log == []


def test_one_brand_is_never_told_of_another(
    brand: Brand, receivers: Receivers, new_tenant: Callable[..., Context]
) -> None:
    mine, theirs = receivers(), receivers()
    brand.subscribe(mine)
    other = new_tenant("other", plugins=("webhooks",))
    url = theirs.url + PATH
    with other.transaction():
        row = endpoints.create(other.for_plugin("webhooks"), NewEndpoint(url=url, facts=["member_registered"]))
    brand.register()
    assert len(mine.fake.messages) == 1
    assert theirs.fake.log == []
    assert WebhooksDelivery.scoped(other).select().count() == 0
    assert row.id not in {one.endpoint for one in brand.deliveries()}


# --- receivers that do not behave ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_what_is_not_2xx_is_tried_again_with_the_same_id_and_a_new_timestamp(
    brand: Brand, receivers: Receivers, status: int
) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=status, after=True))  # it was taken, and the answer was lost
    brand.register()
    assert states(brand) == ["waiting"]
    brand.later(seconds=10)
    assert states(brand) == ["delivered"]
    first, second = receiver.fake.calls("receive")
    assert first["body"] == second["body"]
    assert len(receiver.fake.messages) == 1
    assert [(a.number, a.status) for a in brand.attempts()] == [(1, status), (2, 204)]


def test_a_receiver_that_is_down_is_tried_for_a_day_and_then_given_up(
    brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FAILURES", 99)  # the pause has a test of its own
    running = receivers()
    endpoint = brand.subscribe(running)
    running.close()
    began = brand.clock.now()
    brand.register()
    waits = []
    for _ in range(len(WAITS)):
        (row,) = brand.deliveries()
        waits.append(row.due_at - brand.clock.now())
        brand.clock.set(row.due_at + timedelta(seconds=1))
        brand.drain()
    assert all(wait >= least for wait, least in zip(waits, WAITS, strict=True))
    (row,) = brand.deliveries()
    assert (row.state, row.attempts, row.error) == ("failed", 10, "connect")
    assert timedelta(hours=24) <= row.finished_at - began <= timedelta(hours=28)
    assert brand.drain() == 0
    assert brand.endpoint(endpoint).state == "on"


def test_a_slow_receiver_is_left_in_time(brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.2)
    receiver = receivers()
    brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", delay=30))
    brand.register()
    assert [a.error for a in brand.attempts()] == ["timeout"]
    assert states(brand) == ["waiting"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(brand: Brand, receivers: Receivers, status: int) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=status))
    brand.register()
    assert [(a.status, a.error) for a in brand.attempts()] == [(status, "")]
    assert len(receiver.fake.log) == 1
    assert states(brand) == ["waiting"]


def test_410_ends_it_with_a_fact_and_what_was_in_line_stops(brand: Brand, receivers: Receivers) -> None:
    receiver, watching = receivers(), receivers()
    endpoint = brand.subscribe(receiver)
    brand.subscribe(watching, "webhook_disabled")
    receiver.fake.fail(Failure(api="receive", status=500))
    brand.register()  # waits for its second attempt
    receiver.fake.fail(Failure(api="receive", status=410))
    brand.register()
    row = brand.endpoint(endpoint)
    assert (row.state, row.reason) == ("disabled", "gone")
    assert [d.state for d in brand.deliveries(endpoint)] == ["stopped", "failed"]
    (message,) = watching.fake.messages.values()
    assert message["data"] == {"endpoint": str(endpoint), "reason": "gone"}  # type: ignore[index, call-overload]
    brand.register()
    brand.later(hours=1)
    assert len(receiver.fake.calls("receive")) == 2
    brand.do(endpoints.change, endpoint, EndpointChange(active=True))
    brand.register()
    assert len(receiver.fake.messages) == 1
    assert brand.endpoint(endpoint).reason == ""


def test_an_address_that_fails_for_two_days_is_disabled(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    endpoint = brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=500, times=10_000))
    for _ in range(60):
        brand.register()
        brand.later(hours=1)
    row = brand.endpoint(endpoint)
    assert (row.state, row.reason) == ("disabled", "failing")
    assert not {"waiting", "parked", "sending"} & set(states(brand))
    asked = len(receiver.fake.calls("receive"))
    assert asked < 80  # a pause of an hour, however much there was to tell


def test_what_staff_read_of_a_reply_is_short_and_has_no_numbers_and_keys(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    secret = brand.secret(brand.subscribe(receiver))
    said = f"<b>\x00hello 138 0000 1111 a@b.example {secret} v1,abc= Bearer zzz</b> " + "x" * 9000
    receiver.fake.fail(Failure(api="receive", status=500, body=said))
    brand.register()
    (attempt,) = brand.attempts()
    assert len(attempt.reply) == 300
    assert attempt.reply.startswith("<b> hello … … … … … x")


def test_garbage_is_a_failure_like_any_other(brand: Brand, receivers: Receivers, monkeypatch: Any) -> None:
    class Garbage:
        def post(self, url: str, body: bytes, **options: Any) -> Any:
            raise client.egress.Failed("broken", "no HTTP", "不是 HTTP")

    receiver = receivers()
    brand.subscribe(receiver)
    with monkeypatch.context() as patch:
        patch.setattr("integrations.webhooks.sending.egress.session", lambda ctx: Garbage())
        brand.register()
    assert [(a.status, a.error) for a in brand.attempts()] == [(None, "broken")]
    brand.later(seconds=10)
    assert states(brand) == ["delivered"]


def test_a_receiver_may_ask_for_a_longer_pause(brand: Brand, receivers: Receivers, monkeypatch: Any) -> None:
    answers = [client.Outcome(429, 1, retry_after=900), client.Outcome(204, 1)]
    monkeypatch.setattr(client, "deliver", lambda session, message: answers.pop(0))
    brand.subscribe(receivers())
    brand.register()
    brand.later(minutes=14)
    assert states(brand) == ["waiting"]
    brand.later(minutes=3)
    assert states(brand) == ["delivered"]


# --- one receiver and the others -------------------------------------------------------------------------------------


def test_after_five_failures_an_address_is_left_alone_and_one_delivery_goes_to_see(
    brand: Brand, receivers: Receivers
) -> None:
    down, well = receivers(), receivers()
    endpoint = brand.subscribe(down)
    brand.subscribe(well)
    down.fake.fail(Failure(api="receive", status=503, times=6))
    for _ in range(20):
        brand.register()
    assert len(down.fake.calls("receive")) == 5
    assert len(well.fake.messages) == 20
    brand.later(seconds=30)
    assert len(down.fake.calls("receive")) == 5
    brand.later(seconds=35)  # the pause is over: one goes, fails, and the next pause is twice as long
    assert len(down.fake.calls("receive")) == 6
    brand.later(seconds=61)
    assert len(down.fake.calls("receive")) == 6
    brand.later(seconds=60)  # one goes, arrives, and the rest follow
    brand.later(minutes=30)
    assert len(down.fake.messages) == 20
    assert {d.state for d in brand.deliveries()} == {"delivered"}
    row = brand.endpoint(endpoint)
    assert (row.failures, row.failing_since, row.paused_until) == (0, None, None)
    assert max(d.attempts for d in brand.deliveries(endpoint)) <= 3  # what waited in line spent none


def prepare(brand: Brand, row: Any) -> Any:
    job = DeliverJob(delivery=row.id, round=row.round)
    return brand.do(lambda ctx: Deliver().prepare(ctx, payload=job))


def in_line(brand: Brand, count: int) -> list[Any]:
    """Put deliveries in line and run none of them."""
    for _ in range(count):
        brand.register(drain=False)
    jobs.drain(brand.base.services, only=["fact:webhooks:member_registered"])
    return brand.deliveries()


def test_no_more_than_two_deliveries_to_an_address_are_under_way(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    one, two, three = in_line(brand, 3)
    first, second = prepare(brand, one), prepare(brand, two)
    assert first is not None
    assert second is not None
    assert prepare(brand, three) is None
    assert states(brand) == ["sending", "sending", "parked"]
    brand.do(lambda ctx: Deliver().complete(ctx, first, client.Outcome(204, 5)))
    assert states(brand) == ["delivered", "sending", "waiting"]
    brand.drain()
    assert brand.deliveries()[2].state == "delivered"


def test_without_the_limit_all_would_be_under_way(
    brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(deliveries, "room", lambda ctx, endpoint: 99)
    brand.subscribe(receivers())
    assert all(prepare(brand, row) is not None for row in in_line(brand, 3))
    assert states(brand) == ["sending"] * 3


def test_a_worker_that_dies_in_the_middle_sends_again_with_the_same_id(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    (row,) = in_line(brand, 1)
    prepared = prepare(brand, row)
    Deliver().call(prepared)  # and then nothing more was written
    brand.later(minutes=5)
    assert states(brand) == ["delivered"]
    assert len(receiver.fake.calls("receive")) == 2
    assert len(receiver.fake.messages) == 1


def test_what_an_earlier_round_says_later_changes_nothing(brand: Brand, receivers: Receivers) -> None:
    brand.subscribe(receivers())
    (row,) = in_line(brand, 1)
    prepared = prepare(brand, row)
    brand.do(lambda ctx: deliveries.start(ctx, row))
    brand.do(lambda ctx: Deliver().complete(ctx, prepared, client.Outcome(500, 5)))
    assert states(brand) == ["waiting"]
    assert prepare(brand, row) is None
    brand.drain()
    assert states(brand) == ["delivered"]


# --- again -----------------------------------------------------------------------------------------------------------


def test_one_delivery_is_sent_again_with_the_id_it_had(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    brand.register()
    (row,) = brand.deliveries()
    brand.do(deliveries.replay, row.id)
    brand.drain()
    first, second = receiver.fake.calls("receive")
    assert first["body"] == second["body"]
    assert len(receiver.fake.messages) == 1
    assert states(brand) == ["delivered"]


def test_a_period_is_sent_again_failed_ones_only_unless_all_are_asked_for(
    brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "CHUNK", 2)
    receiver = receivers()
    endpoint = brand.subscribe(receiver)
    brand.register()  # before the period
    brand.clock.advance(minutes=10)
    since = brand.clock.now()
    brand.register()
    receiver.fake.fail(Failure(api="receive", status=410))
    brand.register()  # ends it
    brand.do(endpoints.change, endpoint, EndpointChange(active=True))
    for _ in range(4):
        brand.register()
        brand.do(lambda ctx: WebhooksDelivery.scoped(ctx).update(state="failed").where(
            WebhooksDelivery.created_at >= since, WebhooksDelivery.state == "delivered"
        ).execute())  # fmt: skip
    brand.clock.advance(minutes=1)
    asked = len(receiver.fake.calls("receive"))
    brand.do(endpoints.replay, endpoint, Period(since=since))
    brand.drain()
    assert len(receiver.fake.calls("receive")) == asked + 6
    assert set(states(brand)) == {"delivered"}
    brand.do(endpoints.replay, endpoint, Period(since=since))
    brand.drain()
    assert len(receiver.fake.calls("receive")) == asked + 6
    brand.do(endpoints.replay, endpoint, Period(since=since, delivered=True))
    brand.drain()
    assert len(receiver.fake.calls("receive")) == asked + 12
    assert len(receiver.fake.messages) == 7


def test_switched_off_in_the_middle_it_goes_on_where_it_was(
    brand: Brand, receivers: Receivers, tick: Callable[[], int], enable_plugin: Callable[..., None]
) -> None:
    receiver = receivers()
    brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=500))
    brand.register()
    brand.do(tenants.disable_plugin, "webhooks")
    brand.register()
    brand.later(minutes=1)  # its second attempt was due
    assert len(receiver.fake.calls("receive")) == 1
    enable_plugin("webhooks")
    brand.clock.advance(minutes=30)
    tick()
    assert len(receiver.fake.messages) == 1  # the one of before; while it was off nothing was heard
    assert states(brand) == ["delivered"]


def test_a_test_goes_out_also_to_an_address_that_is_off_and_once(brand: Brand, receivers: Receivers) -> None:
    receiver = receivers()
    endpoint = brand.subscribe(receiver, active=False)
    receiver.fake.fail(Failure(api="receive", status=500))
    for _ in range(2):
        brand.do(endpoints.ping, endpoint)
        brand.drain()
    brand.later(hours=1)
    assert [call["status"] for call in receiver.fake.calls("receive")] == [500, 204]
    (message,) = receiver.fake.messages.values()
    assert message["type"] == "webhook_ping"  # type: ignore[index, call-overload]  # JSON
    assert states(brand) == ["failed", "delivered"]


def test_a_body_that_would_be_too_large_says_so(
    brand: Brand, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.webhooks.catalogue.LARGEST", 100)
    receiver = receivers()
    brand.subscribe(receiver)
    brand.register()
    (message,) = receiver.fake.messages.values()
    assert message["data"] == {"too_large": True}  # type: ignore[index, call-overload]  # JSON
    assert json.dumps(message)


def test_what_is_past_its_keeping_goes(brand: Brand, receivers: Receivers, tick: Callable[[], int]) -> None:
    brand.subscribe(receivers())
    brand.register()
    brand.clock.advance(days=29)
    tick()
    assert len(brand.deliveries()) == len(brand.attempts()) == 1
    brand.clock.advance(days=2)
    tick()
    assert brand.deliveries() == brand.attempts() == []
