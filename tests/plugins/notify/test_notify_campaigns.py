"""A message to many: previewed, approved, tried out, sent once, stopped half-way, and what failed tried again."""

import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events import jobs
from core.members import MemberView, NewMember
from core.runtime import Runtime
from hosts.testkit.plugin import Api
from plugins.notify import campaigns, importing, privacy
from plugins.notify.models import NotifyCampaign, NotifyInbox, NotifyMessage, NotifyNotice
from plugins.notify.staff_schemas import CampaignIn, ExemptIn, ImportIn, StartIn
from roost import Conflict, Invalid, Outgoing, Sent
from tests.plugins.notify.conftest import Pigeon, Story

ADMIN = "/admin/v1/notify/campaigns"
WORDS = {
    "name": "Spring",
    "title_zh": "春季特惠",
    "text_zh": "{name}，{brand} 春季特惠",
    "text_en": "Spring at {brand}",
}
BASIS = "signed up at the fair"


class Desk:
    """What staff do with a campaign."""

    def __init__(self, story: Story) -> None:
        self.story, self.ctx = story, story.ctx

    def draft(self, **more: Any) -> UUID:
        """Write one down: by SMS, to members, no marketing unless said."""
        marketing = more.pop("marketing", False)
        body = CampaignIn(**{**WORDS, "channels": ["sms"], **more})
        with self.ctx.transaction():
            campaign: UUID = campaigns.draft(self.ctx, body).id
        if not marketing:
            self.exempt(campaign)
        return campaign

    def exempt(self, campaign: UUID) -> None:
        """Have it taken for no marketing, as an approval does."""
        self.do(campaigns.exempt, campaign, ExemptIn(reason="the shop closes"))

    def do(self, act: Callable[..., Any], campaign: UUID, *more: Any) -> None:
        """Do something to it, in a transaction of its own."""
        self.ctx.run(lambda: act(self.ctx, campaign, *more))

    def preview(self, campaign: UUID) -> NotifyCampaign:
        """Count heads."""
        self.do(campaigns.preview, campaign)
        self.story.drain()
        return self.row(campaign)

    def begin(self, campaign: UUID, **more: Any) -> None:
        """Preview and start it, without sending yet."""
        heads = self.preview(campaign).heads
        self.do(campaigns.start, campaign, StartIn(heads=heads, **more))

    def row(self, campaign: UUID) -> NotifyCampaign:
        """Return it."""
        return campaigns.require(self.ctx, campaign)

    def progress(self, campaign: UUID) -> dict[str, int]:
        """Return messages by state."""
        return campaigns.progress(self.ctx, [campaign])[campaign]

    def load(self, campaign: UUID, csv: str) -> dict[str, Any]:
        """Import a list; return what came of it. What was no marketing stays so, by a new word."""
        marketing = self.row(campaign).marketing
        self.do(importing.import_list, campaign, ImportIn(csv=csv, basis=BASIS))
        if not marketing:
            self.exempt(campaign)
        found: dict[str, Any] = self.row(campaign).imported
        return found


@pytest.fixture
def desk(story: Story, brand: Context) -> Desk:
    """Return the desk of a brand that welcomes nobody: only campaigns are seen."""
    with brand.transaction():
        NotifyNotice.scoped(brand).create(fact="member_converted", group="notify", enabled=False)
        tenants.touch(brand)
    object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
    return Desk(story)


@pytest.fixture
def crowd(tenant: Context) -> Callable[[int], None]:
    """Return a function that makes so many members."""

    def make(count: int) -> None:
        rows = [NewMember("test", f"c{n}", phone=f"1370{n:07d}") for n in range(count)]
        with tenant.transaction():
            found = members.register_many(tenant.imported(), rows)
            members.Member.scoped(tenant).update(state="member").where(
                members.Member.id.in_(list(found.values()))
            ).execute()

    return make


def run_some(runtime: Runtime, count: int) -> None:
    """Run so many due jobs, one after another."""
    assert jobs.drain(runtime, most=count, batch=1) == count


