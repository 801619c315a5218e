"""Who sees and does what: permissions, venues, plugins that are off, other tenants."""

import pytest

from tests.hosts.console.browser import ALL, STALLS, words


def test_the_menu_holds_only_what_the_account_may_see(staff, market):
    mine = words(staff("stalls.view").get("/console").text)
    assert "摊位" in mine
    assert "插件" not in mine
    assert "操作日志" not in mine
    nothing = words(staff("members.edit").get("/console").text)
    assert "集市摊位" not in nothing
    everything = words(staff("plugins.view", "audit.view").get("/console").text)
    assert "插件" in everything
    assert "操作日志" in everything


def test_without_the_permission_every_page_of_a_resource_is_refused(staff, market, stall):
    key = stall("Tea", market["east"])
    browser = staff("members.view")
    for path in ("", f"/{key}", "/new", f"/{key}/edit", f"/{key}/close", "/export.csv"):
        assert browser.get(STALLS + path).status_code == 403, path


def test_seeing_is_not_editing_nor_acting(staff, market, stall, stored):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view")
    page = browser.get(f"{STALLS}/{key}").text
    assert "/edit" not in page
    assert "/close" not in page
    assert "/new" not in browser.get(STALLS).text
    form = {"title": "Mine", "venue": str(market["east"]), "opens_at": "2026-11-22T10:00", "kind": "food"}
    assert browser.post(f"{STALLS}/{key}/edit", form).status_code == 403
    assert browser.post(f"{STALLS}/new", form).status_code == 403
    assert browser.post(f"{STALLS}/{key}/close", {"once": "0" * 32, "reason": "x"}).status_code == 403
    assert (stored(key).title, stored(key).state) == ("Tea", "open")


def test_an_account_of_one_venue_sees_and_touches_only_its_rows(staff, market, stall, stored):
    ours, theirs = stall("Ours", market["east"]), stall("Theirs", market["west"])
    browser = staff(*ALL, venues=[market["east"]])
    text = words(browser.get(STALLS).text)
    assert ("Ours" in text, "Theirs" in text) == (True, False)
    assert "Theirs" not in words(browser.get(STALLS, params={"venue": str(market["west"])}).text)
    assert "Theirs" not in browser.get(f"{STALLS}/export.csv").text
    for path in ("", "/edit", "/close"):
        assert browser.get(f"{STALLS}/{theirs}{path}").status_code == 404
    assert browser.post(f"{STALLS}/{theirs}/close", {"once": "a" * 32, "reason": "why not"}).status_code == 404
    assert stored(theirs).state == "open"
    assert browser.get(f"{STALLS}/{ours}").status_code == 200


def test_a_row_cannot_be_put_into_a_venue_that_is_not_ones_own(staff, market, stall, stored):
    browser = staff(*ALL, venues=[market["east"]])
    key = stall("Ours", market["east"])
    assert "west shop" not in browser.get(f"{STALLS}/new").text
    form = {"title": "Stray", "venue": str(market["west"]), "opens_at": "2026-11-22T10:00", "kind": "food"}
    for path in ("/new", f"/{key}/edit"):
        refused = browser.post(STALLS + path, form)
        assert (refused.status_code, "不能选择其他门店" in refused.text) == (422, True)
    assert stored(key).venue == market["east"]
    everywhere = staff(*ALL)
    assert "Stray" not in words(everywhere.get(STALLS).text)


def test_rows_of_no_venue_are_for_accounts_of_all_venues_unless_declared_otherwise(staff, market):
    browser = staff("stalls.view", "audit.view", "plugins.view", "staff.view", venues=[market["east"]])
    menu = words(browser.get("/console").text)
    assert "总账" in menu  # venue_free
    assert "操作日志" not in menu
    assert browser.get("/console/stalls/ledger").status_code == 200
    for path in ("audit", "plugins", "staff", "roles", "keys", "jobs"):
        assert browser.get(f"/console/core/{path}").status_code == 403


def test_a_plugin_that_is_off_is_gone(staff, market, stall, tenant):
    from core import tenants

    key = stall("Tea", market["east"])
    browser = staff(*ALL)
    assert browser.get(STALLS).status_code == 200
    tenants.disable_plugin(tenant, "stalls")
    for path in (STALLS, f"{STALLS}/{key}", f"{STALLS}/new", f"{STALLS}/export.csv", "/console/stalls/map",
                 "/console/panels/stalls/totals"):  # fmt: skip
        assert browser.get(path).status_code == 404, path
    home = words(browser.get("/console").text)
    assert "集市摊位" not in home
    assert "摊位数" not in home


def test_another_brands_rows_are_not_there(staff, market, stall, new_tenant):
    key = stall("Tea", market["east"])
    other = new_tenant("other", plugins=("stalls",))
    browser = staff(*ALL, ctx=other)
    assert browser.get(STALLS).status_code == 200
    assert "Tea" not in words(browser.get(STALLS).text)
    assert browser.get(f"{STALLS}/{key}").status_code == 404


def test_a_members_session_and_a_key_are_nobody_at_the_console(staff, market, member, tenant):
    from core import identity

    browser = staff("stalls.view")
    with tenant.transaction():
        as_member = identity.open_session(tenant, "member", member().id)
        _, as_key = identity.create_key(tenant, "till", ["stalls.view"])
    for token in (as_member, as_key, "rst_1_" + "x" * 43, "é", ""):
        browser.cookies["roost_staff"] = token
        assert browser.get(STALLS).status_code == 303


@pytest.mark.parametrize("key", ["1", "00000000-0000-7000-8000-000000000000", "'; DROP", "%00"])
def test_an_id_of_nothing_is_not_found(staff, market, key):
    assert staff(*ALL).get(f"{STALLS}/{key}").status_code == 404


def test_nobody_gives_a_permission_he_does_not_hold(staff):
    browser = staff("staff.view", "staff.edit")
    form = browser.get("/console/core/roles/new").text
    assert "staff.edit" in form
    assert "members.export" not in form
    forged = {"code": "boss", "name": "Boss", "permissions": ["staff.edit", "members.export"]}
    refused = browser.post("/console/core/roles/new", forged)
    assert (refused.status_code, "请从列表中选择" in refused.text) == (422, True)
