"""Where an address that somebody else names may lead."""

from ipaddress import ip_address

import pytest
from pydantic import SecretStr

from core.config import Settings
from core.egress import policy_of
from core.errors import ConfigurationError, Invalid
from egress import Policy, Refused, is_public

PUBLIC = ("93.184.216.34", "8.8.8.8", "223.5.5.5", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111")
CLOSED = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
WRITTEN_WRONG = {
    "scheme": ("ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "//a.example/", "data:,x", ""),
    "credentials": ("http://user:pass@a.example/", "http://a.example@127.0.0.1/", "http://@a.example/"),
    "url": (
        "http://", "http:///x", "http://a.example:99999/", "http://a.example:0/", "http://a.example:x/",
        "http://a.example/\r\nHost: b", "http://a b/", "http://a.example\\@b.example/", "http://[::1", "http://ａ.example/",
        "http://①②⑦.0.0.1/", "http://[fe80::1%25eth0]/", "https://a.example/" + "a" * 2000,
    ),
    "address": (
        "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
        "http://127.1/", "http://127.0.1/", "http://1.1/", "http://0/", "http://0x/", "http://localhost/",
        "http://a.localhost/", "http://LOCALHOST./", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
        "http://127.0.0.1./", "http://a.example.08/",
    ),
    "port": ("http://a.example:22/", "http://a.example:25/", "https://8.8.8.8:6379/"),
    "name": ("http://-a.example/", "http://a..example/", "http://a.example$/", f"http://{'a' * 64}.example/"),
}  # fmt: skip
POLICY = Policy()


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address: str) -> None:
    POLICY.check_address(ip_address(address), 443)


@pytest.mark.parametrize("address", CLOSED)
def test_no_other_address_may_be_reached(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(Refused) as refused:
        POLICY.check_address(ip_address(address), 443)
    assert refused.value.reason == "address"


@pytest.mark.parametrize(("reason", "url"), [(reason, url) for reason, urls in WRITTEN_WRONG.items() for url in urls])
def test_an_address_that_is_written_wrong_is_refused_before_any_name_is_looked_up(reason: str, url: str) -> None:
    with pytest.raises(Refused) as refused:
        POLICY.check_url(url)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/in?x=1", "http://a.example", "https://xn--fiq228c.example:443/", "http://8.8.8.8/a",
            "https://[2606:4700::1111]/", "https://a_b.example./"],
)  # fmt: skip
def test_an_address_in_the_open_is_let_through(url: str) -> None:
    POLICY.check_url(url)


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, token_key=SecretStr(""), **values)  # type: ignore[arg-type]  # texts, as in the environment


def test_by_default_nothing_private_and_four_ports() -> None:
    policy = policy_of(settings())
    assert policy.networks == ()
    assert policy.ports == {80, 443, 8080, 8443}


def test_a_deployment_may_open_a_network_of_its_own_on_every_port_and_only_that() -> None:
    policy = policy_of(settings(egress_allow="10.1.0.0/16, fd00:1::/32"))
    policy.check_url("http://10.1.2.3:9000/")
    policy.check_address(ip_address("fd00:1::9"), 9000)
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://[::ffff:10.1.2.3]/"):
        with pytest.raises(Refused):
            policy.check_url(url)
    with pytest.raises(Refused):
        policy.check_address(ip_address("8.8.8.8"), 9000)


def test_a_setting_that_is_no_network_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match="ROOST_EGRESS_ALLOW"):
        policy_of(settings(egress_allow="10.0.0.0/8;x"))


def test_what_a_deployment_refuses_is_one_of_its_own_errors() -> None:
    with pytest.raises(Invalid) as caught:
        policy_of(settings()).check_url("http://10.0.0.1/")
    assert isinstance(caught.value, Refused)
    assert (caught.value.status, caught.value.code, caught.value.details) == (
        422,
        "address_refused",
        {"reason": "address"},
    )
    assert caught.value.message_zh == "地址 10.0.0.1 不是公网地址"
