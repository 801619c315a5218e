"""How a person ends marketing: a link with one click, or a word as the answer to a text message."""

from html import escape
from typing import Any
from urllib.parse import quote
from uuid import UUID

from plugins.notify import allowing
from plugins.notify.models import NotifyMessage
from plugins.notify.settings import NotifySettings
from roost import Answer, Context, Fact, Invalid, NotFound, Push, identity, members, unseal

PURPOSE = "notify.unsubscribe"
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><body style="font:16px/1.6 sans-serif;max-width:30em;margin:3em auto;padding:0 1em">
<p>{words}</p>{form}</body></html>"""
HEADERS = {  # the address is a permission: it goes to nobody else, and its button is pressed in no other page
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
FORM = '<form method="post"><button style="font:inherit;padding:.5em 2em">确认退订 / Unsubscribe</button></form>'


def link(ctx: Context, message: UUID, member: UUID | None, channel: str) -> str:
    """Return the link by which the receiver of a message ends marketing by its channel: signed, without an address."""
    about: dict[str, Any] = {"message": message, "channel": channel}
    if member is not None:
        about["member"] = member
    days = ctx.settings(NotifySettings).keep_days
    token = identity.sign_token(ctx, PURPOSE, about, ttl=days * 86_400)
    base = ctx.deployment.public_url.rstrip("/")
    return f"{base}/callbacks/notify/{ctx.tenant.slug}?t={quote(token)}"


def receive(ctx: Context, push: Push) -> Answer:
    """Answer the link: GET shows a button (programs that look into mails follow links), POST ends it (RFC 8058)."""
    try:
        about = identity.read_token(ctx, PURPOSE, push.query.get("t", ""))
    except Invalid as ex:
        return _page(400, f"{ex.message_zh} / {ex.message}")
    brand = escape(ctx.tenant.name)
    if push.method == "GET":
        return _page(200, f"不再接收 {brand} 的营销消息？ / Stop marketing messages of {brand}?", FORM)
    stop(ctx, about["message"], about.get("member"), about["channel"], "link")
    return _page(200, f"已退订。 / You will get no more marketing messages of {brand} this way.")


def _page(status: int, words: str, form: str = "") -> Answer:
    page = PAGE.format(title="退订 / Unsubscribe", words=words, form=form)
    return Answer(status, page, "text/html; charset=utf-8", headers=HEADERS)


def stop(ctx: Context, message: UUID, member: UUID | None, channel: str, source: str) -> None:
    """End marketing by a channel to the receiver of a message, from this moment."""
    if member is not None:
        refuse(ctx, member, channel)
        return
    row = NotifyMessage.scoped(ctx).first(NotifyMessage.id == message)
    if row is not None and row.address is not None:
        allowing.block(ctx, row.address_channel, unseal(ctx, "address", row.address), source)


def refuse(ctx: Context, member: UUID, channel: str) -> None:
    """Take back a member's consent to marketing by a channel.

    The row of their contacts is locked: a message that is being chosen for them goes first, or sees it.
    """
    try:
        person = members.resolve(ctx, member)
    except NotFound:
        return
    allowing.lock_contacts(ctx, [person])
    members.withdraw_consent(ctx, person, allowing.purpose(channel), channel=channel)


def replied(ctx: Context, fact: Fact) -> None:
    """Hear that somebody answered a text message with a word that ends marketing by SMS.

    The fact is of whoever sends text messages, where there is one; it says `unsubscribe`, and whose number it is. A
    number that is no member's is kept out by the sender itself.
    """
    said: Any = fact
    if getattr(said, "unsubscribe", False) and getattr(said, "member", None) is not None:
        refuse(ctx, said.member, "sms")
