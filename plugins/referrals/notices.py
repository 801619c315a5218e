"""What members are told of the friends they bring."""

from plugins.referrals.hookspecs import ReferralRewarded
from plugins.referrals.models import ReferralsReward
from plugins.referrals.paying import specs_of
from roost import Context, Notice, Text, Told, rewards


def _rewarded(ctx: Context, fact: ReferralRewarded) -> Told | None:
    row = ReferralsReward.scoped(ctx).first(ReferralsReward.id == fact.reward)
    if row is None or row.state != "given":  # clawed back before this was delivered
        return None
    words = [rewards.describe(ctx, spec) for spec in specs_of(ctx, row.role, row.step)]
    between = ", " if ctx.locale.startswith("en") else "、"
    return Told(row.member, {"reward": between.join(words)}) if words else None


NOTICES = (
    Notice(
        "referral_rewarded",
        Text("推荐奖励到账", "Your referral reward"),
        _rewarded,
        Text("您的推荐奖励已到账：{reward}。", "You have been given: {reward}."),
        link="pages/referrals/invitees",
    ),
)
