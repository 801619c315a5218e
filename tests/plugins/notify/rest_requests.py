"""Working requests of notify."""

from typing import Any
from uuid import UUID

from core import tenants
from hosts.console.models import Approval
from plugins.notify import campaigns, noticing
from plugins.notify.content import Content, opened
from plugins.notify.models import NotifyInbox, NotifyMessage, NotifyNotice
from plugins.notify.posting import Letter, post
from plugins.notify.staff_schemas import ExemptIn
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/notify"
MINE = "/v1/notify"
WHY = {"reason": "asked for"}
EXEMPT = {"reason": "the shop closes"}


def message(stage: Stage) -> str:
    """Lay a message in the owner's inbox; return its id there."""
    ctx = stage.ctx.for_plugin("notify")
    with ctx.transaction():
        post(
            ctx,
            Letter(
                key=stage.unique("key"), group="notify", notice="birthday", content=Content("T", "words"),
                channels=["inbox"], member=stage.owner.id,
            ),
        )  # fmt: skip
    stage.drain("notify")
    row = NotifyInbox.scoped(ctx).select().where(NotifyInbox.member == stage.owner.id)
    return str(row.order_by(NotifyInbox.id.desc()).first().id)


def failed(stage: Stage) -> str:
    """Return the id of a message that reached nobody."""
    ctx = stage.ctx.for_plugin("notify")
    with ctx.transaction():
        found = post(
            ctx,
            Letter(
                key=stage.unique("key"), group="notify", notice="test", content=Content("T", "words"),
                channels=["email"], member=stage.owner.id,
            ),
        )  # fmt: skip
    stage.drain("notify")
    assert NotifyMessage.scoped(ctx).get(NotifyMessage.id == found).state == "failed"
    return str(found)


def campaign_body(stage: Stage) -> dict[str, Any]:
    """Return the body of a campaign."""
    return {
        "name": stage.unique("Spring "),
        "title_zh": "春",
        "text_zh": "{name} 你好",
        "channels": ["inbox"],
        "venue": str(stage.venue),
    }


def draft(stage: Stage) -> str:
    """Write a campaign down; return its id."""
    return str(stage.staff("POST", f"{ADMIN}/campaigns", campaign_body(stage))["id"])


def ready(stage: Stage) -> tuple[str, int]:
    """Preview a campaign; return its id and how many it goes to."""
    found = draft(stage)
    stage.staff("POST", f"{ADMIN}/campaigns/{found}/preview")
    stage.drain("notify")
    return found, stage.staff("GET", f"{ADMIN}/campaigns/{found}")["heads"]


def running(stage: Stage) -> str:
    """Start a campaign; return its id."""
    found, heads = ready(stage)
    stage.staff("POST", f"{ADMIN}/campaigns/{found}/start", {"heads": heads})
    return found


def stopped(stage: Stage) -> str:
    """Stop a campaign half-way; return its id."""
    found = running(stage)
    stage.staff("POST", f"{ADMIN}/campaigns/{found}/stop")
    return found


def with_failures(stage: Stage) -> str:
    """Return the id of a campaign that is done and reached nobody."""
    body = {**campaign_body(stage), "channels": ["email"], "states": ["member"]}
    found = str(stage.staff("POST", f"{ADMIN}/campaigns", body)["id"])
    with stage.ctx.transaction():  # as marketing nobody would want it, which is no failure
        campaigns.exempt(stage.ctx.for_plugin("notify"), UUID(found), ExemptIn(**EXEMPT))
    stage.staff("POST", f"{ADMIN}/campaigns/{found}/preview")
    stage.drain("notify")
    heads = stage.staff("GET", f"{ADMIN}/campaigns/{found}")["heads"]
    stage.staff("POST", f"{ADMIN}/campaigns/{found}/start", {"heads": heads})
    stage.drain("notify")
    assert stage.staff("GET", f"{ADMIN}/campaigns/{found}")["state"] == "done"
    return found


def start(stage: Stage) -> Call:
    """Name a campaign that is ready, and its heads."""
    found, heads = ready(stage)
    return Call({"row_id": found}, body={"heads": heads})


