"""Jobs that take their time, fail, go on in a chain, call out, or end their worker."""

import hashlib
import os
import time
from datetime import timedelta

from pydantic import BaseModel

from faultlab.models import FaultlabEffect
from faultlab.trace import traced
from roost import Context, Job, Next, Remote, Schedule


class Order(BaseModel):
    """What a job of the laboratory does."""

    number: int = 0
    rounds: int = 0
    seconds: float = 0
    steps: int = 1
    until: str = ""  # a file: fail as long as it is absent


def record(ctx: Context, kind: str, number: int, text: str = "") -> None:
    """Leave a mark."""
    FaultlabEffect.scoped(ctx).create(kind=kind, number=number, text=text)


def toil(rounds: int) -> None:
    """Work for a while: about a millisecond a round on a slow core."""
    for turn in range(rounds):
        hashlib.pbkdf2_hmac("sha256", b"toil", turn.to_bytes(8, "big"), 1000)


def strike(ctx: Context, number: int, rounds: int) -> None:
    """Leave a mark, then take time before the transaction can commit."""
    with traced(number):
        record(ctx, "fact", number)
        toil(rounds)


def work(ctx: Context, order: Order) -> None:
    with traced(order.number):
        record(ctx, "work", order.number)
        toil(order.rounds)


def stubborn(ctx: Context, order: Order) -> None:
    record(ctx, "stubborn", order.number)
    if not os.path.exists(order.until):
        raise RuntimeError("the file is not there; call 13800001111")


def chain(ctx: Context, order: Order) -> Next | None:
    with traced(order.number):
        record(ctx, "chain", order.number)
        toil(order.rounds)
    left = order.steps - 1
    return Next(order.model_copy(update={"number": order.number + 1, "steps": left})) if left else None


def end_worker(ctx: Context, order: Order) -> None:
    os._exit(7)


def leave(ctx: Context, order: Order) -> None:
    raise SystemExit("a plugin has no business here")


class CallOut(Remote):
    """An outside call between two transactions."""

    def prepare(self, ctx: Context, payload: Order) -> Order:
        record(ctx, "prepared", payload.number)
        return payload

    def call(self, prepared: Order) -> int:
        until = time.monotonic() + prepared.seconds
        with traced(prepared.number):
            while time.monotonic() < until:
                toil(10)
        return prepared.number * 2

    def complete(self, ctx: Context, prepared: Order, answer: int) -> None:
        record(ctx, "completed", prepared.number, str(answer))


def minutely(ctx: Context, slot: str) -> None:
    record(ctx, "minutely", 0, slot)


JOBS = (
    Job("work", Order, work),
    Job("stubborn", Order, stubborn, max_failures=2, first_retry=timedelta(milliseconds=50)),
    Job("chain", Order, chain),
    Job("end_worker", Order, end_worker),
    Job("leave", Order, leave, max_failures=1),
    Job("call_out", Order, CallOut),
    Job("money", Order, work, when_off="run"),
)

SCHEDULES = (Schedule("minutely", minutely, every=timedelta(minutes=1)),)
