"""What WeChat Pay says, as models: transactions, refunds and notifications. What we do not use is left alone."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

SUCCESS_EVENT = "TRANSACTION.SUCCESS"
REFUND_EVENTS = ("REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED")

TradeState = Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
RefundStatus = Literal["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Amount(_Told):
    """What a transaction comes to, in fen."""

    total: int
    currency: str = "CNY"


class Transaction(_Told):
    """A charge as WeChat Pay knows it. Before it is paid it has neither an id nor an amount of a payer.

    The payer's open id is left out on purpose: nothing here needs it, and what is not read is not kept.
    """

    appid: str = ""
    mchid: str
    out_trade_no: str = Field(min_length=1, max_length=64)
    trade_state: TradeState
    trade_state_desc: str = ""
    transaction_id: str = Field("", max_length=64)
    attach: str = ""
    success_time: AwareDatetime | None = None
    amount: Amount | None = None


class RefundAmount(_Told):
    """What a refund comes to, in fen, of which total."""

    total: int
    refund: int
    currency: str = "CNY"


class RefundState(_Told):
    """A refund: `status` in a reply, `refund_status` in a notification."""

    mchid: str = ""
    out_trade_no: str = Field(min_length=1, max_length=64)
    out_refund_no: str = Field(min_length=1, max_length=64)
    transaction_id: str = Field("", max_length=64)
    refund_id: str = Field("", max_length=64)
    status: RefundStatus = Field(alias="status")
    success_time: AwareDatetime | None = None
    amount: RefundAmount

    @classmethod
    def read(cls, told: JsonValue) -> "RefundState":
        """Return the refund of a reply or of a notification. Raises pydantic's ValidationError."""
        if isinstance(told, dict) and "refund_status" in told:
            told = {**told, "status": told["refund_status"]}
        return cls.model_validate(told)


class Notification(_Told):
    """A callback's envelope."""

    id: str = Field(min_length=1, max_length=64)
    event_type: str = Field(min_length=1, max_length=40)
    create_time: datetime | None = None
    resource_type: str = ""
    resource: dict[str, JsonValue]


def wrong_fields(ex: ValidationError) -> str:
    """Name the fields that are wrong and how, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['type']}"
        for error in ex.errors(include_url=False, include_context=False, include_input=False)
    )
