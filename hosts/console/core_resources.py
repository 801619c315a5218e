"""Core's own tables as resources: venues, the audit trail, jobs; members and staff are in files of their own."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import identity, tenants
from core.audit.models import Audit
from core.context import Context
from core.errors import NotFound
from core.events.jobs import replay_dead
from core.events.models import Job
from core.points.models import LedgerCheck
from core.runtime.declarations import Action, Column, Form, Resource
from core.runtime.manifest import Text
from core.tenants.models import Venue
from hosts.console import audit_words
from hosts.console.member_care_resources import ATTRIBUTES, BARS
from hosts.console.member_resources import MEMBERS, unmerged
from hosts.console.resources import CORE, Desk
from hosts.console.reward_resources import BATCH_HEADS, BATCHES
from hosts.console.staff_resources import KEYS, ROLES, STAFF

JOB_STATES = {
    "queued": Text(zh="排队", en="Queued"),
    "running": Text(zh="执行中", en="Running"),
    "done": Text(zh="完成", en="Done"),
    "dead": Text(zh="死信", en="Dead letter"),
    "skipped": Text(zh="已跳过", en="Skipped"),
}

# --- venues -------------------------------------------------------------------------------------------------


class VenueOut(BaseModel):
    """A shop."""

    id: UUID
    code: str
    name: str
    region: str
    open: bool
    created_at: datetime


class VenueIn(BaseModel):
    """A shop to add."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.-]+$", description="业务系统中的门店编号",
        json_schema_extra={"zh": "门店编号", "en": "Code"},
    )  # fmt: skip
    name: str = Field(min_length=1, max_length=100, json_schema_extra={"zh": "门店名称", "en": "Name"})
    region: str = Field("", max_length=60, json_schema_extra={"zh": "区域", "en": "Region"})


class VenueEdit(BaseModel):
    """What may change of a shop; its code is what the business software calls it, and stays."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, json_schema_extra={"zh": "门店名称", "en": "Name"})
    region: str = Field("", max_length=60, json_schema_extra={"zh": "区域", "en": "Region"})
    open: bool = Field(True, json_schema_extra={"zh": "营业中", "en": "Open"})


def _add_venue(ctx: Context, body: VenueIn) -> UUID:
    return tenants.add_venue(ctx, body.code, body.name, body.region).id


def _edit_venue(ctx: Context, venue: UUID, body: VenueEdit) -> None:
    Venue.scoped(ctx).update(name=body.name, region=body.region, open=body.open).where(Venue.id == venue).execute()


VENUES = Resource(
    name="venues",
    title=Text(zh="门店", en="Venues"),
    model=Venue,
    reply=VenueOut,
    permission="venues.view",
    edit_permission="venues.edit",
    venue="id",
    member=None,
    order="code",
    create=Form(VenueIn, _add_venue),
    edit=Form(VenueEdit, _edit_venue),
    columns=(
        Column("name", Text(zh="名称", en="Name")),
        Column("code", Text(zh="编号", en="Code"), filter=True),
        Column("region", Text(zh="区域", en="Region"), filter=True),
        Column("open", Text(zh="营业中", en="Open"), "bool", filter=True),
        Column("created_at", Text(zh="建立时间", en="Created"), "time"),
    ),
)


# --- the audit trail ----------------------------------------------------------------------------------------


class AuditOut(BaseModel):
    """One act, or one page viewed."""

    id: int
    at: datetime
    actor: str
    who: str
    plugin: str
    action: str
    subject: str
    details: dict[str, Any]
    request_id: str


def _audit(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    ids = {UUID(row.actor[6:]) for row in rows if row.actor.startswith("staff:")}
    names = staff_names(ctx, ids)
    known = audit_words.resources_of(ctx, [(desk.slug, desk.resource) for desk in CORE_DESKS])
    shown = []
    for row, subject in zip(rows, audit_words.subjects(ctx, rows, known), strict=True):
        values = {name: getattr(row, name) for name in AuditOut.model_fields if name != "who"}
        name = names.get(UUID(row.actor[6:])) if row.actor.startswith("staff:") else None
        code = row.action.removesuffix(".requested").rpartition(".")[0]
        shown.append(
            {
                **values,
                "who": name or row.actor,
                "by": row.actor,
                "did": audit_words.action_words(row.action, known).in_(ctx.locale),
                "what": subject,
                "told": audit_words.told(ctx, row.details, known.get(code)),
            }
        )
    return shown


def staff_names(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return what staff accounts are called."""
    rows = identity.Staff.scoped(ctx).select(identity.Staff.id, identity.Staff.name)
    return {row.id: row.name for row in rows.where(identity.Staff.id.in_(list(ids) or [None]))}


