"""What a tenant sets."""

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from roost import Body, Choice, SentTo

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class NotifySettings(Body):
    """When and how often members are contacted, by which ways, and the mail server."""

    channels: Annotated[list[ChannelName], Choice("message_channels", ordered=True)] = Field(
        ["inbox", "wechat"],
        max_length=10,
        description="通知渠道，依次尝试 / channels of a notice, tried in order",
    )
    marketing_a_day: int = Field(1, ge=0, le=20, description="每位会员每天营销消息上限 / marketing messages a day")
    marketing_a_week: int = Field(3, ge=0, le=100, description="每位会员 7 天内营销消息上限 / in any seven days")
    quiet_from: time = Field(time(21), description="营销免打扰开始（当地时间） / no marketing from")
    quiet_until: time = Field(time(9), description="营销免打扰结束（当地时间） / until; then it is sent")
    consent_needed: bool = Field(
        True, description="站外营销消息须会员同意 / marketing by WeChat, SMS or e-mail needs the member's yes"
    )
    policy_version: str = Field("1", min_length=1, max_length=40, description="营销同意书版本 / of the consent text")
    give_up_hours: int = Field(48, ge=1, le=720, description="通知超过多少小时不再发送 / a notice older is not sent")
    tries: int = Field(5, ge=1, le=20, description="渠道繁忙时最多尝试次数 / tries of a channel that says later")
    points_days: list[Annotated[int, Field(ge=1, le=365)]] = Field(
        [30, 7], max_length=5, description="积分到期前多少天提醒 / days before points expire"
    )
    membership_days: list[Annotated[int, Field(ge=1, le=365)]] = Field(
        [30, 7], max_length=5, description="会籍到期前多少天提醒 / days before a membership ends"
    )
    keep_days: int = Field(180, ge=30, le=3650, description="消息保留天数 / days that messages are kept")
    approve_over: int = Field(
        500, ge=0, le=10**7, description="群发超过多少人须复核 / heads above which a second approves"
    )
    chunk: int = Field(10, ge=1, le=200, description="群发每批人数 / recipients of one step of a campaign")
    lanes: int = Field(2, ge=1, le=8, description="群发并行数 / steps of a campaign side by side")
    sms_thousand_fen: int = Field(5000, ge=0, le=10**7, description="每千条短信单价（分） / SMS, per thousand")
    smtp_host: str = Field("", max_length=200, description="邮件服务器 / mail server; empty: no e-mail")
    smtp_port: int = Field(465, ge=1, le=65535, description="邮件服务器端口 / its port")
    smtp_security: Literal["tls", "starttls", "none"] = Field("tls", description="邮件加密方式 / encryption")
    smtp_user: str = Field("", max_length=200, description="邮件账号 / user name")
    smtp_password: Annotated[SecretStr, SentTo("smtp_host", "smtp_port", "smtp_security")] = Field(
        SecretStr(""), description="邮件密码 / password"
    )
    mail_from: str = Field(
        "", max_length=200, pattern=r"^$|^[^@\s<>,;\"]+@[^@\s<>,;\"]+$", description="发件地址 / sender's address"
    )
    mail_name: str = Field("", max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$", description="发件人名称 / sender's name")
    mail_seconds: int = Field(20, ge=1, le=120, description="邮件超时（秒） / seconds to wait for the mail server")
