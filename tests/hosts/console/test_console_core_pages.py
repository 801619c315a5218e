"""Core's own pages: members, plugins and settings, staff, the audit trail, dead letters."""

import re
from datetime import datetime

import pytest
from babel.messages.extract import extract_from_dir

from core import identity, members, points, tenants
from core.clock import local_day_end
from core.errors import Forbidden
from core.events.models import Job
from core.members.models import AttributeDefinition
from core.words import Text
from hosts.console.models import Approval
from hosts.console.rendering import HERE, catalogue
from tests.hosts.console.browser import words

MEMBERS = "/console/core/members"


# --- members ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["13812345678", "138 1234 5678", "5678"])
def test_a_member_is_found_by_phone_or_its_last_four_digits(staff, member, typed):
    wanted = member(phone="13812345678", name="王明")
    member(phone="13900000001")
    found = staff("members.view").post("/console/core/find-member", {"who": typed, "back": MEMBERS})
    assert found.headers["Location"] == f"{MEMBERS}/{wanted.id}"


def test_a_member_is_found_by_the_code_they_show(staff, member, tenant):
    wanted = member()
    with tenant.transaction():
        code = identity.member_code(tenant, wanted.id)
    found = staff("members.view").post("/console/core/find-member", {"who": code, "back": MEMBERS})
    assert found.headers["Location"] == f"{MEMBERS}/{wanted.id}"


def test_a_part_of_a_phone_or_a_name_finds_nobody(staff, member):
    member(phone="13812345678", name="王明")
    browser = staff("members.view")
    for typed in ("138", "1381234", "王明", "345", "%", ""):
        page = browser.post("/console/core/find-member", {"who": typed, "back": MEMBERS})
        assert (page.status_code, "找不到该会员" in page.text) == (200, True)


def test_several_members_with_the_same_digits_are_shown_masked(staff, member):
    member(phone="13812345678", name="王明")
    member(phone="13912345678", name="李雷")
    page = words(staff("members.view").post("/console/core/find-member", {"who": "5678", "back": MEMBERS}).text)
    assert "王* 138****5678" in page
    assert "李* 139****5678" in page


def test_a_venues_staff_find_a_member_of_another_venue_but_not_their_page(staff, market, member, stall):
    away = member(phone="13812345678", venue=market["west"])
    stall("Tea", market["east"], member=away.id)
    browser = staff("members.view", "stalls.view", venues=[market["east"]])
    page = browser.post("/console/core/find-member", {"who": "13812345678", "back": MEMBERS})
    assert "其他门店会员" in page.text
    assert browser.get(f"{MEMBERS}/{away.id}").status_code == 404
    rows = browser.post("/console/core/find-member", {"who": "13812345678", "back": "/console/stalls/stalls"})
    assert rows.headers["Location"] == f"/console/stalls/stalls?member={away.id}"
    assert "Tea" in browser.get(rows.headers["Location"]).text


def test_a_members_page_shows_balances_statement_and_what_plugins_say(staff, market, member, stall, tenant):
    wanted = member(phone="13812345678", name="王明", state="member")
    stall("Tea", market["east"], member=wanted.id)
    with tenant.transaction():
        for number in range(25):
            points.credit(tenant, wanted.id, "points", 10 + number, key=f"k{number}", reason=f"visit {number}")
        points.debit(tenant, wanted.id, "points", 5, key="d", reason="tea")
    browser = staff("members.view", "points.view", "rewards.view")
    page = browser.get(f"{MEMBERS}/{wanted.id}")
    text = words(page.text)
    for shown in ("王明", "138****5678", "545", "-5", "tea", "visit 24", "集市摊位", "摊位 1", "奖励与原因"):
        assert shown in text
    assert "visit 3 " not in text
    following = re.findall(r'href="([^"]*cursor=[^"]*)"', page.text)[0].replace("&amp;", "&")
    part = browser.get(following, htmx=True).text
    assert part.lstrip().startswith('<div id="statement"')
    assert "visit 3<" in part
    assert "545" not in words(staff("members.view").get(f"{MEMBERS}/{wanted.id}").text)


