"""What a member wants to be told, and where: groups of notices by channel, consent to marketing, an e-mail address."""

from typing import Any
from uuid import UUID

from plugins.notify import allowing, mail, noticing
from plugins.notify.allowing import INBOX, MARKETING
from plugins.notify.content import compose
from plugins.notify.models import NotifyMember
from plugins.notify.posting import Letter, post
from plugins.notify.schemas import ChannelOut, EmailOut, GroupOut, PreferencesIn, PreferencesOut
from plugins.notify.settings import NotifySettings
from roost import Channel, Conflict, Context, Invalid, Text, blind, identity, mask_phone, members, new_id, seal, unseal

CAMPAIGN = "campaign"
GROUPS = {CAMPAIGN: Text("活动与优惠", "News and offers"), "notify": Text("会员提醒", "Reminders")}
INBOX_TITLE = Text("站内信", "Inbox")
CODE = "notify.email"
CODE_SECONDS = 600
CODE_TITLE = Text("验证码", "Your code")
CODE_TEXT = Text("您的验证码是 {code}，10 分钟内有效。", "Your code is {code}. It is good for ten minutes.")


def masked(address: str) -> str:
    """Return an e-mail address as others see it: `l***@example.com`."""
    name, _, domain = address.partition("@")
    return f"{name[:1]}***@{domain}" if domain else ""


def shown(channel: str, address: str) -> str:
    """Return the address of a channel as others see it: an e-mail address or a phone, masked."""
    return masked(address) if channel == mail.NAME else mask_phone(address)


def _row(ctx: Context, member: UUID) -> NotifyMember | None:
    row: NotifyMember | None = NotifyMember.scoped(ctx).first(NotifyMember.member == member)
    return row


def _save(ctx: Context, member: UUID, **values: Any) -> None:
    rows = NotifyMember.scoped(ctx)
    rows.insert(id=new_id(), member=member).on_conflict_ignore().execute()
    rows.update(**values).where(NotifyMember.member == member).execute()


def groups(ctx: Context) -> dict[str, Text]:
    """Return the groups of notices that a tenant has: its plugins that tell something, and campaigns."""
    slugs = sorted({slug for slug, notice in noticing.offered(ctx).values() if not notice.permission})
    return {**{slug: ctx.plugin_name(slug) for slug in slugs}, **GROUPS}


def channels(ctx: Context) -> dict[str, Text]:
    """Return the ways to reach a member that a tenant has."""
    return {INBOX: INBOX_TITLE, **{channel.name: channel.title for _, channel in ctx.providers(Channel)}}


def named_channels(ctx: Context) -> list[tuple[str, Text]]:
    """Return the ways to reach a member by code: what staff choose from."""
    return list(channels(ctx).items())


def show(ctx: Context, member: UUID) -> PreferencesOut:
    row = _row(ctx, member)
    off = row.off if row is not None else {}
    known = channels(ctx)
    answers = allowing.answers_of(ctx, [member], known).get(member, {})
    settings = ctx.settings(NotifySettings)
    return PreferencesOut(
        channels=[
            ChannelOut(
                channel=name,
                title=title.in_(ctx.locale),
                marketing=allowing.agrees(answers, name, needed=settings.consent_needed),
            )
            for name, title in known.items()
        ],
        groups=[
            GroupOut(group=group, title=title.in_(ctx.locale), off=off.get(group, []))
            for group, title in groups(ctx).items()
        ],
        email=email(ctx, member).email,
        policy_version=settings.policy_version,
    )


