"""What staff and integration keys do with addresses, over REST and in the console."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.webhooks import endpoints
from integrations.webhooks.fake import PATH, Failure, ReceiverFake, Running
from tests.integrations.webhooks.conftest import Brand

Receivers = Callable[[], Running[ReceiverFake]]
ADMIN = "/admin/v1/webhooks"
ALL = ("webhooks.view", "webhooks.edit", "webhooks.replay")
NEW = {"url": "https://hooks.example.com/in", "facts": ["member_registered"], "description": "CRM"}


def test_conforms(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("webhooks")


def test_a_secret_is_shown_to_who_made_it_for_five_minutes_and_kept_sealed(brand: Brand, api: Api) -> None:
    token, other = api.as_key(*ALL), api.as_key(*ALL)
    made = api.post(f"{ADMIN}/endpoints", token=token, json=NEW)
    assert made.status_code == 201, made.text
    secret, path = made.json["secret"], f"{ADMIN}/endpoints/{made.json['id']}"
    assert secret.startswith("whsec_")
    assert api.get(path, token=token).json["secret"] == secret
    assert api.get(path, token=other).json["secret"] is None
    assert secret.encode() not in bytes(brand.endpoint(UUID(made.json["id"])).secret)
    brand.clock.advance(minutes=6)
    assert api.get(path, token=token).json["secret"] is None
    assert secret not in api.get(f"{ADMIN}/endpoints", token=token).text


def test_in_the_rotation_both_secrets_sign_and_then_only_the_new_one(
    brand: Brand, api: Api, receivers: Receivers
) -> None:
    token, before, after = api.as_key(*ALL), receivers(), receivers()
    url = {"url": before.url + PATH}
    made = api.post(f"{ADMIN}/endpoints", token=token, json={**NEW, **url}).json
    path, old = f"{ADMIN}/endpoints/{made['id']}", made["secret"]
    new = api.post(f"{path}/rotate", token=token).json["item"]["secret"]
    assert new != old
    assert api.post(f"{path}/rotate", token=token).status_code == 409
    before.fake.secrets, after.fake.secrets = [old], [new]
    brand.register()
    assert api.patch(path, token=token, json={"url": after.url + PATH}).status_code == 200
    brand.register()
    assert [len(one.fake.messages) for one in (before, after)] == [1, 1]
    brand.clock.advance(hours=25)
    brand.register()
    assert len(after.fake.messages) == 2
    api.patch(path, token=token, json={"url": before.url + PATH})
    brand.register()
    assert before.fake.calls("receive")[-1]["status"] == 401
    api.post(f"{path}/rotate", token=token)
    assert api.post(f"{path}/retire", token=token).json["item"]["old_until"] is None
    assert len(endpoints.keys_of(brand.ctx, brand.endpoint(UUID(made["id"])))) == 1


def test_after_the_overlap_the_old_secret_is_deleted(brand: Brand, tick: Callable[[], int]) -> None:
    endpoint = brand.subscribe("https://hooks.example.com/")
    brand.do(endpoints.rotate, endpoint)
    assert brand.endpoint(endpoint).old_secret is not None
    brand.clock.advance(hours=25)
    tick()
    assert brand.endpoint(endpoint).old_secret is None


def test_a_name_that_is_no_fact_is_refused_with_what_was_meant(brand: Brand, api: Api) -> None:
    token = api.as_key(*ALL)
    wrong = {**NEW, "facts": ["level_up", "member_registerd"]}
    reply = api.post(f"{ADMIN}/endpoints", token=token, json=wrong)
    assert reply.status_code == 422
    assert "是否为 member_registered" in reply.json["detail"]
    assert reply.json["fields"][0]["path"] == "body.facts.1"


def test_the_facts_to_subscribe_to_are_listed_with_what_they_tell(brand: Brand, api: Api) -> None:
    items = {one["name"]: one for one in api.get(f"{ADMIN}/facts", token=api.as_key(*ALL)).json["items"]}
    assert items["member_registered"]["plugin"] == "core"
    assert items["member_registered"]["fields"] == ["member", "channel", "invitation"]
    assert items["visit_recorded"]["plugin"] == "visits"
    assert items["webhook_disabled"]["plugin"] == "webhooks"


def test_a_brand_has_so_many_addresses_and_no_more(brand: Brand, api: Api) -> None:
    token = api.as_key(*ALL)
    made = [api.post(f"{ADMIN}/endpoints", token=token, json=NEW).status_code for _ in range(11)]
    assert made == [201] * 10 + [409]


def test_permissions_are_apart(brand: Brand, api: Api) -> None:
    endpoint = brand.subscribe("https://hooks.example.com/")
    viewer = api.as_key("webhooks.view")
    assert api.get(f"{ADMIN}/endpoints/{endpoint}", token=viewer).status_code == 200
    for path in ("endpoints", f"endpoints/{endpoint}/rotate", f"endpoints/{endpoint}/ping"):
        assert api.post(f"{ADMIN}/{path}", token=viewer, json=NEW if path == "endpoints" else None).status_code == 403
    assert api.get(f"{ADMIN}/endpoints", token=api.as_key("members.view")).status_code == 403


def test_another_brand_sees_and_changes_none_of_it(
    brand: Brand, api: Api, new_tenant: Callable[..., Any], receivers: Receivers
) -> None:
    endpoint = brand.subscribe(receivers())
    brand.register()
    delivery = brand.deliveries()[0].id
    other = new_tenant("other", plugins=("webhooks",))
    token = api.as_key(*ALL, ctx=other)
    for name in ("endpoints", "deliveries", "attempts"):
        assert api.get(f"{ADMIN}/{name}", token=token).json["items"] == []
    for path in (f"endpoints/{endpoint}/rotate", f"endpoints/{endpoint}/remove", f"deliveries/{delivery}/replay"):
        assert api.post(f"{ADMIN}/{path}", token=token).status_code == 404


def test_attempts_are_seen_and_a_delivery_is_sent_again_over_rest(brand: Brand, api: Api, receivers: Receivers) -> None:
    token, receiver = api.as_key(*ALL), receivers()
    endpoint = brand.subscribe(receiver)
    receiver.fake.fail(Failure(api="receive", status=410, body="gone for good"))
    brand.register()
    (attempt,) = api.get(f"{ADMIN}/attempts", token=token).json["items"]
    assert (attempt["status"], attempt["reply"], attempt["number"]) == (410, "gone for good", 1)
    path = f"{ADMIN}/deliveries/{attempt['delivery']}"
    assert api.post(f"{path}/replay", token=token).status_code == 409  # its address is off
    assert api.patch(f"{ADMIN}/endpoints/{endpoint}", token=token, json={"active": True}).status_code == 200
    assert api.post(f"{path}/replay", token=token).status_code == 200
    assert api.post(f"{path}/replay", token=token).status_code == 409  # it is in line
    brand.drain()
    assert api.get(path, token=token).json["state"] == "delivered"


def test_a_period_without_length_or_of_an_address_that_is_off_is_refused(brand: Brand, api: Api) -> None:
    token = api.as_key(*ALL)
    on, off = (brand.subscribe("https://hooks.example.com/", active=active) for active in (True, False))
    now = brand.clock.now().isoformat()
    assert api.post(f"{ADMIN}/endpoints/{on}/replay", token=token, json={"since": now}).status_code == 422
    assert (
        api.post(f"{ADMIN}/endpoints/{off}/replay", token=token, json={"since": "2026-11-01T00:00:00Z"}).status_code
        == 409
    )


def test_purged_nothing_is_left(brand: Brand, receivers: Receivers, purge: Callable[[Context, str], None]) -> None:
    brand.subscribe(receivers())
    brand.register()
    purge(brand.ctx, "webhooks")
    assert brand.deliveries() == brand.attempts() == []
