"""How many subscribe messages a person may still be sent, by template.

WeChat counts: a yes in its dialogue is worth one message of a one-time template, or all of a long-term one. It tells us
of answers by pushes. Where message push is set up those alone count; what the mini-program reports is counted only
where it is not, or one yes would be taken for two. Nothing is given or withheld for a yes: WeChat forbids both.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from integrations.wechat import people
from integrations.wechat.models import WechatSubscription, WechatTemplate
from integrations.wechat.schemas import SubscriptionOut, SubscriptionsOut, TemplateForm, WechatSettings
from roost import Conflict, Context

MOST = 100  # yeses that are kept: a mini-program that lies gets no further
YES = frozenset(("accept", "acceptWithAudio", "acceptWithAlert"))


def template_of(ctx: Context, template: str) -> WechatTemplate | None:
    row: WechatTemplate | None = WechatTemplate.scoped(ctx).first(WechatTemplate.template == template)
    return row


def _locked(ctx: Context, openid: str, template: str, member: UUID | None) -> WechatSubscription:
    rows = WechatSubscription.scoped(ctx)
    rows.insert(openid=openid, template=template, member=member, changed_at=ctx.now()).on_conflict_ignore().execute()
    row: WechatSubscription = rows.lock(WechatSubscription.openid == openid, WechatSubscription.template == template)
    return row


def _set(ctx: Context, row: WechatSubscription, **values: object) -> None:
    WechatSubscription.scoped(ctx).update(**values, changed_at=ctx.now()).where(
        WechatSubscription.id == row.id
    ).execute()


# --- answers -------------------------------------------------------------------------------------------------------


def accepted(ctx: Context, openid: str, template: str) -> None:
    member = people.person_of(ctx, openid)
    row = _locked(ctx, openid, template, member)
    _set(
        ctx, row, member=member, state="open", remaining=min(row.remaining + 1, MOST), accepted=row.accepted + 1,
        last_code="",
    )  # fmt: skip


def rejected(ctx: Context, openid: str, template: str) -> None:
    """Note a no in the dialogue: what was agreed to before stays, for WeChat keeps it too."""
    member = people.person_of(ctx, openid)
    row = _locked(ctx, openid, template, member)
    _set(ctx, row, member=member, state="open" if row.remaining else "refused")


def cancelled(ctx: Context, openid: str, template: str) -> None:
    """Take back all that was agreed to: the person switched the template off in WeChat's settings."""
    member = people.person_of(ctx, openid)
    row = _locked(ctx, openid, template, member)
    _set(ctx, row, member=member, state="refused", remaining=0)


def report(ctx: Context, member: UUID, results: Mapping[str, str]) -> SubscriptionsOut:
    """Record what a member answered in the mini-program. Raises Conflict for one who never logged in by WeChat."""
    openid = people.openid_of(ctx, member)
    if openid is None:
        raise Conflict(
            "this member has not logged in through WeChat", "该会员尚未通过微信登录", code="wechat_not_linked"
        )
    if not ctx.settings(WechatSettings).push_token.get_secret_value():
        for template, answer in sorted(results.items()):
            if template_of(ctx, template) is None:
                continue  # not one of ours: the row would be no use to anybody
            (accepted if answer in YES else rejected)(ctx, openid, template)
    return standing(ctx, member)


def standing(ctx: Context, member: UUID) -> SubscriptionsOut:
    """Return the templates in use, and how a member stands with each."""
    openid = people.openid_of(ctx, member)
    rows = WechatSubscription.scoped(ctx).select().where(WechatSubscription.openid == (openid or ""))
    held = {row.template: row for row in rows}
    templates = WechatTemplate.scoped(ctx).select().where(WechatTemplate.active).order_by(WechatTemplate.id)
    return SubscriptionsOut(subscriptions=[_standing(t, held.get(t.template)) for t in templates])


