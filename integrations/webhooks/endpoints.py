"""Addresses that subscribe, and their secrets."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.webhooks import catalogue, deliveries, signing
from integrations.webhooks.models import WebhooksEndpoint
from integrations.webhooks.schemas import EndpointChange, NewEndpoint, Period, ReplayJob, WebhooksSettings
from roost import Conflict, Context, Invalid, LimitReached, egress, seal, tenants, unseal

SHOWN = timedelta(minutes=5)  # how long a new secret can be read, by who made it
FRESH = {"failures": 0, "failing_since": None, "paused_until": None, "reason": ""}


def write(ctx: Context, row: Any, **values: Any) -> None:  # Any: a row, and values of its columns
    """Change a locked address, in the table and in the row at hand."""
    WebhooksEndpoint.scoped(ctx).update(**values).where(WebhooksEndpoint.id == row.id).execute()
    for name, value in values.items():
        setattr(row, name, value)


def create(ctx: Context, body: NewEndpoint) -> Any:
    """Add an address with a secret of its own; return the row.

    Raises Invalid for an address that could never be reached and for names that are no facts, LimitReached past the
    brand's number.
    """
    egress.check(ctx, body.url)
    names = catalogue.checked(ctx, body.facts)
    most = ctx.settings(WebhooksSettings).most_endpoints
    if WebhooksEndpoint.scoped(ctx).select().count() >= most:
        raise LimitReached(f"a brand has at most {most} webhook addresses", f"最多 {most} 个推送地址")
    row = WebhooksEndpoint.scoped(ctx).create(
        url=body.url,
        description=body.description,
        facts=names,
        state="on" if body.active else "off",
        created_at=ctx.now(),
        changed_at=ctx.now(),
        **_new_secret(ctx),
    )
    tenants.touch(ctx)
    return row


def change(ctx: Context, row_id: UUID, body: EndpointChange) -> Any:
    """Change an address; what `body` leaves out stays. Raises what `create` raises."""
    row = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == row_id)
    values: dict[str, Any] = {"changed_at": ctx.now()}
    if body.url is not None:
        egress.check(ctx, body.url)
        values["url"] = body.url
    if body.facts is not None:
        values["facts"] = catalogue.checked(ctx, body.facts)
    if body.description is not None:
        values["description"] = body.description
    if body.active is not None and body.active != row.active:
        values |= {"state": "on" if body.active else "off", **FRESH}
    write(ctx, row, **values)
    if row.state != "on":
        deliveries.stop(ctx, row.id)
    tenants.touch(ctx)
    return row


def remove(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Delete an address and its secrets; what was sent to it stays on record for its time."""
    row = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == row_id)
    deliveries.stop(ctx, row.id)
    WebhooksEndpoint.scoped(ctx).delete().where(WebhooksEndpoint.id == row.id).execute()
    tenants.touch(ctx)


# --- secrets ---------------------------------------------------------------------------------------------------------


def _new_secret(ctx: Context) -> dict[str, Any]:
    return {
        "secret": seal(ctx, "secret", signing.new_secret()),
        "shown_to": ctx.actor.id,
        "shown_until": ctx.now() + SHOWN,
    }


def keys_of(ctx: Context, row: Any) -> tuple[str, ...]:
    """Return the secrets that sign now: the present one, and the one before it for its time."""
    keys = [unseal(ctx, "secret", row.secret)]
    if row.old_secret is not None and row.old_until is not None and row.old_until > ctx.now():
        keys.append(unseal(ctx, "old_secret", row.old_secret))
    return tuple(keys)


def rotate(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Give an address a new secret; the old one signs beside it for the hours of the setting.

    Raises Conflict while an older one still does: a third would put receivers that know only that one out at once.
    """
    row = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == row_id)
    if row.old_until is not None and row.old_until > ctx.now():
        raise Conflict(
            "two secrets sign already: end the old one first", "新旧密钥正在并行，请先停用旧密钥", code="rotating"
        )
    write(
        ctx,
        row,
        old_secret=seal(ctx, "old_secret", unseal(ctx, "secret", row.secret)),
        old_until=ctx.now() + timedelta(hours=ctx.settings(WebhooksSettings).overlap_hours),
        changed_at=ctx.now(),
        **_new_secret(ctx),
    )


def retire(ctx: Context, row_id: UUID, body: None = None) -> None:
    """End the old secret of an address now."""
    row = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == row_id)
    write(ctx, row, old_secret=None, old_until=None, changed_at=ctx.now())


def present(ctx: Context, rows: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """Return what staff see: a secret only for who just made it."""
    return [{"secret": _readable_secret(ctx, row), "active": row.active} for row in rows]


def _readable_secret(ctx: Context, row: Any) -> str | None:
    fresh = row.shown_until is not None and row.shown_until > ctx.now()
    return unseal(ctx, "secret", row.secret) if fresh and row.shown_to == ctx.actor.id else None


# --- acts ------------------------------------------------------------------------------------------------------------


def ping(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Send a test, also to an address that is off."""
    deliveries.ping(ctx, WebhooksEndpoint.scoped(ctx).get(WebhooksEndpoint.id == row_id).id)


def replay(ctx: Context, row_id: UUID, body: Period) -> None:
    """Send a period again. Raises Conflict for an address that is off, Invalid for a period that has no length."""
    row = WebhooksEndpoint.scoped(ctx).get(WebhooksEndpoint.id == row_id)
    until = body.until or ctx.now()
    if row.state != "on":
        raise Conflict("this address is off: switch it on first", "推送地址已停用，请先启用", code="endpoint_off")
    if body.since >= until:
        raise Invalid(
            "`since` is before `until`",
            "开始时间须早于结束时间",
            fields=[{"path": "body.since", "message": "before until"}],
        )
    job = ReplayJob(endpoint=row.id, since=body.since, until=until, delivered=body.delivered)
    ctx.enqueue("webhooks.replay", job)
