"""How a brand's outside server is reached: what staff set, whose signatures are believed, and a client made of it."""

from typing import TypeVar

from pydantic import Field, SecretStr

from integrations.qinniao import hookspecs
from integrations.qinniao.answers import Code
from integrations.qinniao.protocol import ProtocolClient
from integrations.qinniao.signing import HMAC_SHA256, HmacScheme, Scheme
from roost import Body, Conflict, Context, egress

TIMEOUT = (2.0, 5.0)  # seconds to connect, and to wait for an answer
HMAC = HmacScheme()

C = TypeVar("C", bound=ProtocolClient)


class ServerSettings(Body):
    """Where a server of the protocol is, and how calls are signed, ours and theirs."""

    base_url: str = Field(
        "", max_length=200, pattern=r"^(https?://\S+)?$",
        description="address of the SaaS or the brand's middleware; empty: none · 接口地址，留空表示无接口",
    )  # fmt: skip
    app_id: str = Field("", max_length=64, pattern=r"^[0-9A-Za-z._~-]*$", description="app id, both ways · 应用编号")
    secret: SecretStr = Field(
        SecretStr(""), description="signs both ways; can be written and never read · 签名密钥（只写）"
    )
    scheme: str = Field(
        HMAC_SHA256,
        max_length=40,
        pattern=r"^[a-z0-9-]+$",
        description="how calls are signed; another plugin may bring more ways · 签名方式",
    )
    session_codes: tuple[int, ...] = Field(
        (),
        max_length=10,
        description="further codes by which the other side says that its session is over · 会话过期的业务码",
    )
    page: int = Field(100, ge=1, le=200, description="items fetched at a time · 每页条数")
    reconcile: bool = Field(True, description="fetch every night what pushes missed · 每晚对账")
    reconcile_hour: int = Field(
        3, ge=0, le=23, description="hour of the night, in the brand's time zone · 对账时间（点）"
    )

    @property
    def connected(self) -> bool:
        """Tell whether there is an API to call."""
        return bool(self.base_url and self.app_id and self.secret.get_secret_value())


def require(settings: ServerSettings) -> None:
    """Raise Conflict when there is no API to call."""
    if not settings.connected:
        raise Conflict(
            "no server is connected: set base_url, app_id and secret first",
            "尚未配置接口：请先填写地址、应用编号与密钥",
            code="not_configured",
        )


def scheme_of(ctx: Context, name: str) -> Scheme:
    """Return the way to sign of a name. Raises Conflict when no plugin that is on knows it."""
    if name == HMAC_SHA256:
        return HMAC
    found = ctx.first(hookspecs.signing_scheme, name=name)
    if found is None:
        raise Conflict(
            f"no plugin that is on knows the signing scheme {name!r}: the one that is built in is {HMAC_SHA256}",
            f"没有启用的插件提供签名方式 {name}",
            code="unknown_scheme",
        )
    return found


def connect(ctx: Context, settings: ServerSettings, make: type[C], timeout: tuple[float, float] = TIMEOUT) -> C:
    """Return a client of a server. It tries twice; what fails longer is the job's to try again."""
    secret = settings.secret.get_secret_value()
    return make(
        settings.base_url,
        settings.app_id,
        secret,
        signer=scheme_of(ctx, settings.scheme).signer(settings.app_id, secret, ctx.now),
        session=egress.kept(ctx),  # whoever writes the settings names the address
        timeout=timeout,
        attempts=2,
        total_seconds=10,
        session_expired_codes=frozenset({Code.SESSION_EXPIRED, *settings.session_codes}),
    )