def approval(body: Any = None) -> Maker:
    """Return a maker of a call about a start above its limit, asked for by somebody else."""

    def make(stage: Stage) -> Call:
        tenants.save_settings(stage.ctx, "notify", {"approve_over": 0})
        stage.fresh()
        found, heads = ready(stage)
        pending = stage.api.post(
            f"{ADMIN}/campaigns/{found}/start",
            token=stage.near.key_without(stage.api, "members.erase"),
            key=stage.unique("start"),
            json={"heads": heads},
        ).json
        assert pending["state"] == "pending", pending
        assert Approval.scoped(stage.ctx).get(Approval.id == pending["approval"]).state == "pending"
        tenants.save_settings(stage.ctx, "notify", {})
        return Call({"row_id": found, "approval_id": pending["approval"]}, body=body)

    return make


def exemption(body: Any = None) -> Maker:
    """Return a maker of a call about an exemption that somebody else asked for."""

    def make(stage: Stage) -> Call:
        found = draft(stage)
        pending = stage.api.post(
            f"{ADMIN}/campaigns/{found}/exempt", token=stage.near.key_without(stage.api, "members.erase"), json=EXEMPT
        ).json
        assert pending["state"] == "pending", pending
        return Call({"row_id": found, "approval_id": pending["approval"]}, body=body)

    return make


def asked(stage: Stage) -> Call:
    """Name a campaign, whose starts above the limit are listed."""
    return Call({"row_id": draft(stage)})


def announcement_body(stage: Stage) -> dict[str, Any]:
    """Return the body of a banner."""
    return {
        "title_zh": "闭店",
        "starts_at": "2026-11-01T00:00:00+08:00",
        "ends_at": "2027-11-01T00:00:00+08:00",
        "venue": str(stage.venue),
    }


def announcement(stage: Stage) -> str:
    """Put a banner up; return its id."""
    return str(stage.staff("POST", f"{ADMIN}/announcements", announcement_body(stage))["id"])


def template_body(stage: Stage) -> dict[str, Any]:
    """Return the body of a template."""
    return {"code": stage.unique("sale_"), "channel": "wechat", "template": "t-1", "params": {"thing1": "{name}"}}


def template(stage: Stage) -> str:
    """Register a template; return its id."""
    return str(stage.staff("POST", f"{ADMIN}/templates", template_body(stage))["id"])


def notice(stage: Stage) -> str:
    """Return the id of a notice."""
    with stage.ctx.transaction():
        noticing.write_down(stage.ctx.for_plugin("notify"))
    return str(NotifyNotice.scoped(stage.ctx).get(NotifyNotice.fact == "birthday").id)


def block_body(stage: Stage) -> dict[str, Any]:
    """Return the body of an address that wants no marketing."""
    return {"channel": "email", "address": f"{stage.unique('a')}@example.org"}


def block(stage: Stage) -> str:
    """Note an address; return the row's id."""
    return str(stage.staff("POST", f"{ADMIN}/blocks", block_body(stage))["id"])


def told(stage: Stage) -> str:
    """Have the owner's account told of feedback; return the row's id."""
    return str(stage.staff("POST", f"{ADMIN}/staff", told_body(stage))["id"])


def told_body(stage: Stage) -> dict[str, Any]:
    """Return the body of a way to tell an account."""
    return {"channel": "email", "address": "boss@example.org", "notices": ["feedback_received"]}


def mailing(stage: Stage) -> None:
    """Have the tenant send e-mail; what is sent here is never delivered."""
    values = {"smtp_host": "127.0.0.1", "mail_from": "club@example.com"}  # which may not be reached
    tenants.save_settings(stage.ctx, "notify", values)
    stage.ctx = stage.runtime.system(tenants.by_id(stage.ctx.tenant.id), "test")


def ask_email(stage: Stage) -> Call:
    """Ask for a code."""
    mailing(stage)
    return Call(body={"email": "ann@example.org"})


def confirm_email(stage: Stage) -> Call:
    """Send the code that would have come."""
    mailing(stage)
    stage.member("POST", f"{MINE}/email", {"email": "ann@example.org"})
    ctx = stage.ctx.for_plugin("notify")
    rows = NotifyMessage.scoped(ctx).select().where(NotifyMessage.notice == "email_code")
    code = opened(ctx, rows.order_by(NotifyMessage.id.desc()).first().content).values["code"]
    tenants.save_settings(stage.ctx, "notify", {})  # so that it goes nowhere
    return Call(body={"code": code})


