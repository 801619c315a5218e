"""Coming in and going out: sign-in, the form token, the password, the headers."""

from core import identity
from hosts.testkit.plugin import PASSWORD
from tests.hosts.console.browser import words


def test_a_page_asks_for_sign_in_first_and_comes_back_to_itself(staff, market):
    browser = staff("stalls.view", sign_in=False)
    away = browser.get("/console/stalls/stalls?state=open")
    assert away.status_code == 303
    assert away.headers["Location"] == "/console/sign-in?next=/console/stalls/stalls%3Fstate%3Dopen"
    page = browser.get(away.headers["Location"])
    assert 'name="next" value="/console/stalls/stalls?state=open"' in page.text


def test_htmx_is_sent_to_the_sign_in_page_as_a_whole(staff):
    reply = staff(sign_in=False).get("/console/core/members", htmx=True)
    assert reply.headers["HX-Redirect"] == "/console/sign-in"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(staff):
    browser = staff("stalls.view", sign_in=False)
    done = browser.sign_in()
    cookie = done.cookies["roost_staff"]
    assert (cookie.http_only, cookie.same_site, cookie.path, cookie.secure) == (
        True,
        "Lax",
        "/console",
        False,
    )
    assert done.headers["Location"] == "/console"


def test_over_https_the_cookie_is_for_https_only(staff):
    browser = staff("stalls.view", sign_in=False)
    page = browser.get("/console/sign-in", protocol="https")
    assert page.cookies["roost_visitor"].secure


def test_a_wrong_password_a_wrong_name_and_a_wrong_brand_read_the_same(staff):
    browser = staff("stalls.view", sign_in=False)
    wrong = browser.sign_in("not the password")
    assert wrong.status_code == 401
    assert "品牌、用户名或密码错误" in wrong.text
    assert "roost_staff" not in browser.cookies
    for change in ({"username": "nobody-there"}, {"tenant": "nobrand"}):
        form = {"tenant": "acme", "username": browser.username, "password": PASSWORD, **change}
        again = browser.post("/console/sign-in", form)
        assert (again.status_code, "品牌、用户名或密码错误" in again.text) == (401, True)


def test_an_account_is_locked_after_five_wrong_passwords(staff, audited):
    browser = staff("stalls.view", sign_in=False)
    for _ in range(5):
        browser.sign_in("wrong wrong wrong")
    assert browser.sign_in().status_code == 429
    assert len(audited("staff.locked")) == 1


def test_an_address_is_slowed_down_whatever_names_it_tries(staff):
    browser = staff("stalls.view", sign_in=False)
    page = browser.get("/console/sign-in")
    assert page.status_code == 200
    browser.token = browser.token_of(page)
    codes = [
        browser.post("/console/sign-in", {"tenant": "acme", "username": f"guess{n}", "password": "x"}).status_code
        for n in range(21)
    ]
    assert codes == [401] * 20 + [429]


def test_sign_in_without_the_token_of_its_page_is_refused(staff):
    browser = staff("stalls.view", sign_in=False)
    browser.get("/console/sign-in")
    form = {"tenant": "acme", "username": browser.username, "password": PASSWORD}
    assert browser.post("/console/sign-in", form, token="0" * 64).status_code == 403
    assert "roost_staff" not in browser.cookies


def test_a_form_with_another_sessions_token_changes_nothing(staff, market, stall, stored):
    mine, other = staff("stalls.view", "stalls.edit"), staff("stalls.view", "stalls.edit")
    key = stall("Tea", market["east"])
    form = {"title": "Stolen", "venue": str(market["east"]), "opens_at": "2026-11-22T10:00", "kind": "food"}
    for token in (other.token, "", "é", "0" * 64):
        assert mine.post(f"/console/stalls/stalls/{key}/edit", form, token=token).status_code == 403
    assert stored(key).title == "Tea"
    assert mine.post(f"/console/stalls/stalls/{key}/edit", form).status_code == 303
    assert stored(key).title == "Stolen"


