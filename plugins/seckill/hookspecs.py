"""What flash sales tell others."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class SeckillOpening(Fact):
    """A published session opens in a few minutes."""

    label = Text("秒杀即将开始", "Flash sale opening")

    session: UUID


class SeckillReminded(Fact):
    """A member who asked for it is reminded that a session opens."""

    label = Text("秒杀开始提醒", "Flash sale reminder")

    member: UUID
    session: UUID


class SeckillWon(Fact):
    """A member won an item."""

    label = Text("秒杀成功", "Flash sale won")

    member: UUID
    claim: UUID
    item: UUID


class SeckillLapsed(Fact):
    """A hold was not confirmed in time; its stock and points went back."""

    label = Text("秒杀未确认释放", "Flash sale unit lapsed")

    member: UUID
    claim: UUID
    item: UUID


class SeckillExpired(Fact):
    """A voucher was not used in time. `refunded`: what it cost goes back."""

    label = Text("秒杀券过期", "Flash sale voucher expired")

    member: UUID
    claim: UUID
    item: UUID
    refunded: bool


@fact(since="1.0")
def seckill_opening(ctx: Context, fact: SeckillOpening) -> None:
    """Fires once a session, the set number of minutes before it opens: a moment to remind people."""


@fact(since="1.1")
def seckill_reminded(ctx: Context, fact: SeckillReminded) -> None:
    """Fires for each member who asked to be reminded of a session, at the time of `seckill_opening`."""


@fact(since="1.0")
def seckill_won(ctx: Context, fact: SeckillWon) -> None:
    """Fires when a member confirmed what they held."""


@fact(since="1.0")
def seckill_lapsed(ctx: Context, fact: SeckillLapsed) -> None:
    """Fires when a hold ran out unconfirmed."""


@fact(since="1.1")
def seckill_expired(ctx: Context, fact: SeckillExpired) -> None:
    """Fires when a voucher reached its end unused."""
