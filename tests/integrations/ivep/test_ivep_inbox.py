"""The inbox that integrations share, on one of their tables."""

from typing import Any
from uuid import UUID

import pytest

from integrations.ivep.models import IvepEvent
from roost import Conflict, Context, Handled, Inbox, new_id


@pytest.fixture
def push(enable_plugin: Any, tenant: Context) -> Any:
    """Return a function that stores a push and returns its id."""
    enable_plugin("ivep")

    def store(state: str = "received", body: bytes | None = b"sealed", member: UUID | None = None) -> UUID:
        made: UUID = IvepEvent.scoped(tenant).create(
            event_id=new_id().hex, event_type="x", body=body, state=state, member=member,
            occurred_at=tenant.now(), received_at=tenant.now(),
        ).id  # fmt: skip
        return made

    return store


def inbox(*answers: Handled, **more: Any) -> tuple[Inbox, list[str]]:
    seen: list[str] = []

    def handle(ctx: Context, row: Any) -> Handled:
        seen.append(ctx.plugin)
        return answers[len(seen) - 1]

    return Inbox("ivep", IvepEvent, handle, lambda ctx: 30, **more), seen


def test_a_push_is_handled_once_and_says_what_came_of_it(push: Any, tenant: Context) -> None:
    whose = new_id()
    box, seen = inbox(Handled("waiting", "too early", whose), Handled("done", "x" * 500))
    key = push()
    with tenant.transaction():
        assert [box.process(tenant, key) for _ in range(3)] == ["waiting", "done", "done"]
    row = IvepEvent.scoped(tenant).get(IvepEvent.id == key)
    assert seen == ["ivep", "ivep"]
    assert (row.state, len(row.note), row.member, row.processed_at) == ("done", 300, whose, tenant.now())


@pytest.mark.parametrize(("state", "body"), [("done", b"sealed"), ("failed", None)])
def test_what_is_done_or_erased_is_not_tried_again(push: Any, tenant: Context, state: str, body: bytes | None) -> None:
    box, seen = inbox(Handled("done"))
    with tenant.transaction(), pytest.raises(Conflict, match=f"this push is {state}"):
        box.retry(tenant, push(state, body))
    assert seen == []


def test_staff_try_again_what_is_open(push: Any, tenant: Context) -> None:
    box, seen = inbox(Handled("done"), open=("refused",))
    key = push("refused")
    with tenant.transaction():
        box.retry(tenant, key)
    assert (seen, IvepEvent.scoped(tenant).get(IvepEvent.id == key).state) == (["ivep"], "done")


def test_only_what_has_ended_goes_after_its_days(push: Any, tenant: Context, clock: Any) -> None:
    box, _ = inbox(ended=("done",))
    old, still = push("done"), push("failed")
    clock.advance(days=29)
    with tenant.transaction():
        assert box.clean(tenant) is False
    assert IvepEvent.scoped(tenant).select().count() == 2
    clock.advance(days=2)
    young = push("done")
    with tenant.transaction():
        assert box.clean(tenant) is False
    left = {row.id for row in IvepEvent.scoped(tenant).select()}
    assert left == {still, young}
    assert old not in left
