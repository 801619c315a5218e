"""The page itself: files that are kept, what a policy would block, landmarks, and the menu."""

import gzip
import re
from pathlib import Path

import pytest

from hosts.console.assets import STATIC
from tests.hosts.console.browser import STALLS, words

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted(
    path for part in ("hosts/console", "plugins", "integrations") for path in (ROOT / part).rglob("templates/*.html")
)


def test_a_file_has_its_digest_in_its_name_and_is_kept_for_a_year(staff, app):
    browser = staff("stalls.view")
    page = browser.get("/console")
    assert page.headers["Cache-Control"] == "no-store"
    paths = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page.text)
    assert len(paths) == 5
    for path in paths:
        assert re.search(r"\.[0-9a-f]{16}\.(css|js|svg)$", path)
        reply = browser.client.simulate_get(path, headers={"Accept-Encoding": "gzip, br"})
        assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert reply.headers["Content-Encoding"] == "gzip"
        name = re.sub(r"\.[0-9a-f]{16}", "", path.removeprefix("/console/static/"))
        assert gzip.decompress(reply.content) == (STATIC / name).read_bytes()
        assert browser.client.simulate_get(path).content == (STATIC / name).read_bytes()


@pytest.mark.parametrize("name", ["console.css", "console.0000000000000000.css", "../assets.py", "vendor"])
def test_no_other_file_is_served(staff, name):
    reply = staff("stalls.view").client.simulate_get(f"/console/static/{name}")
    assert reply.status_code == 404
    assert "immutable" not in reply.headers.get("Cache-Control", "")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parents[1].name}-{path.name}")
def test_a_template_holds_nothing_that_the_policy_blocks_and_no_heading_without_words(path):
    text = path.read_text("utf-8")
    assert not re.search(r"\bstyle=|<style|\son[a-z]+=\"|<script(?![^>]* src=)", text)
    assert not re.search(r"<th[^>]*>\s*</th>", text)
    assert not re.search(r"<img(?![^>]*\balt=)", text)
    assert not re.search(r'<div class="table-responsive">', text), "a region that scrolls is reached by keyboard"


def test_everything_stands_in_a_landmark_and_the_page_has_one_main_heading(staff, market):
    text = staff("stalls.view").get(STALLS).text
    assert text.count("<main") == text.count("<h1") == 1
    body = text[text.index("<body>") :]
    outside = re.sub(r"<(nav|main|footer|dialog)\b.*?</\1>", "", body, flags=re.DOTALL)
    assert words(outside).strip() == ""


# --- the menu -----------------------------------------------------------------------------------------------


def test_the_menu_is_grouped_by_what_staff_do_and_opens_where_the_reader_is(staff, market):
    text = staff("stalls.view", "members.view", "audit.view", "staff.view").get(STALLS).text
    groups = re.findall(r'<details class="menu-group" data-area="(\w+)"( open)?><summary>([^<]+)</summary>', text)
    assert groups == [
        ("members", "", "会员"),
        ("marketing", " open", "营销"),
        ("integrations", "", "接入"),
        ("system", "", "系统"),
    ]
    assert re.search(rf'href="{STALLS}"[^>]*aria-current="page"', text)


def test_a_page_of_the_menu_is_found_in_both_languages_and_by_its_plugin(staff, market):
    text = staff("stalls.view").get("/console").text
    found = re.search(rf'href="{STALLS}" data-words="([^"]+)"', text)
    assert found
    assert all(word in found[1] for word in ("摊位", "stalls", "集市"))


# --- filters ------------------------------------------------------------------------------------------------


def test_nothing_chosen_is_all_and_an_empty_value_is_a_choice_of_its_own(staff, market, stall):
    stall("Plain", market["east"], state="")
    stall("Foods", market["east"])
    browser = staff("stalls.view")
    text = browser.get(STALLS).text
    options = re.search(r'<select[^>]*name="state">(.*?)</select>', text, re.DOTALL)
    assert options
    assert re.findall(r'<option value="([^"]*)"( selected)?>([^<]+)', options[1])[0] == ("", "", "全部")
    assert "selected" not in options[1]
    assert "Plain" in text
    assert "Foods" in text
    empty = browser.get(STALLS, params={"state": "~"}).text
    assert ("Plain" in empty, "Foods" in empty) == (True, False)
    assert '<option value="~" selected>' in empty
