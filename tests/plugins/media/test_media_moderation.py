"""Machine first, then people; and what members report."""

from collections.abc import Callable
from typing import Any

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from hosts.testkit.plugin import Api
from plugins.media import console
from plugins.media.hookspecs import MediaRejected
from plugins.media.notices import rejected
from roost import Conflict, Unavailable, Verdict, hooks, new_id
from tests.plugins.media.conftest import Uploader, picture


@pytest.fixture
def told(tenant: Context) -> Callable[[], list[str]]:
    """Return a function that gives the facts of media so far."""

    def read() -> list[str]:
        with tenant.transaction():
            rows = Event.scoped(tenant).select(Event.name).where(Event.name.startswith("media_")).order_by(Event.id)
            return [row.name for row in rows]

    return read


def act(api: Api, what: str, item: str, body: dict[str, Any] | None = None, *permissions: str) -> Any:
    """Do something to an item as staff."""
    token = api.as_staff(*(permissions or ("media.view", "media.review")))
    return api.post(f"/admin/v1/media/items/{item}/{what}", token=token, json=body)


@pytest.mark.parametrize(
    ("verdict", "state", "reason", "facts"),
    [
        (Verdict("pass"), "approved", "", ["media_approved"]),
        (Verdict("review", "odd"), "review", "", []),
        (Verdict("risky", "porn"), "rejected", "machine", ["media_rejected"]),
        (Verdict("unknown"), "review", "", []),
        (Conflict("cannot look"), "review", "", []),
    ],
)
def test_the_machine_decides_or_hands_over(
    disk: None,
    judge: Any,
    mine: Uploader,
    told: Callable[[], list[str]],
    verdict: Any,
    state: str,
    reason: str,
    facts: Any,
) -> None:
    judge.verdicts.append(verdict)
    item = mine.upload(picture())
    assert (item["state"], item["reason"], told()) == (state, reason, facts)
    assert (item["view"] is not None) is (state != "rejected")  # its owner sees what is not refused


def test_without_a_machine_people_look_unless_the_brand_says_otherwise(
    disk: None, mine: Uploader, enable_plugin: Callable[..., None]
) -> None:
    assert mine.upload(picture())["state"] == "review"
    enable_plugin("media", without_machine="approve")
    assert mine.upload(picture())["state"] == "approved"


def test_a_verdict_that_comes_later_is_heard_once(
    disk: None, judge: Any, mine: Uploader, tenant: Context, told: Callable[[], list[str]]
) -> None:
    judge.verdicts.append(Verdict("pending", trace="t-1"))
    item = mine.upload(picture())
    assert item["state"] == "processing"

    def say(check: str, trace: str, verdict: Verdict) -> list[tuple[str, Any]]:
        with tenant.transaction():
            said = tenant.lifecycle(hooks.content_judged, check=check, trace=trace, verdict=verdict)
            return [(slug, answer) for slug, answer in said if answer]

    assert say("judge", "t-2", Verdict("pass")) == []
    assert say("other", "t-1", Verdict("pass")) == []
    assert say("judge", "t-1", Verdict("pass")) == [("media", True)]
    assert say("judge", "t-1", Verdict("pass")) == [("media", True)]
    assert (mine.read(item["id"])["state"], told()) == ("approved", ["media_approved"])
    say("judge", "t-1", Verdict("risky", "porn"))
    assert mine.read(item["id"])["state"] == "review"  # it thought again: hidden until people have looked


def test_a_machine_that_stays_silent_is_not_waited_for(
    disk: None, judge: Any, mine: Uploader, clock: ManualClock, tick: Callable[[], int]
) -> None:
    judge.verdicts.append(Verdict("pending", trace="t-1"))
    silent = mine.upload(picture())
    judge.verdicts.extend([Unavailable("down")] * 20)
    down = mine.upload(picture())
    clock.advance(minutes=50)
    tick()
    assert [mine.read(one["id"])["state"] for one in (silent, down)] == ["processing"] * 2
    clock.advance(minutes=15)
    tick()
    assert [mine.read(one["id"])["state"] for one in (silent, down)] == ["review"] * 2


