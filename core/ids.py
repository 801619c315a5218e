"""Identifiers: UUIDv7, so that the primary key follows time and an index stays warm at its end."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562)."""
    return uuid_utils.compat.uuid7()
