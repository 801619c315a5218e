"""What members do: `/v1/notify`."""

from uuid import UUID

from plugins.notify import announcements, inbox, preferences
from plugins.notify.schemas import (
    AnnouncementOut,
    EmailCodeIn,
    EmailIn,
    EmailOut,
    InboxQuery,
    MessageOut,
    NewsOut,
    PreferencesIn,
    PreferencesOut,
    ReadAll,
    ReadOut,
)
from roost import Context, Endpoints, Listing, PageQuery, Unauthorized

member = Endpoints("member")


def _me(ctx: Context) -> UUID:
    if ctx.actor.id is None:
        raise Unauthorized("sign in as a member", "请先登录")
    return ctx.actor.id


@member.get("/news")
def news(ctx: Context) -> NewsOut:
    """Tell whether there is anything new; cheap, to be asked again and again."""
    return inbox.news(ctx, _me(ctx))


@member.get("/messages")
def my_messages(ctx: Context, query: InboxQuery, page: PageQuery) -> Listing[MessageOut]:
    """List my messages, newest first."""
    items, cursor = inbox.listing(ctx, _me(ctx), page, unread=query.unread)
    return Listing(items=items, next_cursor=cursor)


@member.post("/messages/{message_id}/read")
def read(ctx: Context, message_id: UUID) -> None:
    """Mark a message as read."""
    inbox.read(ctx, _me(ctx), message_id)


@member.post("/messages/read-all")
def read_all(ctx: Context, body: ReadAll) -> ReadOut:
    """Mark my messages as read, up to the newest one that I saw."""
    return ReadOut(read=inbox.read_all(ctx, _me(ctx), body.until))


@member.get("/announcements")
def announced(ctx: Context) -> Listing[AnnouncementOut]:
    """List the banners to show now, newest first."""
    return Listing(items=announcements.current(ctx, _me(ctx)))


@member.get("/preferences")
def my_preferences(ctx: Context) -> PreferencesOut:
    """Show what I want to be told, by which ways, and whether marketing may come."""
    return preferences.show(ctx, _me(ctx))


@member.put("/preferences")
def set_preferences(ctx: Context, body: PreferencesIn) -> PreferencesOut:
    """Say what I want to be told, by which ways, and whether marketing may come. It holds at once."""
    return preferences.change(ctx, _me(ctx), body)


@member.post("/email", rate="5/hour")
def ask_email(ctx: Context, body: EmailIn) -> EmailOut:
    """Send a code to my e-mail address."""
    return preferences.ask_email(ctx, _me(ctx), body.email)


@member.post("/email/confirm", rate="20/hour")
def confirm_email(ctx: Context, body: EmailCodeIn) -> EmailOut:
    """Prove with the code that the address is mine."""
    return preferences.prove_email(ctx, _me(ctx), body.code)


@member.delete("/email")
def forget_email(ctx: Context) -> None:
    """Forget my e-mail address."""
    preferences.forget_email(ctx, _me(ctx))
