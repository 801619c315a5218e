"""Ask, where a reward is claimed, whether the member is one of those who collect them by the hundred.

Whoever can tell gives a `RiskCheck`. An endpoint where something is claimed is a `Remote` of four lines: `ask` in its
`prepare`, `waits`, `call`, and `require_fair` in its `complete`, before anything is given. What pays without the
member being there (a referral's reward) asks `is_refused`, which reads what was last said. Without a check that is on
all pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.contract.context import Context
from core.contract.ports import RiskAsked, RiskCheck
from core.contract.remote import Steps
from core.errors import Forbidden

__all__ = ["Asking", "ask", "call", "is_refused", "require_fair", "waits"]


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions to each check, on their way."""

    questions: Sequence[tuple[str, Steps, Any]]  # slug, steps, prepared


def ask(ctx: Context, member: UUID) -> Asking:
    """Prepare what each check is asked about a member who is calling now. In a transaction."""
    asked = RiskAsked(member, ctx.address)
    return Asking(
        [
            (slug, check.ask, check.ask.prepare(ctx.for_plugin(slug), asked))
            for slug, check in ctx.providers(RiskCheck)
            if check.ready(ctx.for_plugin(slug))
        ]
    )


def waits(asking: Asking) -> bool:
    """Tell whether any of them has somebody to ask."""
    return any(steps.waits(prepared) for _, steps, prepared in asking.questions)


def call(asking: Asking) -> list[Any]:
    """Ask them; no transaction is open, unless nobody `waits`."""
    return [steps.call(prepared) for _, steps, prepared in asking.questions]


def require_fair(ctx: Context, asking: Asking, answers: Sequence[Any]) -> None:
    """Keep what was answered; raise Forbidden (`risky`) when a check refuses. The refusal keeps the answers."""
    told = [
        steps.complete(ctx.for_plugin(slug), prepared, answer)
        for (slug, steps, prepared), answer in zip(asking.questions, answers, strict=True)
    ]
    if not all(told):
        error = Forbidden(
            "this account cannot claim rewards for now: ask at the venue",
            "当前账号暂不能领取奖励，请到门店咨询",
            code="risky",
        )
        error.kept = True
        raise error


def is_refused(ctx: Context, member: UUID) -> bool:
    """Tell whether a check refuses a member by what it was last told, without asking anybody."""
    return any(check.refused(ctx.for_plugin(slug), member) for slug, check in ctx.providers(RiskCheck))
