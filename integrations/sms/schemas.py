"""What goes in and out, the tenant's settings, what jobs carry, and what staff see."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, StringConstraints, field_validator

from integrations.sms import aliyun, tencent
from roost import Body, PhoneText, Row

Company = Literal["tencent", "aliyun"]
Url = Annotated[str, StringConstraints(max_length=200, pattern=r"^https?://[^\s/?#@]+/?$")]
Account = Annotated[str, StringConstraints(max_length=100, pattern=r"^[0-9A-Za-z_.-]*$")]
Sign = Annotated[str, StringConstraints(strip_whitespace=True, max_length=30)]
Name = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]{1,60}$")]
SHORTEST_KEY = 16


class SmsTemplate(Body, frozen=True):
    """How a message is called at each provider, and the names of its values in the order of the text."""

    tencent: Annotated[str, StringConstraints(max_length=40)] = Field("", description="TemplateId · 腾讯云模板 ID")
    aliyun: Annotated[str, StringConstraints(max_length=40)] = Field("", description="TemplateCode · 阿里云模板 CODE")
    params: list[Name] = Field(
        default_factory=list, max_length=20, description="names of the values, in order · 变量名，按模板顺序"
    )

    def of(self, company: Company) -> str:
        return self.tencent if company == "tencent" else self.aliyun


class SmsSettings(Body):
    """The providers, the templates, and how much may be sent."""

    provider: Company = Field(
        "tencent",
        description="who is asked first · 首选服务商",
        json_schema_extra={"choices": {"tencent": "腾讯云", "aliyun": "阿里云"}},
    )
    fail_over: bool = Field(
        True, description="ask the other when the first certainly sent nothing · 首选明确未发出时改用另一家"
    )

    tencent_key_id: Account = Field("", description="Tencent: SecretId · 腾讯云 SecretId")
    tencent_key_secret: SecretStr = Field(
        SecretStr(""), description="Tencent: SecretKey; can be written and never read · 腾讯云 SecretKey（只写）"
    )
    tencent_app_id: Account = Field("", description="Tencent: SmsSdkAppId · 腾讯云短信应用 ID")
    tencent_sign: Sign = Field("", description="Tencent: signature, without brackets · 腾讯云短信签名")
    tencent_region: Account = Field(tencent.REGION, description="Tencent: region · 腾讯云地域")
    tencent_price_fen: int = Field(5, ge=0, le=1000, description="Tencent: price of one message · 腾讯云单价（分）")
    tencent_url: Url = Field(tencent.BASE_URL, description="Tencent: where it answers · 腾讯云接口地址")

    aliyun_key_id: Account = Field("", description="Aliyun: AccessKey ID · 阿里云 AccessKey ID")
    aliyun_key_secret: SecretStr = Field(
        SecretStr(""), description="Aliyun: secret; can be written and never read · 阿里云 AccessKey Secret（只写）"
    )
    aliyun_sign: Sign = Field("", description="Aliyun: signature, without brackets · 阿里云短信签名")
    aliyun_price_fen: int = Field(5, ge=0, le=1000, description="Aliyun: price of one message · 阿里云单价（分）")
    aliyun_url: Url = Field(aliyun.BASE_URL, description="Aliyun: where it answers · 阿里云接口地址")

    templates: dict[Name, SmsTemplate] = Field(
        default_factory=dict,
        max_length=200,
        description=(
            "templates by purpose: login, change_phone, and names that messages use"
            " · 各用途的模板：登录、更换手机号及消息所用名称"
        ),
    )
    callback_key: SecretStr = Field(
        SecretStr(""),
        description=(
            "key in the callback's address, 16 characters or more; without one receipts and replies are refused"
            " · 回调地址中的密钥，至少 16 位，未设置时不接收回执与上行"
        ),
    )

    code_minutes: int = Field(5, ge=1, le=30, description="how long a code is good for, minutes · 验证码有效分钟数")
    confirm_old_phone: bool = Field(
        True, description="to change a phone takes a code from the present one too · 更换手机号须验证原号码"
    )
    phone_minute: int = Field(1, ge=1, le=10, description="codes to one phone a minute · 单号每分钟验证码上限")
    phone_hour: int = Field(5, ge=1, le=100, description="codes to one phone an hour · 单号每小时验证码上限")
    phone_day: int = Field(10, ge=1, le=200, description="codes to one phone in 24 hours · 单号每天验证码上限")
    address_hour: int = Field(
        20, ge=1, le=10_000, description="codes asked for from one IP address an hour · 单 IP 每小时验证码上限"
    )
    member_day: int = Field(20, ge=1, le=500, description="messages to one member in 24 hours · 单会员每天短信上限")
    tenant_hour: int = Field(
        1_000, ge=1, le=1_000_000, description="codes of the whole brand an hour · 品牌每小时验证码上限"
    )
    tenant_day: int = Field(
        20_000, ge=0, le=10_000_000, description="messages of the whole brand a day; 0: none · 品牌每天短信上限"
    )
    daily_spend_fen: int = Field(
        50_000, ge=0, le=100_000_000, description="most spent a day; 0: nothing is sent · 每日费用上限（分）"
    )
    marketing_from: int = Field(8, ge=0, le=23, description="marketing from this hour on · 营销短信最早几点")
    marketing_to: int = Field(22, ge=1, le=24, description="and until this hour · 营销短信最晚几点")
    unsubscribe_words: list[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10)]] = (
        Field(
            default_factory=lambda: ["TD", "T", "R", "N", "退订", "拒收"],
            max_length=20,
            description="a reply with one of these ends marketing · 回复即退订的关键字",
        )
    )
    keep_days: int = Field(180, ge=30, le=1000, description="how long messages stay on the list · 短信记录保留天数")

    @field_validator("callback_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"a key has {SHORTEST_KEY} characters or more")
        return key

    def ready(self, company: Company) -> bool:
        if company == "tencent":
            return bool(
                self.tencent_key_id
                and self.tencent_key_secret.get_secret_value()
                and self.tencent_app_id
                and self.tencent_sign
            )
        return bool(self.aliyun_key_id and self.aliyun_key_secret.get_secret_value() and self.aliyun_sign)

    def sign_of(self, company: Company) -> str:
        """Return the signature registered with a provider."""
        return self.tencent_sign if company == "tencent" else self.aliyun_sign

    def price_of(self, company: Company) -> int:
        """Return what one message costs with a provider, in fen."""
        return self.tencent_price_fen if company == "tencent" else self.aliyun_price_fen


# --- the member API ---------------------------------------------------------------------------------------------------


Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class CodeIn(Body):
    """Where a code is to go, and what it is for."""

    phone: PhoneText = Field(description="a mainland mobile number", examples=["13800001111"])
    purpose: Literal["login"] = Field("login", description="to change a phone see /v1/sms/phone/codes")


class CodeOut(BaseModel):
    """A code is on its way. The reply is the same whether somebody is known by the phone or not."""

    expires_in: int = Field(description="seconds that the code is good for")
    again_in: int = Field(description="seconds after which another may be asked for")


class LoginIn(Body):
    """A phone and the code that was sent to it."""

    phone: PhoneText = Field(examples=["13800001111"])
    code: Digits = Field(examples=["123456"])
    invitation: str = Field("", max_length=200, description="the signed token in the page's path or QR scene")
    channel: str = Field(
        "", max_length=30, pattern=r"^[0-9A-Za-z_-]*$", description="channel code (渠道码), if the page has one"
    )


class MemberOut(Row):
    """Who logged in."""

    id: UUID
    state: str = Field(description="lead, member or lapsed")
    level: str
    name: str
    phone_masked: str
    birthday: date | None
    venue: UUID | None


class LoginOut(BaseModel):
    """A session."""

    token: str = Field(description="send it as Authorization: Bearer …")
    member: MemberOut
    registered: bool = Field(description="true when this call made them known")


class PhoneCodeIn(Body):
    """To which phone of the member's a code is to go."""

    phone: PhoneText | None = Field(None, description="the new number; leave it out for a code to the present one")


class PhoneIn(Body):
    """The new phone, the code sent to it, and the code sent to the present one."""

    phone: PhoneText = Field(examples=["13800002222"])
    code: Digits = Field(description="that was sent to the new number")
    present_code: Digits | None = Field(
        None, description="that was sent to the present number; needed unless there is none, or the brand waives it"
    )


class PhoneOut(BaseModel):
    """The phone as it is now."""

    phone_masked: str


# --- what jobs carry --------------------------------------------------------------------------------------------------


class SendJob(BaseModel):
    """Send one message."""

    message: UUID
    tries: int = 0


class PushJob(BaseModel):
    """Take over one push; `tries` counts how often something in it was not known yet."""

    push: UUID
    tries: int = 0


# --- what staff see ---------------------------------------------------------------------------------------------------
