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
from roost import Context, Endpoints, Listing, PageQuery

member = Endpoints("member")


@member.get("/news")
def news(ctx: Context) -> NewsOut:
    """Tell whether there is anything new; cheap, to be asked again and again."""
    return inbox.news(ctx, ctx.member)


@member.get("/messages")
def my_messages(ctx: Context, query: InboxQuery, page: PageQuery) -> Listing[MessageOut]:
    """List my messages, newest first."""
    items, cursor = inbox.listing(ctx, ctx.member, page, unread=query.unread)
    return Listing(items=items, next_cursor=cursor)


@member.post("/messages/{message_id}/read")
def read(ctx: Context, message_id: UUID) -> None:
    """Mark a message as read."""
    inbox.read(ctx, ctx.member, message_id)


@member.post("/messages/read-all")
def read_all(ctx: Context, body: ReadAll) -> ReadOut:
    """Mark my messages as read, up to the newest one that I saw."""
    return ReadOut(read=inbox.read_all(ctx, ctx.member, body.until))


@member.get("/announcements")
def announced(ctx: Context) -> Listing[AnnouncementOut]:
    """List the banners to show now, newest first."""
    return Listing(items=announcements.current(ctx, ctx.member))


@member.get("/preferences")
def my_preferences(ctx: Context) -> PreferencesOut:
    """Show what I want to be told, by which ways, and whether marketing may come."""
    return preferences.show(ctx, ctx.member)


@member.put("/preferences")
def set_preferences(ctx: Context, body: PreferencesIn) -> PreferencesOut:
    """Say what I want to be told, by which ways, and whether marketing may come. It holds at once."""
    return preferences.change(ctx, ctx.member, body)


@member.post("/email", rate="5/hour")
def ask_email(ctx: Context, body: EmailIn) -> EmailOut:
    """Send a code to my e-mail address."""
    return preferences.ask_email(ctx, ctx.member, body.email)


@member.post("/email/confirm", rate="20/hour")
def confirm_email(ctx: Context, body: EmailCodeIn) -> EmailOut:
    """Prove with the code that the address is mine."""
    return preferences.prove_email(ctx, ctx.member, body.code)


@member.delete("/email")
def forget_email(ctx: Context) -> None:
    """Forget my e-mail address."""
    preferences.forget_email(ctx, ctx.member)
