"""The payloads of jobs: ids, and how often it was tried."""

from uuid import UUID

from pydantic import BaseModel


class OrderRef(BaseModel):
    """One order."""

    order: UUID


class ChargeRef(BaseModel):
    """One charge."""

    charge: UUID
    tries: int = 0


class PartRef(BaseModel):
    """One part of a refund."""

    part: UUID
    tries: int = 0
