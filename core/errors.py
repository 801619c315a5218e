"""Every error a caller may meet, each with a stable code, an HTTP status and words for the person who meets it.

A code never changes once released: mini-programs and plugins branch on it. `fields` lists what is wrong where,
as `{"path": "body.amount", "message": "…"}`. Nothing here may carry a secret or a phone number.
"""

from collections.abc import Sequence
from typing import Any


class RoostError(Exception):
    """An expected refusal: the transaction is rolled back and the caller is told what to do.

    `message` is English, `message_zh` Chinese; a host picks by `Accept-Language`.
    """

    status = 400
    code = "bad_request"
    kept = False  # True: what was written before the refusal is committed with it (a failed try is counted)

    def __init__(
        self,
        message: str,
        message_zh: str | None = None,
        *,
        code: str | None = None,
        fields: Sequence[dict[str, str]] = (),
        retry_after: int | None = None,
        **details: Any,  # values for the problem document: JSON scalars only
    ) -> None:
        super().__init__(message)
        self.message = message
        self.message_zh = message_zh or message
        if code is not None:
            self.code = code
        self.fields = tuple(fields)
        self.retry_after = retry_after
        self.details = details


class Invalid(RoostError):
    """The input is well formed but cannot be accepted (422)."""

    status = 422
    code = "invalid"


class Unauthorized(RoostError):
    """Nobody is signed in, or the credential is not valid here (401)."""

    status = 401
    code = "unauthorized"


class Forbidden(RoostError):
    """The actor is known and may not do this (403)."""

    status = 403
    code = "forbidden"


class NotFound(RoostError):
    """There is no such thing for this tenant and actor (404)."""

    status = 404
    code = "not_found"


class Conflict(RoostError):
    """The request contradicts the present state (409)."""

    status = 409
    code = "conflict"


class KeyReused(RoostError):
    """An idempotency key or operation key came again with other content (422)."""

    status = 422
    code = "key_reused"


class TooManyRequests(RoostError):
    """A rate or a quota is used up (429); `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"


class Unavailable(RoostError):
    """Something we need does not answer; nothing was changed, try again (503)."""

    status = 503
    code = "unavailable"


class InsufficientBalance(Conflict):
    """A debit or hold asks for more than can be spent."""

    code = "insufficient_balance"


class SoldOut(Conflict):
    """Nothing is left of a scarce thing."""

    code = "sold_out"


class LimitReached(Conflict):
    """A member's own limit (per session, month, life) is used up."""

    code = "limit_reached"


class Vetoed(Conflict):
    """A plugin answered a decision with a veto; `code` is the veto's own."""

    code = "vetoed"


class DecisionFailed(RoostError):
    """A plugin that must agree could not answer, so the caller fails closed (503)."""

    status = 503
    code = "decision_failed"


class ConfigurationError(RoostError):
    """The deployment or a plugin is put together wrongly: raised at start-up, names both sides."""

    status = 500
    code = "configuration"


class UnscopedQuery(ConfigurationError):
    """A query on tenant rows was built without `Model.scoped(ctx)`; it was not sent."""

    code = "unscoped_query"


class UndeclaredFact(ConfigurationError):
    """A fact was published that no `hookspecs.py` specifies: nobody could hear it, so nothing was written."""

    code = "undeclared_fact"


class IntegrityFault(RoostError):
    """Stored data contradicts an invariant: never expected, never silent."""

    status = 500
    code = "integrity_fault"
