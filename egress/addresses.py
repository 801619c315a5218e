"""Which addresses may be reached, and how a URL may be written."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

LONGEST_URL = 2000

# The special-purpose registries of IANA, and what of the public space leads to a cloud's inside. All of IPv6 that is
# not global unicast goes too: what carries an IPv4 address (mapped, compatible, NAT64), unique local, link-local.
_CLOSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
_UNICAST = IPv6Network("2000::/3")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


class _WithWords(Exception):
    def __init__(self, reason: str, message: str, message_zh: str) -> None:
        super().__init__(message)
        self.reason, self.message, self.message_zh = reason, message, message_zh


class Refused(_WithWords):
    """An address is none that may be reached from here; nothing was sent. `reason` says what is wrong with it."""


class Failed(_WithWords):
    """The other side did not answer. Unless `reason` is dns, connect or tls it may have got the request.

    The others are `timeout`, `broken` (no HTTP, or cut off) and `too_large`.
    """


@dataclass(frozen=True, slots=True)
class Policy:
    """What of a network may be reached: `networks` beside the public internet, on any port; elsewhere `ports`.

    `refused` and `failed` are what is raised: the errors here, or those that an application makes of them.
    """

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset((80, 443))
    refused: type[Refused] = Refused
    failed: type[Failed] = Failed

    def check_address(self, address: Address, port: int) -> None:
        """Raise Refused unless a socket may be opened there."""
        if any(address in network for network in self.networks):
            return
        if not is_public(address):
            raise self.refused("address", f"{address} is not a public address", f"地址 {address} 不是公网地址")
        self.check_port(port)

    def check_port(self, port: int) -> None:
        """Raise Refused for a port that is none of the deployment's."""
        if port not in self.ports:
            known = ", ".join(map(str, sorted(self.ports)))
            raise self.refused("port", f"port {port} is not allowed here: use one of {known}", f"端口 {port} 不被允许")

    def check_url(self, url: str) -> None:
        """Raise Refused for an address that is wrong as it is written; a name is not looked up.

        An IPv4 address in another form than four decimal numbers is refused, and so is a name that is not in ASCII.
        """
        host, port = self.host_and_port(url)
        try:
            literal = ip_address(host)
        except ValueError:
            literal = None
        if literal is not None:
            self.check_address(literal, port)
            return
        labels = host.removesuffix(".").split(".")
        if _NUMERIC.fullmatch(labels[-1]):
            raise self.refused("address", f"{host!r} is no usual form of an address", f"{host} 不是规范的 IP 地址")
        if len(host) > 253 or not all(_NAME.fullmatch(label) for label in labels):
            raise self.refused("name", f"{host!r} is no host name; write it in ASCII (xn--…)", f"{host} 不是有效的域名")
        if labels[-1].lower() == "localhost" and not self.networks:
            raise self.refused("address", f"{host} is this machine", f"{host} 指向本机")
        if not self.networks:  # a name may lead into one of them, where every port is allowed
            self.check_port(port)

    def host_and_port(self, url: str) -> tuple[str, int]:
        """Return where a URL leads. Raises Refused for what is no plain http(s) URL."""
        if len(url) > LONGEST_URL or not all("!" <= letter <= "~" for letter in url) or "\\" in url:
            raise self.refused(
                "url", "a URL is printable ASCII, without blanks or backslashes", "URL 含有不允许的字符或过长"
            )
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as ex:
            raise self.refused("url", f"this is no URL: {ex}", "URL 格式不正确") from None
        if parts.scheme not in ("http", "https"):
            raise self.refused("scheme", "a URL begins with https:// or http://", "URL 须以 https:// 或 http:// 开头")
        if "@" in parts.netloc:
            raise self.refused("credentials", "a URL here has no user and password in it", "URL 中不得包含用户名或密码")
        if not host or "%" in host or port == 0:
            raise self.refused("url", "this URL names no host and port", "URL 缺少主机名")
        return host, port or (443 if parts.scheme == "https" else 80)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet's."""
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address.scope_id is not None):
        return False
    return address.is_global and not any(address in network for network in _CLOSED)
