"""The venue's manager and head office are told of new cases and of each deadline, once."""

from core import tenants
from plugins.feedback import service
from plugins.notify.content import opened
from plugins.notify.models import NotifyMessage
from roost import unseal

NOTICES = ["feedback_received", "feedback_escalated"]


def test_manager_and_head_office_are_told_once_per_case_and_deadline(tenant, enable_plugin, member, api, drain, clock):
    enable_plugin("feedback", "notify")
    with tenant.transaction():
        here, there = (tenants.add_venue(tenant, code, name).id for code, name in (("001", "静安"), ("002", "徐汇")))
    for number, venues in enumerate(((here,), (there,), ())):
        token = api.as_staff("notify.told", "feedback.view", venues=venues)
        body = {"channel": "sms", "address": f"1380000000{number}", "notices": NOTICES}
        assert api.post("/admin/v1/notify/staff", token=token, json=body).status_code == 201

    def told():
        ctx = tenant.for_plugin("notify")
        rows = NotifyMessage.scoped(ctx).select().where(NotifyMessage.member.is_null()).order_by(NotifyMessage.id)
        return [(unseal(ctx, "address", row.address)[-1], opened(ctx, row.content).text) for row in rows]

    case = {"venue": str(here), "category": "hygiene", "text": "更衣室太脏"}
    assert api.post("/v1/feedback/cases", token=api.as_member(member()), json=case).status_code == 201
    drain()
    new = told()
    assert [who for who, _ in new] == ["0", "2"]
    assert new[0][1].startswith("静安 收到新的卫生反馈，请在 ")
    assert "太脏" not in new[0][1]
    for hours, what in ((25, "未在时限内回复"), (48, "未在时限内解决")):
        before = len(told())
        clock.advance(hours=hours)
        for _ in range(2):
            with tenant.transaction():
                service.escalate_due(tenant.for_plugin("feedback"))
            drain()
        late = told()[before:]
        assert [who for who, _ in late] == ["0", "2"]
        assert what in late[0][1]
