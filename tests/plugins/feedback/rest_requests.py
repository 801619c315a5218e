"""Working requests of feedback."""

from typing import Any

from hosts.console.models import Approval
from tests.hosts.rest.working import Call, Maker, Stage

SAID = {"text": "the shower is cold"}


def new_case(stage: Stage) -> dict[str, Any]:
    """Return the body of a new case."""
    return {"venue": str(stage.venue), "category": "facility", "text": "the shower is cold"}


def case(stage: Stage) -> str:
    """Open a case of the owner's; return its id."""
    return str(stage.member("POST", "/v1/feedback/cases", new_case(stage))["id"])


def mine(body: Any = None) -> Maker:
    """Return a maker of a member's call about an open case."""
    return lambda stage: Call({"case_id": case(stage)}, body=body)


def solved(body: Any) -> Maker:
    """Return a maker of a member's call about a solved case."""

    def make(stage: Stage) -> Call:
        found = case(stage)
        stage.staff("POST", f"/admin/v1/feedback/cases/{found}/solve", SAID)
        return Call({"case_id": found}, body=body)

    return make


def row(body: Any = None) -> Maker:
    """Return a maker of a staff call about an open case."""
    return lambda stage: Call({"row_id": case(stage)}, body=body)


def approval(body: Any = None) -> Maker:
    """Return a maker of a call about a compensation above its limit, asked for by somebody else."""

    def make(stage: Stage) -> Call:
        found = case(stage)
        pending = stage.api.post(
            f"/admin/v1/feedback/cases/{found}/compensate",
            token=stage.near.key_without(stage.api, "members.erase"),
            key=stage.unique("compensate"),
            json={"points": 500, "reason": "sorry"},
        ).json
        assert pending["state"] == "pending", pending
        assert Approval.scoped(stage.ctx).get(Approval.id == pending["approval"]).state == "pending"
        return Call({"row_id": found, "approval_id": pending["approval"]}, body=body)

    return make


def survey(body: Any = None) -> Maker:
    """Return a maker of a member's call about the survey that follows a solved case."""

    def make(stage: Stage) -> Call:
        stage.staff("POST", f"/admin/v1/feedback/cases/{case(stage)}/solve", SAID)
        waiting = stage.member("GET", "/v1/feedback/survey")["survey"]
        return Call({"survey_id": waiting["id"]}, body=body)

    return make


def asked(stage: Stage) -> Call:
    """Name a survey as staff see it."""
    made = survey()(stage)
    return Call({"row_id": made.path["survey_id"]})


def survey_round(stage: Stage) -> Call:
    """Open a round; name it."""
    return Call({"row_id": stage.staff("POST", "/admin/v1/feedback/rounds", {"title": "autumn"})["id"]})


CASES = "/admin/v1/feedback/cases/{row_id}"
WORKING: dict[str, Maker] = {
    "POST /v1/feedback/cases": lambda stage: Call(body=new_case(stage)),
    "GET /v1/feedback/cases/{case_id}": mine(),
    "POST /v1/feedback/cases/{case_id}/answer": mine(SAID),
    "POST /v1/feedback/cases/{case_id}/reopen": solved(SAID),
    "POST /v1/feedback/cases/{case_id}/score": solved({"score": 5}),
    f"GET {CASES}": row(),
    f"POST {CASES}/take": row(),
    f"POST {CASES}/reply": row(SAID),
    f"POST {CASES}/note": row(SAID),
    f"POST {CASES}/solve": row(SAID),
    f"POST {CASES}/compensate": row({"points": 5, "reason": "sorry"}),
    f"GET {CASES}/compensate/approvals": lambda stage: Call({"row_id": case(stage)}),
    f"POST {CASES}/compensate/approvals/{{approval_id}}/approve": approval(),
    f"POST {CASES}/compensate/approvals/{{approval_id}}/reject": approval({"reason": "too much"}),
    "POST /v1/feedback/surveys/{survey_id}/answer": survey({"scores": [5, 4, 3], "text": "good"}),
    "POST /v1/feedback/surveys/{survey_id}/decline": survey(),
    "GET /admin/v1/feedback/surveys/{row_id}": asked,
    "POST /admin/v1/feedback/rounds": lambda stage: Call(body={"title": "autumn", "states": ["lead", "member"]}),
    "GET /admin/v1/feedback/rounds/{row_id}": survey_round,
    "POST /admin/v1/feedback/rounds/{row_id}/close": survey_round,
}