def test_the_whole_phone_needs_a_permission_and_a_reason_and_is_audited(staff, member, audited):
    wanted = member(phone="13812345678")
    path = f"{MEMBERS}/{wanted.id}"
    assert "13812345678" not in staff("members.view", "members.edit").get(path).text
    assert staff("members.view").post(f"{path}/reveal", {"reason": "lost card"}).status_code == 403
    browser = staff("members.view", "members.reveal")
    assert browser.post(f"{path}/reveal", {"reason": ""}).status_code == 422
    assert not audited("member.phone_revealed")
    assert "13812345678" in browser.post(f"{path}/reveal", {"reason": "lost card"}).text
    (row,) = audited("member.phone_revealed")
    assert (row.details, row.actor) == ({"reason": "lost card"}, f"staff:{browser.staff}")


def test_points_are_adjusted_with_a_reason_and_above_the_limit_by_two(staff, member, tenant):
    wanted = member()
    first, second = (staff("members.view", "points.view", "points.adjust") for _ in range(2))
    path = f"{MEMBERS}/{wanted.id}/adjust"
    assert first.act(path, {"asset": "points", "amount": "0", "reason": "nothing"}).status_code == 422
    assert first.act(path, {"asset": "points", "amount": "300", "reason": "sorry"}).status_code == 303
    assert first.act(path, {"asset": "points", "amount": "-100", "reason": "typo"}).status_code == 303
    assert points.balance(tenant, wanted.id).available == 200
    assert first.act(path, {"asset": "points", "amount": "-201", "reason": "too much"}).status_code == 422
    assert first.act(path, {"asset": "points", "amount": "5000", "reason": "a prize"}).status_code == 303
    assert points.balance(tenant, wanted.id).available == 200
    (asked,) = Approval.scoped(tenant).select()
    assert second.post(f"/console/core/approvals/{asked.id}/approve").status_code == 303
    assert points.balance(tenant, wanted.id).available == 5200


def test_a_member_is_registered_and_edited_on_site(staff, market, tenant):
    browser = staff("members.view", "members.edit")
    bad = browser.post(f"{MEMBERS}/new", {"phone": "12345678901", "name": "王明"})
    assert "手机号格式不正确" in bad.text.split('name="phone"', 1)[1].split('name="name"')[0]
    done = browser.post(f"{MEMBERS}/new", {"phone": "13812345678", "name": "王明", "venue": str(market["east"])})
    assert done.status_code == 303
    form = {"name": "王小明", "gender": "male", "birthday": "1990-02-28", "venue": ""}
    assert browser.post(f"{done.headers['Location']}/edit", form).status_code == 303
    with tenant.transaction():
        held = members.find_by_phone(tenant, "13812345678")
    assert held is not None
    assert (held.name, held.gender, str(held.birthday), held.venue) == ("王小明", "male", "1990-02-28", None)


def test_merged_members_are_not_listed(staff, member, tenant):
    kept, gone = member(name="Kept"), member(name="Gone")
    with tenant.transaction():
        members.merge(tenant, kept.id, gone.id, "twice")
    text = words(staff("members.view").get(MEMBERS).text)
    assert ("Kept" in text, "Gone" in text) == (True, False)


def test_an_export_of_members_shows_whole_phones_only_for_a_reason(staff, member, audited):
    member(phone="13812345678")
    assert "138****5678" in staff("members.view").get(MEMBERS).text
    browser = staff("members.view", "members.export")
    asked = browser.get(f"{MEMBERS}/export.csv")
    assert "13812345678" not in asked.text
    assert "原因" in asked.text
    assert browser.post(f"{MEMBERS}/export.csv", {"reason": " "}).status_code == 422
    assert not audited("core.members.exported")
    assert "13812345678" in browser.post(f"{MEMBERS}/export.csv", {"reason": "印制会员卡"}).text
    (row,) = audited("core.members.exported")
    assert row.details["reason"] == "印制会员卡"


# --- plugins ------------------------------------------------------------------------------------------------


def test_plugins_are_switched_on_and_off(staff, shops, audited):
    browser = staff("plugins.view", "plugins.edit", "stalls.view")
    assert browser.get("/console/stalls/stalls").status_code == 404
    assert browser.post("/console/core/plugins/stalls/switch", {"to": "on"}).status_code == 303
    assert browser.get("/console/stalls/stalls").status_code == 200
    asked = browser.get("/console/core/plugins/stalls/switch", htmx=True)
    assert "停用" in asked.text
    assert "数据保留" in asked.text
    assert browser.get("/console/stalls/stalls").status_code == 200
    browser.post("/console/core/plugins/stalls/switch", {"to": "off"})
    assert browser.get("/console/stalls/stalls").status_code == 404
    assert (len(audited("plugin.enabled")), len(audited("plugin.disabled"))) == (1, 1)
    assert staff("plugins.view").post("/console/core/plugins/stalls/switch", {"to": "on"}).status_code == 403