AUDIT = Resource(
    name="audit",
    title=Text(zh="操作日志", en="Audit log"),
    model=Audit,
    reply=AuditOut,
    permission="audit.view",
    export_permission="audit.view",
    member=None,
    present=_audit,
    columns=(
        Column("at", Text(zh="时间", en="At"), "time", filter=True),
        Column("by", Text(zh="操作人", en="Who"), "actor"),
        Column("did", Text(zh="操作", en="Action")),
        Column("what", Text(zh="对象", en="Subject")),
        Column("plugin", Text(zh="模块", en="Module"), "choice", source="plugins", filter=True),
        Column("told", Text(zh="详情", en="Details"), "facts", parts=audit_words.PARTS),
        Column("action", Text(zh="操作", en="Action"), filter=True, page=False),
        Column("subject", Text(zh="对象", en="Subject"), filter=True, page=False),
        Column("actor", Text(zh="操作人", en="Actor"), filter=True, page=False),
    ),
)


# --- jobs ---------------------------------------------------------------------------------------------------


class JobOut(BaseModel):
    """A piece of work in the background."""

    id: int
    plugin: str
    kind: str
    state: str
    failures: int
    error: str
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None


def _jobs(ctx: Context, rows: Sequence[Any]) -> Sequence[dict[str, Any]]:
    """Say what kind of work a job is; its code stands over REST."""
    english = ctx.locale == "en"
    shown = []
    for row in rows:
        fact = row.kind.startswith("fact:")
        what = ("Hears a fact" if english else "处理事件") if fact else ("Work of its own" if english else "后台处理")
        shown.append({**row.__data__, "what": what})
    return shown


def _replay(ctx: Context, job: int, body: None) -> None:
    replay_dead(ctx, job)


JOBS = Resource(
    name="jobs",
    title=Text(zh="后台任务", en="Jobs"),
    model=Job,
    reply=JobOut,
    permission="jobs.view",
    member=None,
    present=_jobs,
    actions=(
        Action(
            "replay",
            Text(zh="重新执行", en="Replay"),
            _replay,
            "jobs.replay",
            shown=lambda row: row.state == "dead",
        ),
    ),
    columns=(
        Column("id", Text(zh="编号", en="Number")),
        Column("what", Text(zh="任务", en="Work")),
        Column("kind", Text(zh="任务类型", en="Kind"), filter=True, page=False),
        Column("plugin", Text(zh="模块", en="Module"), "choice", source="plugins", filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=JOB_STATES, filter=True),
        Column("failures", Text(zh="失败次数", en="Failures"), "int"),
        Column("error", Text(zh="错误", en="Error")),
        Column("created_at", Text(zh="建立时间", en="Created"), "time"),
        Column("due_at", Text(zh="到期", en="Due"), "time", list=False),
        Column("finished_at", Text(zh="完成时间", en="Finished"), "time", list=False),
    ),
)


# --- proofs of the ledger -------------------------------------------------------------------------------------------


class CheckOut(BaseModel):
    """One night's proof of the points ledger."""

    id: UUID
    day: date
    accounts: int
    faults: int
    sample: list[dict[str, Any]]
    started_at: datetime
    finished_at: datetime | None


TABLES = {
    "account": Text(zh="账户", en="Account"),
    "entry": Text(zh="流水", en="Entry"),
    "lot": Text(zh="积分批次", en="Lot"),
    "hold": Text(zh="冻结", en="Hold"),
    "allocation": Text(zh="批次消耗", en="Allocation"),
}
CHECKS = Resource(
    name="ledger-checks",
    title=Text(zh="积分账目核对", en="Proofs of the ledger"),
    model=LedgerCheck,
    reply=CheckOut,
    permission="audit.view",
    export_permission="audit.view",
    member=None,
    columns=(
        Column("day", Text(zh="日期", en="Day"), "date", filter=True),
        Column("accounts", Text(zh="已核对账户", en="Accounts"), "int"),
        Column("faults", Text(zh="不符", en="Faults"), "int"),
        Column("started_at", Text(zh="开始", en="Started"), "time", list=False),
        Column("finished_at", Text(zh="完成", en="Finished"), "time"),
        Column(
            "sample",
            Text(zh="不符明细（前 20 条）", en="The first 20 faults"),
            "table",
            parts=(Column("table", Text(zh="所在", en="Where"), "choice", choices=TABLES),),
            list=False,
        ),
    ),
)


CORE_DESKS = (
    Desk(CORE, MEMBERS, audited=frozenset({"edited", "class", "erase", "bar", "attribute"}), only=unmerged),
    Desk(CORE, BARS, audited=frozenset({"lift"})),
    Desk(CORE, ATTRIBUTES, audited=frozenset({"created", "edited"})),
    Desk(CORE, VENUES),
    Desk(CORE, STAFF, audited=frozenset({"created", "edited", "reset-password", "switch-off", "switch-on"})),
    Desk(CORE, ROLES, audited=frozenset({"created", "edited"})),
    Desk(CORE, KEYS, audited=frozenset({"revoke"})),
    Desk(CORE, BATCHES, audited=frozenset({"created", "approve", "drop", "recall"})),
    Desk(CORE, BATCH_HEADS),
    Desk(CORE, AUDIT),
    Desk(CORE, CHECKS),
    Desk(CORE, JOBS, audited=frozenset({"replay"})),
)


def core_desk(name: str) -> Desk:
    """Return a resource of core by name."""
    for desk in CORE_DESKS:
        if desk.resource.name == name:
            return desk
    raise NotFound(f"core has no resource {name}")
