"""Working requests of core's endpoints."""

from typing import Any
from uuid import UUID

from core import identity, members, points, rewards, tenants
from core.events.models import Job
from hosts.testkit.plugin import PASSWORD
from tests.hosts.rest.working import Call, Maker, Stage


def of_owner(body: Any = None, **query: Any) -> Maker:
    """Return a maker of a call about the owner."""
    return lambda stage: Call({"member_id": stage.owner.id}, query, body)


def body(value: Any) -> Maker:
    """Return a maker of a call with a body alone."""
    return lambda stage: Call(body=value)


def funded(body: Any) -> Maker:
    """Return a maker of a call about the owner, who has a hundred points."""

    def make(stage: Stage) -> Call:
        with stage.ctx.transaction():
            points.credit(stage.ctx, stage.owner.id, "points", 100, key=stage.unique("fund"), reason="test")
        return Call({"member_id": stage.owner.id}, body=body)

    return make


def own_session(stage: Stage) -> Call:
    """End another session of the owner's own."""
    stage.near.member_token(stage.owner)
    held = identity.sessions_of(stage.ctx, "member", stage.owner.id)
    return Call({"session_id": held[0].id})


def shown_code(stage: Stage) -> Call:
    """Read the code that the owner shows at a gate."""
    with stage.ctx.transaction():
        code = members.member_code(stage.ctx, stage.owner.id)
    return Call(body={"code": code, "venue": str(stage.venue)})


def sign_in(stage: Stage) -> Call:
    """Sign in."""
    return Call(body={"username": "boss", "password": PASSWORD})


def change_password(stage: Stage) -> Call:
    """Change the password of an account of its own: the one that signs in keeps it."""
    account = new_staff(stage)
    with stage.ctx.transaction():
        stage.staff_token = identity.open_session(stage.ctx, "staff", account)
    return Call(body={"old": PASSWORD, "new": "another fine password"})


def new_staff(stage: Stage) -> UUID:
    """Make a staff account."""
    with stage.ctx.transaction():
        return identity.create_staff(stage.ctx, stage.unique("staff"), PASSWORD, "Anna", []).id


def of_staff(value: Any = None) -> Maker:
    """Return a maker of a call about a fresh staff account."""
    return lambda stage: Call({"staff_id": new_staff(stage)}, body=value)


def of_venue(value: Any = None) -> Maker:
    """Return a maker of a call about a fresh venue."""

    def make(stage: Stage) -> Call:
        with stage.ctx.transaction():
            return Call({"row_id": tenants.add_venue(stage.ctx, stage.unique("v"), "New").id}, body=value)

    return make


def a_key(stage: Stage) -> Call:
    """Name a fresh integration key."""
    with stage.ctx.transaction():
        return Call({"key_id": identity.create_key(stage.ctx, "till", [])[0]})


def merge_preview(stage: Stage) -> Call:
    """Ask about two records of the tenant."""
    return Call({"member_id": stage.owner.id}, {"merged": stage.new_member().id})


def merge(stage: Stage) -> Call:
    """Merge two records of the tenant."""
    return Call({"member_id": stage.owner.id}, body={"merged": str(stage.new_member().id), "reason": "same person"})


def unmerge(stage: Stage) -> Call:
    """Take a merge back."""
    merged = stage.new_member()
    stage.staff("POST", f"/admin/v1/members/{stage.owner.id}/merge", {"merged": str(merged.id), "reason": "same"})
    return Call({"member_id": merged.id}, body={"reason": "was wrong"})


def dead_letter(stage: Stage) -> Call:
    """Name a dead letter."""
    now = stage.ctx.now()
    with stage.ctx.transaction():
        query = Job.scoped(stage.ctx).insert(
            plugin="core", kind="core.nothing", payload="{}", state="dead", due_at=now, created_at=now, finished_at=now
        )
        return Call({"job_id": query.execute()})


def a_plugin(value: Any = None) -> Maker:
    """Return a maker of a call about a plugin that nothing requires."""
    return lambda stage: Call({"slug": "feedback"}, body=value)


def adjusting(stage: Stage) -> dict[str, Any]:
    """Return a body above the limit of one account."""
    return {"amount": stage.runtime.settings.adjust_limit + 1, "reason": "migrated by hand"}


def adjustment(value: Any = None) -> Maker:
    """Return a maker of a call about an adjustment above its limit, asked for by somebody else."""

    def make(stage: Stage) -> Call:
        asker = stage.near.key_without(stage.api, "members.erase")
        path = f"{MEMBERS}/{stage.owner.id}/adjust"
        pending = stage.api.post(path, token=asker, key=stage.unique("adjust"), json=adjusting(stage)).json
        return Call({"row_id": stage.owner.id, "approval_id": pending["approval"]}, body=value)

    return make


MEMBERS = "/admin/v1/core/members"
REASON = {"reason": "asked for"}
FIVE = [{"kind": "points", "spec": {"amount": 5}}]


