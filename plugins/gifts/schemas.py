"""Settings, requests and replies of gifts."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from roost import Body, Choice, ContactPhone, Row, rewards

RewardSpec = rewards.RewardSpec  # models here have fields called rewards
ConditionSpec = rewards.ConditionSpec
Kind = Literal["physical", "virtual", "points"]
Moment = Literal["birthday", "growth", "new_member"]
Occasion = Literal["", "birthday", "growth", "new_member"]
State = Literal["lead", "member", "lapsed"]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Needed = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
MOST_FEN = 10_000_000_000


class GiftSettings(Body):
    """How long members have, how soon gifts are shipped, what a refund takes back."""

    claim_days: int = Field(30, ge=1, le=365, description="领取期限（天） / days to accept a gift")
    birthday_edit_days: int = Field(
        30,
        ge=0,
        le=365,
        description="生日前多少天内填写或修改生日当年不计 / entered or edited so many days before: no gift",
    )
    ship_days: int = Field(7, ge=1, le=90, description="发货时限（天） / days to ship an accepted gift")
    pickup_days: int = Field(15, ge=1, le=365, description="到店领取期限（天） / days to pick an accepted gift up")
    pickup_remind_days: int = Field(
        3, ge=0, le=30, description="到店领取到期前几天提醒，0 为不提醒 / days before its end of a reminder; 0: none"
    )
    received_days: int = Field(
        15, ge=1, le=90, description="发货后自动签收（天） / days after which it counts as received"
    )
    reversal_days: int = Field(
        7,
        ge=0,
        le=90,
        description="转会员后多少天内退款收回新会员礼 / a refund within so many days takes it back",
    )
    welcome_memory_days: int = Field(
        365,
        ge=0,
        le=1095,
        description="注销后多少天内重新注册不再发新会员礼，0 为不限 / days after erasure without a second welcome",
    )
    reverse_growth: bool = Field(
        True,
        description="等级因退款收回时收回成长礼 / a level taken back by a refund takes its growth gifts along",
    )
    shipping: bool = Field(True, description="可邮寄 / gifts may be shipped")
    pickup: bool = Field(True, description="可到店领取 / gifts may be picked up in a venue")
    standard_rules: bool = Field(True, description="启用时建立标准规则 / begin with the standard rules and gifts")


# --- what rules give --------------------------------------------------------------------------------------


class GiftReward(Body, frozen=True):
    """The reward kind `gift`: one of the gifts that the tenant has defined."""

    gift: Annotated[Code, Choice("gifts")] = Field(description="礼品 / gift")
    moment: Occasion = Field("", description="时机 / the moment of the rule that gives it")


class VoucherReward(Body, frozen=True):
    """The reward kind `voucher`: words and an amount that the counter honours, given at once."""

    name: Needed = Field(description="券名称 / what it is called")
    amount_fen: int = Field(0, ge=0, le=MOST_FEN, description="面额（分），0 为无面额 / value in fen; 0: none")
    valid_days: int = Field(30, ge=1, le=3650, description="有效天数 / days it is valid")
    terms: Line = Field("", description="使用说明 / terms")
    moment: Occasion = Field("", description="时机 / the moment of the rule that gives it")


# --- forms of the console ---------------------------------------------------------------------------------


class GiftIn(Body):
    """A gift to define."""

    code: Code = Field(description="编码 / code: rules name it")
    name: Needed = Field(description="名称 / name")
    kind: Kind = Field(description="类型：实物、虚拟、积分 / physical, virtual or points")
    points: int = Field(0, ge=0, le=1_000_000, description="积分数（积分礼） / points, for a gift of points")
    amount_fen: int = Field(0, ge=0, le=MOST_FEN, description="价值（分） / value in fen")
    valid_days: int = Field(30, ge=1, le=3650, description="虚拟礼有效天数 / days a virtual gift is valid")
    terms: Line = Field("", description="说明 / terms")
    stock: int | None = Field(None, ge=0, le=10_000_000, description="实物库存；空为不限 / stock; empty: as needed")
    active: bool = Field(True, description="启用 / on")

    @model_validator(mode="after")
    def _sound(self) -> "GiftIn":
        if self.kind == "points" and not self.points:
            raise ValueError("a gift of points needs points / 积分礼须填写积分数")
        if self.kind != "physical" and self.stock is not None:
            raise ValueError("only physical gifts have stock / 只有实物有库存")
        return self


class GiftEdit(Body):
    """What may change of a gift; its code and kind stay."""

    name: Needed | None = Field(None, description="名称 / name")
    points: int | None = Field(None, ge=1, le=1_000_000, description="积分数 / points")
    amount_fen: int | None = Field(None, ge=0, le=MOST_FEN, description="价值（分） / value in fen")
    valid_days: int | None = Field(None, ge=1, le=3650, description="有效天数 / days it is valid")
    terms: Line | None = Field(None, description="说明 / terms")
    active: bool | None = Field(None, description="启用 / on")


class Restock(Body):
    """More of a physical gift."""

    quantity: int = Field(ge=1, le=1_000_000, description="补货数量 / how many more")


class RuleIn(Body):
    """A gift rule: at which moment, for whom, what."""

    name: Needed = Field(description="名称 / name")
    moment: Moment = Field(description="时机：生日、成长、新会员 / birthday, growth, new_member")
    level: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,39})?$"), Choice("levels")] = Field(
        "", description="等级，不选为全部 / level; none: all"
    )
    states: list[State] = Field(
        ["member"],
        min_length=1,
        max_length=3,
        description="会员状态 / for these states",
    )
    conditions: list[ConditionSpec] = Field(
        default_factory=list, max_length=10, description="更多条件 / more conditions"
    )
    rewards: list[RewardSpec] = Field(min_length=1, max_length=10, description="奖励 / what it gives")
    total: int | None = Field(None, ge=1, le=1_000_000_000, description="总份数 / so many in all")
    budget_points: int | None = Field(None, ge=1, le=10**12, description="积分预算 / points it may mint in all")
    starts_at: AwareDatetime | None = Field(None, description="开始 / from")
    ends_at: AwareDatetime | None = Field(None, description="结束 / until")
    active: bool = Field(True, description="启用 / on")


class Shipment(Body):
    """How a gift is sent."""

    carrier: Needed = Field(description="快递公司 / carrier")
    tracking: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{5,40}$")] = Field(
        description="运单号 / tracking number"
    )


class UseIn(Body):
    """Where a voucher is used."""

    venue: UUID | None = Field(None, description="核销门店；本人只属一家门店时可不选 / venue; one's only one if empty")


class WhyRevoked(Body):
    """Why a claim is taken back."""

    reason: Reason = Field(description="原因 / why")


# --- members ----------------------------------------------------------------------------------------------


class Address(Body):
    """Where a gift is sent. Sealed in the database."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] = Field(
        description="收货人"
    )
    phone: ContactPhone = Field(description="联系电话")
    region: Needed = Field(description="省市区")
    detail: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="详细地址"
    )