def of(make: Any, body: Any = None) -> Maker:
    """Return a maker of a staff call about a row."""
    return lambda stage: Call({"row_id": make(stage)}, body=body(stage) if callable(body) else body)


WORKING: dict[str, Maker] = {
    f"POST {MINE}/messages/{{message_id}}/read": lambda stage: Call({"message_id": message(stage)}),
    f"POST {MINE}/messages/read-all": lambda stage: Call(body={}),
    f"PUT {MINE}/preferences": lambda stage: Call(body={"off": {"notify": ["inbox"]}, "marketing": {"all": False}}),
    f"POST {MINE}/email": ask_email,
    f"POST {MINE}/email/confirm": confirm_email,
    f"DELETE {MINE}/email": lambda stage: Call(),
    f"GET {ADMIN}/campaigns/{{row_id}}": of(draft),
    f"POST {ADMIN}/campaigns": lambda stage: Call(body=campaign_body(stage)),
    f"PATCH {ADMIN}/campaigns/{{row_id}}": of(draft, campaign_body),
    f"POST {ADMIN}/campaigns/{{row_id}}/preview": of(draft),
    f"POST {ADMIN}/campaigns/{{row_id}}/import": of(
        draft, {"csv": "phone\n13800000001\n", "basis": "signed up at the fair"}
    ),
    f"POST {ADMIN}/campaigns/{{row_id}}/exempt": of(draft, EXEMPT),
    f"GET {ADMIN}/campaigns/{{row_id}}/exempt/approvals": asked,
    f"POST {ADMIN}/campaigns/{{row_id}}/exempt/approvals/{{approval_id}}/approve": exemption(),
    f"POST {ADMIN}/campaigns/{{row_id}}/exempt/approvals/{{approval_id}}/reject": exemption(WHY),
    f"POST {ADMIN}/campaigns/{{row_id}}/test": of(draft, {"channel": "email", "address": "ann@example.org"}),
    f"POST {ADMIN}/campaigns/{{row_id}}/start": start,
    f"GET {ADMIN}/campaigns/{{row_id}}/start/approvals": asked,
    f"POST {ADMIN}/campaigns/{{row_id}}/start/approvals/{{approval_id}}/approve": approval(),
    f"POST {ADMIN}/campaigns/{{row_id}}/start/approvals/{{approval_id}}/reject": approval(WHY),
    f"POST {ADMIN}/campaigns/{{row_id}}/stop": of(running),
    f"POST {ADMIN}/campaigns/{{row_id}}/resume": of(stopped),
    f"POST {ADMIN}/campaigns/{{row_id}}/cancel": of(draft),
    f"POST {ADMIN}/campaigns/{{row_id}}/retry_failed": of(with_failures),
    f"GET {ADMIN}/messages/{{row_id}}": of(failed),
    f"POST {ADMIN}/messages/{{row_id}}/retry": of(failed),
    f"GET {ADMIN}/notices/{{row_id}}": of(notice),
    f"PATCH {ADMIN}/notices/{{row_id}}": of(notice, {"text_zh": "{name}，生日快乐"}),
    f"GET {ADMIN}/templates/{{row_id}}": of(template),
    f"POST {ADMIN}/templates": lambda stage: Call(body=template_body(stage)),
    f"PATCH {ADMIN}/templates/{{row_id}}": of(template, template_body),
    f"POST {ADMIN}/templates/{{row_id}}/remove": of(template),
    f"GET {ADMIN}/announcements/{{row_id}}": of(announcement),
    f"POST {ADMIN}/announcements": lambda stage: Call(body=announcement_body(stage)),
    f"PATCH {ADMIN}/announcements/{{row_id}}": of(announcement, announcement_body),
    f"POST {ADMIN}/announcements/{{row_id}}/take_down": of(announcement),
    f"GET {ADMIN}/blocks/{{row_id}}": of(block),
    f"POST {ADMIN}/blocks": lambda stage: Call(body=block_body(stage)),
    f"POST {ADMIN}/blocks/{{row_id}}/lift": of(block, WHY),
    f"GET {ADMIN}/staff/{{row_id}}": of(told),
    f"POST {ADMIN}/staff": lambda stage: Call(body=told_body(stage)),
    f"POST {ADMIN}/staff/{{row_id}}/end": of(told),
}