def test_a_broken_plugin_is_shown_with_its_reason(staff, runtime, monkeypatch):
    monkeypatch.setitem(runtime.registry.broken, "sheds", "sheds requires <stalls>")
    page = staff("plugins.view").get("/console/core/plugins").text
    assert "sheds requires &lt;stalls&gt;" in page


SETTINGS = {
    "days": "30",
    "deposit_fen": "50.00",
    "mode": "lot",
    "weekdays": "6\n7",
    "limits.per_member": "2",
}


def test_settings_are_saved_from_their_form_and_defaults_are_not_stored(staff, market, tenant, audited):
    browser = staff("plugins.view", "plugins.edit")
    page = browser.get("/console/core/plugins/stalls").text
    assert 'value="50.00"' in page
    form = {
        **SETTINGS,
        "days": "45",
        "limits.per_member": "3",
        "prices.0.row": "1",
        "prices.0.key": "tea",
        "prices.0.value": "5",
        "app_secret": "s3cret",
    }
    assert browser.post("/console/core/plugins/stalls", form).status_code == 303
    stored = tenants.settings_values(tenant, "stalls")
    assert stored == {"days": 45, "limits": {"per_member": 3}, "prices": {"tea": 5}, "app_secret": "s3cret"}
    assert len(audited("plugin.gives.settings")) == 1
    assert "s3cret" not in browser.get("/console/core/plugins/stalls").text
    browser.post("/console/core/plugins/stalls", {**SETTINGS, "app_secret": ""})
    assert tenants.settings_values(tenant, "stalls") == {"app_secret": "s3cret"}


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"days": "0"}, "days", "不能小于 1"),
        ({"days": "many"}, "days", "请输入整数"),
        ({"deposit_fen": "1.999"}, "deposit_fen", "最多两位小数"),
        ({"mode": "dice"}, "mode", "请从列表中选择"),
        ({"weekdays": "6\nx"}, "weekdays", "请输入整数"),
        ({"limits.per_member": "0"}, "limits.per_member", "不能小于 1"),
        ({"prices.0.row": "1", "prices.0.key": "tea", "prices.0.value": "dear"}, "prices.0.value", "请输入整数"),
    ],
)
def test_wrong_settings_are_refused_beside_their_field(staff, market, tenant, change, field, message):
    browser = staff("plugins.view", "plugins.edit")
    refused = browser.post("/console/core/plugins/stalls", {**SETTINGS, **change})
    assert refused.status_code == 422
    assert message in refused.text.split(f'name="{field}"', 1)[1].split('<label class="form-label')[0]
    assert tenants.settings_values(tenant, "stalls") == {}


# --- staff, audit, jobs -------------------------------------------------------------------------------------


def test_an_account_is_opened_used_and_switched_off(staff, market, tenant, app):
    browser = staff("staff.view", "staff.edit", "stalls.view")
    browser.post("/console/core/roles/new", {"code": "desk", "name": "前台", "permissions": ["stalls.view"]})
    form = {"username": "xiao.zhang", "name": "小张", "password": "a long pass phrase", "roles": ["desk"]}
    done = browser.post("/console/core/staff/new", form)
    assert done.status_code == 303
    path = done.headers["Location"]
    fresh = type(browser)(app, tenant, browser.staff, "xiao.zhang")
    assert fresh.sign_in("a long pass phrase").status_code == 303
    assert fresh.get("/console/stalls/stalls").status_code == 200
    browser.post(f"{path}/edit", {"roles": ["desk"], "venues": [str(market["east"])]})
    assert "east shop" in browser.get(path).text
    assert browser.act(f"{path}/switch-off").status_code == 303
    assert fresh.get("/console/stalls/stalls").status_code == 303
    assert "a long pass phrase" not in browser.get(path).text


def test_a_key_is_shown_once(staff, market):
    browser = staff("staff.view", "staff.edit", "stalls.view")
    made = browser.post("/console/core/keys/new", {"name": "till", "permissions": ["stalls.view"]})
    token = re.findall(r"rsk_\w+", made.text)
    assert len(token) == 1
    listed = browser.get("/console/core/keys").text
    assert "till" in listed
    assert token[0] not in listed


