"""The console's pages of WeChat, as staff see them."""

from collections.abc import Callable

import pytest

from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.wechat import codes
from integrations.wechat.console import figures
from integrations.wechat.schemas import CodeForm


@pytest.fixture
def token(api: Api) -> str:
    return api.as_staff("wechat.view", "wechat.edit")


@pytest.mark.parametrize("page", ["templates", "quotas", "codes", "pushes", "shipments", "templates/new", "codes/new"])
def test_every_page_opens(brand: Context, api: Api, token: str, page: str) -> None:
    answer = api.client.simulate_get(f"/console/wechat/{page}", headers={"Cookie": f"roost_staff={token}"})
    assert answer.status_code == 200, answer.text[:500]


def test_the_codes_to_print_are_shown_as_pictures(
    brand: Context, api: Api, token: str, drain: Callable[[], int]
) -> None:
    with brand.transaction():
        codes.add(brand, CodeForm(key="前台立牌", scene="desk=1"))
    drain()
    answer = api.client.simulate_get("/console/wechat/gallery", headers={"Cookie": f"roost_staff={token}"})
    assert answer.status_code == 200, answer.text[:500]
    assert "前台立牌" in answer.text
    assert 'src="data:image/png;base64,' in answer.text


def test_the_panel_says_how_it_stands(brand: Context, change: Callable[..., None]) -> None:
    assert dict(figures(brand))["小程序"] == "已配置"
    change(secret="")
    assert dict(figures(brand)) == {
        "小程序": "未配置",
        "访问令牌剩余（分钟）": "0",
        "可推送会员": "0",
        "待处理推送": "0",
        "审核中的图片": "0",
        "发货录入失败": "0",
    }