def test_the_form_token_is_taken_from_the_header_too(staff, market, stall):
    browser = staff("stalls.view", "stalls.close")
    key = stall("Tea", market["east"])
    path = f"/console/stalls/stalls/{key}/close"
    once = browser.once_of(browser.get(path))
    reply = browser.send_form(path, {"once": once, "reason": "rain"}, headers={"X-CSRF-Token": browser.token})
    assert reply.status_code == 303


def test_signing_out_ends_the_session_on_the_server(staff):
    browser = staff("stalls.view")
    token = browser.cookies["roost_staff"]
    assert browser.post("/console/sign-out").headers["Location"] == "/console/sign-in"
    browser.cookies["roost_staff"] = token
    assert browser.get("/console").status_code == 303


def test_changing_the_password_ends_other_sessions_and_keeps_this_one(staff, tenant):
    browser = staff("stalls.view")
    with tenant.transaction():
        elsewhere = identity.sign_in_staff(tenant, browser.username, PASSWORD)
    fresh = "a brand new pass phrase"
    form = {"old": PASSWORD, "new": fresh, "again": fresh}
    assert browser.post("/console/password", {**form, "again": "typo"}).status_code == 422
    wrong = browser.post("/console/password", {**form, "old": "not it"})
    assert (wrong.status_code, "原密码错误" in wrong.text) == (422, True)
    assert browser.post("/console/password", form).status_code == 303
    assert browser.get("/console").status_code == 200
    browser.cookies["roost_staff"] = elsewhere
    assert browser.get("/console").status_code == 303
    assert browser.sign_in(fresh).status_code == 303


def test_a_failed_password_change_is_counted(staff, audited):
    browser = staff("stalls.view")
    browser.post("/console/password", {"old": "wrong", "new": "something else now", "again": "something else now"})
    assert len(audited("staff.sign_in_failed")) == 1


def test_pages_carry_headers_that_forbid_inline_scripts_and_framing(staff):
    browser = staff("stalls.view")
    for path in ("/console", "/console/sign-in", "/console/nowhere"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_no_page_holds_an_inline_script_style_or_handler(staff, market, stall):
    browser = staff("stalls.view", "stalls.edit", "members.view", "plugins.view", "audit.view", "staff.view")
    key = stall("Tea", market["east"])
    for path in (
        "/console",
        "/console/stalls/stalls",
        f"/console/stalls/stalls/{key}",
        "/console/stalls/stalls/new",
        "/console/core/members",
        "/console/core/plugins/stalls",
        "/console/core/audit",
    ):
        text = browser.get(path).text
        assert "<script>" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "hx-on" not in text


def test_next_leads_nowhere_but_into_the_console(staff):
    for target in (
        "https://evil.example/console",
        "//evil.example",
        "/console//evil",
        "/v1/me",
        "/console\\evil",
    ):
        browser = staff("stalls.view", sign_in=False)
        page = browser.get("/console/sign-in", params={"next": target})
        assert 'name="next" value="/console"' in page.text


def test_english_is_chosen_by_the_browser_or_by_the_reader(staff, market):
    browser = staff("stalls.view")
    assert "摊位" in words(browser.get("/console/stalls/stalls").text)
    english = words(browser.get("/console/stalls/stalls", headers={"Accept-Language": "en-GB,en;q=0.9"}).text)
    assert "Stalls" in english
    assert "Sign out" in english
    assert browser.get("/console/locale/en").status_code == 303
    assert "Sign out" in browser.get("/console/stalls/stalls").text
    browser.get("/console/locale/zh")
    assert "退出登录" in browser.get("/console/stalls/stalls", headers={"Accept-Language": "en"}).text


def test_the_browsers_languages_are_read_with_their_weights(staff, market):
    browser = staff("stalls.view")
    for accept, language in (("en;q=0.5,zh;q=0.9", "zh"), ("zh;q=0.2,en;q=0.8", "en"), ("zh-TW", "zh"), ("fr", "zh")):
        page = browser.get("/console/stalls/stalls", headers={"Accept-Language": accept})
        assert f'<html lang="{language}' in page.text, accept


def test_an_unknown_page_is_a_page_of_the_console(staff):
    reply = staff("stalls.view").get("/console/nothing/here")
    assert reply.status_code == 404
    assert "没有这个页面" in reply.text
