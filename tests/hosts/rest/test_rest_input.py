"""Bad input is answered with a problem document and the right 4xx, and changes no row."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hosts.testkit.plugin import Api

Counts = Callable[[], dict[str, int]]


@pytest.fixture
def token(api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None]) -> str:
    """Return the token of a member of a tenant with the probe on."""
    enable_plugin("probe")
    return api.as_member(member())


def problem(reply: Any, status: int, code: str) -> dict[str, Any]:
    """Check that a reply is a problem document and return it."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = reply.json
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"urn:roost:problem:{code}"
    assert document["request_id"] == reply.headers["x-request-id"]
    assert document["detail"]
    return document


BODIES = [
    ({"amount": "five"}, "body.amount"),
    ({"amount": "5"}, "body.amount"),
    ({"amount": 5.0}, "body.amount"),
    ({"amount": True}, "body.amount"),
    ({"amount": None}, "body.amount"),
    ({}, "body.amount"),
    ({"amount": 1, "extra": 1}, "body.extra"),
    ({"amount": 1, "inner": {"name": "a", "extra": 1}}, "body.inner.extra"),
    ({"amount": 1, "inner": {"name": "a" * 21}}, "body.inner.name"),
    ({"amount": 1, "inner": {"name": "a", "count": -1}}, "body.inner.count"),
    ({"amount": 10**30}, "body.amount"),
    ({"amount": 2**63}, "body.amount"),
    ({"amount": -(2**63) - 1}, "body.amount"),
    ({"amount": 1, "more": {"deep": [1, {"n": 10**25}]}}, "body.more.deep.1.n"),
    ({"amount": 1, "numbers": [1, 2, 10**19]}, "body.numbers.2"),
    ({"amount": 1, "more": {"text": "a\0b"}}, "body.more.text"),
    ({"amount": 1, "inner": {"name": "\0"}}, "body.inner.name"),
    ({"amount": 1, "more": {"a\0": 1}}, "body.more"),
    ({"amount": 1, "owner": "not-an-id"}, "body.owner"),
    ({"amount": 1, "day": "2026-02-30"}, "body.day"),
    ({"amount": 1, "at": "2026-02-03T10:00:00"}, "body.at"),
    ([], "body"),
    ("text", "body"),
    (7, "body"),
    (None, "body"),
]


BROKEN = [
    b"{",
    b"{'a': 1}",
    b'{"amount": 1,}',
    b'{"amount": 01}',
    b"\xff\xfe",
    b'{"amount": 1} x',
    b'{"more": "\\ud800"}',
    b"[" * 100_000,
    b'{"amount": ' + b"9" * 5000 + b"}",
    b'{"amount": 1, "inner": {"name": "\x00"}}',
    b'{"amount": 1e}',
    b'{"more": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
]


def send(api: Api, token: str, path: str, raw: bytes | str, media: str = "application/json") -> Any:
    """Post bytes as they are."""
    return api.post(path, token=token, key="k1", body=raw, headers={"Content-Type": media})


def test_a_body_that_does_not_fit_is_422_with_the_path(api: Api, token: str, counts: Counts) -> None:
    before = counts()
    for body, path in BODIES:
        for target in ("/v1/probe/echo", "/v1/probe/points"):
            document = problem(send(api, token, target, json.dumps(body)), 422, "invalid")
            assert [f["path"] for f in document["fields"]] == [path], body
    assert counts() == before


def test_broken_json_is_400(api: Api, token: str, counts: Counts) -> None:
    before = counts()
    for raw in BROKEN:
        problem(send(api, token, "/v1/probe/points", raw), 400, "broken_json")
    assert counts() == before


def test_a_number_that_is_not_finite_is_422(api: Api, token: str) -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1E999", "1.5e+400", "\n 2e999"):
        reply = send(api, token, "/v1/probe/echo", f'{{"amount": 1, "ratio": {number}}}')
        assert [f["path"] for f in problem(reply, 422, "invalid")["fields"]] == ["body.ratio"]