def test_everybody_of_the_audience_is_written_to_once_in_their_language(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon, tenant: Context
) -> None:
    li, ann, lead = member(state="member", name="李雷"), member(state="member", name="Ann"), member()
    with tenant.transaction():
        members.update_profile(tenant, ann.id, {"locale": "en"})
    campaign = desk.draft(channels=["inbox", "sms"])
    ready = desk.preview(campaign)
    assert (ready.state, ready.heads, ready.reachable, ready.cost_fen) == ("ready", 2, 2, 10)
    assert pigeon.sent == [], "a preview sends nothing"
    assert story.inbox(li) == 0
    desk.do(campaigns.start, campaign, StartIn(heads=2))
    story.drain()
    assert {out.member: out.text for _, out in pigeon.sent} == {
        li.id: "李雷，Brand acme 春季特惠",
        ann.id: "Spring at Brand acme",
    }
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 2})
    assert [story.inbox(m) for m in (li, ann, lead)] == [1, 1, 0]
    assert len(story.facts("message_sent")) == 2


def test_a_filter_narrows_by_state_level_venue_and_tag(
    desk: Desk, member: Callable[..., MemberView], tenant: Context
) -> None:
    with tenant.transaction():
        shop = tenants.add_venue(tenant, "001", "Centre")
        members.define_attribute(tenant, members.Attribute("likes", "Likes", "text"))
        inside = member(state="member", venue=shop.id)
        runner = member()
        members.update_profile(tenant, runner.id, {"attributes": {"likes": "running"}})
        members.set_level(tenant, inside.id, "gold", up=True)
    member()
    found = {
        name: desk.preview(desk.draft(name=name, **how)).heads
        for name, how in {
            "state": {"states": ["member"]},
            "both": {"states": ["lead", "member"]},
            "level": {"states": ["lead", "member"], "levels": ["gold"]},
            "venue": {"states": ["lead", "member"], "venue": shop.id},
            "tag": {"states": ["lead", "member"], "tag": "likes", "tag_value": "running"},
        }.items()
    }
    assert found == {"state": 1, "both": 3, "level": 1, "venue": 1, "tag": 1}


def test_a_start_confirms_the_number_of_the_preview(desk: Desk, crowd: Callable[[int], None]) -> None:
    crowd(3)
    campaign = desk.draft()
    desk.preview(campaign)
    with pytest.raises(Conflict) as refused:
        desk.do(campaigns.start, campaign, StartIn(heads=2))
    assert refused.value.code == "other_heads"


def test_what_is_edited_after_the_preview_must_be_previewed_again(desk: Desk, crowd: Callable[[int], None]) -> None:
    crowd(3)
    campaign = desk.draft()
    desk.preview(campaign)
    desk.do(campaigns.edit, campaign, CampaignIn(**{**WORDS, "channels": ["sms"], "states": ["lapsed"]}))
    with pytest.raises(Conflict):
        desk.do(campaigns.start, campaign, StartIn(heads=3))
    assert desk.preview(campaign).heads == 0


@pytest.mark.parametrize("text", ["{member}", "{name.__class__}", "{", "{0}"])
def test_words_with_unknown_placeholders_are_refused(desk: Desk, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        desk.draft(text_en=text)
    assert refused.value.code == "bad_template"


def test_an_unknown_channel_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        desk.draft(channels=["sms", "smoke"])
    assert "smoke" in refused.value.message


# --- stop, crash, retry ----------------------------------------------------------------------------------------------


def test_a_stop_ends_it_before_the_next_chunk_and_a_resume_writes_to_nobody_twice(
    desk: Desk, runtime: Runtime, story: Story, crowd: Callable[[int], None], pigeon: Pigeon, use: Callable[..., None]
) -> None:
    use(chunk=3, lanes=1)
    crowd(10)
    campaign = desk.draft()
    desk.begin(campaign)
    run_some(runtime, 2)
    assert len(pigeon.sent) == 6
    desk.do(campaigns.stop, campaign)
    story.drain()
    assert (len(pigeon.sent), desk.row(campaign).state) == (6, "stopped")
    assert desk.progress(campaign) == {"sent": 6, "waiting": 4}
    desk.do(campaigns.resume, campaign)
    story.drain()
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 10})
    assert len({out.address for _, out in pigeon.sent}) == len(pigeon.sent) == 10