def test_people_approve_and_reject_and_the_audit_knows(
    disk: None, mine: Uploader, api: Api, told: Callable[[], list[str]]
) -> None:
    good, bad = mine.upload(picture())["id"], mine.upload(picture())["id"]
    assert act(api, "approve", good).status_code == 200
    assert act(api, "reject", bad, {"note": "a stranger is in it"}).status_code == 422  # a reason is asked for
    assert act(api, "reject", bad, {"note": "a stranger is in it", "reason": "no consent"}).status_code == 200
    assert [mine.read(one)["state"] for one in (good, bad)] == ["approved", "rejected"]
    assert mine.read(bad)["reason"] == "people"
    assert mine.read(bad)["view"] is None
    assert told() == ["media_approved", "media_rejected"]
    rows = api.get("/admin/v1/audit", token=api.as_staff("audit.view")).json["items"]
    acts = [row for row in rows if "media" in row["action"]]
    assert len(acts) == 2
    assert "no consent" in str(acts)
    assert act(api, "reject", bad, {"reason": "again"}).status_code == 409
    assert act(api, "approve", bad).status_code == 200  # an appeal
    assert act(api, "approve", good, None, "media.view").status_code == 403


def test_what_was_refused_before_it_was_drawn_cannot_be_approved(disk: None, mine: Uploader, api: Api) -> None:
    item = mine.upload(b"words " * 20)
    assert item["state"] == "rejected"
    assert act(api, "approve", item["id"]).status_code == 409


def test_the_queue_shows_what_waits(disk: None, mine: Uploader, api: Api, tenant: Context) -> None:
    item = mine.upload(picture())["id"]
    with tenant.transaction():
        shown = console.read_queue(tenant, {})["items"]
    assert [str(one["id"]) for one in shown] == [item]
    assert shown[0]["preview"].startswith("data:image/webp;base64,")
    assert console.read_panel(tenant)[0][1] == "1"
    rows = api.get("/admin/v1/media/items?state=review", token=api.as_staff("media.view", "media.review")).json["items"]
    assert mine.fetch(rows[0]["view"])[0] == 200
    blind = api.get("/admin/v1/media/items?state=review", token=api.as_staff("media.view")).json["items"]
    assert blind[0]["view"] is None  # who may not review sees approved ones only


def test_enough_reports_hide_an_item_until_people_have_looked(
    disk: None, judge: Any, uploader: Callable[..., Uploader], api: Api, told: Callable[[], list[str]]
) -> None:
    owner, *others = [uploader() for _ in range(5)]
    item = owner.upload(picture())["id"]

    def say(who: Uploader, reason: str = "privacy") -> int:
        body = {"reason": reason}
        return int(api.post(f"/v1/media/items/{item}/report", token=who.token, json=body).status_code)

    assert say(owner) == 404
    assert [say(others[0]), say(others[0]), say(others[0])] == [204] * 3  # once is enough
    assert say(others[1]) == 204
    assert owner.read(item)["state"] == "approved"
    assert say(others[2]) == 204
    assert owner.read(item)["state"] == "review"
    rows = api.get("/admin/v1/media/reports", token=api.as_staff("media.review")).json["items"]
    assert [(row["reason"], row["state"]) for row in rows] == [("privacy", "open")] * 3
    act(api, "approve", item)
    rows = api.get("/admin/v1/media/reports", token=api.as_staff("media.review")).json["items"]
    assert {row["state"] for row in rows} == {"dismissed"}
    assert say(others[3]) == 204  # it takes as many again
    assert owner.read(item)["state"] == "approved"
    assert told() == ["media_approved", "media_approved"]


def test_what_nobody_may_see_cannot_be_reported(disk: None, uploader: Callable[..., Uploader], api: Api) -> None:
    owner, other = uploader(), uploader()
    ticket = owner.begin(10).json
    body = {"reason": "porn"}
    assert api.post(f"/v1/media/items/{ticket['id']}/report", token=other.token, json=body).status_code == 404


def test_a_rejection_is_a_notice_for_its_member(disk: None, tenant: Context, mine: Uploader) -> None:
    fact = MediaRejected(media=new_id(), member=mine.id, kind="image", reason="people")
    said = rejected.read(tenant, fact)
    assert said is not None
    assert said.member == mine.id
    assert "图片" in rejected.text.zh.format(**said.values)
    assert rejected.read(tenant, fact.model_copy(update={"member": None})) is None
