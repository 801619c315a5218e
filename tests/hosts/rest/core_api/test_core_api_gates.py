"""A gate reads the code that a member shows: once, within its minute, at one of its own venues."""

import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from core import audit, identity, members, tenants
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.errors import Conflict
from core.ids import new_id
from hosts.testkit.plugin import Api

GATE = "/admin/v1/members/code"


@pytest.fixture
def venue(tenant: Context) -> Callable[[str], UUID]:
    """Return a function that makes a venue."""
    return lambda code: tenant.run(lambda: tenants.add_venue(tenant, code, code).id)  # type: ignore[no-any-return]


def key_of(tenant: Context, *venues: UUID, permissions: tuple[str, ...] = ("members.code",)) -> str:
    return tenant.run(lambda: identity.create_key(tenant, "gate", permissions, venues)[1])


def shown(api: Api, who: Any) -> str:
    code: str = api.get("/v1/me/code", token=api.as_member(who)).json["code"]
    return code


def read(api: Api, token: str, code: str, **more: Any) -> Any:
    return api.post(GATE, token=token, key=new_id().hex, json={"code": code, **more})


def test_a_gate_is_told_whose_code_it_is_and_what_it_needs_to_open(
    api: Api, tenant: Context, member: Callable[..., Any], venue: Callable[[str], UUID], clock: ManualClock
) -> None:
    here, home = venue("001"), venue("002")
    guest = member(name="Han Meimei", venue=home)
    tenant.run(lambda: members.set_membership(tenant, guest.id, state="member", valid_until=date(2026, 11, 22)))
    gate = key_of(tenant, here)
    code = shown(api, guest)
    reply = read(api, gate, f"{code[:6]} {code[6:]}")
    assert reply.status_code == 200, reply.text
    assert reply.json == {
        "member": str(guest.id), "name": "H*********", "state": "member", "frozen": False,
        "valid_until": "2026-11-22", "level": "", "class": "ordinary", "venue": str(here),
    }  # fmt: skip
    with tenant.transaction():
        (row,) = list(audit.Audit.scoped(tenant).select().where(audit.Audit.action == "member.code_read"))
    assert (row.subject, row.actor.partition(":")[0]) == (str(guest.id), "key")
    clock.advance(days=1)
    assert read(api, gate, shown(api, guest)).json["state"] == "lapsed"


def test_a_code_is_read_once_and_a_repeat_of_the_request_is_the_first_answer(
    api: Api, tenant: Context, member: Callable[..., Any], venue: Callable[[str], UUID], clock: ManualClock
) -> None:
    guest, here, there = member(), venue("001"), venue("002")
    gate, code = key_of(tenant, here), shown(api, guest)
    first = api.post(GATE, token=gate, key="k", json={"code": code})
    assert api.post(GATE, token=gate, key="k", json={"code": code}).json == first.json
    for token in (gate, key_of(tenant, there)):
        again = read(api, token, code)
        assert (again.status_code, again.json["code"]) == (409, "member_code_used")
    clock.advance(seconds=10)
    assert read(api, gate, shown(api, guest)).status_code == 200
    late = shown(api, guest)
    clock.advance(seconds=61)
    dead = read(api, gate, late)
    assert (dead.status_code, dead.json["code"]) == (422, "bad_member_code")
    assert read(api, gate, "000000000000000000").json["code"] == "bad_member_code"


def test_a_gate_reads_at_its_own_venues_only_and_says_at_which(
    api: Api, tenant: Context, member: Callable[..., Any], venue: Callable[[str], UUID], clock: ManualClock
) -> None:
    guest, here, there = member(), venue("001"), venue("002")
    one, two, all_ = key_of(tenant, here), key_of(tenant, here, there), key_of(tenant)
    code = shown(api, guest)
    assert read(api, one, code, venue=str(there)).status_code == 403
    for token in (two, all_):
        assert read(api, token, code).json["fields"][0]["path"] == "body.venue"
    assert read(api, all_, code, venue=str(new_id())).status_code == 404
    assert read(api, two, code, venue=str(there)).json["venue"] == str(there)
    clock.advance(seconds=10)
    assert read(api, all_, shown(api, guest), venue=str(there)).status_code == 200


def test_only_who_may_reads_codes_and_not_without_end(
    api: Api, tenant: Context, member: Callable[..., Any], venue: Callable[[str], UUID]
) -> None:
    guest, here = member(), venue("001")
    code = shown(api, guest)
    assert read(api, key_of(tenant, here, permissions=("points.view",)), code).status_code == 403
    assert read(api, api.as_member(guest), code).status_code == 403
    gate = key_of(tenant, here)
    assert api.post(GATE, token=gate, json={"code": code}).status_code == 400, "an Idempotency-Key is required"
    replies = [read(api, gate, "1").status_code for _ in range(121)]
    assert replies[-1] == 429
    assert set(replies[:-1]) <= {422, 429}


@pytest.mark.parametrize("kept", [True, False], ids=["as it is", "control: nobody writes down what was read"])
def test_two_gates_at_one_moment_open_one(
    tenant: Context,
    member: Callable[..., Any],
    venue: Callable[[str], UUID],
    kept: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guest, here = member(), venue("001")
    with tenant.transaction():
        code = members.member_code(tenant, guest.id)
    actor = Actor("key", new_id(), permissions=frozenset({"members.code"}), venues=frozenset({here}))
    if not kept:
        numbers = iter(range(99))
        sign = type(tenant.services.keyring).signature
        monkeypatch.setattr(
            type(tenant.services.keyring),
            "signature",
            lambda ring, brand, purpose, text: sign(
                ring, brand, purpose, text + str(next(numbers)).encode() if text.startswith(b"read") else text
            ),
        )
    start, opened = threading.Barrier(4), []

    def gate() -> None:
        ctx = Context(tenant.services, tenant.tenant, actor)
        start.wait(10)
        try:
            ctx.run(lambda: identity.read_code(ctx, code))
        except Conflict:
            return
        opened.append(1)

    threads = [threading.Thread(target=gate) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert len(opened) == (1 if kept else 4)