def change(ctx: Context, member: UUID, body: PreferencesIn) -> PreferencesOut:
    """Change what a member wants. Raises Invalid for an unknown group or channel, or a yes to no known text."""
    if body.off is not None:
        known = groups(ctx)
        for group in body.off:
            _must_know("off", group, known)
        for channel in {name for names in body.off.values() for name in names}:
            _must_know("off", channel, channels(ctx))
        row = _row(ctx, member)
        held = {**(row.off if row is not None else {}), **body.off}
        _save(ctx, member, off={group: sorted(set(names)) for group, names in held.items() if names})
    if body.marketing is not None:
        allowing.lock_contacts(ctx, [member])  # a message that is being chosen goes first, or sees it
        for channel, yes in sorted(body.marketing.items()):
            if channel != "all":
                _must_know("marketing", channel, channels(ctx))
            purpose = MARKETING if channel == "all" else allowing.purpose(channel)
            if yes:
                _check_version(ctx, body.policy_version)
                members.give_consent(ctx, member, purpose, policy_version=body.policy_version, channel="notify")
            else:
                members.withdraw_consent(ctx, member, purpose, channel="notify")
    return show(ctx, member)


def _must_know(path: str, name: str, known: dict[str, Text]) -> None:
    if name not in known:
        raise Invalid(
            f"there is no {name!r} here; there are {', '.join(known)}",
            f"没有 {name}，可选：{'、'.join(known)}",
            fields=[{"path": f"body.{path}", "message": f"one of {', '.join(known)}"}],
        )


def _check_version(ctx: Context, version: str) -> None:
    held = ctx.settings(NotifySettings).policy_version
    if version != held:
        raise Invalid(
            f"the member agrees to the text that is in force: policy_version {held}",
            f"请同意当前版本（{held}）的说明",
            code="policy_version",
            fields=[{"path": "body.policy_version", "message": f"the version in force is {held}"}],
        )


# --- e-mail ----------------------------------------------------------------------------------------------------------


def email(ctx: Context, member: UUID) -> EmailOut:
    """Return a member's e-mail address, masked, and one that waits for its code."""
    row = _row(ctx, member)
    if row is None:
        return EmailOut(email="", asked="")
    return EmailOut(
        email=masked(unseal(ctx, "email", row.email)) if row.email is not None else "",
        asked=masked(unseal(ctx, "asked_email", row.asked_email)) if row.asked_email is not None else "",
    )


def ask_email(ctx: Context, member: UUID, address: str) -> EmailOut:
    """Send a code to an address that a member says is theirs. Raises Conflict without a mail server."""
    settings = ctx.settings(NotifySettings)
    if not (settings.smtp_host and settings.mail_from):
        raise Conflict("this brand sends no e-mail", "暂未开通邮件", code="no_email")
    name, _, domain = address.partition("@")
    address = f"{name}@{domain.lower()}"
    code = identity.issue_code(ctx, CODE, str(member), ttl=CODE_SECONDS)
    _save(ctx, member, asked_email=seal(ctx, "asked_email", address))
    locale = "en" if ctx.locale.startswith("en") else "zh"
    words = compose(CODE_TITLE.in_(locale), CODE_TEXT.in_(locale), "", {"code": code})
    post(
        ctx,
        Letter(
            key=f"email-code:{new_id()}",
            group="notify",
            notice="email_code",
            content=words,
            channels=[mail.NAME],
            address=address,
            address_channel=mail.NAME,
            locale=locale,
        ),
    )
    return email(ctx, member)


def prove_email(ctx: Context, member: UUID, code: str) -> EmailOut:
    """Take an address over whose code came back. Raises Invalid for a wrong code, Conflict when none was asked for."""
    row = _row(ctx, member)
    if row is None or row.asked_email is None:
        raise Conflict("ask for a code first", "请先获取验证码", code="no_email_asked")
    identity.check_code(ctx, CODE, str(member), code)
    address = unseal(ctx, "asked_email", row.asked_email)
    _save(
        ctx,
        member,
        email=seal(ctx, "email", address),
        email_blind=blind(ctx, "email", address),
        asked_email=None,
    )
    return email(ctx, member)


def forget_email(ctx: Context, member: UUID) -> None:
    if _row(ctx, member) is not None:
        _save(ctx, member, email=None, email_blind=None, asked_email=None)
