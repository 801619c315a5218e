"""Rows that go in as columns come out as they were given, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core import db
from core.bulk import insert_later, insert_rows, one_of
from core.bulk.conditions import MANY
from core.bulk.inserting import FEW
from core.errors import ConfigurationError, UnscopedQuery
from core.events.models import Job
from core.events.outbox import JOB
from core.ids import new_id
from core.members.models import Member, MemberIdentity

AWKWARD = ("plain", "", 'a "quote"', "back\\slash", "{braces,and}", "NULL", "line\nbreak", "会员 ☕", "'single'")


def identity(subject, **more):
    return {
        "member": new_id(),
        "provider": "test",
        "subject": subject,
        "linked_at": datetime(2026, 1, 2, tzinfo=UTC),
    } | more


def test_awkward_text_comes_back_as_it_was(tenant):
    with tenant.transaction():
        assert insert_rows(tenant, MemberIdentity, [identity(text) for text in AWKWARD]) == len(AWKWARD)
        assert {row.subject for row in MemberIdentity.scoped(tenant).select()} == set(AWKWARD)


def test_every_type_and_every_default_comes_back(tenant):
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    known = {"id": new_id(), "channel": "x", "registered_at": at, "code_tag": 2**35, "birthday": date(1990, 2, 28)}
    bare = {"id": new_id(), "channel": "y", "registered_at": at, "code_tag": 1, "birthday": None}
    more = {"phone": bytes(range(256)), "attributes": {"a": ['"', "\\", None]}, "frozen": True}
    less = {"phone": None, "attributes": {}, "frozen": False}
    with tenant.transaction():
        insert_rows(tenant, Member, [known | more, bare | less])
        first = Member.scoped(tenant).get(Member.id == known["id"])
        second = Member.scoped(tenant).get(Member.id == bare["id"])
    assert (first.registered_at, first.birthday, first.code_tag) == (at, date(1990, 2, 28), 2**35)
    assert (bytes(first.phone), first.attributes, first.frozen) == (bytes(range(256)), more["attributes"], True)
    assert (second.phone, second.birthday, second.attributes, second.frozen) == (None, None, {}, False)
    assert (second.state, second.class_, second.venue, second.tenant) == ("lead", "ordinary", None, tenant.tenant.id)


def test_what_is_there_already_can_be_passed_over_and_is_counted(tenant):
    with tenant.transaction():
        assert insert_rows(tenant, MemberIdentity, [identity("a")]) == 1
        again = [identity(subject) for subject in ("a", "b", "c")]
        assert insert_rows(tenant, MemberIdentity, again, ignore_conflicts=True) == 2
        assert insert_rows(tenant, MemberIdentity, []) == 0


def test_more_rows_than_one_statement_takes(tenant):
    rows = [identity(f"s{n}") for n in range(12_000)]
    with tenant.transaction():
        assert insert_rows(tenant, MemberIdentity, rows) == 12_000
        some = [f"s{n}" for n in range(0, 12_000, 7)]
        found = MemberIdentity.scoped(tenant).select().where(one_of(MemberIdentity.subject, some))
        assert found.count() == len(some)
        ids = [row["member"] for row in rows[:50]]
        assert MemberIdentity.scoped(tenant).select().where(one_of(MemberIdentity.member, ids)).count() == 50


def test_only_one_tenants_rows_and_never_in_a_read(tenant, runtime):
    with pytest.raises(UnscopedQuery):
        insert_rows(runtime.across_tenants("test"), Job, [{"plugin": "x"}])
    with pytest.raises(ConfigurationError), tenant.transaction(), db.read_only():
        insert_rows(tenant, MemberIdentity, [identity("a")])


def test_a_row_that_is_there_is_overwritten_where_that_is_asked_and_its_key_stays(tenant):
    first, second = [identity("a"), identity("b")], [identity("b"), identity("c")]
    with tenant.transaction():
        insert_rows(tenant, MemberIdentity, first)
        assert insert_rows(tenant, MemberIdentity, second, replace=("provider", "subject")) == 2
    rows = {row.subject: row for row in MemberIdentity.scoped(tenant).select()}
    assert {subject: row.member for subject, row in rows.items()} == {
        "a": first[0]["member"],
        "b": second[0]["member"],
        "c": second[1]["member"],
    }


@pytest.mark.parametrize("uneven", [{"link": 1}, None])
def test_rows_whose_keys_differ_are_refused_and_the_first_of_them_named(tenant, uneven):
    rows = [identity("a"), identity("b"), identity("c", **(uneven or {}))]
    if uneven is None:
        del rows[2]["provider"]
    with tenant.transaction():
        with pytest.raises(ValueError, match=r"MemberIdentity: row 2 has other keys than row 0 \((link|provider)\)"):
            insert_rows(tenant, MemberIdentity, rows)
        with pytest.raises(ValueError, match=r"MemberIdentity: row 2 has other keys than row 0 \((link|provider)\)"):
            MemberIdentity.scoped(tenant).insert_many([dict(row) for row in rows])
        assert MemberIdentity.scoped(tenant).select().count() == 0


def test_rows_may_have_their_keys_in_any_order(tenant):
    first = identity("a")
    with tenant.transaction():
        assert insert_rows(tenant, MemberIdentity, [first, dict(reversed(identity("b").items()))]) == 2
        MemberIdentity.scoped(tenant).insert_many([identity("c"), dict(reversed(identity("d").items()))]).execute()
        assert {row.subject for row in MemberIdentity.scoped(tenant).select()} == {"a", "b", "c", "d"}


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_jobs_that_nobody_waits_for_go_in_as_they_are_however_many(tenant, count):
    at = datetime(2026, 1, 2, tzinfo=UTC)
    rows = [
        (tenant.tenant.id, "core", f"kind {n}", '{"a": "\\""}', at, 'cause "of" it', "live", at) for n in range(count)
    ]
    with tenant.transaction():
        before = Job.scoped(tenant).select().count()
        insert_later(tenant, JOB, rows)
        held = list(Job.scoped(tenant).select().where(Job.kind.startswith("kind ")))
        assert Job.scoped(tenant).select().count() == before + count
    told = {(job.plugin, job.kind, job.payload, job.due_at, job.cause, job.origin, job.created_at) for job in held}
    assert told == {row[1:] for row in rows}
    assert {(job.state, job.attempt, job.claims, job.failures, job.error) for job in held} == {("queued", 0, 0, 0, "")}


def test_ids_may_be_given_as_text_and_columns_of_one_value_or_none_come_back(tenant):
    first, second, owner = new_id(), new_id(), new_id()
    same = {"member": owner, "linked_at": datetime(2026, 1, 2, tzinfo=UTC)}
    with tenant.transaction():
        insert_rows(tenant, MemberIdentity, [identity("a", id=str(first), **same), identity("b", id=second, **same)])
        found = {row.subject: (row.id, row.member) for row in MemberIdentity.scoped(tenant).select()}
    assert found == {"a": (first, owner), "b": (second, owner)}


def test_one_of_finds_instants_days_and_flags_too_however_many(tenant):
    start = datetime(2026, 1, 2, tzinfo=UTC)
    at = [start + timedelta(minutes=n) for n in range(MANY + 10)]
    people = [{"id": new_id(), "channel": "x", "registered_at": moment, "code_tag": n} for n, moment in enumerate(at)]
    with tenant.transaction():
        insert_rows(tenant, Member, [one | {"birthday": date(1990, 2, 28)} for one in people])
        wanted = {"registered_at": at, "birthday": [date(1990, 2, 28)] * len(at), "frozen": [False] * len(at)}
        for name, values in wanted.items():
            field = Member._meta.fields[name]
            assert Member.scoped(tenant).select().where(one_of(field, values)).count() == len(at), name
