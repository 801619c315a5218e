"""What text messages answer and declare."""

from typing import Any
from uuid import UUID

from integrations.sms import api, channel, console, inbox, jobs, privacy
from integrations.sms.schemas import SmsSettings
from roost import Callback, Context, Contribution, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=SmsSettings,
        endpoints=(api.public, api.member),
        callbacks=(Callback(inbox.receive),),
        resources=(console.messages, console.replies, console.opt_outs, console.days),
        panels=(console.spend,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        channels=(channel.channel,),
    )


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget the member's phone wherever it stands."""
    privacy.erase(ctx, member)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Say since when they want no marketing."""
    return privacy.export(ctx, member)
