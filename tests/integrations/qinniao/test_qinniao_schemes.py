"""Another way to sign is put in by another plugin: calls, pushes and forms, without a change to the adapter."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.registry.registry import PluginsFile, Registry
from hosts.testkit.plugin import Api
from integrations.fake_server import Call, Refusal, Running
from integrations.qinniao.client import Code
from integrations.qinniao.fake import APP_ID, SECRET, Failure, QinniaoFake, serve
from integrations.qinniao.models import QinniaoEvent, QinniaoLead
from tests.integrations.qinniao.oldsigns.hooks import md5_of

PHONE = "13800001111"
PATH = "/callbacks/qinniao/acme"


@pytest.fixture(scope="session")
def registry() -> Registry:
    registry = Registry.load(PluginsFile(load=("purchases", "qinniao", "visits")))
    folder = Path(__file__).parent / "oldsigns"
    registry.add({"oldsigns": ("tests.integrations.qinniao.oldsigns", folder)}, strict=True)
    return registry


class OldSaas(QinniaoFake):
    """The same SaaS, which believes only its own old signatures."""

    def check(self, call: Call) -> None:
        fields = {"appid": self.app_id, "ts": call.headers.get("X-OLD-TS", ""), "path": call.target}
        signed = {**fields, "body": call.body.decode()}
        if call.headers.get("X-OLD-SIGN") != md5_of(signed, SECRET):
            raise Refusal(Code.BAD_SIGNATURE, "not signed as we do")


@pytest.fixture
def saas(clock: ManualClock) -> Iterator[Running[QinniaoFake]]:
    with serve(fake=OldSaas(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], saas: Running[QinniaoFake]) -> Context:
    enable_plugin("oldsigns")
    enable_plugin("qinniao", base_url=saas.url, app_id=APP_ID, secret=SECRET, scheme="md5-form", session_codes=[9001])
    return tenant


def form(clock: ManualClock, event_id: str = "e-1", secret: str = SECRET, **changed: str) -> bytes:
    data = {"id": "m-1", "phone": PHONE, "version": 1, "updated_at": clock.now().isoformat()}
    event = {
        "event_id": event_id, "event_type": "member.converted", "occurred_at": clock.now().isoformat(),
        "store_id": 1, "data": data,
    }  # fmt: skip
    fields = {"appid": APP_ID, "ts": str(int(clock.now().timestamp())), "event": json.dumps(event)}
    return urlencode({**fields, "sign": md5_of(fields, secret), **changed}).encode()


def register(ctx: Context, drain: Callable[[], int]) -> members.MemberView:
    with ctx.transaction():
        view, _ = members.register(ctx, channel="wechat", phone=PHONE)
    drain()
    return view


def test_calls_are_signed_as_the_settings_name_it(
    brand: Context, drain: Callable[[], int], saas: Running[QinniaoFake]
) -> None:
    register(brand, drain)
    assert [lead["phone"] for lead in saas.fake.leads] == [PHONE]


def test_our_own_scheme_is_refused_by_such_a_server(
    brand: Context, drain: Callable[[], int], saas: Running[QinniaoFake]
) -> None:
    tenants.save_settings(brand, "qinniao", {"base_url": saas.url, "app_id": APP_ID})
    object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
    person = register(brand, drain)
    lead = QinniaoLead.scoped(brand).get(QinniaoLead.member == person.id)
    assert (lead.state, "40100" in lead.error, saas.fake.leads) == ("failed", True, [])


def test_a_session_that_expires_by_a_code_of_its_own_is_tried_again(
    brand: Context, drain: Callable[[], int], saas: Running[QinniaoFake]
) -> None:
    saas.fake.fail(Failure(api="members", errcode=9001))
    register(brand, drain)
    assert len(saas.fake.leads) == 1


def test_a_pushed_form_is_verified_stored_and_processed(
    brand: Context, api: Api, drain: Callable[[], int], clock: ManualClock
) -> None:
    register(brand, drain)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = form(clock)
    assert api.client.simulate_post(PATH, body=body, headers=headers).status_code == 200
    drain()
    found = members.find_by_phone(brand, PHONE)
    assert found is not None
    assert found.state == "member"
    replayed = api.client.simulate_post(PATH, body=body, headers=headers)
    assert (replayed.status_code, replayed.json["code"]) == (401, "nonce_used")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda clock: form(clock, secret="guess"), "wrong_signature"),
        (lambda clock: form(clock, event="{}"), "wrong_signature"),
        (lambda clock: form(clock, appid="other"), "unknown_app"),
        (lambda clock: b"", "unknown_app"),
    ],
    ids=["another key", "tampered with", "another app", "nothing"],
)
def test_a_form_that_is_not_theirs_is_refused(
    brand: Context, api: Api, clock: ManualClock, body: Callable[[ManualClock], bytes], code: str
) -> None:
    reply = api.client.simulate_post(PATH, body=body(clock))
    assert (reply.status_code, reply.json["code"]) == (401, code)
    assert QinniaoEvent.scoped(brand).select().count() == 0


def test_a_scheme_that_no_plugin_brings_says_so(brand: Context, api: Api, clock: ManualClock) -> None:
    tenants.disable_plugin(brand, "oldsigns")
    reply = api.client.simulate_post(PATH, body=form(clock))
    assert (reply.status_code, reply.json["code"]) == (409, "unknown_scheme")
