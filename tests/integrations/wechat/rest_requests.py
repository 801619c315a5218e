"""Working requests of WeChat."""

from core import tenants
from integrations.wechat.fake import APPID, SECRET, WechatFake, serve
from tests.hosts.rest.working import Call, Maker, Stage


def login(stage: Stage) -> Call:
    """Log somebody in through the fake."""
    running = stage.once("wechat", lambda: serve(fake=WechatFake(clock=stage.clock.now)))
    for side in (stage.near, stage.far):
        values = {"appid": APPID, "secret": SECRET, "base_url": running.url}
        tenants.save_settings(side.ctx, "wechat", values)
    number = int(stage.unique(""))
    return Call(body={"code": f"code-person{number}", "phone_code": f"phone-136{number:08d}"})


WORKING: dict[str, Maker] = {"POST /v1/wechat/login": login}
