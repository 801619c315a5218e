"""A resource's list, detail, forms and files."""

import io
from datetime import UTC, date, datetime
from uuid import UUID

import openpyxl
import pytest

from tests.hosts.console.browser import ALL, STALLS, words

FORM = {"title": "Tea and books", "opens_at": "2026-11-22T10:30", "kind": "food", "rent_fen": "12.34"}


def test_a_list_shows_each_kind_of_column_as_staff_read_it(staff, market, stall, member):
    keeper = member(phone="13812345678", name="王小明")
    stall(
        "Tea",
        market["east"],
        member=keeper.id,
        rent_fen=123456,
        contact="13900001111",
        covered=True,
        market_day=date(2026, 12, 1),
        opens_at=datetime(2026, 11, 22, 16, 30, tzinfo=UTC),
    )
    text = words(staff("stalls.view").get(STALLS).text)
    for shown in (
        "Tea",
        "east shop",
        "王** 138****5678",
        "营业",
        "¥1,234.56",
        "139****1111",
        "是",
        "2026-12-01",
        "2026-11-23 00:30",
    ):
        assert shown in text
    assert "13900001111" not in text
    assert "王小明" not in text


def test_filters_narrow_the_list(staff, market, stall, member):
    keeper = member()
    stall("Tea", market["east"], member=keeper.id, market_day=date(2026, 12, 1))
    stall("Books", market["west"], state="closed", covered=True)
    browser = staff("stalls.view")

    def shown(**query):
        text = words(browser.get(STALLS, params=query).text)
        return [title for title in ("Tea", "Books") if f" {title} " in text]

    assert shown() == ["Tea", "Books"]
    assert shown(title="Tea") == ["Tea"]
    assert shown(state="closed") == ["Books"]
    assert shown(venue=str(market["east"])) == ["Tea"]
    assert shown(covered="true") == ["Books"]
    assert shown(member=str(keeper.id)) == ["Tea"]
    assert shown(market_day_from="2026-12-01", market_day_to="2026-12-01") == ["Tea"]
    assert shown(state="", title="") == ["Tea", "Books"]


