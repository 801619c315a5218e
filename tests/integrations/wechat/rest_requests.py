"""Working requests of WeChat."""

import hashlib
from typing import Any  # a row

from core import members, tenants
from integrations.wechat import codes, subscriptions
from integrations.wechat.fake import APPID, SECRET, WechatFake, serve
from integrations.wechat.models import WechatCode, WechatPush, WechatShipment, WechatSubscription
from integrations.wechat.schemas import CodeForm, TemplateForm
from roost import new_id, seal
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/wechat"
PARCEL = '{"parcels":{"1":{"kind":"ship","carrier":"圆通","tracking":"YT1","title":"水壶"}},"whole":true}'


def connect(stage: Stage) -> Any:
    """Connect both brands with the fake."""
    running = stage.once("wechat", lambda: serve(fake=WechatFake(clock=stage.clock.now)))
    for side in (stage.near, stage.far):
        values = {"appid": APPID, "secret": SECRET, "base_url": running.url}
        tenants.save_settings(side.ctx, "wechat", values)
    return running


def login(stage: Stage) -> Call:
    """Log somebody in through the fake."""
    connect(stage)
    number = int(stage.unique(""))
    return Call(body={"code": f"code-person{number}", "phone_code": f"phone-136{number:08d}"})


def linked(stage: Stage) -> str:
    """Set WeChat up, and tie open ids to the owner and to the other member; return the owner's."""
    running = connect(stage)
    stage.fresh()
    openids = [running.fake.openid(stage.unique("person")) for _ in range(2)]
    with stage.ctx.transaction():
        for member, openid in zip((stage.owner, stage.other), openids, strict=True):
            members.link_identity(stage.ctx, member.id, f"wechat:{APPID}", openid)
    return str(openids[0])


def report(stage: Stage) -> Call:
    """Report a yes."""
    linked(stage)
    return Call(body={"results": {template(stage).template: "accept"}})


def template(stage: Stage) -> Any:
    """Register a template."""
    body = TemplateForm(template=stage.unique("T"), title="Booked", fields=["thing1={venue}"])
    with stage.ctx.transaction():
        return subscriptions.add_template(stage.ctx, body)


def new_template(stage: Stage) -> dict[str, Any]:
    """Return a template's form."""
    return {"template": stage.unique("T"), "title": "Booked", "fields": ["thing1={venue}"], "page": "pages/a"}


def quota(stage: Stage) -> Call:
    """Have the owner say yes."""
    openid = linked(stage)
    with stage.ctx.transaction():
        subscriptions.accepted(stage.ctx, openid, stage.unique("T"))
        row = WechatSubscription.scoped(stage.ctx).get(WechatSubscription.openid == openid)
    return Call({"row_id": row.id})


def code(stage: Stage, state: str = "ready") -> Call:
    """Have a code that is drawn, or failed."""
    connect(stage)
    with stage.ctx.transaction():
        row = codes.add(stage.ctx, CodeForm(key=stage.unique("desk "), scene="d=1"))
        WechatCode.scoped(stage.ctx).update(state=state, image=b"\x89PNG").where(WechatCode.id == row.id).execute()
    return Call({"row_id": row.id})


def push(stage: Stage) -> Call:
    """Have a push that failed."""
    ctx, key = stage.ctx.for_plugin("wechat"), hashlib.sha256(stage.unique("push").encode()).hexdigest()
    with ctx.transaction():
        row = WechatPush.scoped(ctx).create(
            key=key, proof=key[:40], kind="wxa_media_check", body=seal(ctx, "push", "{}"), state="failed",
            received_at=ctx.now(),
        )  # fmt: skip
    return Call({"row_id": row.id})


def shipment(stage: Stage, **body: Any) -> Call:
    """Have a shipment that WeChat refused."""
    ctx = stage.ctx.for_plugin("wechat")
    with ctx.transaction():
        row = WechatShipment.scoped(ctx).create(
            order=new_id(), transaction=stage.unique("42000"), member=stage.owner.id, state="failed", digest="x",
            body=seal(ctx, "shipment", PARCEL), created_at=ctx.now(), changed_at=ctx.now(),
        )  # fmt: skip
    return Call({"row_id": row.id}, body=body or None)


WORKING: dict[str, Maker] = {
    "POST /v1/wechat/login": login,
    "POST /v1/wechat/subscriptions": report,
    f"GET {ADMIN}/templates/{{row_id}}": lambda stage: Call({"row_id": template(stage).id}),
    f"POST {ADMIN}/templates": lambda stage: Call(body=new_template(stage)),
    f"PATCH {ADMIN}/templates/{{row_id}}": lambda stage: Call({"row_id": template(stage).id}, body=new_template(stage)),
    f"GET {ADMIN}/quotas/{{row_id}}": quota,
    f"GET {ADMIN}/codes/{{row_id}}": code,
    f"GET {ADMIN}/codes/{{row_id}}/image": code,
    f"POST {ADMIN}/codes": lambda stage: Call(body={"key": stage.unique("desk "), "scene": "d=1"}),
    f"POST {ADMIN}/codes/{{row_id}}/retry": lambda stage: code(stage, "failed"),
    f"GET {ADMIN}/pushes/{{row_id}}": push,
    f"POST {ADMIN}/pushes/{{row_id}}/retry": push,
    f"GET {ADMIN}/shipments/{{row_id}}": shipment,
    f"POST {ADMIN}/shipments/{{row_id}}/retry": shipment,
    f"POST {ADMIN}/shipments/{{row_id}}/correct": lambda stage: shipment(
        stage, carrier="中通", tracking="ZTO20001", reason="a slip of the pen"
    ),
}
