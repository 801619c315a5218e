"""A gate reads the code that a member shows (会员码): whose it is, once, at one of the gate's own venues."""

from datetime import timedelta
from uuid import UUID

from core import tenants
from core.contract.context import Context
from core.errors import Conflict, Forbidden, Invalid
from core.identity.models import OneTimeCode
from core.ids import new_id
from core.members.codes import resolve_member_code
from core.members.finding import get
from core.members.views import MemberView

PURPOSE = "member code"
KEPT = timedelta(minutes=2)  # a code is dead within one


def read_code(ctx: Context, code: str, venue: UUID | None = None) -> tuple[MemberView, UUID]:
    """Return whose code it is, of whatever home venue, and where it was shown. Needs members.code; audited.

    A code is read once: shown on to a friend, it opens nothing. Raises Invalid for one that is dead or never was one,
    or without a `venue` where the account has not just one; Forbidden for a venue that is not its own; Conflict for
    a code that was read before.
    """
    ctx.require("members.code")
    place = _place(ctx, venue)
    member = resolve_member_code(ctx, code)
    now, digits = ctx.now(), "".join(code.split())
    read = (
        OneTimeCode.scoped(ctx)
        .insert(
            id=new_id(),
            purpose=PURPOSE,
            subject=ctx.services.keyring.signature(ctx.tenant.id, PURPOSE, b"read" + digits.encode())[:16],
            code=b"",
            issued_at=now,
            expires_at=now + KEPT,
            used_at=now,
        )
        .on_conflict_ignore()
        .returning(OneTimeCode.id)
        .execute()
    )
    if not list(read):
        raise Conflict(
            "this member code was read already: show a fresh one", "会员码已使用，请刷新", code="member_code_used"
        )
    ctx.audit("member.code_read", str(member), {"venue": str(place)})
    return get(ctx, member), place


def _place(ctx: Context, venue: UUID | None) -> UUID:
    mine = ctx.actor.venues
    if venue is None:
        if len(mine) != 1:
            fields = [{"path": "body.venue", "message": "say at which venue"}]
            raise Invalid("say at which venue the code was shown", "请指明出示会员码的门店", fields=fields)
        return next(iter(mine))
    if mine and venue not in mine:
        raise Forbidden("this venue is not yours", "不能在其他门店识别会员码")
    tenants.venue(ctx, venue)
    return venue