def test_sixty_four_bits_are_taken(api: Api, token: str) -> None:
    for amount in (2**63 - 1, -(2**63), 0, -1):
        assert api.post("/v1/probe/echo", token=token, json={"amount": amount}).json["what"]["amount"] == amount


def test_text_that_only_looks_dangerous_is_taken(api: Api, token: str) -> None:
    more = {"a": "NaN", "b": "12345678901234567890", "c": "\\u0000 written out", "d": "Infinity", "e": "1e999"}
    reply = api.post("/v1/probe/echo", token=token, json={"amount": 1, "more": more})
    assert reply.json["what"]["more"] == more


def test_what_is_not_json_is_415(api: Api, token: str, counts: Counts) -> None:
    before = counts()
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        problem(send(api, token, "/v1/probe/points", b'{"amount": 1}', media), 415, "unsupported_media")
    assert counts() == before


def test_json_by_other_names_is_taken(api: Api, token: str) -> None:
    for media in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.brand+json"):
        assert send(api, token, "/v1/probe/bare", b"{}", media).status_code == 204, media


def test_a_body_over_the_limit_is_413(api: Api, token: str, counts: Counts) -> None:
    before = counts()
    limit = api.runtime.settings.body_limit
    raw = b'{"amount": 1, "more": {"a": "' + b"x" * limit + b'"}}'
    reply = api.post("/v1/probe/points", token=token, key="k", body=raw, headers={"Content-Type": "application/json"})
    assert problem(reply, 413, "too_large")["limit"] == limit
    assert counts() == before


def test_a_body_where_none_is_taken_is_422_but_an_empty_object_passes(api: Api, token: str) -> None:
    assert api.post("/v1/probe/bare", token=token).status_code == 204
    assert api.post("/v1/probe/bare", token=token, json={}).status_code == 204
    problem(api.post("/v1/probe/bare", token=token, json={"a": 1}), 422, "invalid")


def test_an_optional_body_may_be_absent_and_a_required_one_not(api: Api, token: str) -> None:
    assert api.post("/v1/probe/maybe", token=token).json == {"what": {"body": None}}
    assert api.post("/v1/probe/maybe", token=token, json={"name": "a"}).json["what"]["body"]["name"] == "a"
    problem(api.post("/v1/probe/echo", token=token), 422, "invalid")


OWNER = "01932c5f-7b6a-7c00-8000-000000000001"
GOOD = f"/v1/probe/kinds/{OWNER}/7/word/2026-11-22"


def test_path_and_query_arrive_as_their_types(api: Api, token: str) -> None:
    reply = api.get(GOOD, token=token, query_string="size=5&day=2026-01-02&on=true&tag=a&tag=b")
    assert reply.json["what"] == {
        "owner": OWNER,
        "number": 7,
        "word": "word",
        "day": "2026-11-22",
        "query": {"size": 5, "day": "2026-01-02", "on": True, "tag": ["a", "b"]},
    }
    assert api.get(GOOD, token=token, query_string="size=5&tag=a").json["what"]["query"]["tag"] == ["a"]


def test_a_path_that_leads_nowhere_is_refused(api: Api, token: str) -> None:
    for path, status in (
        ("/v1/probe/kinds/nobody/7/word/2026-11-22", 404),
        (f"/v1/probe/kinds/{OWNER.replace('-', '')}/7/word/2026-11-22", 404),
        (f"/v1/probe/kinds/{OWNER}/seven/word/2026-11-22", 422),
        (f"/v1/probe/kinds/{OWNER}/7.0/word/2026-11-22", 422),
        (f"/v1/probe/kinds/{OWNER}/{10**18 * 99}/word/2026-11-22", 422),
        (f"/v1/probe/kinds/{OWNER}/{10**40}/word/2026-11-22", 422),
        (f"/v1/probe/kinds/{OWNER}/7/{'w' * 201}/2026-11-22", 404),
        (f"/v1/probe/kinds/{OWNER}/7/w%00/2026-11-22", 404),
        (f"/v1/probe/kinds/{OWNER}/7/word/2026-13-01", 422),
        (f"/v1/probe/kinds/{OWNER}/7/word/20261122", 422),
        (f"/v1/probe/kinds/{OWNER}/٧/word/2026-11-22", 422),
        ("/v1/probe/nothing", 404),
        ("/v1/probe", 404),
        ("/", 404),
    ):
        problem(api.get(path, token=token), status, "not_found" if status == 404 else "invalid")


