"""What WeChat answers, hears and declares."""

from uuid import UUID

from integrations.wechat import api, checks, console, inbox, jobs, messages, privacy, risk, shipping
from integrations.wechat.schemas import WechatSettings
from roost import (
    Callback,
    Context,
    Contribution,
    Settlement,
    hookimpl,
)


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=WechatSettings,
        endpoints=(api.public, api.member, api.staff),
        callbacks=(Callback(inbox.receive, ("GET", "POST")),),
        resources=(console.templates, console.quotas, console.pictures, console.pushes, console.shipments),
        pages=(console.gallery,),
        panels=(console.status,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        conditions=(risk.condition,),
        channels=(messages.channel,),
        checks=(checks.check,),
        risks=(risk.check,),
        listener=shipping.listener,
    )


@hookimpl
def payment_settled(ctx: Context, settlement: Settlement) -> None:
    """Remember WeChat's number of a payment: its shipping is told under it."""
    shipping.settled(ctx, settlement)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget what came under the member's open id too."""
    privacy.erase(ctx, member)
