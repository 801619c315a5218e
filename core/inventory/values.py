"""What inventory returns and takes: frozen values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ReservationState = Literal["open", "confirmed", "released"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How many units a member may take under a name of the plugin's own: "session:…", "month:2026-11"."""

    name: str
    most: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Where an item's units are. `total` is always the sum of the others."""

    total: int
    available: int
    reserved: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units out of stock for somebody: promised (`open`), gone for good (`confirmed`), or given back (`released`)."""

    id: UUID
    item: str
    quantity: int
    state: ReservationState
    deadline: datetime | None
    member: UUID | None = None
