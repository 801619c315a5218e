"""What members are told of flash sales."""

from zoneinfo import ZoneInfo

from plugins.seckill.hookspecs import SeckillExpired, SeckillReminded
from plugins.seckill.models import SeckillItem, SeckillSession
from roost import Context, Notice, Text, Told


def _reminded(ctx: Context, fact: SeckillReminded) -> Told | None:
    session = SeckillSession.scoped(ctx).first(SeckillSession.id == fact.session)
    if session is None or session.state != "published" or session.ends_at <= ctx.now():  # closed, or late news
        return None
    at = session.starts_at.astimezone(ZoneInfo(ctx.tenant.zone))
    return Told(fact.member, {"session": session.title, "time": f"{at:%H:%M}"})


def _expired(ctx: Context, fact: SeckillExpired) -> Told | None:
    item = SeckillItem.scoped(ctx).first(SeckillItem.id == fact.item)
    if item is None:
        return None
    back = Text("，所付将原路退回", "; what you paid goes back to you").in_(ctx.locale) if fact.refunded else ""
    return Told(fact.member, {"item": item.title, "back": back})


NOTICES = (
    Notice(
        "seckill_reminded",
        Text("秒杀即将开始", "A flash sale opens soon"),
        _reminded,
        Text("您关注的“{session}”将于 {time} 开抢。", "“{session}” opens at {time}."),
        link="pages/seckill/index",
    ),
    Notice(
        "seckill_expired",
        Text("秒杀凭证已过期", "Your voucher has ended"),
        _expired,
        Text("您的“{item}”凭证已过期{back}。", "Your voucher for “{item}” has ended{back}."),
        link="pages/seckill/claims",
    ),
)
