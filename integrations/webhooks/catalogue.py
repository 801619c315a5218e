"""Which facts there are, and what of one a receiver is told."""

import difflib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from integrations.webhooks.labels import PING
from integrations.webhooks.schemas import FactOut
from roost import Context, Fact, Invalid, said_within

ENVELOPE = {"occurred_at", "cause", "origin", "event"}
LARGEST = 262_144  # bytes of a body: more than a receiver's server may take


def facts(ctx: Context) -> list[FactOut]:
    """Return every fact of core and of the installed plugins."""
    found = [
        FactOut(name=name, label=fact.label.in_(ctx.locale), plugin=owner, summary=_summary(fact), fields=_fields(fact))
        for name, (owner, fact) in ctx.facts().items()
    ]
    return sorted(found, key=lambda one: (one.plugin != "core", one.plugin, one.name))


def _summary(model: type[Fact]) -> str:
    return " ".join((model.__doc__ or "").strip().partition("\n\n")[0].split())


def _fields(model: type[Fact]) -> list[str]:
    return [name for name in model.model_fields if name not in ENVELOPE]


def checked(ctx: Context, names: Sequence[str]) -> list[str]:
    """Return the names in order, each once. Raises Invalid for one that is no fact, with what was meant."""
    known = ctx.facts()
    for place, name in enumerate(names):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; GET /admin/v1/webhooks/facts lists them"
            hint_zh = f"，是否为 {near[0]}？" if near else "，可订阅的事件见 GET /admin/v1/webhooks/facts"
            raise Invalid(
                f"there is no fact {name[:60]!r}{hint}",
                f"没有事件 {name[:60]}{hint_zh}",
                fields=[{"path": f"body.facts.{place}", "message": "no fact of this name"}],
            )
    return sorted(set(names))


def message_id(event: UUID) -> str:
    """Return the id of a message: the same for a fact however often it is sent."""
    return f"evt_{event.hex}"


def body_of(ctx: Context, fact: Fact, event: UUID) -> str:
    """Return what is sent of a fact: ids and small values, as facts are. One that is too long loses its data."""
    data = said_within(fact.model_dump(mode="json", exclude=ENVELOPE), "zh")
    occurred = (fact.occurred_at or ctx.now()).isoformat()
    body = _envelope(ctx, event, fact.fact_name(), occurred, data)
    if len(body.encode()) > LARGEST:
        body = _envelope(ctx, event, fact.fact_name(), occurred, {"too_large": True})
    return body


def ping_body(ctx: Context, event: UUID) -> str:
    return _envelope(ctx, event, PING, ctx.now().isoformat(), {})


def _envelope(ctx: Context, event: UUID, kind: str, occurred_at: str, data: Any) -> str:  # Any: JSON values
    said = {
        "id": message_id(event),
        "type": kind,
        "occurred_at": occurred_at,
        "tenant": ctx.tenant.slug,
        "data": data,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
