"""Many credits in one call, each with its own key and outcome: how another system settles its day."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from core import members, points
from core.contract.context import Context
from core.contract.rest import Endpoints
from core.errors import KeyReused, NotFound, RoostError
from core.points import Credit
from core.points.policy import Expiry
from hosts.rest.core_api.points import Amount, Reason, within_limit
from hosts.rest.core_api.schemas import Asset, Input, OperationOut, operation_out

MOST = 1000  # credits of one call

group = Endpoints("staff", prefix="/admin/v1/points", tag="points")
Key = Annotated[
    str,
    Field(
        min_length=1, max_length=200, pattern=r"^[ -~]+$",
        description="a fresh value for each credit, the same one for a repeat; counts for the caller for good",
    ),
]  # fmt: skip


class CreditItem(Input):
    """What to give to one member."""

    key: Key
    member: UUID
    asset: Asset = "points"
    amount: Amount
    reason: Reason
    expires_at: AwareDatetime | None = Field(None, description="left out: by the brand's policy; null: never")
    venue: UUID | None = None


class CreditsIn(Input):
    """Up to a thousand credits."""

    items: list[CreditItem] = Field(min_length=1, max_length=MOST)


class CreditProblem(BaseModel):
    """Why one credit was not given."""

    code: str = Field(description="stable: branch on this")
    detail: str


class CreditOutcome(BaseModel):
    """What became of one credit."""

    key: str
    outcome: Literal["created", "repeated", "conflict", "rejected"] = Field(
        description="given now; given before, with what it gave then; the key was used for another credit; not possible"
    )
    operation: OperationOut | None = Field(None, description="of what was created or repeated")
    problem: CreditProblem | None = Field(None, description="of a conflict, and of what was rejected")


class CreditsOut(BaseModel):
    """The outcomes, in the order of the credits."""

    items: list[CreditOutcome]


@group.post("/credits", permission="points.adjust")
def credit_members(ctx: Context, body: CreditsIn) -> CreditsOut:
    """Give up to 1,000 credits, each once for its own key; one that cannot be given keeps none of the others back.

    A staff account gives a member at most what needs no second approver. What was created is committed together before
    the reply; a call that was cut off is repeated whole, with the same keys. A body that is not valid is refused
    whole (422), and nothing is given.
    """
    living = members.resolve_many(ctx, (item.member for item in body.items))
    keys = [_ledger_key(ctx, item.key) for item in body.items]
    known = set(points.known_keys(ctx, keys)) if ctx.actor.kind == "staff" else set()
    refused: dict[int, RoostError] = {}
    credits: list[Credit] = []
    for place, (item, key) in enumerate(zip(body.items, keys, strict=True)):
        member, venue = living.get(item.member, (None, None))
        try:
            if member is None or (ctx.actor.venues and venue not in ctx.actor.venues):
                raise NotFound("no such member", "找不到会员")
            if key not in known:  # a repeat gives nothing more
                within_limit(ctx, member, item.asset, item.amount)
                known.add(key)
        except RoostError as ex:
            refused[place] = ex
            continue
        ends: Expiry = item.expires_at if "expires_at" in item.model_fields_set else "policy"
        credits.append(
            Credit(
                member, item.asset, item.amount, key, item.reason, venue=item.venue, expires_at=ends,
                named=item.member,
            )
        )  # fmt: skip
    given = iter(points.credit_each(ctx, credits))
    return CreditsOut(
        items=[
            _refused(ctx, item.key, refused[place]) if place in refused else _outcome(ctx, item.key, next(given))
            for place, item in enumerate(body.items)
        ]
    )


def _ledger_key(ctx: Context, key: str) -> str:
    """Return the ledger's key of a credit: one of the caller's own, apart from those of single credits."""
    named = hashlib.sha256(f"{ctx.actor}\ncredits\n{key}".encode())
    return f"rest:{named.hexdigest()[:40]}"


def _outcome(ctx: Context, key: str, credited: points.Credited) -> CreditOutcome:
    if credited.operation is None:
        assert credited.refusal is not None
        return _refused(ctx, key, credited.refusal)
    outcome: Literal["created", "repeated"] = "repeated" if credited.repeated else "created"
    return CreditOutcome(key=key, outcome=outcome, operation=operation_out(credited.operation))


def _refused(ctx: Context, key: str, refusal: RoostError) -> CreditOutcome:
    outcome: Literal["conflict", "rejected"] = "conflict" if isinstance(refusal, KeyReused) else "rejected"
    detail = refusal.message if ctx.locale == "en" else refusal.message_zh
    return CreditOutcome(key=key, outcome=outcome, problem=CreditProblem(code=refusal.code, detail=detail))
