"""What a message says, as it is kept and as a channel gets it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from plugins.notify.models import NotifyTemplate
from plugins.notify.wording import fill, fill_link
from roost import Context, members, seal, unseal

SOMEBODY = {"zh": "会员", "en": "member"}
LOCALES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Content:
    """The words of one message, filled in, and the values they were filled with."""

    title: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    link: str = field(default="", repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


def locale_of(wanted: str) -> str:
    """Return the language of a message for somebody's locale: `en` or `zh`."""
    return "en" if wanted.startswith("en") else "zh"


def compose(title: str, text: str, link: str, values: Mapping[str, str]) -> Content:
    """Return a message out of templates and values."""
    return Content(
        " ".join(fill(title, values).split()), fill(text, values), fill_link(link, values).lstrip("/"), dict(values)
    )


def common_values(ctx: Context, view: members.MemberView | None, locale: str) -> dict[str, str]:
    """Return the values that every message has: the person's name, and the brand's."""
    return {"name": (view.name if view else "") or SOMEBODY[locale], "brand": ctx.tenant.name}


def of_campaign(ctx: Context, campaign: Any, view: members.MemberView | None, locale: str) -> Content:
    """Return a campaign's message for one person; its Chinese words where it has no English ones."""
    english = locale == "en"
    return compose(
        (english and campaign.title_en) or campaign.title_zh,
        (english and campaign.text_en) or campaign.text_zh,
        campaign.link,
        common_values(ctx, view, locale),
    )


def sealed(ctx: Context, content: Content) -> bytes:
    """Return a message's words as they are kept."""
    return seal(ctx, "content", json.dumps(asdict(content), ensure_ascii=False, separators=(",", ":")))


def opened(ctx: Context, kept: bytes) -> Content:
    """Return a message's words from where they are kept."""
    return Content(**json.loads(unseal(ctx, "content", kept)))


def template_of(ctx: Context, code: str, channel: str, locale: str) -> NotifyTemplate | None:
    """Return under which id a provider knows a text: in the person's language, else in the other one."""
    rows = NotifyTemplate.scoped(ctx).select().where(NotifyTemplate.code == code, NotifyTemplate.channel == channel)
    held = {row.locale: row for row in rows}
    return held.get(locale) or next((held[other] for other in LOCALES if other in held), None)
