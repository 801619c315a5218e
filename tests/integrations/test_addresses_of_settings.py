"""An address in a plugin's settings is a tenant's words: no client may be led into our own network by it."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.config import Settings
from core.contract.context import Context
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import test_settings
from integrations.ivep import fake as ivep_fake
from integrations.ivep import reading
from integrations.qinniao import fake as saas_fake
from integrations.qinniao import leads
from integrations.sms import routing
from integrations.sms.providers import Order, Refused
from integrations.sms.schemas import SmsSettings
from integrations.wechat import connection
from integrations.wechat import fake as wechat_fake
from integrations.wechat.client import WechatUnavailable
from integrations.wechat_pay import merchant
from integrations.wechat_pay.fake import WechatPayFake


class Inside:
    """Something of ours that listens; it counts who comes."""

    def __init__(self) -> None:
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                opened, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            opened.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def inside() -> Iterator[Inside]:
    listening = Inside()
    yield listening
    listening.close()


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load those that call a server of the settings, and what they require."""
    return PluginsFile(load=("ivep", "purchases", "qinniao", "sms", "visits", "wechat", "wechat_pay"))


@pytest.fixture
def allowed() -> str:
    """Return the networks that the deployment opens: none."""
    return ""


@pytest.fixture
def settings(database_url: str, tmp_path: Path, allowed: str) -> Settings:
    return test_settings(database_url, tmp_path, egress_allow=allowed)


def _wechat(ctx: Context, on: Callable[..., None], url: str) -> None:
    on("wechat", appid=wechat_fake.APPID, secret=wechat_fake.SECRET, base_url=url)
    connection.client_of(ctx.for_plugin("wechat")).code_to_session("code-alice")


def _pay(ctx: Context, on: Callable[..., None], url: str) -> None:
    on("wechat")
    on("wechat_pay", **{**WechatPayFake().settings(url), "backup_url": ""})
    merchant.client_of(ctx.for_plugin("wechat_pay")).query("T000001")


def _qinniao(ctx: Context, on: Callable[..., None], url: str) -> None:
    on("qinniao", base_url=url, app_id=saas_fake.APP_ID, secret=saas_fake.SECRET)
    leads.client_of(ctx.for_plugin("qinniao")).find_member("13800001111")


def _ivep(ctx: Context, on: Callable[..., None], url: str) -> None:
    on("qinniao")
    on("ivep", base_url=url, app_id=ivep_fake.APP_ID, secret=ivep_fake.SECRET)
    reading.client_of(ctx.for_plugin("ivep")).coaches(None, 10)


def _sms(ctx: Context, on: Callable[..., None], url: str) -> None:
    own = SmsSettings.model_validate({"tencent_url": url, "aliyun_url": url})
    order = Order("k", "+8613800001111", "sign", "1")
    with pytest.raises(Refused) as first:
        routing._provider(ctx, own, "aliyun").send(order)
    assert first.value.reason == "unreachable"
    routing._provider(ctx, own, "tencent").send(order)


CALLS = [_wechat, _pay, _qinniao, _ivep, _sms]


@pytest.mark.parametrize("call", CALLS)
def test_a_client_is_not_led_into_our_own_network(
    call: Callable[..., None], tenant: Context, enable_plugin: Callable[..., None], inside: Inside
) -> None:
    with pytest.raises(Exception) as failed:  # noqa: PT011 -- each client's own; what matters is that it is told apart
        call(tenant, enable_plugin, inside.url)
    assert "AddressRefused" in str(failed.value)
    assert inside.accepted == 0


@pytest.mark.parametrize("allowed", ["127.0.0.1/32"])
def test_a_network_that_the_deployment_opens_is_reached(
    tenant: Context, enable_plugin: Callable[..., None], inside: Inside
) -> None:
    with pytest.raises(WechatUnavailable):  # it hangs up
        _wechat(tenant, enable_plugin, inside.url)
    assert inside.accepted >= 1


def test_what_was_refused_is_known_not_to_have_gone_out(
    tenant: Context, enable_plugin: Callable[..., None], inside: Inside
) -> None:
    with pytest.raises(WechatUnavailable) as failed:
        _wechat(tenant, enable_plugin, inside.url)
    assert not failed.value.unknown
