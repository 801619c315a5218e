"""The dynamic member code (会员码): 18 digits to show at a counter or gate, dead a minute later.

59 bits: 36 that find the owner (the random end of the member's id, encrypted) and 23 of a signature over
the whole id and the time. The signature also makes the pad of the first part, so that codes of one moment
have nothing in common. To guess a code of *some* member of a million takes about 10^11 tries within a
minute.
"""

from uuid import UUID

from core.contract.context import Context
from core.errors import Invalid
from core.members.finding import resolve, row_of
from core.members.models import Member
from core.members.registration import TAG_BITS

PURPOSE = "member code"
SIGNATURE_BITS = 23
DIGITS = 18
STEP = 10  # seconds
STEPS = 6  # a code is good for 50 to 60 seconds: an app that renews it every 30 is never refused


def _signature(ctx: Context, member: UUID, step: int) -> int:
    value = ctx.services.keyring.signature(ctx.tenant.id, PURPOSE, b"owner" + member.bytes + step.to_bytes(8, "big"))
    return int.from_bytes(value[:4], "big") >> (32 - SIGNATURE_BITS)


def _pad(ctx: Context, signature: int, step: int) -> int:
    message = b"pad" + signature.to_bytes(4, "big") + step.to_bytes(8, "big")
    return int.from_bytes(ctx.services.keyring.signature(ctx.tenant.id, PURPOSE, message)[:8], "big") >> (64 - TAG_BITS)


def _step(ctx: Context) -> int:
    return int(ctx.now().timestamp()) // STEP


def member_code(ctx: Context, member_id: UUID) -> str:
    """Return the 18 digits that stand for a member for the next 50 to 60 seconds. Raises NotFound."""
    row, step = row_of(ctx, member_id), _step(ctx)
    signature = _signature(ctx, row.id, step)
    return str(((row.code_tag ^ _pad(ctx, signature, step)) << SIGNATURE_BITS) | signature).zfill(DIGITS)


def resolve_member_code(ctx: Context, code: str) -> UUID:
    """Return whose code this is. Raises Invalid for one that is dead, of another brand, or never was one."""
    digits = "".join(code.split())
    if (
        len(digits) == DIGITS
        and digits.isascii()
        and digits.isdigit()
        and int(digits) >> (TAG_BITS + SIGNATURE_BITS) == 0
    ):
        hidden, signature = divmod(int(digits), 1 << SIGNATURE_BITS)
        now = _step(ctx)
        tags = {hidden ^ _pad(ctx, signature, step): step for step in range(now - STEPS + 1, now + 1)}
        rows = (
            Member.scoped(ctx)
            .select(Member.id, Member.code_tag)
            .where(Member.code_tag.in_(list(tags)), Member.erased_at.is_null())
        )
        for row in rows:
            if _signature(ctx, row.id, tags[row.code_tag]) == signature:
                return resolve(ctx, row.id)
    raise Invalid(
        "this member code is not valid any more: show a fresh one",
        "会员码无效或已过期，请刷新",
        code="bad_member_code",
    )