class AcceptIn(Body):
    """How a gift is to be had: a physical one needs an address or a venue, never both."""

    address: Address | None = Field(None, description="to have it sent")
    venue: UUID | None = Field(None, description="to pick it up there")


class Claim(Row):
    """What everyone sees of a gift that was given."""

    id: UUID
    name: str
    kind: str = Field(description="physical, virtual, voucher or points")
    moment: str = Field(description="birthday, growth, new_member, or empty for other rules")
    state: str = Field(description="offered, accepted, shipped, done, ready, used, expired or revoked")
    points: int
    amount_fen: int
    offered_at: datetime
    expires_at: datetime | None = Field(description="until when it may be accepted")
    delivery: str = Field(description="ship, pickup, or empty")
    venue: UUID | None = Field(description="where it is picked up, or where the voucher was used")
    carrier: str
    tracking: str
    ship_by: date | None
    pickup_by: date | None = Field(description="the last day to pick it up")


class ClaimOut(Claim):
    """A gift as its member sees it."""

    terms: str
    code: str | None = Field(description="shown at the counter: of vouchers and virtual gifts that were accepted")
    valid_until: date | None


class ClaimDetail(ClaimOut):
    """A gift and where it goes."""

    address: Address | None = None


class ClaimRow(Claim):
    """A claim, as staff see it: the receiver masked."""

    member: UUID
    receiver: str = ""
    accepted_at: datetime | None
    unreturned_at: datetime | None
    remark: str
