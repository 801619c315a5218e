"""What the fake is asked, by merchants and by tests, and the books that it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

Item = dict[str, JsonValue]
Badly = Literal["", "signature", "probe", "timestamp", "serial", "key"]

WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
)
"""How long after a failed delivery the next one comes: fifteen in 24 hours and 4 minutes."""

STATUS: Mapping[str, int] = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "MCH_NOT_EXISTS": 400,
    "ORDERPAID": 400,
    "ORDER_CLOSED": 400,
    "SIGN_ERROR": 401,
    "NO_AUTH": 403,
    "OUT_TRADE_NO_USED": 403,
    "NOT_ENOUGH": 403,
    "USER_ACCOUNT_ABNORMAL": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "FREQUENCY_LIMITED": 429,
    "SYSTEM_ERROR": 500,
}


class Delivery(BaseModel):
    """Say how a notification is sent.

    ``times`` deliveries carry the same notification. A ``lost`` one is never sent. ``badly``: with a wrong signature,
    as a probe, an hour old, by a serial that nobody knows, or with a resource sealed under another key. ``by`` the
    public key or the certificate. With ``wait`` a delivery that is not taken is followed by the fifteen others, each
    after its real wait times that: with 0 before the call returns, otherwise by a thread.
    """

    model_config = ConfigDict(extra="forbid")

    times: int = Field(default=1, ge=1, le=1000)
    lost: bool = False
    badly: Badly = ""
    by: Literal["public_key", "certificate"] | None = None
    wait: float | None = Field(default=None, ge=0, le=1)
    overrides: dict[str, JsonValue] = Field(default_factory=dict, description="lies told in the resource")


class Pay(Delivery):
    """Pay a charge."""

    number: str


class GiveBack(Delivery):
    """End a refund; one that is not there is made first, as by hand on the platform (``charge``, ``amount``)."""

    number: str
    status: Literal["SUCCESS", "ABNORMAL", "CLOSED"] = "SUCCESS"
    charge: str = ""
    amount: int = 0


class Again(Delivery):
    """Send the notification of that id once more."""

    id: str


class Amount(BaseModel):
    total: int = Field(ge=1)
    currency: Literal["CNY"] = "CNY"


class Payer(BaseModel):
    openid: str = Field(min_length=1, max_length=128)


class PrepayAsked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    appid: str
    mchid: str
    description: str = Field(min_length=1, max_length=127)
    out_trade_no: str = Field(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")
    notify_url: str = Field(pattern=r"^https?://[^?\s]+$", max_length=256)
    time_expire: AwareDatetime | None = None
    attach: str = Field("", max_length=128)
    amount: Amount
    payer: Payer


class RefundAmount(Amount):
    refund: int = Field(ge=1)


class RefundAsked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    transaction_id: str = ""
    out_trade_no: str = ""
    out_refund_no: str = Field(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")
    reason: str = Field("", max_length=80)
    notify_url: str = ""
    amount: RefundAmount


@dataclass(slots=True)
class Order:
    """A charge in the books."""

    asked: PrepayAsked
    prepay: str
    state: str = "NOTPAY"
    transaction: str = ""
    paid_at: datetime | None = None


@dataclass(slots=True)
class Given:
    """A refund in the books."""

    asked: RefundAsked
    order: Order
    id: str
    status: str
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told the merchant, and where."""

    id: str
    url: str
    event_type: str
    kind: str
    plain: Item
