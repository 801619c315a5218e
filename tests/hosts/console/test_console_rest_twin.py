"""The staff endpoints that the same declaration gives: same rows, same refusals, same audit."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from core.errors import ConfigurationError
from hosts.console.models import Approval
from hosts.server.app import make_app
from hosts.testkit.conformance import assert_plugin_conforms
from tests.hosts.console.browser import ALL

PATH = "/admin/v1/stalls/stalls"
BODY = {"title": "Tea and books", "rent_fen": 1234, "opens_at": "2026-11-22T10:30:00+08:00", "goods": ["tea"]}


def test_the_list_is_filtered_paged_and_masked(api, market, stall):
    for number in range(5):
        stall(f"S{number}", market["east"], contact="13900001111", state="open" if number else "closed")
    token = api.as_staff("stalls.view")
    first = api.get(PATH, token=token, params={"limit": "3", "state": "open"}).json
    assert [row["title"] for row in first["items"]] == ["S4", "S3", "S2"]
    assert first["items"][0]["contact"] == "139****1111"
    second = api.get(PATH, token=token, params={"limit": "3", "state": "open", "cursor": first["next_cursor"]}).json
    assert ([row["title"] for row in second["items"]], second["next_cursor"]) == (["S1"], None)


@pytest.mark.parametrize("query", [{"state": "gone"}, {"venue": "x"}, {"colour": "red"}, {"opens_at_from": "soon"}])
def test_a_wrong_or_unknown_filter_is_refused(api, market, query):
    assert api.get(PATH, token=api.as_staff("stalls.view"), params=query).status_code == 422


def test_the_first_and_the_last_day_that_there_is_are_filters_too(api, market, stall):
    stall("Tea", market["east"], opens_at=datetime(2026, 11, 22, tzinfo=UTC), market_day=date(2026, 11, 22))
    token = api.as_staff("stalls.view")
    for column in ("opens_at", "market_day"):
        for query in ({"from": "0001-01-01"}, {"to": "9999-12-31"}, {"from": "0001-01-01", "to": "9999-12-31"}):
            found = api.get(PATH, token=token, params={f"{column}_{side}": day for side, day in query.items()})
            assert (found.status_code, len(found.json["items"])) == (200, 1), found.text
        assert api.get(PATH, token=token, params={f"{column}_to": "0001-01-01"}).json["items"] == []


def test_a_row_is_created_read_and_edited_with_the_consoles_audit(api, market, audited):
    token = api.as_staff("stalls.view", "stalls.edit")
    body = {**BODY, "venue": str(market["east"])}
    made = api.post(PATH, token=token, json=body)
    assert made.status_code == 201
    key = made.json["id"]
    assert made.json["opens_at"].startswith("2026-11-22T02:30:00")
    assert api.get(f"{PATH}/{key}", token=token).json == made.json
    edited = api.patch(f"{PATH}/{key}", token=token, json={**body, "title": "Books only"})
    assert (edited.status_code, edited.json["title"]) == (200, "Books only")
    (row,) = audited("stalls.stalls.created")
    assert row.subject == key
    (row,) = audited("stalls.stalls.edited")
    assert row.details == {"changed": ["title"]}


def test_what_a_form_refuses_is_a_problem_with_a_path(api, market):
    token = api.as_staff("stalls.view", "stalls.edit")
    short = api.post(PATH, token=token, json={**BODY, "title": "x", "venue": str(market["east"])})
    assert short.status_code == 422
    unknown = api.post(PATH, token=token, json={**BODY, "venue": str(market["east"]), "colour": "red"})
    assert unknown.status_code == 422
    full = api.post(PATH, token=token, json={**BODY, "title": "full", "venue": str(market["east"])})
    assert full.status_code == 409


def test_permissions_venues_and_switched_off_plugins_hold_here_too(api, market, stall, tenant):
    from core import tenants

    ours, theirs = stall("Ours", market["east"]), stall("Theirs", market["west"])
    assert api.get(PATH, token=api.as_staff("members.view")).status_code == 403
    viewer = api.as_staff("stalls.view")
    assert api.post(PATH, token=viewer, json={**BODY, "venue": str(market["east"])}).status_code == 403
    scoped = api.as_staff(*ALL, venues=(market["east"],))
    assert [row["title"] for row in api.get(PATH, token=scoped).json["items"]] == ["Ours"]
    assert api.get(f"{PATH}/{theirs}", token=scoped).status_code == 404
    assert api.post(PATH, token=scoped, json={**BODY, "venue": str(market["west"])}).status_code == 403
    assert api.post(f"{PATH}/{theirs}/close", token=scoped, json={"reason": "mine now"}).status_code == 404
    assert api.get(f"{PATH}/{ours}", token=scoped).status_code == 200
    tenants.disable_plugin(tenant, "stalls")
    assert api.get(PATH, token=viewer).status_code == 404


def test_an_action_takes_its_reason_in_the_body(api, market, stall, stored, audited):
    key = stall("Tea", market["east"])
    token = api.as_staff("stalls.view", "stalls.close")
    assert api.post(f"{PATH}/{key}/close", token=token, json={}).status_code == 422
    done = api.post(f"{PATH}/{key}/close", token=token, json={"reason": "rain"})
    assert (done.status_code, done.json["state"], done.json["item"]["state"]) == (200, "done", "closed")
    assert api.post(f"{PATH}/{key}/close", token=token, json={"reason": "again"}).status_code == 409
    (row,) = audited("stalls.stalls.close")
    assert (row.subject, row.details) == (str(key), {"reason": "rain"})
    assert stored(key).state == "closed"


def test_an_act_above_the_limit_is_approved_by_somebody_else(api, market, stall, stored, tenant):
    key = stall("Tea", market["east"])
    asker, second = api.as_staff(*ALL), api.as_staff(*ALL)
    path = f"{PATH}/{key}/refund"
    assert api.post(path, token=asker, json={"amount": 5, "reason": "rain"}).status_code == 400  # no key
    asked = api.post(path, token=asker, json={"amount": 500, "reason": "flood"}, key="k1")
    assert (asked.json["state"], stored(key).refunded) == ("pending", 0)
    again = api.post(path, token=asker, json={"amount": 500, "reason": "flood"}, key="k1")
    assert again.json == asked.json
    assert Approval.scoped(tenant).select().count() == 1
    approval = asked.json["approval"]
    listed = api.get(f"{path}/approvals", token=second).json["items"]
    assert [(row["id"], row["amount"], row["state"]) for row in listed] == [(approval, 500, "pending")]
    assert api.post(f"{path}/approvals/{approval}/approve", token=asker, key="k2").status_code == 403
    other = stall("Other", market["east"])
    wrong_row = f"{PATH}/{other}/refund/approvals/{approval}/approve"
    assert api.post(wrong_row, token=second, key="k3").status_code == 404
    done = api.post(f"{path}/approvals/{approval}/approve", token=second, key="k4")
    assert (done.status_code, done.json["state"], stored(key).refunded) == (200, "approved", 500)
    assert api.post(f"{path}/approvals/{approval}/reject", token=second, json={"reason": "late"}).status_code == 409


def test_an_integration_key_may_ask_and_not_approve(api, market, stall, stored):
    key = stall("Tea", market["east"])
    token = api.as_key(*ALL)
    path = f"{PATH}/{key}/refund"
    asked = api.post(path, token=api.as_staff(*ALL), json={"amount": 500, "reason": "flood"}, key="k1")
    approve = f"{path}/approvals/{asked.json['approval']}/approve"
    assert api.post(approve, token=token, key="k2").status_code == 403
    assert stored(key).refunded == 0


def test_the_console_and_the_api_show_the_same_rows(api, staff, market, stall):
    titles = [f"Stall-{number:02d}" for number in range(7)]
    for title in titles:
        stall(title, market["east"])
    over_rest = [row["title"] for row in api.get(PATH, token=api.as_staff("stalls.view")).json["items"]]
    browser = staff("stalls.view")
    assert over_rest == browser.find_all(r"Stall-\d\d", browser.get("/console/stalls/stalls").text) == titles[::-1]


def test_every_operation_is_documented(api, market):
    paths = api.get("/openapi.json").json["paths"]
    operations = {f"{method} {path}" for path, methods in paths.items() for method in methods if "/stalls/" in path}
    row = "/admin/v1/stalls/stalls/{row_id}"
    assert {
        "get /admin/v1/stalls/stalls",
        "post /admin/v1/stalls/stalls",
        f"get {row}",
        f"patch {row}",
        f"post {row}/close",
        f"post {row}/refund",
        f"get {row}/refund/approvals",
        f"post {row}/refund/approvals/{{approval_id}}/approve",
        f"post {row}/refund/approvals/{{approval_id}}/reject",
    } <= operations


@pytest.mark.parametrize("wrong", [{"venue": "venu"}, {"order": "nothing"}])
def test_a_resource_that_cannot_be_interpreted_breaks_its_plugin_and_the_others_go_on(runtime, monkeypatch, wrong):
    stalls = runtime.registry.plugins["stalls"]
    resources = [replace(stalls.gives.resources[0], **wrong), *stalls.gives.resources[1:]]
    monkeypatch.setattr(stalls, "gives", replace(stalls.gives, resources=resources))
    monkeypatch.setattr(runtime.registry, "broken", {})
    app = make_app(runtime)
    assert "stalls" not in {route.slug for route in app.routes}
    assert "core" in {route.slug for route in app.routes}
    assert next(iter(wrong.values())) in runtime.registry.broken["stalls"]
    with pytest.raises(ConfigurationError):
        assert_plugin_conforms(runtime.registry, "stalls")


def test_an_instant_of_long_ago_is_kept_as_it_is_and_one_before_all_time_refused(api, market):
    token = api.as_staff("stalls.view", "stalls.edit")
    body = {**BODY, "venue": str(market["east"]), "opens_at": "0392-05-11T06:38:48Z"}
    made = api.post(PATH, token=token, json=body)
    assert (made.status_code, made.json["opens_at"]) == (201, "0392-05-11T06:38:48Z")
    assert api.get(f"{PATH}/{made.json['id']}", token=token).json["opens_at"] == "0392-05-11T06:38:48Z"
    before = api.post(PATH, token=token, json={**body, "title": "Before", "opens_at": "0001-01-01T00:00:00+08:00"})
    assert before.status_code == 422
