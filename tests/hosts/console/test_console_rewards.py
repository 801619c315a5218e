"""Batches of rewards in the console: drafted by one, approved by another, recalled."""

import re

from core import points
from core.rewards import RewardBatch
from tests.hosts.console.browser import words

BATCHES = "/console/core/batches"


def available(tenant, member):
    with tenant.transaction():
        return points.balance(tenant, member.id).available


def test_a_batch_is_drafted_approved_by_another_and_recalled(staff, tenant, member, drain):
    li = member(state="member")
    maker, checker = staff("rewards.view", "rewards.edit"), staff("rewards.view", "rewards.approve")
    form = {"name": "致歉", "reason": "停水补偿", "points": "30", "state": "member"}
    made = maker.post(f"{BATCHES}/new", form)
    assert made.status_code == 303, words(made.text)
    batch = RewardBatch.scoped(tenant).get()
    assert (batch.heads, batch.points, batch.state) == (1, 30, "draft")
    assert checker.act(f"{BATCHES}/{batch.id}/approve").status_code == 303
    drain()
    assert available(tenant, li) == 30
    page = words(checker.get(f"/console/core/batch-heads?batch={batch.id}").text)
    assert re.search("已发放", page)
    assert checker.act(f"{BATCHES}/{batch.id}/recall", {"reason": "名单有误"}).status_code == 303
    drain()
    assert available(tenant, li) == 0


def test_a_batch_for_nobody_is_refused_in_words(staff, tenant):
    refused = staff("rewards.view", "rewards.edit").post(
        f"{BATCHES}/new", {"name": "x", "reason": "because", "points": "30", "member_class": "vip"}
    )
    assert (refused.status_code, "没有符合条件的会员" in refused.text) == (422, True)
