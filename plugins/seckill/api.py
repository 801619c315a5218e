"""What members call: look, be reminded, take, confirm, give back, have a voucher refunded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from plugins.seckill import eligibility, reminders, service, sessions, vouchers
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import ClaimOut, ItemOut, ReminderOut, SessionOut, SessionsOut, TakeIn
from roost import Context, Endpoints, Listing, PageQuery, Remote, inventory, keyset, members, risk

member = Endpoints("member")


def _session_out(
    ctx: Context,
    session: SeckillSession,
    items: Sequence[SeckillItem],
    mine: dict[UUID, int],
    view: members.MemberView,
    reminded: bool,
) -> SessionOut:
    out = []
    for item in items:
        left = inventory.available(ctx, sessions.stock_key(item.id))
        values: dict[str, Any] = {
            name: getattr(item, name) for name in ItemOut.model_fields if name not in ("left", "mine", "for_me")
        }
        for_me = eligibility.refusal(ctx, view, session, item) is None
        out.append(ItemOut(**values, left=left, mine=mine.get(item.id, 0), for_me=for_me))
    now = ctx.now()
    phase: Literal["upcoming", "open", "sold_out", "over"]
    if session.state == "closed" or session.ends_at <= now:
        phase = "over"
    elif session.starts_at > now:
        phase = "upcoming"
    else:
        phase = "open" if any(item.left for item in out) else "sold_out"
    return SessionOut(
        id=session.id,
        title=session.title,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        phase=phase,
        reminded=reminded,
        items=out,
    )


@member.get("/sessions")
def list_sessions(ctx: Context) -> SessionsOut:
    """Show the sessions that are open, about to open or just over, with what is left of each item."""
    rows = sessions.shown(ctx)
    items = sessions.items_of(ctx, [row.id for row in rows])
    mine: dict[UUID, int] = {}
    held = (
        SeckillClaim.scoped(ctx)
        .select(SeckillClaim.item)
        .where(
            SeckillClaim.member == ctx.member,
            SeckillClaim.state.in_(("held", "closing", "won", "used", "shipped")),
            SeckillClaim.session.in_([row.id for row in rows]),
        )
    )
    for claim in held:
        mine[claim.item] = mine.get(claim.item, 0) + 1
    view = members.get(ctx, ctx.member)
    waited = reminders.asked_for(ctx, view.id, [row.id for row in rows])
    shown = [
        _session_out(ctx, row, [i for i in items if i.session == row.id], mine, view, row.id in waited) for row in rows
    ]
    return SessionsOut(now=ctx.now(), sessions=shown)


@member.post("/sessions/{session_id}/reminder", since="1.1")
def ask_reminder(ctx: Context, session_id: UUID) -> ReminderOut:
    """Have me reminded a few minutes before a session opens."""
    return ReminderOut(session=session_id, reminded=True, at=reminders.ask(ctx, ctx.member, session_id))


@member.delete("/sessions/{session_id}/reminder", since="1.1")
def withdraw_reminder(ctx: Context, session_id: UUID) -> None:
    """Do not remind me of a session after all."""
    reminders.withdraw(ctx, ctx.member, session_id)


@dataclass(frozen=True, slots=True)
class _Taking:
    """A unit that is being taken, while it is asked who does."""

    item: UUID
    body: TakeIn | None = field(repr=False)
    asking: risk.Asking


@member.post("/items/{item_id}/take", idempotent=True, status=201)
class Take(Remote):
    """Hold one unit until its deadline; confirm it, or pay its order, before then, or it goes back.

    What is sent needs an address; where it costs no money it is won at once.
    """

    def prepare(self, ctx: Context, item_id: UUID, body: TakeIn | None = None) -> _Taking:  # type: ignore[override]  # the call's
        """Prepare the question whether this member may claim; nobody is asked of what is not open or sold out."""
        taking = _Taking(item_id, body, risk.ask(ctx, ctx.member))
        if self.waits(taking):
            service.look(ctx, item_id)
        return taking

    def waits(self, prepared: _Taking) -> bool:
        """Tell whether there is anybody to ask."""
        return risk.waits(prepared.asking)

    def call(self, prepared: _Taking) -> list[Any]:
        """Ask it."""
        return risk.call(prepared.asking)

    def complete(self, ctx: Context, prepared: _Taking, answer: list[Any]) -> ClaimOut:
        """Take the unit."""
        risk.require_fair(ctx, prepared.asking, answer)
        address = prepared.body.address if prepared.body is not None else None
        return ClaimOut.model_validate(service.take(ctx, ctx.member, prepared.item, address))


@member.post("/claims/{claim_id}/confirm", idempotent=True)
def confirm(ctx: Context, claim_id: UUID) -> ClaimOut:
    """Pay the points, if any, and win what is held. What costs money is won by paying its order."""
    return ClaimOut.model_validate(service.confirm(ctx, ctx.member, claim_id))


@member.post("/claims/{claim_id}/cancel", idempotent=True)
def cancel(ctx: Context, claim_id: UUID) -> ClaimOut:
    """Give back what is held: at once, or once the payment provider has confirmed that nobody can pay it."""
    return ClaimOut.model_validate(service.cancel(ctx, ctx.member, claim_id))


@member.post("/claims/{claim_id}/refund", idempotent=True, since="1.1")
def refund(ctx: Context, claim_id: UUID) -> ClaimOut:
    """Give back a voucher that is valid and unused, or goods not sent yet: points return at once, money as it came."""
    return ClaimOut.model_validate(vouchers.refund_own(ctx, ctx.member, claim_id))


@member.get("/claims")
def list_claims(ctx: Context, page: PageQuery) -> Listing[ClaimOut]:
    """List what I hold and won, newest first."""
    query = SeckillClaim.scoped(ctx).select().where(SeckillClaim.member == ctx.member)
    rows, next_cursor = keyset(query, SeckillClaim.id, page)
    return Listing(items=[ClaimOut.model_validate(row) for row in rows], next_cursor=next_cursor)


@member.get("/claims/{claim_id}")
def read_claim(ctx: Context, claim_id: UUID) -> ClaimOut:
    """Show one claim of mine."""
    return ClaimOut.model_validate(service.get(ctx, ctx.member, claim_id))
