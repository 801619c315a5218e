"""The tenant's settings, what staff see and fill in, and what jobs carry."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, StringConstraints, field_validator, model_validator

from integrations.wechat_pay.client import BACKUP_URL, BASE_URL
from integrations.wechat_pay.signing import PUBLIC_KEY_ID, certificate_keys_of, private_key_of, public_key_of
from roost import Body, Row

KEY_BYTES = 32
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class WechatPaySettings(Body):
    """The merchant that members pay, and the keys of both sides."""

    mchid: str = Field("", max_length=32, pattern=r"^[0-9]*$", description="merchant number · 商户号")
    appid: str = Field(
        "", max_length=32, pattern=r"^[0-9A-Za-z]*$",
        description="app id; empty: that of the mini-program · AppID，留空则用小程序的",
    )  # fmt: skip
    merchant_serial: str = Field(
        "", max_length=64, pattern=r"^[0-9A-Fa-f]*$",
        description="serial of the merchant's API certificate · 商户 API 证书序列号",
    )  # fmt: skip
    private_key: SecretStr = Field(
        SecretStr(""), description="apiclient_key.pem; can be written and never read · 商户 API 私钥（只写）"
    )
    api_v3_key: SecretStr = Field(
        SecretStr(""), description="APIv3 key, 32 characters; can be written and never read · APIv3 密钥（只写）"
    )
    public_key_id: str = Field(
        "", max_length=64, pattern=rf"^({PUBLIC_KEY_ID}[0-9A-Za-z_]+)?$",
        description="id of WeChat Pay's public key, PUB_KEY_ID_… · 微信支付公钥 ID",
    )  # fmt: skip
    public_key: str = Field("", max_length=2000, description="WeChat Pay's public key, pub_key.pem · 微信支付公钥")
    certificates: str = Field(
        "", max_length=20_000,
        description="platform certificates in PEM, one after another; beside the public key while a merchant migrates"
        " · 平台证书；可多张，切换公钥期间可并存",
    )  # fmt: skip
    base_url: str = Field(
        BASE_URL, max_length=200, pattern=r"^https?://\S+$", description="where WeChat Pay answers · 接口地址"
    )
    backup_url: str = Field(
        BACKUP_URL, max_length=200, pattern=r"^(https?://\S+)?$",
        description="where it answers when the first does not · 备用接口地址",
    )  # fmt: skip
    notify_base: str = Field(
        "", max_length=200, pattern=r"^(https?://[^?\s]+)?$",
        description="how WeChat Pay reaches Roost; empty: the deployment's address · 回调地址前缀，留空用系统地址",
    )  # fmt: skip
    keep_days: int = Field(180, ge=30, le=3650, description="how long callbacks stay readable · 回调记录保留天数")

    @field_validator("private_key")
    @classmethod
    def _private(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            private_key_of(value.get_secret_value())
        return value

    @field_validator("api_v3_key")
    @classmethod
    def _symmetric(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) not in (0, KEY_BYTES):
            raise ValueError(f"an APIv3 key has {KEY_BYTES} bytes")
        return value

    @field_validator("public_key")
    @classmethod
    def _public(cls, value: str) -> str:
        if value:
            public_key_of(value)
        return value

    @field_validator("certificates")
    @classmethod
    def _certified(cls, value: str) -> str:
        certificate_keys_of(value)
        return value

    @model_validator(mode="after")
    def _together(self) -> "WechatPaySettings":
        if bool(self.public_key) != bool(self.public_key_id):
            raise ValueError("public_key and public_key_id belong together: set both or neither")
        return self

    @property
    def complete(self) -> bool:
        """Tell whether there is all that a call needs; the app id may be the mini-program's."""
        secrets = (self.private_key.get_secret_value(), self.api_v3_key.get_secret_value())
        return bool(self.mchid and self.merchant_serial and all(secrets) and (self.public_key or self.certificates))


# --- what jobs carry -----------------------------------------------------------------------------------------------


class PushJob(BaseModel):
    """Process one stored callback."""

    push: UUID


class TradeJob(BaseModel):
    """Ask how a charge stands."""

    number: str


class RefundJob(BaseModel):
    """Ask how a refund stands; one that WeChat Pay does not know is made."""

    number: str


class RoundJob(BaseModel):
    """Go on with a round of the reconciliation."""

    slot: str


# --- what staff see ------------------------------------------------------------------------------------------------


class _Row(Row):
    id: UUID


class Handled(Body):
    """What staff did about money that no plugin claimed."""

    note: Words = Field(description="what was done, and where it can be looked up · 处理说明")
