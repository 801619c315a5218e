"""What a plugin declares as work: kinds of job, and schedules."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel

from core.contract.context import Context
from core.contract.remote import Remote


@dataclass(frozen=True, slots=True)
class Next:
    """What a step of a chain returns: the payload of its successor, put in the table in the same transaction."""

    payload: BaseModel
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of job. `run(ctx, payload)` runs in the transaction that marks the job done; it may return `Next(…)`.

    For work that calls the outside world `run` is a class derived from `Remote`: `prepare(ctx, payload=…)`.
    """

    name: str  # the kind is `slug.name`
    payload: type[BaseModel]
    run: Callable[[Context, Any], Next | None] | type[Remote]
    max_failures: int = 10  # then it is a dead letter
    first_retry: timedelta = timedelta(seconds=5)  # doubles with each failure, up to an hour
    when_off: Literal["skip", "run"] = "skip"  # run: callbacks of money reach a plugin that is off


class Slot(BaseModel):
    """The payload of a schedule's job, and of the `Next` with which its run goes on in another transaction."""

    slot: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What runs by the clock: `daily` at a local time of the tenant ("00:05"), or `every` so many whole minutes (UTC).

    `run(ctx, slot)` runs as a job; `slot` is the tenant's local date ("2026-11-22") or the UTC minute
    ("2026-11-22T05:30"). After a halt, `latest` runs only the last slot missed, a number runs at most so many.
    What is too much for one transaction returns `Next(Slot(slot=slot))`, and runs again.
    """

    name: str
    run: Callable[[Context, str], Next | None]
    daily: str | None = None
    every: timedelta | None = None
    catch_up: Literal["latest"] | int = "latest"
