"""What staff call facts: choices for forms, lists and filters."""

from roost import Context, Text

PING = "webhook_ping"


def subscribable(ctx: Context) -> list[tuple[str, Text]]:
    """Return every fact of core and of the installed plugins by name, core's first."""
    known = sorted(ctx.facts().items(), key=lambda one: (one[1][0] != "core", one[1][0], one[0]))
    return [(name, fact.label) for name, (_, fact) in known]


def delivered(ctx: Context) -> list[tuple[str, Text]]:
    """Return what a delivery may be of: a fact, or a test that staff asked for."""
    return [*subscribable(ctx), (PING, Text("测试", "Test"))]
