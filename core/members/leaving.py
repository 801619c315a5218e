"""What a member may take away, and how they are forgotten."""

from typing import Any
from uuid import UUID

from core import points
from core.contract.context import Context
from core.contract.facts import MemberErased
from core.contract.rest import PageQuery
from core.errors import Conflict, Invalid
from core.members import rows
from core.members.bars import bars
from core.members.class_lists import forget_lists
from core.members.finding import row_of
from core.members.lapsing import state_on
from core.members.models import Consent, Member, MemberBar, MemberIdentity
from core.members.views import name_in_clear, phone_in_clear

PAGE = 100


def _own_or(ctx: Context, row: Member, permission: str) -> None:
    if not (ctx.actor.kind == "member" and ctx.actor.id is not None and row_of(ctx, ctx.actor.id).id == row.id):
        ctx.require(permission)


def export(ctx: Context, member_id: UUID) -> dict[str, Any]:
    """Return all that is kept of a member as JSON values: core's, and each plugin's under its slug. Audited.

    For the member, or staff with members.export.
    """
    row = row_of(ctx, member_id)
    _own_or(ctx, row, "members.export")
    identities = MemberIdentity.scoped(ctx).select().where(MemberIdentity.member == row.id)
    answers = Consent.scoped(ctx).select().where(Consent.member == row.id).order_by(Consent.at, Consent.id)
    ctx.audit("member.exported", str(row.id))
    return {
        "member": {
            "id": str(row.id),
            "phone": phone_in_clear(ctx, row),
            "name": name_in_clear(ctx, row),
            "gender": row.gender,
            "birthday": row.birthday.isoformat() if row.birthday else None,
            "state": state_on(row, ctx.today()),
            "level": row.level,
            "class": row.class_,
            "venue": str(row.venue) if row.venue else None,
            "channel": row.channel,
            "locale": row.locale,
            "attributes": row.attributes,
            "registered_at": row.registered_at.isoformat(),
            "converted_at": row.converted_at.isoformat() if row.converted_at else None,
            "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        },
        "identities": [{"provider": i.provider, "subject": i.subject} for i in identities.order_by(MemberIdentity.id)],
        "consents": [
            {
                "purpose": c.purpose,
                "given": c.given,
                "policy_version": c.policy_version,
                "channel": c.channel,
                "at": c.at.isoformat(),
            }
            for c in answers
        ],
        "bars": [
            {"function": b.function, "reason": b.reason, "until": b.until.isoformat() if b.until else None}
            for b in bars(ctx, row.id)
        ],
        "accounts": {asset: _account(ctx, row.id, asset) for asset in points.balances(ctx, row.id)},
        "plugins": rows.export(ctx, row.id),
    }


def _account(ctx: Context, member: UUID, asset: str) -> dict[str, Any]:
    balance = points.balance(ctx, member, asset)
    entries: list[dict[str, Any]] = []
    page = PageQuery(limit=PAGE)
    while True:
        listing = points.statement(ctx, member, asset, limit=page.limit, cursor=page.cursor)
        entries += [entry.model_dump(mode="json") for entry in listing.items]
        if listing.next_cursor is None:
            return {"available": balance.available, "held": balance.held, "entries": entries}
        page = PageQuery(limit=PAGE, cursor=listing.next_cursor)


def erase(ctx: Context, member_id: UUID, reason: str) -> None:
    """Forget a member: phone, name, birthday, attributes and identities go, in core and in every plugin.

    For the member, or staff with members.erase; audited; publishes `member_erased`. Their sessions and
    member codes are dead at once, the phone may register anew as a stranger. The ledger stays, under an id
    that nobody is behind. Doing it twice changes nothing. A plugin refuses (Conflict) while it has an open
    order. Raises Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid("say why the member is erased", "请填写注销原因", code="reason_needed")
    row = row_of(ctx, member_id, lock=True)
    _own_or(ctx, row, "members.erase")
    if row.erased_at is not None:
        return
    for asset, balance in points.balances(ctx, row.id).items():
        if balance.held:
            raise Conflict(
                f"{balance.held} {asset} are on hold for an open order: settle it first",
                "尚有未完成的订单，暂不能注销",
                code="held_points",
            )
    rows.erase(ctx, row.id)
    forget_lists(ctx, row)
    merged = [m.id for m in Member.scoped(ctx).select(Member.id).where(Member.merged_into == row.id)]
    gone = [row.id, *merged]
    forgotten: dict[str, Any] = {
        "phone": None,
        "phone_blind": None,
        "phone_last_four": None,
        "name": None,
        "gender": "",
        "birthday": None,
        "birthday_changed_on": None,
        "birthday_entered_on": None,
        "attributes": {},
        "erased_at": ctx.now(),
    }
    Member.scoped(ctx).update(**forgotten).where(Member.id.in_(gone)).execute()
    MemberIdentity.scoped(ctx).delete().where(MemberIdentity.member.in_(gone)).execute()
    MemberBar.scoped(ctx).delete().where(MemberBar.member.in_(gone)).execute()
    ctx.publish(MemberErased(member=row.id))
    ctx.audit("member.erased", str(row.id), {"reason": reason})