def a_grant(stage: Stage) -> Call:
    """Name a grant of the owner's."""
    five = [rewards.RewardSpec.model_validate(spec) for spec in FIVE]
    with stage.ctx.transaction():
        done = rewards.give(stage.ctx, stage.owner.id, five, key=stage.unique("grant"), reason="test")
    return Call({"grant_id": done.id}, body=REASON)


WORKING: dict[str, Maker] = {
    "PATCH /v1/me": body({"gender": "female"}),
    "DELETE /v1/me": body({"confirm": "erase"}),
    "POST /v1/me/consents": body({"purpose": "marketing", "given": True, "policy_version": "1"}),
    "POST /v1/me/export": body(None),
    "POST /v1/me/logout": body(None),
    "DELETE /v1/me/sessions": body(None),
    "DELETE /v1/me/sessions/{session_id}": own_session,
    "POST /admin/v1/session": sign_in,
    "DELETE /admin/v1/session": body(None),
    "PUT /admin/v1/me/password": change_password,
    "POST /admin/v1/members": lambda stage: Call(body={"phone": f"138{int(stage.unique('')):08d}", "name": "Lucy"}),
    "POST /admin/v1/members/code": shown_code,
    "GET /admin/v1/members/{member_id}": of_owner(),
    "PATCH /admin/v1/members/{member_id}": of_owner({"gender": "female"}),
    "PUT /admin/v1/members/{member_id}/class": of_owner({"class": "vip", "reason": "asked for"}),
    "POST /admin/v1/members/{member_id}/reveal-phone": of_owner(REASON),
    "GET /admin/v1/members/{member_id}/merge-preview": merge_preview,
    "POST /admin/v1/members/{member_id}/merge": merge,
    "POST /admin/v1/members/{member_id}/unmerge": unmerge,
    "POST /admin/v1/members/{member_id}/export": of_owner(),
    "POST /admin/v1/members/{member_id}/erase": of_owner(REASON),
    "GET /admin/v1/members/{member_id}/points": of_owner(),
    "GET /admin/v1/members/{member_id}/points/statement": of_owner(asset="points"),
    "POST /admin/v1/members/{member_id}/points": of_owner({"amount": 5, "reason": "gift"}),
    "POST /admin/v1/members/{member_id}/points/debit": funded({"amount": 5, "reason": "mug"}),
    "POST /admin/v1/points/credits": lambda stage: Call(
        body={"items": [{"key": "k", "member": str(stage.owner.id), "amount": 5, "reason": "gift"}]}
    ),
    "GET /admin/v1/members/{member_id}/why": of_owner(),
    "POST /admin/v1/rewards/grants/{grant_id}/revoke": a_grant,
    "POST /admin/v1/venues": lambda stage: Call(body={"code": stage.unique("v"), "name": "New"}),
    "GET /admin/v1/venues/{row_id}": of_venue(),
    "PATCH /admin/v1/venues/{row_id}": of_venue({"name": "新名字"}),
    "GET /admin/v1/plugins/{slug}": a_plugin(),
    "POST /admin/v1/plugins/{slug}/enable": a_plugin(),
    "POST /admin/v1/plugins/{slug}/disable": a_plugin(),
    "GET /admin/v1/plugins/{slug}/settings": a_plugin(),
    "PUT /admin/v1/plugins/{slug}/settings": a_plugin({"values": {}}),
    "POST /admin/v1/staff": lambda stage: Call(
        body={"username": stage.unique("new"), "password": PASSWORD, "name": "Anna", "roles": ["all"]}
    ),
    "GET /admin/v1/staff/{staff_id}": of_staff(),
    "PATCH /admin/v1/staff/{staff_id}": of_staff({"active": False}),
    "PUT /admin/v1/staff/{staff_id}/password": of_staff({"password": "another fine password"}),
    "PUT /admin/v1/roles/{code}": lambda stage: Call(
        {"code": stage.unique("role")}, body={"name": "Desk", "permissions": ["members.view"]}
    ),
    "POST /admin/v1/keys": body({"name": "till", "permissions": ["members.view"]}),
    "DELETE /admin/v1/keys/{key_id}": a_key,
    f"POST {MEMBERS}/{{row_id}}/adjust": lambda stage: Call(
        {"row_id": stage.owner.id}, body={"amount": 5, "reason": "gift"}
    ),
    f"GET {MEMBERS}/{{row_id}}/adjust/approvals": lambda stage: Call({"row_id": stage.owner.id}),
    f"POST {MEMBERS}/{{row_id}}/adjust/approvals/{{approval_id}}/approve": adjustment(),
    f"POST {MEMBERS}/{{row_id}}/adjust/approvals/{{approval_id}}/reject": adjustment({"reason": "too much"}),
    "POST /admin/v1/jobs/dead/{job_id}/replay": dead_letter,
}