def test_a_query_that_does_not_fit_is_422_with_the_path(api: Api, token: str) -> None:
    for query, path in (
        ("size=many", "query.size"),
        ("size=101", "query.size"),
        ("size=1.5", "query.size"),
        ("size=1&size=2", "query.size"),
        ("wrong=1", "query.wrong"),
        ("day=tomorrow", "query.day"),
        ("tag=%00", "query.tag"),
        ("on=perhaps", "query.on"),
        (f"size={-(10**30)}", "query.size"),
    ):
        document = problem(api.get(GOOD, token=token, query_string=query), 422, "invalid")
        assert [f["path"] for f in document["fields"]] == [path], query


def test_a_query_where_none_is_taken_and_one_without_end_are_422(api: Api, token: str) -> None:
    problem(api.get("/v1/probe/picture", token=token, query_string="a=1"), 422, "invalid")
    problem(api.post("/v1/probe/bare", token=token, query_string="a=1"), 422, "invalid")
    problem(api.get(GOOD, token=token, query_string="&".join(f"tag={n}" for n in range(101))), 422, "invalid")


def test_a_page_has_one_to_a_hundred_rows(api: Api, token: str) -> None:
    for limit in ("0", "-1", "101", "ten", "", "1e1", str(10**30), "٣"):
        document = problem(api.get("/v1/probe/rows", token=token, query_string=f"limit={limit}"), 422, "invalid")
        assert [f["path"] for f in document["fields"]] == ["query.limit"], limit


def test_pages_follow_each_other_to_the_end(api: Api, token: str) -> None:
    seen, cursor = [], ""
    while True:
        reply = api.get("/v1/probe/rows", token=token, query_string=f"limit=40&cursor={cursor}").json
        seen += [row["number"] for row in reply["items"]]
        cursor = reply["next_cursor"]
        if cursor is None:
            break
        assert not cursor.isdigit(), "what the service wrote into the cursor does not show"
    assert seen == list(range(100))


def test_a_cursor_that_somebody_made_up_or_took_elsewhere_is_422(
    api: Api, token: str, new_tenant: Callable[..., Any], member: Callable[..., Any]
) -> None:
    cursor = api.get("/v1/probe/rows", token=token).json["next_cursor"]
    for bad in ("40", "MTIz", cursor[:-1], cursor[:-2] + "AA", "A" * 2000, "%FF", "é"):
        problem(api.get("/v1/probe/rows", token=token, query_string=f"cursor={bad}"), 422, "bad_cursor")
    other = new_tenant("other", plugins=("probe",))
    theirs = api.as_member(member(ctx=other), ctx=other)
    problem(api.get("/v1/probe/rows", token=theirs, query_string=f"cursor={cursor}"), 422, "bad_cursor")
    problem(api.get("/v1/me/points/statement", token=token, query_string=f"cursor={cursor}"), 422, "bad_cursor")


def test_a_method_that_is_not_there_is_405_with_the_ones_that_are(api: Api, token: str) -> None:
    reply = api.put("/v1/probe/echo", token=token, json={})
    problem(reply, 405, "method_not_allowed")
    assert "POST" in reply.headers["allow"]


def test_an_unknown_id_and_a_negative_amount_change_nothing(api: Api, counts: Counts) -> None:
    staff = api.as_staff("points.adjust")
    before = counts()
    path = f"/admin/v1/members/{OWNER}/points"
    problem(api.post(path, token=staff, key="a", json={"amount": 5, "reason": "gift"}), 404, "not_found")
    problem(api.post(path, token=staff, key="b", json={"amount": -5, "reason": "gift"}), 422, "invalid")
    problem(api.post(path, token=staff, key="c", json={"amount": 10**13, "reason": "gift"}), 422, "invalid")
    assert counts() == before