def test_the_audit_log_names_people_and_is_filtered(staff, market, stall):
    actor, reader = staff("stalls.view", "stalls.close"), staff("audit.view")
    key = stall("Tea", market["east"])
    actor.act(f"/console/stalls/stalls/{key}/close", {"reason": "rain"})
    text = words(reader.get("/console/core/audit", params={"action": "stalls.stalls.close"}).text)
    assert f"Name {actor.username}" in text
    assert "rain" in text
    assert "console.viewed" not in text


def test_a_dead_letter_is_seen_and_sent_again(staff, tenant, audited):
    with tenant.transaction():
        Job.scoped(tenant).create(
            plugin="stalls",
            kind="stalls.sweep",
            payload="{}",
            state="dead",
            failures=10,
            due_at=tenant.now(),
            error="RuntimeError: the broom is gone",
            created_at=tenant.now(),
        )
    job = Job.scoped(tenant).first()
    assert staff("jobs.view").post(f"/console/core/jobs/{job.id}/replay", {"once": "a" * 32}).status_code == 403
    browser = staff("jobs.view", "jobs.replay")
    assert "the broom is gone" in browser.get("/console/core/jobs", params={"state": "dead"}).text
    assert browser.act(f"/console/core/jobs/{job.id}/replay").status_code == 303
    assert Job.scoped(tenant).get(Job.id == job.id).state == "queued"
    assert len(audited("job.replayed")) == 1
    assert not audited("core.jobs.replay")  # core has written the row: one act, one row
    assert "/replay" not in browser.get(f"/console/core/jobs/{job.id}").text


def test_venues_are_added_changed_and_never_twice(staff, tenant):
    browser = staff("venues.view", "venues.edit")
    form = {"code": "xh", "name": "徐汇店", "region": "上海"}
    done = browser.post("/console/core/venues/new", form)
    assert done.status_code == 303
    assert "门店编号 xh 已存在" in browser.post("/console/core/venues/new", form).text
    browser.post(f"{done.headers['Location']}/edit", {"name": "徐汇旗舰店", "region": "上海"})
    (venue,) = tenants.venues(tenant)
    assert (venue.name, venue.open, venue.code) == ("徐汇旗舰店", False, "xh")


def test_every_message_of_the_console_has_its_english():
    found = extract_from_dir(
        HERE,
        method_map=[("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")],
        keywords={"_": None, "gettext": None, "say": None},
    )
    english = catalogue("en")
    messages = {message for _, _, message, _, _ in found}
    assert len(messages) > 80
    assert [m for m in sorted(messages) if english.gettext(m) == m] == []


def test_how_long_points_live_is_set_on_a_page_of_its_own_with_sources_by_name(staff, market, tenant):
    browser = staff("plugins.view", "plugins.edit")
    page = browser.get("/console/core/points-settings")
    assert 'href="/console/core/points-settings"' in page.text
    assert "人工调整" in browser.post("/console/core/points-settings", {"months": "24", "_do": "add:sources"}).text
    row = {"sources.0.row": "1", "sources.0.source": "manual", "sources.0.months": "3"}
    assert browser.post("/console/core/points-settings", {"months": "12", **row}).status_code == 303
    assert tenants.settings_values(tenant, "core") == {"months": 12, "sources": [{"source": "manual", "months": 3}]}
    twice = row | {name.replace("0", "1"): value for name, value in row.items()}
    assert browser.post("/console/core/points-settings", {"months": "12", **twice}).status_code == 422
    assert staff("plugins.view").post("/console/core/points-settings", {"months": "1"}).status_code == 403
    assert staff("members.view").get("/console/core/points-settings").status_code == 403


def test_the_nightly_proof_of_the_ledger_stands_in_a_list_and_on_the_dashboard(staff, tenant):
    with tenant.transaction():
        assert not points.check_on(tenant, tenant.today())
    browser = staff("audit.view")
    listed = browser.get("/console/core/ledger-checks").text
    assert tenant.today().isoformat() in listed
    assert "积分账目核对" in listed
    panel = browser.get("/console/panels/core/ledger").text
    assert (tenant.today().isoformat() in panel, "不符" in panel) == (True, True)
    assert staff("points.view").get("/console/core/ledger-checks").status_code == 403


