"""Working requests of flash sales."""

from datetime import timedelta
from typing import Any

from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/seckill"
PLAN = {"title": "Daily", "repeat": "daily", "items": [{"title": "Towel", "stock": 5}]}


def times(stage: Stage) -> dict[str, Any]:
    """Return the body of a session that is open now."""
    now = stage.ctx.now()
    return {
        "title": "Sale",
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(hours=2)).isoformat(),
    }


def draft(stage: Stage) -> str:
    """Make a session that is a draft; return its id."""
    return str(stage.staff("POST", f"{ADMIN}/sessions", times(stage))["id"])


def item_body(session: str) -> dict[str, Any]:
    """Return the body of an item."""
    return {"session": session, "title": "Towel", "stock": 5, "per_session": 5}


def item(stage: Stage, *, published: bool) -> dict[str, str]:
    """Make an item; return its id and its session's."""
    session = draft(stage)
    made = stage.staff("POST", f"{ADMIN}/items", item_body(session))
    if published:
        stage.staff("POST", f"{ADMIN}/sessions/{session}/publish")
    return {"item": made["id"], "session": session}


def claim(stage: Stage, *, won: bool = False) -> str:
    """Take one for the owner; return the claim's id."""
    taken = stage.member("POST", f"/v1/seckill/items/{item(stage, published=True)['item']}/take")["id"]
    if won:
        stage.member("POST", f"/v1/seckill/claims/{taken}/confirm")
    return str(taken)


def mine(stage: Stage) -> Call:
    """Name a claim that the owner holds."""
    return Call({"claim_id": claim(stage)})


def coming(stage: Stage) -> Call:
    """Name a session that opens in two hours."""
    now = stage.ctx.now()
    body = {
        "title": "Sale",
        "starts_at": (now + timedelta(hours=2)).isoformat(),
        "ends_at": (now + timedelta(hours=4)).isoformat(),
    }
    session = str(stage.staff("POST", f"{ADMIN}/sessions", body)["id"])
    stage.staff("POST", f"{ADMIN}/items", item_body(session))
    stage.staff("POST", f"{ADMIN}/sessions/{session}/publish")
    return Call({"session_id": session}, shared=True)


def of_plan(body: Any = None) -> Maker:
    """Return a maker of a call about a plan."""
    return lambda stage: Call({"row_id": stage.staff("POST", f"{ADMIN}/plans", PLAN)["id"]}, body=body)


def of_won(body: Any = None) -> Maker:
    """Return a maker of a call about a claim that was won."""
    return lambda stage: Call({"row_id": claim(stage, won=True)}, body=body)


def publish(stage: Stage) -> Call:
    """Name a draft with an item."""
    return Call({"row_id": item(stage, published=False)["session"]})


def close(stage: Stage) -> Call:
    """Name a session that is published."""
    return Call({"row_id": item(stage, published=True)["session"]}, body={"reason": "sold by mistake"})


WORKING: dict[str, Maker] = {
    "POST /v1/seckill/items/{item_id}/take": lambda stage: Call(
        {"item_id": item(stage, published=True)["item"]}, shared=True
    ),
    "POST /v1/seckill/sessions/{session_id}/reminder": coming,
    "DELETE /v1/seckill/sessions/{session_id}/reminder": coming,
    "POST /v1/seckill/claims/{claim_id}/refund": lambda stage: Call({"claim_id": claim(stage, won=True)}),
    "POST /v1/seckill/claims/{claim_id}/confirm": mine,
    "POST /v1/seckill/claims/{claim_id}/cancel": mine,
    "GET /v1/seckill/claims/{claim_id}": mine,
    f"GET {ADMIN}/plans/{{row_id}}": of_plan(),
    f"POST {ADMIN}/plans": lambda stage: Call(body=PLAN),
    f"PATCH {ADMIN}/plans/{{row_id}}": of_plan({**PLAN, "title": "Every day"}),
    f"GET {ADMIN}/sessions/{{row_id}}": lambda stage: Call({"row_id": draft(stage)}),
    f"POST {ADMIN}/sessions": lambda stage: Call(body=times(stage)),
    f"PATCH {ADMIN}/sessions/{{row_id}}": lambda stage: Call({"row_id": draft(stage)}, body=times(stage)),
    f"POST {ADMIN}/sessions/{{row_id}}/publish": publish,
    f"POST {ADMIN}/sessions/{{row_id}}/close": close,
    f"GET {ADMIN}/items/{{row_id}}": lambda stage: Call({"row_id": item(stage, published=True)["item"]}),
    f"POST {ADMIN}/items": lambda stage: Call(body=item_body(draft(stage))),
    f"POST {ADMIN}/items/{{row_id}}/remove": lambda stage: Call({"row_id": item(stage, published=False)["item"]}),
    f"GET {ADMIN}/claims/{{row_id}}": of_won(),
    f"POST {ADMIN}/claims/{{row_id}}/redeem": lambda stage: Call(
        {"row_id": claim(stage, won=True)}, body={"venue": str(stage.venue)}
    ),
    f"POST {ADMIN}/claims/{{row_id}}/refund": of_won({"reason": "came back"}),
}
