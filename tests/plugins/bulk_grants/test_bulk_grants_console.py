"""Batches of rewards in the console: drafted by one, approved by another, recalled."""

import re

import pytest

from core import identity
from core.contract.context import Context
from core.ids import new_id
from core.runtime import Runtime
from hosts.server.app import make_app
from hosts.testkit.plugin import PASSWORD
from plugins.bulk_grants.models import BulkGrantsBatch
from tests.hosts.console.browser import Browser, words

BATCHES = "/console/bulk_grants/batches"


@pytest.fixture
def staff(runtime: Runtime, bulk: Context, tenant: Context):
    """Return a function that makes a signed-in account with permissions of the plugin."""
    app = make_app(runtime)

    def make(*permissions: str) -> Browser:
        name = f"staff-{new_id().hex[-12:]}"
        with tenant.transaction():
            identity.save_role(tenant, name, name, [f"bulk_grants.{one}" for one in permissions])
            made = identity.create_staff(tenant, name, PASSWORD, name, [name])
        browser = Browser(app, tenant, made.id, name)
        browser.sign_in()
        return browser

    return make


def test_a_batch_is_drafted_approved_by_another_and_recalled(staff, tenant, member, available, drain):
    li = member(state="member")
    maker, checker = staff("view", "edit"), staff("view", "approve")
    form = {"name": "致歉", "reason": "停水补偿", "points": "30", "state": "member"}
    made = maker.post(f"{BATCHES}/new", form)
    assert made.status_code == 303, words(made.text)
    batch = BulkGrantsBatch.scoped(tenant).get()
    assert (batch.heads, batch.points, batch.state) == (1, 30, "draft")
    assert checker.act(f"{BATCHES}/{batch.id}/approve").status_code == 303
    drain()
    assert available(li) == 30
    page = words(checker.get(f"/console/bulk_grants/recipients?batch={batch.id}").text)
    assert re.search("已发放", page)
    assert checker.act(f"{BATCHES}/{batch.id}/recall", {"reason": "名单有误"}).status_code == 303
    drain()
    assert available(li) == 0


def test_a_batch_for_nobody_is_refused_in_words(staff, tenant):
    refused = staff("view", "edit").post(
        f"{BATCHES}/new", {"name": "x", "reason": "because", "points": "30", "member_class": "vip"}
    )
    assert (refused.status_code, "没有符合条件的会员" in refused.text) == (422, True)
