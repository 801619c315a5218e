"""Core's own tables as resources: venues, the audit trail, jobs; members and staff are in files of their own."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import identity, tenants
from core.audit.models import Audit
from core.contract.console import Action, Column, Form, Resource
from core.contract.context import Context
from core.errors import NotFound
from core.events.jobs import replay_dead
from core.events.models import Job
from core.points.models import LedgerCheck
from core.tenants.models import Venue
from core.words import Text
from hosts.console import audit_words
from hosts.console.member_care_resources import ATTRIBUTES, BARS
from hosts.console.member_resources import MEMBERS, unmerged
from hosts.console.resources import CORE, Desk, Served
from hosts.console.staff_resources import KEYS, ROLES, STAFF

JOB_STATES = {
    "queued": Text("排队", "Queued"),
    "running": Text("执行中", "Running"),
    "done": Text("完成", "Done"),
    "dead": Text("死信", "Dead letter"),
    "skipped": Text("已跳过", "Skipped"),
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
        min_length=1,
        max_length=40,
        description="the venue's number in the business software · 业务系统中的门店编号",
        json_schema_extra={"zh": "门店编号", "en": "Code"},
    )
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
    title=Text("门店", "Venues"),
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
        Column("name", Text("名称", "Name")),
        Column("code", Text("编号", "Code"), filter=True),
        Column("region", Text("区域", "Region"), filter=True),
        Column("open", Text("营业中", "Open"), "bool", filter=True),
        Column("created_at", Text("建立时间", "Created"), "time"),
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
    title=Text("操作日志", "Audit log"),
    model=Audit,
    reply=AuditOut,
    permission="audit.view",
    export_permission="audit.view",
    member=None,
    present=_audit,
    columns=(
        Column("at", Text("时间", "At"), "time", filter=True),
        Column("by", Text("操作人", "Who"), "actor"),
        Column("did", Text("操作", "Action")),
        Column("what", Text("对象", "Subject")),
        Column("plugin", Text("模块", "Module"), "choice", source="plugins", filter=True),
        Column("told", Text("详情", "Details"), "facts", parts=audit_words.PARTS),
        Column("action", Text("操作", "Action"), filter=True, page=False),
        Column("subject", Text("对象", "Subject"), filter=True, page=False),
        Column("actor", Text("操作人", "Actor"), filter=True, page=False),
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
    title=Text("后台任务", "Jobs"),
    model=Job,
    reply=JobOut,
    permission="jobs.view",
    member=None,
    present=_jobs,
    actions=(
        Action(
            "replay",
            Text("重新执行", "Replay"),
            _replay,
            "jobs.replay",
            shown=lambda row: row.state == "dead",
        ),
    ),
    columns=(
        Column("id", Text("编号", "Number")),
        Column("what", Text("任务", "Work")),
        Column("kind", Text("任务类型", "Kind"), filter=True, page=False),
        Column("plugin", Text("模块", "Module"), "choice", source="plugins", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=JOB_STATES, filter=True),
        Column("failures", Text("失败次数", "Failures"), "int"),
        Column("error", Text("错误", "Error")),
        Column("created_at", Text("建立时间", "Created"), "time"),
        Column("due_at", Text("到期", "Due"), "time", list=False),
        Column("finished_at", Text("完成时间", "Finished"), "time", list=False),
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
    "account": Text("账户", "Account"),
    "entry": Text("流水", "Entry"),
    "lot": Text("积分批次", "Lot"),
    "hold": Text("冻结", "Hold"),
    "allocation": Text("批次消耗", "Allocation"),
}
CHECKS = Resource(
    name="ledger-checks",
    title=Text("积分账目核对", "Proofs of the ledger"),
    model=LedgerCheck,
    reply=CheckOut,
    permission="audit.view",
    export_permission="audit.view",
    member=None,
    columns=(
        Column("day", Text("日期", "Day"), "date", filter=True),
        Column("accounts", Text("已核对账户", "Accounts"), "int"),
        Column("faults", Text("不符", "Faults"), "int"),
        Column("started_at", Text("开始", "Started"), "time", list=False),
        Column("finished_at", Text("完成", "Finished"), "time"),
        Column(
            "sample",
            Text("不符明细（前 20 条）", "The first 20 faults"),
            "table",
            parts=(Column("table", Text("所在", "Where"), "choice", choices=TABLES),),
            list=False,
        ),
    ),
)


CORE_DESKS = (
    Desk(
        CORE,
        MEMBERS,
        audited=frozenset({"edited", "class", "erase", "bar", "attribute"}),
        only=unmerged,
        rest=Served(frozenset({"adjust"}), "/admin/v1/core"),
    ),
    Desk(CORE, BARS, audited=frozenset({"lift"})),
    Desk(CORE, ATTRIBUTES, audited=frozenset({"created", "edited"})),
    Desk(CORE, VENUES, rest=Served(frozenset({"list", "get", "create", "edit"}), tag="venues", whole=True)),
    Desk(CORE, STAFF, audited=frozenset({"created", "edited", "reset-password", "switch-off", "switch-on"})),
    Desk(CORE, ROLES, audited=frozenset({"created", "edited"})),
    Desk(CORE, KEYS, audited=frozenset({"revoke"})),
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
