"""Two records of one person become one in the console, and two again."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest

from core import identity, members, points
from core.ids import new_id
from tests.hosts.console.browser import words

MEMBERS = "/console/core/members"
MERGE = "/console/core/merge"
MAY = ("members.view", "members.merge", "points.view")
REASON = {"reason": "同一人换了手机号"}


@pytest.fixture
def two(member, tenant):
    """Return two records of one person, with 32 and 10 points."""
    kept = member(phone="13812345678", name="王明", state="member")
    gone = member(phone="13900000001", name="王小明")
    with tenant.transaction():
        members.update_profile(tenant, gone.id, {"gender": "male"})
        points.credit(tenant, kept.id, "points", 10, key="a", reason="r")
        points.credit(tenant, gone.id, "points", 32, key="b", reason="r")
    return kept, gone


def balance(tenant, view):
    return points.balance(tenant, view.id).available


def preview_of(two):
    return f"{MERGE}/{two[0].id}/{two[1].id}"


def said(page):
    return words(page.text)


@pytest.mark.parametrize("how", ["phone", "code", "id"])
def test_the_two_are_chosen_by_phone_code_or_id_and_no_phone_stands_in_an_address(staff, two, tenant, how):
    with tenant.transaction():
        code = identity.member_code(tenant, two[1].id)
    typed = {"phone": "139 0000 0001", "code": code, "id": str(two[1].id)}[how]
    browser = staff(*MAY)
    sent = browser.post(MERGE, {"member": "13812345678", "merged": typed})
    assert (sent.status_code, sent.headers["Location"]) == (303, preview_of(two))


def test_who_is_not_found_is_said_beside_the_field(staff, two):
    page = staff(*MAY).post(MERGE, {"member": "13812345678", "merged": "13711111111"})
    assert page.status_code == 422
    assert "找不到该会员" in page.text
    assert 'value="13812345678"' in page.text


def test_a_members_page_leads_to_the_choice_with_the_member_filled_in(staff, two):
    browser = staff(*MAY)
    link = f"{MERGE}?member={two[0].id}"
    assert link in browser.get(f"{MEMBERS}/{two[0].id}").text
    assert f'value="{two[0].id}"' in browser.get(link).text
    assert MERGE in browser.get("/console").text


def test_the_preview_shows_both_what_moves_and_what_differs_and_changes_nothing(staff, two, tenant):
    page = staff(*MAY).get(preview_of(two))
    shown = said(page)
    for expected in ("王明", "王小明", "138****5678", "139****0001", "性别", "不一致", "确认合并"):
        assert expected in shown
    assert re.search(r"积分 10 32 42", shown)
    assert (balance(tenant, two[0]), balance(tenant, two[1])) == (10, 32)
    assert members.resolve(tenant, two[1].id) == two[1].id


def test_balances_are_for_who_may_see_points(staff, two):
    assert "10 32 42" not in said(staff("members.view", "members.merge").get(preview_of(two)))


def test_a_confirmed_merge_joins_them_with_its_reason_in_the_audit_trail(staff, two, tenant, audited):
    browser = staff(*MAY)
    done = browser.act(preview_of(two), REASON)
    assert (done.status_code, done.headers["Location"]) == (303, f"{MEMBERS}/{two[0].id}")
    assert (members.resolve(tenant, two[1].id), balance(tenant, two[0])) == (two[0].id, 42)
    row = audited("member.merged", str(two[0].id))[0]
    assert (row.actor, row.details["merged"], row.details["reason"]) == (
        f"staff:{browser.staff}",
        str(two[1].id),
        REASON["reason"],
    )
    assert "已并入的会员" in browser.get(f"{MEMBERS}/{two[0].id}").text


def test_a_form_sent_twice_merges_once(staff, two, audited):
    browser = staff(*MAY)
    form = {"once": browser.once_of(browser.get(preview_of(two))), **REASON}
    assert browser.post(preview_of(two), form).status_code == 303
    assert browser.post(preview_of(two), form).status_code in (404, 422)
    assert len(audited("member.merged")) == 1


@pytest.mark.parametrize("htmx", [False, True])
def test_without_a_reason_nothing_is_merged(staff, two, tenant, htmx):
    page = staff(*MAY).act(preview_of(two), {"reason": " "}, htmx=htmx)
    assert page.status_code == 422
    assert "请填写原因" in page.text
    assert members.resolve(tenant, two[1].id) == two[1].id


def test_what_stands_against_a_merge_is_said_in_the_readers_language_and_no_button_is_there(staff, two, tenant):
    with tenant.transaction():
        points.hold(tenant, two[1].id, "points", 5, key="h", deadline=tenant.now() + timedelta(hours=1), reason="order")
    browser = staff(*MAY)
    page = browser.get(preview_of(two))
    assert "被合并的会员有 5 积分冻结中" in page.text
    assert 'name="once"' not in page.text
    browser.get("/console/locale/en")
    assert "5 points of the member to be merged are on hold" in browser.get(preview_of(two)).text
    nonce = {"once": new_id().hex, **REASON}
    assert browser.post(preview_of(two), nonce).status_code == 422
    assert members.resolve(tenant, two[1].id) == two[1].id


def test_a_merge_is_taken_back_and_what_was_spent_is_said(staff, two, tenant, audited):
    browser = staff(*MAY)
    browser.act(preview_of(two), REASON)
    with tenant.transaction():
        points.debit(tenant, two[0].id, "points", 20, key="d", reason="tea")
    page = browser.get(f"{MEMBERS}/{two[0].id}").text
    undo = re.findall(rf'href="({MERGE}/undo/[^"]+)"', page)[0]
    done = browser.act(undo, {"reason": "弄错了"})
    assert (done.status_code, done.headers["Location"]) == (303, f"{MEMBERS}/{two[0].id}")
    after = browser.get(f"{MEMBERS}/{two[0].id}")
    assert "已撤销合并；已使用而未能退回：积分 10" in unquote(after.text)
    assert "已并入的会员" not in after.text
    assert (balance(tenant, two[0]), balance(tenant, two[1])) == (0, 22)
    assert audited("member.unmerged", str(two[0].id))[0].details["reason"] == "弄错了"
    assert browser.get(undo).status_code == 404


def test_past_thirty_days_no_way_back_is_shown(staff, two, clock):
    browser = staff(*MAY)
    browser.act(preview_of(two), REASON)
    clock.advance(days=31)
    fresh = staff(*MAY)
    page = fresh.get(f"{MEMBERS}/{two[0].id}").text
    assert "已并入的会员" in page
    assert f"{MERGE}/undo/" not in page
    refused = fresh.act(f"{MERGE}/undo/{two[1].id}", {"reason": "late"})
    assert (refused.status_code, "合并已超过 30 天" in refused.text) == (422, True)


def test_without_the_permission_there_is_no_page_and_no_link(staff, two):
    browser = staff("members.view", "members.edit")
    for path in (MERGE, preview_of(two)):
        assert browser.get(path).status_code == 403
    assert browser.post(preview_of(two), {"once": new_id().hex, **REASON}).status_code == 403
    assert MERGE not in browser.get(f"{MEMBERS}/{two[0].id}").text


def test_a_venues_account_merges_its_own_members_only(staff, shops, member, tenant):
    mine, too, away = (member(phone=p, venue=shops[v]) for p, v in (
        ("13812345671", "east"), ("13812345672", "east"), ("13812345673", "west"),
    ))  # fmt: skip
    browser = staff(*MAY, venues=[shops["east"]])
    assert browser.get(f"{MERGE}/{mine.id}/{too.id}").status_code == 200
    for one, other in ((mine, away), (away, mine)):
        assert browser.get(f"{MERGE}/{one.id}/{other.id}").status_code == 404
        assert browser.post(f"{MERGE}/{one.id}/{other.id}", {"once": new_id().hex, **REASON}).status_code == 404
    assert members.resolve(tenant, away.id) == away.id
    with tenant.transaction():
        members.merge(tenant, mine.id, away.id, "at head office")
    assert browser.get(f"{MERGE}/undo/{away.id}").status_code == 404
    assert staff(*MAY).get(f"{MERGE}/undo/{away.id}").status_code == 200


def test_nobody_is_merged_with_themselves(staff, two):
    page = staff(*MAY).post(MERGE, {"member": "13812345678", "merged": str(two[0].id)})
    assert (page.status_code, "不能与自己合并" in page.text) == (422, True)
