"""Our numbers of charges and refunds: their form, and when one that nobody could tell of is asked about again."""

import re
from datetime import timedelta
from typing import Any

from integrations.wechat_pay import merchant
from roost import Context, Invalid

NUMBER = re.compile(r"[0-9A-Za-z_-]{6,32}", re.ASCII)
BACKOFF = timedelta(minutes=4)  # of what gave no answer; doubles up to
LONGEST_BACKOFF = timedelta(minutes=30)


def check_number(number: str) -> None:
    """Raise Invalid for a number of ours that WeChat Pay would not take."""
    if not NUMBER.fullmatch(number):
        raise Invalid(f"a number is 6 to 32 of 0-9 A-Z a-z _ -, not {number!r}", "支付单号格式有误")


def put_off(ctx: Context, model: Any, number: str, states: tuple[str, ...], failure: str) -> None:
    """Note of a charge or refund that nobody could say how it stands, and when to ask again."""
    row = model.scoped(ctx).first(model.number == number)
    if row is None or row.state not in states:
        return
    wait = min(BACKOFF * (1 << min(row.tries, 10)), LONGEST_BACKOFF)
    model.scoped(ctx).update(
        check_at=ctx.now() + wait, tries=row.tries + 1, note=failure[: merchant.NOTE_LENGTH], changed_at=ctx.now()
    ).where(model.id == row.id).execute()
