"""Actions: the reason, the form that acts once, the second person."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import identity
from hosts.console import approvals
from hosts.console.models import Approval
from hosts.console.resources import Desk, fingerprint
from tests.hosts.console.browser import ALL, STALLS, words


def test_an_action_runs_with_its_reason_and_leaves_one_audit_row(staff, market, stall, stored, audited):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view", "stalls.close")
    done = browser.act(f"{STALLS}/{key}/close", {"reason": " rain all week "})
    assert done.headers["Location"] == f"{STALLS}/{key}"
    assert stored(key).state == "closed"
    (row,) = audited("stalls.stalls.close")
    assert (row.subject, row.details, row.actor) == (
        str(key),
        {"reason": "rain all week"},
        f"staff:{browser.staff}",
    )


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_an_action_that_asks_for_a_reason_does_not_run_without(staff, market, stall, stored, reason):
    key = stall("Tea", market["east"])
    refused = staff("stalls.view", "stalls.close").act(f"{STALLS}/{key}/close", {"reason": reason})
    assert (refused.status_code, "请填写原因" in refused.text) == (422, True)
    assert stored(key).state == "open"


def test_an_action_that_does_not_fit_the_row_is_neither_offered_nor_done(staff, market, stall, audited):
    key = stall("Tea", market["east"], state="closed")
    browser = staff("stalls.view", "stalls.close")
    assert "/close" not in browser.get(f"{STALLS}/{key}").text
    assert browser.act(f"{STALLS}/{key}/close", {"reason": "again"}).status_code == 422
    assert not audited("stalls.stalls.close")


def test_a_form_sent_twice_acts_once(staff, market, stall, stored):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view", "stalls.refund")
    form = {"once": browser.once_of(browser.get(f"{STALLS}/{key}/refund")), "amount": "60", "reason": "rain"}
    assert browser.post(f"{STALLS}/{key}/refund", form).status_code == 303
    again = browser.post(f"{STALLS}/{key}/refund", form)
    assert (again.status_code, "请勿重复操作" in again.text) == (422, True)
    assert browser.post(f"{STALLS}/{key}/refund", {"amount": "60", "reason": "rain"}).status_code == 422
    assert stored(key).refunded == 60


def test_a_form_that_was_refused_can_be_sent_again(staff, market, stall, stored):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view", "stalls.refund")
    refused = browser.act(f"{STALLS}/{key}/refund", {"amount": "-1", "reason": "rain"})
    assert "不能小于 1" in refused.text
    form = {"once": browser.once_of(refused), "amount": "10", "reason": "rain"}
    assert browser.post(f"{STALLS}/{key}/refund", form).status_code == 303
    assert stored(key).refunded == 10


def test_htmx_gets_the_form_alone_and_is_told_where_to_go(staff, market, stall):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view", "stalls.close")
    part = browser.get(f"{STALLS}/{key}/close", htmx=True).text
    assert part.lstrip().startswith("<form")
    done = browser.act(f"{STALLS}/{key}/close", {"reason": "rain"}, htmx=True)
    assert (done.status_code, done.headers["HX-Redirect"]) == (200, f"{STALLS}/{key}")


def test_above_the_limit_a_second_person_approves(staff, market, stall, stored, audited, tenant):
    key = stall("Tea", market["east"])
    asker, second = staff(*ALL), staff("stalls.view", "stalls.refund")
    at_limit = asker.act(f"{STALLS}/{key}/refund", {"amount": "100", "reason": "rain"})
    assert (at_limit.status_code, stored(key).refunded) == (303, 100)
    done = asker.act(f"{STALLS}/{key}/refund", {"amount": "101", "reason": "flood"})
    assert "等待另一位同事审批" in asker.get(done.headers["Location"]).text
    assert stored(key).refunded == 100
    (asked,) = Approval.scoped(tenant).select()
    assert (asked.amount, asked.state, asked.requested_by) == (101, "pending", asker.staff)
    own = asker.post(f"/console/core/approvals/{asked.id}/approve")
    assert (own.status_code, "须由另一位同事审批" in own.text) == (403, True)
    assert stored(key).refunded == 100
    assert "1 项操作等待您审批" in words(second.get("/console").text)
    assert "项操作等待您审批" not in words(asker.get("/console").text)
    assert "flood" in words(second.get("/console/core/approvals").text)
    assert second.post(f"/console/core/approvals/{asked.id}/approve").status_code == 303
    assert stored(key).refunded == 201
    assert [(r.actor, r.details.get("requested_by")) for r in audited("stalls.stalls.refund")] == [
        (f"staff:{asker.staff}", None),
        (f"staff:{second.staff}", str(asker.staff)),
    ]
    assert len(audited("stalls.stalls.refund.requested")) == 1
    assert second.post(f"/console/core/approvals/{asked.id}/approve").status_code == 409
    assert stored(key).refunded == 201


def test_a_rejected_act_never_runs(staff, market, stall, stored, audited, tenant):
    key = stall("Tea", market["east"])
    asker, second = staff(*ALL), staff(*ALL)
    asker.act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    (asked,) = Approval.scoped(tenant).select()
    path = f"/console/core/approvals/{asked.id}"
    assert second.post(f"{path}/reject", {"reason": ""}).status_code == 422
    assert second.post(f"{path}/reject", {"reason": "no flood there"}).status_code == 303
    assert second.post(f"{path}/approve").status_code == 409
    assert stored(key).refunded == 0
    (row,) = audited("stalls.stalls.refund.rejected")
    assert row.details["reason"] == "no flood there"


def test_an_approver_needs_the_same_permission_and_the_rows_venue(staff, market, stall, stored, tenant):
    key = stall("Tea", market["east"])
    staff(*ALL).act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    (asked,) = Approval.scoped(tenant).select()
    for browser in (staff("stalls.view", "stalls.close"), staff(*ALL, venues=[market["west"]])):
        assert "flood" not in words(browser.get("/console/core/approvals").text)
        assert browser.post(f"/console/core/approvals/{asked.id}/approve").status_code == 404
    assert stored(key).refunded == 0
    assert staff(*ALL, venues=[market["east"]]).post(f"/console/core/approvals/{asked.id}/approve").status_code == 303
    assert stored(key).refunded == 500


def test_an_act_that_fails_when_approved_stays_open(staff, market, stall, tenant, runtime):
    key = stall("Tea", market["east"])
    staff(*ALL).act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    (asked,) = Approval.scoped(tenant).select()
    model = runtime.registry.plugin("stalls").gives.resources[0].model
    with tenant.transaction():
        model.scoped(tenant).delete().where(model.id == key).execute()
    assert staff(*ALL).post(f"/console/core/approvals/{asked.id}/approve").status_code == 404
    assert Approval.scoped(tenant).get(Approval.id == asked.id).state == "pending"


def test_nobody_approves_what_was_changed_after_it_was_asked_for(staff, market, stall, stored, tenant):
    key = stall("Tea", market["east"])
    asker, second = staff(*ALL), staff(*ALL)
    asker.act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    (asked,) = Approval.scoped(tenant).select()
    assert asker.act(f"{STALLS}/{key}/refund", {"amount": "1", "reason": "between"}).status_code == 303
    refused = second.post(f"/console/core/approvals/{asked.id}/approve")
    assert (refused.status_code, "提交后内容已被修改" in refused.text) == (409, True)
    assert stored(key).refunded == 1
    asker.act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    again = Approval.scoped(tenant).select().where(Approval.id != asked.id).get()
    assert second.post(f"/console/core/approvals/{again.id}/approve").status_code == 303
    assert stored(key).refunded == 501


@pytest.mark.engines("postgresql")  # SQLite lets one write at a time
@pytest.mark.parametrize(("locked", "refunded", "answers"), [(True, 500, [303, 409]), (False, 1000, [303, 303])])
def test_of_two_approvals_at_one_moment_the_second_sees_what_the_first_did(
    staff, market, stall, stored, tenant, monkeypatch, locked, refunded, answers
):
    """Without the lock, which is the control, both see the row as it was and both run."""
    key = stall("Tea", market["east"])
    asker = staff(*ALL)
    for _ in range(2):
        asker.act(f"{STALLS}/{key}/refund", {"amount": "500", "reason": "flood"})
    both = threading.Barrier(2)

    def look(row, action):
        seen = fingerprint(row, action)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=2)  # with the lock nobody else comes
        return seen

    monkeypatch.setattr(approvals, "fingerprint", look)
    if not locked:
        monkeypatch.setattr(Desk, "lock", lambda *args: None)
    paths = [f"/console/core/approvals/{asked.id}/approve" for asked in Approval.scoped(tenant).select()]
    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(lambda one: one[0].post(one[1]).status_code, zip((staff(*ALL), staff(*ALL)), paths, strict=True))
        )
    assert (sorted(done), stored(key).refunded) == (answers, refunded)


def test_an_account_that_lost_the_permission_cannot_use_a_form_it_had_open(staff, market, stall, stored, tenant):
    key = stall("Tea", market["east"])
    browser = staff("stalls.view", "stalls.close")
    form = {"once": browser.once_of(browser.get(f"{STALLS}/{key}/close")), "reason": "rain"}
    with tenant.transaction():
        role = identity.staff_account(tenant, browser.staff).roles[0]
        identity.save_role(tenant, role, role, ["stalls.view"])
    assert browser.post(f"{STALLS}/{key}/close", form).status_code == 403
    assert stored(key).state == "open"
