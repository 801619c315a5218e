"""What the probe hears and contributes."""

from probe import api
from roost import Answer, Callback, Context, Contribution, Push, Unauthorized, hookimpl, tenants


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        endpoints=[api.member, api.staff, api.public],
        callbacks=[Callback(receive, ("POST",))],
    )


def receive(ctx: Context, push: Push) -> Answer:
    """Take a push: a venue is its effect."""
    if push.headers.get("x-signature") != "good":
        raise Unauthorized("bad signature")
    tenants.add_venue(ctx, push.query["code"], "pushed")
    if push.query.get("fail"):
        raise RuntimeError("after the effect")
    return Answer(200, "success", "text/plain")