def _standing(template: Any, row: WechatSubscription | None) -> SubscriptionOut:  # Any: a row
    held = 0 if row is None else int(row.remaining)
    standing = {
        "template": template.template,
        "title": template.title,
        "state": "open" if row is None else row.state,
        "remaining": None if template.lasting and held else held,
    }
    return SubscriptionOut.model_validate(standing)


# --- messages ------------------------------------------------------------------------------------------------------


def take(ctx: Context, openid: str, template: str, *, lasting: bool) -> UUID | None:
    """Take one message off a person's quota before it is sent; return the row, or None when there is none left.

    It is taken first so that two messages at once do not both count on the last one.
    """
    row = WechatSubscription.scoped(ctx).first(
        WechatSubscription.openid == openid, WechatSubscription.template == template
    )
    if row is None:
        return None
    row = _locked(ctx, openid, template, row.member)
    if row.state == "blocked" or row.remaining < 1:
        return None
    if not lasting:
        _set(ctx, row, remaining=row.remaining - 1)
    return row.id


def settle(ctx: Context, taken: UUID, state: str, code: str, *, lasting: bool) -> None:
    """Note what became of a message that `take` counted; one that did not go out is counted back."""
    row = WechatSubscription.scoped(ctx).lock(WechatSubscription.id == taken)
    if state in ("sent", "unknown"):  # unknown: it may have been used up, and WeChat would refuse the next
        _set(ctx, row, sent=row.sent + (state == "sent"), last_code=code)
    elif code == "no_quota":  # WeChat knows better than we do
        _set(ctx, row, state="refused", remaining=0, last_code=code)
    elif code == "blocked":
        _set(ctx, row, state="blocked", remaining=0, last_code=code)
    else:
        _set(ctx, row, remaining=row.remaining if lasting else min(row.remaining + 1, MOST), last_code=code)


def delivered(ctx: Context, openid: str, template: str, code: str) -> None:
    """Note what WeChat tells of a message afterwards: "0" that it was shown, else why not."""
    row = WechatSubscription.scoped(ctx).first(
        WechatSubscription.openid == openid, WechatSubscription.template == template
    )
    if row is not None and code not in ("", "0"):
        _set(ctx, row, last_code=code[:20])


def adopt(ctx: Context, member: UUID, openid: str) -> None:
    """Give a member what was noted of their open id before we knew whose it was."""
    WechatSubscription.scoped(ctx).update(member=member).where(
        WechatSubscription.openid == openid, WechatSubscription.member.is_null()
    ).execute()


# --- templates -----------------------------------------------------------------------------------------------------


def add_template(ctx: Context, body: TemplateForm) -> WechatTemplate:
    """Register a template. Raises Conflict for one that is registered already."""
    if template_of(ctx, body.template) is not None:
        raise Conflict("this template is registered already", "该模板已存在", code="template_exists")
    now = ctx.now()
    row: WechatTemplate = WechatTemplate.scoped(ctx).create(**body.model_dump(), created_at=now, changed_at=now)
    return row


def edit_template(ctx: Context, row_id: UUID, body: TemplateForm) -> WechatTemplate:
    """Change a template. Raises Conflict when its id is another's."""
    row = WechatTemplate.scoped(ctx).lock(WechatTemplate.id == row_id)
    other = template_of(ctx, body.template)
    if other is not None and other.id != row.id:
        raise Conflict("this template is registered already", "该模板已存在", code="template_exists")
    WechatTemplate.scoped(ctx).update(**body.model_dump(), changed_at=ctx.now()).where(
        WechatTemplate.id == row.id
    ).execute()
    changed: WechatTemplate = WechatTemplate.scoped(ctx).get(WechatTemplate.id == row.id)
    return changed


def figures(ctx: Context) -> int:
    """Return how many members may still be sent something."""
    rows = WechatSubscription.scoped(ctx).select(WechatSubscription.openid).where(WechatSubscription.remaining > 0)
    return int(rows.distinct().count())