def test_stopped_and_resumed_while_a_step_waits_there_is_one_chain_not_two(
    desk: Desk, story: Story, crowd: Callable[[int], None], pigeon: Pigeon, use: Callable[..., None]
) -> None:
    use(chunk=2, lanes=3)
    crowd(9)
    campaign = desk.draft()
    desk.begin(campaign)
    for _ in range(3):
        desk.do(campaigns.stop, campaign)
        desk.do(campaigns.resume, campaign)
    story.drain()
    assert (desk.row(campaign).state, len(pigeon.sent)) == ("done", 9)


def test_a_stopped_one_can_be_cancelled_for_good(
    desk: Desk, runtime: Runtime, story: Story, crowd: Callable[[int], None], pigeon: Pigeon, use: Callable[..., None]
) -> None:
    use(chunk=1, lanes=1)
    crowd(3)
    campaign = desk.draft()
    desk.begin(campaign)
    run_some(runtime, 1)
    desk.do(campaigns.stop, campaign)
    desk.do(campaigns.cancel, campaign)
    story.drain()
    assert (len(pigeon.sent), desk.progress(campaign)) == (1, {"sent": 1, "skipped": 2})
    with pytest.raises(Conflict):
        desk.do(campaigns.resume, campaign)


def test_killed_between_the_call_and_its_outcome_nothing_is_sent_twice(
    desk: Desk,
    runtime: Runtime,
    story: Story,
    crowd: Callable[[int], None],
    pigeon: Pigeon,
    clock: ManualClock,
    use: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process dies after the provider took the second chunk; the lease runs out and another takes the job."""
    use(chunk=3, lanes=1)
    crowd(8)
    campaign = desk.draft()
    desk.begin(campaign)
    run_some(runtime, 1)
    from plugins.notify import sending

    class Killed(BaseException):
        pass

    real = sending.complete

    def die(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(sending, "complete", die)
    claimed = jobs.claim(runtime, 1)[0]
    with pytest.raises(Killed):
        jobs.run(runtime, claimed)
    monkeypatch.setattr(sending, "complete", real)
    assert (len(pigeon.sent), desk.progress(campaign)) == (6, {"sent": 3, "sending": 3, "waiting": 2})
    clock.advance(seconds=runtime.settings.lease_seconds + 1)
    story.drain()
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 5, "unknown": 3})
    assert len({out.key for _, out in pigeon.sent}) == len(pigeon.sent) == 8
    with pytest.raises(Conflict):  # nobody knows of them, so nobody sends them again
        desk.do(campaigns.retry_failed, campaign)


def test_killed_and_meanwhile_stopped_and_resumed_it_still_ends(
    desk: Desk,
    runtime: Runtime,
    story: Story,
    crowd: Callable[[int], None],
    pigeon: Pigeon,
    clock: ManualClock,
    use: Callable[..., None],
) -> None:
    use(chunk=2, lanes=1)
    crowd(4)
    campaign = desk.draft()
    desk.begin(campaign)

    class Killed(BaseException):
        pass

    def die(_: Outgoing) -> Sent:
        raise Killed

    pigeon.answer("sms", die)
    with pytest.raises(Killed):
        jobs.run(runtime, jobs.claim(runtime, 1)[0])
    pigeon.answer("sms")
    desk.do(campaigns.stop, campaign)
    desk.do(campaigns.resume, campaign)
    story.drain()
    assert desk.row(campaign).state == "running", "two are still under way, as far as anybody knows"
    clock.advance(seconds=runtime.settings.lease_seconds + 1)
    story.drain()
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 2, "unknown": 2})


def test_what_failed_is_listed_with_its_reason_and_tried_again_when_staff_ask(
    desk: Desk, story: Story, crowd: Callable[[int], None], pigeon: Pigeon
) -> None:
    crowd(4)
    campaign = desk.draft()
    bad = "+8613700000002"
    pigeon.answer("sms", lambda out: Sent("refused", "too_often") if out.address == bad else Sent("sent"))
    desk.begin(campaign)
    story.drain()
    assert desk.progress(campaign) == {"sent": 3, "failed": 1}
    failed = next(row for row in story.rows() if row.state == "failed")
    assert (failed.code, failed.trail) == ("too_often", [["sms", "too_often", ""]])
    pigeon.answer("sms")
    before = len(pigeon.sent)
    desk.do(campaigns.retry_failed, campaign)
    story.drain()
    assert [out.address for _, out in pigeon.sent[before:]] == [bad]
    assert pigeon.sent[before][1].key not in {out.key for _, out in pigeon.sent[:before]}, "new to the provider"
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 4})


def test_a_busy_channel_delays_only_those_it_asked_to_delay(
    desk: Desk,
    story: Story,
    crowd: Callable[[int], None],
    pigeon: Pigeon,
    clock: ManualClock,
    use: Callable[..., None],
) -> None:
    use(chunk=2)
    crowd(5)
    campaign = desk.draft()
    slow = "+8613700000003"
    pigeon.answer("sms", lambda out: Sent("later", retry_after=900) if out.address == slow else Sent("sent"))
    desk.begin(campaign)
    story.drain()
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("running", {"sent": 4, "waiting": 1})
    pigeon.answer("sms")
    clock.advance(minutes=15)
    story.drain()
    assert (desk.row(campaign).state, desk.progress(campaign)) == ("done", {"sent": 5})


def test_fallback_to_the_next_channel(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member(state="member")
    campaign = desk.draft(channels=["bird", "sms"])
    desk.begin(campaign)
    story.drain()
    assert (pigeon.ways(), desk.progress(campaign)) == (["sms"], {"sent": 1})
    assert story.inbox(li) == 0


def test_marketing_waits_for_the_morning_as_a_whole_and_keeps_to_caps_and_consent(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock
) -> None:
    yes, no, full = (member(state="member") for _ in range(3))
    story.agree(yes)
    story.agree(full)
    story.letter(full)
    story.drain()
    campaign = desk.draft(marketing=True)
    assert (desk.preview(campaign).heads, desk.row(campaign).reachable) == (3, 2)
    clock.advance(hours=12)  # 22:00
    desk.do(campaigns.start, campaign, StartIn(heads=3))
    story.drain()
    assert desk.progress(campaign) == {"waiting": 3}
    clock.advance(hours=11)
    story.letter(full)  # takes the place of the new day before the campaign does
    with story.ctx.transaction():
        pass
    rows = {row.member: row for row in story.rows() if row.campaign is None}
    assert rows[full.id].state in ("sent", "waiting")
    story.drain()
    by_member = {row.member: (row.state, row.code) for row in story.rows() if row.campaign == campaign}
    assert by_member[yes.id] == ("sent", "")
    assert by_member[no.id] == ("skipped", "no_consent")
    assert sorted(row.state for row in story.rows() if row.member == full.id) == ["sent", "sent", "skipped"]


def test_it_begins_at_the_given_time(
    desk: Desk, story: Story, crowd: Callable[[int], None], pigeon: Pigeon, clock: ManualClock
) -> None:
    crowd(2)
    campaign = desk.draft()
    desk.begin(campaign, at=clock.now() + timedelta(hours=2))
    story.drain()
    assert pigeon.sent == []
    clock.advance(hours=2)
    story.drain()
    assert len(pigeon.sent) == 2


# --- people who change meanwhile -------------------------------------------------------------------------------------


def test_who_was_erased_meanwhile_is_not_written_to(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon, tenant: Context
) -> None:
    li = member(state="member")
    campaign = desk.draft()
    desk.preview(campaign)
    with tenant.transaction():
        members.erase(tenant, li.id, "asked for it")
    desk.do(campaigns.start, campaign, StartIn(heads=1))
    story.drain()
    assert (pigeon.sent, desk.progress(campaign)) == ([], {"skipped": 1})
    row = story.rows()[0]
    assert (row.member, row.content, row.address) == (None, None, None)


def test_two_records_that_became_one_person_are_written_to_once(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon, tenant: Context
) -> None:
    li, again = member(state="member"), member(state="member")
    campaign = desk.draft(channels=["inbox", "sms"])
    desk.preview(campaign)
    with tenant.transaction():
        members.merge(tenant, li.id, again.id, "the same person")
    desk.do(campaigns.start, campaign, StartIn(heads=2))
    story.drain()
    assert [out.member for _, out in pigeon.sent] == [li.id]
    assert (story.inbox(li), desk.progress(campaign)) == (1, {"sent": 1, "skipped": 1})


# --- imported lists --------------------------------------------------------------------------------------------------

LIST = (
    "\ufeff手机,备注\r\n138 0000 0001,a\r\n+8613800000001,again\r\n12345,bad\r\n\r\n"
    "13800000002,\r\nann@Example.com,x\r\n"
)


def test_a_list_is_cleaned_deduplicated_and_what_is_bad_is_named(desk: Desk) -> None:
    campaign = desk.draft(everybody=False, marketing=True)
    assert desk.load(campaign, LIST) == {"added": 3, "known": 0, "bad": 1, "bad_lines": [4]}
    assert desk.load(campaign, "13800000002\n13800000003\n") == {"added": 1, "known": 1, "bad": 0, "bad_lines": []}
    ready = desk.preview(campaign)
    assert (ready.heads, ready.reachable, ready.cost_fen) == (4, 3, 15), "no channel of it takes the e-mail address"


def test_a_list_without_a_single_good_line_is_refused(desk: Desk) -> None:
    campaign = desk.draft(everybody=False)
    with pytest.raises(Invalid):
        desk.load(campaign, "name\nLi Lei\n\n")


def test_the_imported_are_written_to_and_their_numbers_are_never_shown_whole(
    desk: Desk, story: Story, pigeon: Pigeon, api: Api
) -> None:
    campaign = desk.draft(everybody=False, marketing=True)
    desk.load(campaign, "13800000001\n")
    desk.begin(campaign)
    story.drain()
    (_, out) = pigeon.sent[0]
    assert (out.address, out.member, out.text) == ("+8613800000001", None, "会员，Brand acme 春季特惠")
    reply = api.get(f"/admin/v1/notify/messages?campaign={campaign}", token=api.as_staff("notify.view"))
    assert [m["address"] for m in reply.json["items"]] == ["138****0001"]
    assert "13800000001" not in repr([row.__data__ for row in story.rows()])


def test_an_imported_number_that_is_a_members_is_under_the_members_own_wishes_and_sent_once(
    desk: Desk, story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    known, listed = member(state="member", phone="13800000001"), member(phone="13800000002")
    story.agree(known)
    campaign = desk.draft(marketing=True)
    desk.load(campaign, "13800000001\n13800000002\n13800000003\n")
    desk.preview(campaign)
    ready = desk.preview(campaign)  # looking twice changes nothing
    assert (ready.heads, ready.reachable) == (3, 2)
    desk.do(campaigns.start, campaign, StartIn(heads=3))
    story.drain()
    assert sorted(out.address for _, out in pigeon.sent) == ["+8613800000001", "+8613800000003"]
    assert {row.member: row.code for row in story.rows()}[listed.id] == "no_consent"


def test_an_imported_number_on_the_list_of_those_who_said_no_gets_no_campaign(
    desk: Desk, story: Story, pigeon: Pigeon, api: Api
) -> None:
    token = api.as_staff("notify.block")
    blocks = "/admin/v1/notify/blocks"
    made = api.post(blocks, token=token, json={"channel": "sms", "address": "138 0000 0001"})
    assert (made.status_code, made.json["address"]) == (201, "138****0001"), made.text
    campaign = desk.draft(everybody=False, marketing=True)
    desk.load(campaign, "13800000001\n13800000002\n")
    desk.begin(campaign)
    story.drain()
    assert [out.address for _, out in pigeon.sent] == ["+8613800000002"]
    assert desk.progress(campaign) == {"sent": 1, "skipped": 1}
    lifted = api.post(f"{blocks}/{made.json['id']}/lift", token=token, json={"reason": "asked for it again"})
    assert lifted.status_code == 200
    assert api.get(blocks, token=token).json["items"] == []


def test_the_cap_counts_imported_numbers_too(desk: Desk, story: Story, pigeon: Pigeon) -> None:
    for name in ("first", "second"):
        campaign = desk.draft(name=name, everybody=False, marketing=True)
        desk.load(campaign, "13800000001\n")
        desk.begin(campaign)
        story.drain()
    assert [row.code for row in story.rows()] == ["", "capped"]


# --- staff -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(desk: Desk, crowd: Callable[[int], None], api: Api, use: Callable[..., None]) -> dict[str, str]:
    """Ask for the start of a campaign to more than may begin unseen; return who asked, who may approve, and where."""
    use(approve_over=2)
    crowd(3)
    campaign = desk.draft()
    desk.preview(campaign)
    first, second = api.as_staff("notify.view", "notify.send"), api.as_staff("notify.view", "notify.send")
    reply = api.post(f"{ADMIN}/{campaign}/start", token=first, key="k", json={"heads": 3})
    assert reply.json["state"] == "pending", reply.text
    path = f"{ADMIN}/{campaign}/start/approvals/{reply.json['approval']}/approve"
    return {"campaign": str(campaign), "first": first, "second": second, "path": path}


def test_above_the_limit_a_second_person_approves_the_start(
    asked: dict[str, str], story: Story, pigeon: Pigeon, api: Api
) -> None:
    story.drain()
    assert pigeon.sent == []
    own = api.post(asked["path"], token=asked["first"], key="k2")
    assert own.status_code in (403, 409), "nobody approves their own"
    assert api.post(asked["path"], token=asked["second"], key="k3").status_code == 200
    story.drain()
    assert len(pigeon.sent) == 3


def test_words_edited_after_the_request_are_not_sent_by_its_approver(
    asked: dict[str, str], desk: Desk, story: Story, pigeon: Pigeon, api: Api
) -> None:
    campaign = asked["campaign"]
    edited = api.patch(f"{ADMIN}/{campaign}", token=asked["first"], json={**WORDS, "text_zh": "别的话"})
    assert edited.status_code == 200, edited.text
    desk.preview(UUID(campaign))  # the same heads, and `ready` again
    assert api.post(asked["path"], token=asked["second"], key="k2").status_code == 409
    story.drain()
    assert pigeon.sent == []


# --- what is no marketing ---


WHY = {"reason": "the shop closes tomorrow"}


def ask_exemption(api: Api, campaign: UUID, token: str) -> str:
    """Ask that a campaign be taken for no marketing; return where to approve it."""
    reply = api.post(f"{ADMIN}/{campaign}/exempt", token=token, json=WHY)
    assert reply.json["state"] == "pending", reply.text
    return f"{ADMIN}/{campaign}/exempt/approvals/{reply.json['approval']}/approve"


def test_a_campaign_is_no_marketing_only_with_a_permission_a_reason_and_a_second_person(
    desk: Desk, story: Story, pigeon: Pigeon, api: Api, member: Callable[..., MemberView], clock: ManualClock
) -> None:
    member(state="member")
    campaign = desk.draft(marketing=True)
    clock.advance(hours=13)  # 23:00, and nobody agreed to marketing
    may_not = api.as_staff("notify.view", "notify.send")
    first, second = (api.as_staff("notify.view", "notify.send", "notify.exempt") for _ in range(2))
    assert api.post(f"{ADMIN}/{campaign}/exempt", token=may_not, json=WHY).status_code == 403
    assert api.post(f"{ADMIN}/{campaign}/exempt", token=first, json={}).status_code == 422
    assert api.post(ADMIN, token=first, json={**WORDS, "marketing": False}).status_code == 422, "no tick in the form"
    path = ask_exemption(api, campaign, first)
    assert desk.row(campaign).marketing, "it is asked for, not done"
    assert api.post(path, token=first).status_code == 403, "nobody approves their own"
    assert api.post(path, token=may_not).status_code in (403, 404)
    assert api.post(path, token=second).status_code == 200
    assert (desk.row(campaign).marketing, desk.row(campaign).exempt_reason) == (False, WHY["reason"])
    desk.begin(campaign)
    story.drain()
    assert pigeon.ways() == ["sms"]


def test_without_the_second_person_it_stays_marketing_for_whoever_starts_it(
    desk: Desk, story: Story, pigeon: Pigeon, api: Api, member: Callable[..., MemberView], clock: ManualClock
) -> None:
    member(state="member")
    campaign = desk.draft(marketing=True)
    clock.advance(hours=13)
    ask_exemption(api, campaign, api.as_staff("notify.view", "notify.send", "notify.exempt"))
    desk.begin(campaign)
    story.drain()
    assert (pigeon.sent, desk.progress(campaign)) == ([], {"waiting": 1})


@pytest.mark.parametrize("change", ["words", "list"])
def test_other_words_or_another_audience_make_it_marketing_again(desk: Desk, api: Api, change: str) -> None:
    campaign = desk.draft()
    assert not desk.row(campaign).marketing
    token = api.as_staff("notify.view", "notify.send")
    if change == "words":
        done = api.patch(f"{ADMIN}/{campaign}", token=token, json={**WORDS, "text_zh": "年卡八折"})
    else:
        body = {"csv": "13800000001\n", "basis": BASIS}
        done = api.post(f"{ADMIN}/{campaign}/import", token=token, json=body)
    assert done.status_code == 200, done.text
    assert (desk.row(campaign).marketing, desk.row(campaign).exempt_reason) == (True, "")


def test_words_edited_after_the_question_are_not_exempted_by_its_answer(desk: Desk, api: Api) -> None:
    campaign = desk.draft(marketing=True)
    first, second = (api.as_staff("notify.view", "notify.send", "notify.exempt") for _ in range(2))
    path = ask_exemption(api, campaign, first)
    desk.preview(campaign)  # looking at the numbers changes nothing of it
    api.patch(f"{ADMIN}/{campaign}", token=first, json={**WORDS, "text_zh": "年卡八折"})
    assert api.post(path, token=second).status_code == 409
    assert desk.row(campaign).marketing


def test_a_preview_between_the_question_and_the_answer_is_made_anew(
    desk: Desk, api: Api, crowd: Callable[[int], None]
) -> None:
    crowd(2)
    campaign = desk.draft(marketing=True)
    first, second = (api.as_staff("notify.view", "notify.send", "notify.exempt") for _ in range(2))
    path = ask_exemption(api, campaign, first)
    assert desk.preview(campaign).reachable == 0
    assert api.post(path, token=second).status_code == 200
    assert desk.row(campaign).state == "draft"
    assert desk.preview(campaign).reachable == 2


def test_a_test_goes_to_one_address_is_marked_and_counts_for_nothing(
    desk: Desk, story: Story, crowd: Callable[[int], None], pigeon: Pigeon, api: Api, clock: ManualClock
) -> None:
    crowd(2)
    clock.advance(hours=13)  # at night too
    campaign = desk.draft(marketing=True)
    token = api.as_staff("notify.view", "notify.send")
    body = {"channel": "sms", "address": "13800000001", "locale": "en"}
    assert api.post(f"{ADMIN}/{campaign}/test", token=token, json=body).status_code == 200
    story.drain()
    assert [(out.address, out.text, out.title) for _, out in pigeon.sent] == [
        ("+8613800000001", "Spring at Brand acme", "[Test] 春季特惠")
    ]
    assert desk.progress(campaign) == {}
    refused = api.post(f"{ADMIN}/{campaign}/test", token=token, json={"channel": "sms", "address": "1"})
    assert refused.status_code == 422


def test_an_account_of_one_venue_writes_to_its_members_only(
    desk: Desk, api: Api, tenant: Context, member: Callable[..., MemberView]
) -> None:
    with tenant.transaction():
        shop, other = tenants.add_venue(tenant, "001", "Centre"), tenants.add_venue(tenant, "002", "North")
    token = api.as_staff("notify.view", "notify.send", venues=(shop.id,))
    body = {**WORDS, "channels": ["inbox"]}
    assert api.post(ADMIN, token=token, json=body).status_code == 403
    assert api.post(ADMIN, token=token, json={**body, "venue": str(other.id)}).status_code == 403
    made = api.post(ADMIN, token=token, json={**body, "venue": str(shop.id)})
    assert made.status_code == 201, made.text
    everybodys = desk.draft()
    assert api.post(f"{ADMIN}/{everybodys}/preview", token=token).status_code == 404


def test_the_plugin_is_not_switched_off_while_one_runs(
    desk: Desk, crowd: Callable[[int], None], brand: Context
) -> None:
    crowd(1)
    desk.begin(desk.draft())
    veto = privacy.may_switch_off(brand)
    assert veto is not None
    assert veto.code == "campaign_running"


# --- many ------------------------------------------------------------------------------------------------------------


@pytest.mark.engines("sqlite")  # the code and its statements are the same on both; ten thousand take their time
def test_ten_thousand_are_written_to_in_flat_memory_and_few_statements(
    desk: Desk,
    runtime: Runtime,
    crowd: Callable[[int], None],
    pigeon: Pigeon,
    use: Callable[..., None],
    statements: list[str],
) -> None:
    use(chunk=100, lanes=1)
    crowd(10_000)
    campaign = desk.draft(channels=["inbox"])
    desk.do(campaigns.preview, campaign)
    statements.clear()
    tracemalloc.start()
    try:
        jobs.drain(runtime)
        assert desk.row(campaign).heads == 10_000
        gathered, most_gathering = len(statements), tracemalloc.get_traced_memory()[1]
        desk.do(campaigns.start, campaign, StartIn(heads=10_000))
        statements.clear()
        tracemalloc.reset_peak()
        jobs.drain(runtime)
        most_sending = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert desk.progress(campaign) == {"sent": 10_000}
    assert NotifyInbox.scoped(desk.ctx).select().count() == 10_000
    assert gathered < 100 * 12, "so many for a page of a hundred"
    assert len(statements) < 100 * 20, "so many for a chunk of a hundred, however many chunks"
    assert max(most_gathering, most_sending) < 6_000_000, "bytes: not the whole audience at once"
    assert NotifyMessage.scoped(desk.ctx).select().where(NotifyMessage.content.is_null(False)).count() == 0


def test_each_recipient_of_a_channel_costs_a_handful_of_statements(
    desk: Desk,
    runtime: Runtime,
    story: Story,
    crowd: Callable[[int], None],
    use: Callable[..., None],
    statements: list[str],
) -> None:
    use(chunk=20, lanes=1, consent_needed=False)
    crowd(100)
    campaign = desk.draft(marketing=True)
    desk.begin(campaign)
    statements.clear()
    story.drain()
    assert desk.progress(campaign) == {"sent": 100}
    assert len(statements) < 100 * 12
