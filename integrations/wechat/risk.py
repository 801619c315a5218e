"""How risky WeChat holds a member to be, for marketing: off unless the brand switches it on.

A condition is asked in a transaction and cannot ask WeChat, so it reads what WeChat last said. Who has the person's
address at hand asks beforehand: a plugin with `risk_steps`, in a remote endpoint or job of its own.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import Field

from integrations.wechat import connection, people
from integrations.wechat.client import WechatClient, WechatError
from integrations.wechat.models import WechatRisk
from integrations.wechat.schemas import WechatSettings
from roost import Body, ConditionKind, Context, RiskCheck, Steps, Text, members
from roost import RiskAsked as Claiming

log = structlog.get_logger("roost.wechat")
MARKETING = 1


@dataclass(frozen=True, slots=True)
class RiskAsked:
    """Whom to ask about, and from which address they call."""

    member: UUID
    client_ip: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """A question on its way; without a client there is nothing to ask, and `known` is what is known."""

    member: UUID
    client_ip: str = field(repr=False)
    client: WechatClient | None = field(default=None, repr=False)
    openid: str = field(default="", repr=False)
    known: int | None = None


def rank_of(ctx: Context, member: UUID) -> int | None:
    """Return the rank WeChat gave a member, 0 to 4, or None when it is unknown, too old, or not asked for."""
    settings = ctx.settings(WechatSettings)
    if not settings.risk:
        return None
    row = WechatRisk.scoped(ctx).first(WechatRisk.member == member)
    if row is None or row.asked_at < ctx.now() - timedelta(days=settings.risk_days):
        return None
    return int(row.rank)


def _prepare(ctx: Context, asked: RiskAsked) -> Asking:
    member = members.resolve(ctx, asked.member)
    known = rank_of(ctx, member)
    openid = people.openid_of(ctx, member)
    if known is not None or openid is None or not ctx.settings(WechatSettings).risk or not connection.is_ready(ctx):
        return Asking(member, asked.client_ip, known=known)
    return Asking(member, asked.client_ip, connection.client_of(ctx), openid)


def _call(asking: Asking) -> int | None:
    if asking.client is None:
        return asking.known
    return ask_rank(asking.client, asking.openid, asking.client_ip)


def ask_rank(client: WechatClient, openid: str, client_ip: str) -> int | None:
    """Ask WeChat for a rank; None when it does not say. No transaction is open."""
    try:
        return client.risk_rank(openid, client_ip, scene=MARKETING)
    except WechatError as ex:
        log.warning("wechat_risk_failed", errcode=ex.code, error=str(ex))
        return None


def _complete(ctx: Context, asking: Asking, rank: int | None) -> int | None:
    if asking.client is not None:
        keep(ctx, asking.member, rank)
    return rank


def keep(ctx: Context, member: UUID, rank: int | None) -> None:
    """Keep what WeChat said of a member, if it said anything."""
    if rank is not None:
        rows, now = WechatRisk.scoped(ctx), ctx.now()
        rows.insert(member=member, rank=rank, asked_at=now).on_conflict_ignore().execute()
        rows.update(rank=rank, asked_at=now).where(WechatRisk.member == member).execute()


def _waits(asking: Asking) -> bool:
    return asking.client is not None


risk_steps = Steps(_prepare, _call, _complete, _waits)
"""Ask how risky a member is: takes a `RiskAsked`, completes to 0 to 4, or None when nobody can say. Asked once in
`risk_days`, and never where the setting `risk` is off."""


def _ask_port(ctx: Context, asked: Claiming) -> Asking:
    asking = _prepare(ctx, RiskAsked(asked.member, asked.address))
    return asking if asked.address else replace(asking, client=None)  # WeChat answers for no call without one


def _may_claim(ctx: Context, asking: Asking, rank: int | None) -> bool:
    """Tell whether a member may claim; whom WeChat does not know, and nobody could ask about, may."""
    settings = ctx.settings(WechatSettings)
    rank = _complete(ctx, asking, rank)
    if rank is None:
        return asking.client is None or settings.risk_outage == "pass"
    return rank <= settings.risk_at_most


def _refused(ctx: Context, member: UUID) -> bool:
    """Tell it by what WeChat last said, however long ago: nobody is there to be asked about."""
    settings = ctx.settings(WechatSettings)
    if not settings.risk:
        return False
    row = WechatRisk.scoped(ctx).first(WechatRisk.member == members.resolve(ctx, member))
    return row is not None and row.rank > settings.risk_at_most


check = RiskCheck(
    "wechat",
    Text("微信风险等级", "WeChat risk"),
    lambda ctx: ctx.settings(WechatSettings).risk,
    Steps(_ask_port, _call, _may_claim, _waits),
    _refused,
)
"""Where rewards are claimed, for plugins that know nothing of WeChat."""


class RiskSpec(Body):
    """Up to which rank a member passes."""

    at_most: int = Field(
        2, ge=0, le=4, description="highest risk rank: 0 none known, 4 high · 最高风险等级，0 无，4 高"
    )
    unknown: bool = Field(True, description="passes when WeChat was not asked or did not say · 未知时视为通过")


def _evaluate(ctx: Context, member: UUID, spec: RiskSpec) -> tuple[bool, Any]:
    rank = rank_of(ctx, members.resolve(ctx, member))
    return (spec.unknown if rank is None else rank <= spec.at_most), rank


def _explain(spec: RiskSpec, locale: str) -> str:
    if locale == "zh":
        return f"微信风险等级不高于 {spec.at_most}"
    return f"WeChat's risk rank is at most {spec.at_most}"


condition = ConditionKind("wechat_risk", Text("微信风险等级", "WeChat risk"), RiskSpec, _evaluate, _explain)
