"""What WeChat Pay declares, answers and keeps."""

from uuid import UUID

from integrations.wechat_pay import console, inbox, jobs, payments, privacy
from integrations.wechat_pay.schemas import WechatPaySettings
from roost import Callback, Context, Contribution, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=WechatPaySettings,
        callbacks=(Callback(inbox.receive),),
        resources=(console.trades, console.refunds, console.settlements, console.pushes),
        panels=(console.panel,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        payments=(payments.METHOD,),
    )


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    return privacy.may_switch_off(ctx)


@hookimpl
def may_change_settings(ctx: Context, settings: WechatPaySettings) -> Veto | None:
    """Refuse another merchant while money of this one is on its way."""
    if settings.mchid == ctx.settings(WechatPaySettings).mchid:
        return None
    return privacy.may_change_merchant(ctx, settings.mchid)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Refuse while a payment of theirs is under way."""
    privacy.erase(ctx, member)
