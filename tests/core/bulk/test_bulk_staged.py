"""Rows that are staged come out as they were given, on both databases, and leave nothing behind."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from core import db
from core.bulk import Same, insert_columns
from core.bulk.columns import FEW
from core.bulk.staging import Stage
from core.db import EVERY_TENANT
from core.errors import ConfigurationError, UnscopedQuery
from core.ids import new_id
from core.members.models import Member, MemberIdentity

AWKWARD = ("plain", "", 'a "quote"', "back\\slash", "{braces,and}", "NULL", "\\N", "tab\there", "line\nbreak", "\r",
           "会员 ☕", "'single'", "\\.")  # fmt: skip
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def identities(subjects):
    return {
        "id": [new_id().hex for _ in subjects],
        "member": [new_id() for _ in subjects],
        "provider": Same("test"),
        "subject": list(subjects),
        "linked_at": Same(AT),
    }


@pytest.fixture
def subjects():
    return [*AWKWARD, *(f"s{n}" for n in range(FEW))]


def test_awkward_text_comes_back_as_it_was(tenant, subjects):
    columns = identities(subjects)
    with tenant.transaction():
        assert insert_columns(tenant, MemberIdentity, len(subjects), columns) == len(subjects)
        found = {row.subject: row for row in MemberIdentity.scoped(tenant).select()}
    assert set(found) == set(subjects)
    for subject, key, member in zip(subjects, columns["id"], columns["member"], strict=True):
        assert (found[subject].id.hex, found[subject].member, found[subject].linked_at) == (key, member, AT)


def test_every_type_and_every_default_comes_back(tenant):
    count = FEW + 10
    ids = [new_id() for _ in range(count)]
    columns = {
        "id": ids,
        "channel": Same("x"),
        "registered_at": [AT + timedelta(days=n % 3) for n in range(count)],
        "code_tag": [2**35 + n for n in range(count)],
        "birthday": [date(1990, 2, 28) if n % 2 else None for n in range(count)],
        "phone": [bytes([n, 0, 92, 9, 10, 255]) if n % 2 else None for n in range(count)],
        "attributes": [{"a": ['"', "\\", "\t", None, n]} for n in range(count)],
        "frozen": [n % 2 == 0 for n in range(count)],
    }
    with tenant.transaction():
        insert_columns(tenant, Member, count, columns)
        rows = [Member.scoped(tenant).get(Member.id == key) for key in ids]
    for n, row in enumerate(rows):
        assert (row.registered_at, row.code_tag, row.birthday) == (
            columns["registered_at"][n], columns["code_tag"][n], columns["birthday"][n],
        )  # fmt: skip
        assert (row.phone and bytes(row.phone), row.attributes, row.frozen) == (
            columns["phone"][n], columns["attributes"][n], columns["frozen"][n],
        )  # fmt: skip
        assert (row.state, row.class_, row.venue, row.tenant) == ("lead", "ordinary", None, tenant.tenant.id)


def test_what_is_there_already_can_be_passed_over_and_is_counted(tenant, subjects):
    with tenant.transaction():
        insert_columns(tenant, MemberIdentity, 3, identities(subjects[:3]))
        again = insert_columns(tenant, MemberIdentity, len(subjects), identities(subjects), ignore_conflicts=True)
        assert again == len(subjects) - 3


def test_it_needs_a_transaction_one_tenant_and_a_call_that_may_write(tenant, subjects):
    columns = identities(subjects)
    with pytest.raises(RuntimeError, match="transaction"):
        insert_columns(tenant, MemberIdentity, len(subjects), columns)
    with tenant.transaction(), db.read_only(), pytest.raises(ConfigurationError):
        insert_columns(tenant, MemberIdentity, len(subjects), columns)
    nobody = SimpleNamespace(scope=EVERY_TENANT, tenant=tenant.tenant)
    with tenant.transaction(), pytest.raises(UnscopedQuery):
        insert_columns(nobody, MemberIdentity, len(subjects), columns)


def test_what_was_staged_is_gone_whether_it_went_well_or_not(tenant):
    stage = Stage("stage_of_test", (("n", "integer"),))
    count = db.Sql("SELECT count(*) FROM stage_of_test")
    with tenant.transaction():
        with stage.filled(tenant.scope, [[1, 2]]):
            assert db.fetch_one(tenant.scope, count) == (2,)
        with pytest.raises(ZeroDivisionError), db.savepoint(), stage.filled(tenant.scope, [[1, 2, 3]]):
            raise ZeroDivisionError
        with stage.filled(tenant.scope, [[7]]):
            assert db.fetch_one(tenant.scope, count) == (1,)
        assert db.fetch_one(tenant.scope, count) == (0,)