def test_days_of_a_filter_are_the_tenants(staff, market, stall):
    stall("Late", market["east"], opens_at=datetime(2026, 11, 21, 16, 0, tzinfo=UTC))  # 00:00 on the 22nd in Shanghai
    stall("Early", market["east"], opens_at=datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
    browser = staff("stalls.view")
    on_the_22nd = words(browser.get(STALLS, params={"opens_at_from": "2026-11-22", "opens_at_to": "2026-11-22"}).text)
    assert ("Late" in on_the_22nd, "Early" in on_the_22nd) == (True, False)


def test_a_filter_that_cannot_be_read_is_named_and_shows_no_rows(staff, market, stall):
    stall("Tea", market["east"])
    text = words(staff("stalls.view").get(STALLS, params={"venue": "not-an-id"}).text)
    assert "筛选条件“门店”格式不正确" in text
    assert "Tea" not in text


def test_pages_follow_each_other_without_a_gap_or_a_repeat(staff, market, stall):
    for number in range(45):
        stall(f"Stall-{number:02d}", market["east"])
    browser = staff("stalls.view")
    seen, path, pages = [], STALLS, 0
    while path:
        text = browser.get(path).text
        seen += browser.find_all(r"Stall-(\d\d)", text)
        stall(f"New {pages}", market["east"])  # rows that come meanwhile do not shift the pages
        found = browser.find_all(r'href="([^"]*cursor=[^"]*)"', text)
        path, pages = (found[0].replace("&amp;", "&") if found else ""), pages + 1
    assert seen == [f"{number:02d}" for number in reversed(range(45))]
    assert pages == 3


def test_htmx_gets_only_the_table(staff, market, stall):
    stall("Tea", market["east"])
    part = staff("stalls.view").get(STALLS, htmx=True).text
    assert part.lstrip().startswith('<div id="table">')
    assert "<html" not in part
    assert "Tea" in part


@pytest.mark.parametrize("cursor", ["zzz", "W10", "!!", "WyJhIl0", "WzFd"])
def test_a_cursor_of_nobodys_is_refused(staff, market, cursor):
    assert staff("stalls.view").get(STALLS, params={"cursor": cursor}).status_code == 422


def test_a_row_is_created_from_its_form(staff, market, stored, audited):
    browser = staff("stalls.view", "stalls.edit")
    form = {
        **FORM,
        "venue": str(market["east"]),
        "covered": "true",
        "goods": "tea\nbooks\n\n",
        "market_day": "",
    }
    done = browser.post(f"{STALLS}/new", form)
    assert done.status_code == 303
    key = done.headers["Location"].rpartition("/")[2]
    (row,) = audited("stalls.stalls.created")
    assert (row.subject, row.actor, row.plugin) == (key, f"staff:{browser.staff}", "stalls")
    made = stored(UUID(key))
    assert (made.title, made.rent_fen, made.covered, made.goods) == (
        "Tea and books",
        1234,
        True,
        ["tea", "books"],
    )
    assert made.opens_at == datetime(2026, 11, 22, 2, 30, tzinfo=UTC)  # typed in Shanghai's time
    assert made.market_day is None
    assert "已新增" in browser.get(done.headers["Location"]).text
    assert "已新增" not in browser.get(done.headers["Location"]).text


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_kept(staff, market, audited):
    browser = staff("stalls.view", "stalls.edit")
    bad = browser.post(
        f"{STALLS}/new",
        {"title": "x", "venue": "", "opens_at": "soon", "rent_fen": "1.234", "kind": "gold", "goods": ""},
    )
    assert bad.status_code == 422
    for field, message in (
        ("title", "至少 2 个字符"),
        ("venue", "必填"),
        ("opens_at", "日期时间格式不正确"),
        ("rent_fen", "最多两位小数"),
        ("kind", "请从列表中选择"),
    ):
        after = bad.text.split(f'name="{field}"', 1)[1]
        assert message in after.split("</div>\n</div>")[0].split('<label class="form-label')[0], field
    assert 'value="1.234"' in bad.text  # what was typed is still there
    assert not audited("stalls.stalls.created")


def test_a_refusal_of_the_plugin_stands_beside_the_field_it_names(staff, market):
    browser = staff("stalls.view", "stalls.edit")
    full = browser.post(f"{STALLS}/new", {**FORM, "title": "full", "venue": str(market["east"])})
    assert full.status_code == 422
    assert "集市已满" in full.text.split('name="title"', 1)[1].split('name="venue"')[0]


def test_a_row_is_edited_and_the_audit_says_which_fields(staff, market, stall, stored, audited):
    browser = staff("stalls.view", "stalls.edit")
    key = stall("Tea", market["east"], rent_fen=500, goods=["tea"])
    page = browser.get(f"{STALLS}/{key}/edit").text
    assert 'value="5.00"' in page
    assert 'value="2026-11-22T10:00"' in page
    form = {
        **FORM,
        "title": "Tea",
        "venue": str(market["west"]),
        "goods": "tea",
        "opens_at": "2026-11-22T10:00",
    }
    assert browser.post(f"{STALLS}/{key}/edit", form).headers["Location"] == f"{STALLS}/{key}"
    assert (stored(key).rent_fen, stored(key).venue) == (1234, market["west"])
    (row,) = audited("stalls.stalls.edited")
    assert row.details == {"changed": ["rent_fen", "venue"]}


def test_a_member_is_picked_by_phone_last_four_digits_or_choice(staff, market, member, stored):
    browser = staff("stalls.view", "stalls.edit", "members.view")
    keeper, twin = member(phone="13812345678", name="王明"), member(phone="13912345678", name="李雷")
    form = {**FORM, "venue": str(market["east"])}

    def keeper_of(reply):
        return stored(UUID(reply.headers["Location"].rpartition("/")[2])).member

    assert keeper_of(browser.post(f"{STALLS}/new", {**form, "member": "13812345678"})) == keeper.id
    several = browser.post(f"{STALLS}/new", {**form, "member": "5678"})
    assert "有 2 位会员符合" in several.text
    picker = browser.post("/console/core/pick-member", {"field": "member", "member": "5678"}).text
    assert str(keeper.id) in picker
    assert "138****5678" in picker
    assert "王明" not in picker
    picked = browser.post(f"{STALLS}/new", {**form, "member": "5678", "member:picked": str(twin.id)})
    assert keeper_of(picked) == twin.id
    assert "找不到该会员" in browser.post(f"{STALLS}/new", {**form, "member": "13700000000"}).text


def test_a_csv_export_holds_the_filtered_rows_with_phones_masked(staff, market, stall, audited):
    stall("Tea", market["east"], rent_fen=1250, contact="13900001111")
    stall("=HYPERLINK(1)", market["east"], note="@cmd")
    stall("Closed", market["east"], state="closed")
    browser = staff("stalls.view", "stalls.export")
    reply = browser.get(f"{STALLS}/export.csv", params={"state": "open"})
    assert reply.content.startswith(b"\xef\xbb\xbf")
    assert "filename*=UTF-8''%E6%91%8A%E4%BD%8D-2026-11-22.csv" in reply.headers["Content-Disposition"]
    lines = reply.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("名称,门店,摊主,状态,租金,联系电话")
    assert len(lines) == 3
    assert "'=HYPERLINK(1)" in lines[1]
    assert "'@cmd" in lines[1]
    assert "Tea,east shop,,营业,12.5,139****1111" in lines[2]
    (row,) = audited("stalls.stalls.exported")
    assert row.details == {"format": "csv", "filters": ["state"]}


def test_phones_are_whole_in_an_export_for_who_may_export_members(staff, market, stall):
    stall("Tea", market["east"], contact="13900001111")
    browser = staff("stalls.view", "stalls.export", "members.export")
    assert "13900001111" in browser.post(f"{STALLS}/export.csv", {"reason": "call them"}).text


def test_an_excel_export_never_holds_a_formula(staff, market, stall):
    for number in range(130):
        stall(f"=SUM({number})", market["east"], rent_fen=number)
    browser = staff("stalls.view", "stalls.export")
    reply = browser.get(f"{STALLS}/export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(reply.content)).active
    rows = list(sheet.iter_rows())
    assert len(rows) == 131
    assert (rows[1][0].value, rows[1][0].data_type) == ("=SUM(129)", "s")
    assert rows[1][4].value == 1.29


def test_an_export_needs_its_own_permission(staff, market, audited):
    browser = staff("stalls.view")
    assert browser.get(f"{STALLS}/export.csv").status_code == 403
    assert "export.csv" not in browser.get(STALLS).text
    assert browser.get("/console/stalls/ledger/export.csv").status_code == 404
    assert not audited("stalls.stalls.exported")


def test_what_people_typed_is_shown_and_never_run(staff, market, stall):
    evil = "<script>alert(1)</script>"
    key = stall(evil, market["east"], note='"><img src=x onerror=alert(2)>', goods=[{"<b>": "<i>"}])
    browser = staff(*ALL)
    for path in (STALLS, f"{STALLS}/{key}", f"{STALLS}/{key}/edit", f"{STALLS}/{key}/close"):
        text = browser.get(path).text
        assert evil not in text
        assert "<img" not in text
        assert "<i>" not in text
    assert "&lt;script&gt;" in browser.get(STALLS).text
    echoed = browser.get(STALLS, params={"title": '"><script>x</script>'}).text
    assert "<script>x" not in echoed


def test_a_plugins_own_page_is_shown_with_its_values(staff, market):
    assert (
        '<p id="corner">&lt;b&gt;</p>' in staff("stalls.view").get("/console/stalls/map", params={"corner": "<b>"}).text
    )


def test_each_panel_answers_for_itself_and_a_broken_one_stops_no_other(staff, market, stall):
    stall("Tea", market["east"])
    browser = staff("stalls.view")
    home = browser.get("/console").text
    assert "/console/panels/stalls/totals" in home
    assert "1" in words(browser.get("/console/panels/stalls/totals", htmx=True).text)
    assert browser.get("/console/panels/stalls/broken", htmx=True).status_code == 500
    assert "/console/panels/core/members" not in home  # no permission, no panel


def test_every_page_viewed_leaves_one_audit_row(staff, market, stall, audited):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view")
    before = len(audited("console.viewed"))
    browser.get(STALLS, params={"state": "open"})
    browser.get(f"{STALLS}/{key}")
    browser.get(f"{STALLS}/{key}0")  # refused: nothing was viewed
    rows = audited("console.viewed")[before:]
    assert [(row.subject, row.actor) for row in rows] == [
        (STALLS, f"staff:{browser.staff}"),
        (f"{STALLS}/{key}", f"staff:{browser.staff}"),
    ]
    assert rows[0].details == {"query": ["state"]}


def test_a_form_longer_than_the_limit_is_refused(staff, market, runtime):
    browser = staff("stalls.view", "stalls.edit")
    reply = browser.post(f"{STALLS}/new", {"title": "x" * (runtime.settings.body_limit + 1)})
    assert reply.status_code == 413


def test_a_session_that_ended_meanwhile_asks_for_sign_in(staff, market, clock):
    browser = staff("stalls.view")
    clock.advance(hours=13)
    assert browser.get(STALLS).status_code == 303