def test_staff_define_fields_of_their_own_and_fill_them_in(staff, tenant, member, api, audited):
    browser, guest = staff("members.view", "members.edit"), member()
    shoe = {"code": "shoe", "title": "鞋码", "kind": "int", "by_member": "on"}
    assert browser.post("/console/core/attributes/new", shoe).status_code == 303
    size = {"code": "size", "title": "衣码", "kind": "choice", "choices": "S\nM"}
    assert browser.post("/console/core/attributes/new", size).status_code == 303
    assert browser.post("/console/core/attributes/new", {**shoe, "title": "又一个"}).status_code == 422
    assert browser.post("/console/core/attributes/new", {**size, "code": "s2", "choices": ""}).status_code == 422
    assert "鞋码" in browser.get("/console/core/attributes").text

    page = f"/console/core/members/{guest.id}"
    assert "鞋码" in browser.get(f"{page}/attribute").text
    assert browser.act(f"{page}/attribute", {"attribute": "shoe", "value": "42"}).status_code == 303
    assert browser.act(f"{page}/attribute", {"attribute": "size", "value": "M"}).status_code == 303
    for wrong in ({"attribute": "shoe", "value": "big"}, {"attribute": "size", "value": "XXL"}):
        assert browser.act(f"{page}/attribute", wrong).status_code == 422
    assert "42" in browser.get(page).text
    assert api.get("/v1/me", token=api.as_member(guest)).json["attributes"] == {"shoe": 42, "size": "M"}
    assert browser.act(f"{page}/attribute", {"attribute": "shoe", "value": ""}).status_code == 303

    with tenant.transaction():
        row = next(one for one in AttributeDefinition.scoped(tenant).select() if one.code == "size")
    edited = {"title": "尺码", "choices": "S\nM\nL"}
    assert browser.post(f"/console/core/attributes/{row.id}/edit", edited).status_code == 303
    with tenant.transaction():
        assert members.get(tenant, guest.id).attributes == {"size": "M"}
        assert [(one.title, one.active) for one in members.attributes(tenant)] == [("鞋码", True), ("尺码", False)]
    assert browser.act(f"{page}/attribute", {"attribute": "size", "value": "L"}).status_code in (404, 422)
    assert staff("members.view").post("/console/core/attributes/new", shoe).status_code == 403


def test_staff_keep_a_member_out_of_what_asks_and_let_them_in_again(
    staff, tenant, member, api, audited, registry, monkeypatch, market
):
    plugin = registry.plugin("stalls")
    barred = plugin.manifest.model_copy(update={"bars": Text("租摊位", "Rent stalls")})
    monkeypatch.setattr(plugin, "manifest", barred)
    browser, guest = staff("members.view", "members.bar"), member()
    page = f"/console/core/members/{guest.id}/bar"
    assert "租摊位" in browser.get(page).text
    until = tenant.today().isoformat()
    assert browser.act(page, {"function": "stalls", "reason": "转售", "until": until}).status_code == 303
    assert browser.act(page, {"function": "nothing", "reason": "转售"}).status_code == 422
    with tenant.transaction():
        with pytest.raises(Forbidden):
            members.require_not_barred(tenant, guest.id, "stalls")
        (bar,) = members.bars(tenant, guest.id)
    told = api.get("/v1/me/bars", token=api.as_member(guest)).json["items"]
    end = told[0].pop("ends_at")
    assert datetime.fromisoformat(end) == local_day_end(tenant.today(), tenant.tenant.zone)
    assert told == [{"function": "stalls", "title": {"zh": "租摊位", "en": "Rent stalls"}, "until": until}]
    listed = browser.get("/console/core/bars").text
    assert ("租摊位" in listed, "转售" in listed) == (True, True)
    assert browser.act(f"/console/core/bars/{bar.id}/lift", {"reason": "申诉成立"}).status_code == 303
    with tenant.transaction():
        members.require_not_barred(tenant, guest.id, "stalls")
    assert api.get("/v1/me/bars", token=api.as_member(guest)).json["items"] == []
    assert [len(audited(action)) for action in ("member.barred", "member.bar_lifted")] == [1, 1]
    assert staff("members.view").post(page, {"function": "stalls", "reason": "转售"}).status_code == 403
