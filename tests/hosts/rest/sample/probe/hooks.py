"""What the probe hears and contributes."""

from collections.abc import Sequence

from probe import api
from roost import Answer, Callback, Context, Endpoints, Push, Unauthorized, hookimpl, tenants


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Give the endpoints."""
    return [api.member, api.staff, api.public]


def receive(ctx: Context, push: Push) -> Answer:
    """Take a push: a venue is its effect."""
    if push.headers.get("x-signature") != "good":
        raise Unauthorized("bad signature")
    tenants.add_venue(ctx, push.query["code"], "pushed")
    if push.query.get("fail"):
        raise RuntimeError("after the effect")
    return Answer(200, "success", "text/plain")


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Give the callback."""
    return [Callback(receive, ("POST",))]
