"""Judge what was processed: a machine first, where one is offered, then people; and what members report."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import peewee

from plugins.media import hookspecs
from plugins.media.models import MediaItem, MediaReport
from plugins.media.schemas import ItemJob, Made, MediaSettings, NewReport, Reason
from plugins.media.uploads import store_for
from roost import (
    Conflict,
    ContentCheck,
    Context,
    MediaAsked,
    NotFound,
    Remote,
    RoostError,
    Unavailable,
    Verdict,
    savepoint,
)

JUDGE_TTL = 6 * 3600  # seconds: how long a machine may fetch a picture
NOTE = 300
SHOWN_TO_MACHINES = "view_jpg"


def made(ctx: Context, item: UUID, what: Made) -> None:
    """Note what came of processing and have it judged. What was deleted meanwhile is deleted again."""
    row = MediaItem.scoped(ctx).lock(MediaItem.id == item)
    if row.state != "processing" or row.variants:
        if row.state == "deleted":
            MediaItem.scoped(ctx).update(purged_at=None).where(MediaItem.id == item).execute()
            ctx.enqueue("media.purge", ItemJob(item=item))
        return
    if what.refused:
        _decide(ctx, row, "rejected", reason=what.refused, note=what.detail)
        return
    MediaItem.scoped(ctx).update(
        width=what.width, height=what.height, duration_ms=what.duration_ms, preview=what.preview,
        variants={name: variant.stored() for name, variant in what.variants.items()},
        judge_by=ctx.now() + timedelta(minutes=ctx.settings(MediaSettings).judge_minutes),
    ).where(MediaItem.id == item).execute()  # fmt: skip
    row = MediaItem.scoped(ctx).get(MediaItem.id == item)
    if row.member is None:
        _decide(ctx, row, "approved", reason="")  # staff's own
    elif SHOWN_TO_MACHINES not in row.variants:
        _decide(ctx, row, "review", reason="no_poster")
    elif _machine(ctx) is not None:
        ctx.enqueue("media.judge", ItemJob(item=item))
    else:
        _judged(ctx, row, None)


def _machine(ctx: Context) -> tuple[str, ContentCheck] | None:
    """Return the machine that judges pictures for the tenant, with the plugin it belongs to."""
    return next(((slug, check) for slug, check in ctx.providers(ContentCheck) if check.media is not None), None)


# --- the machine -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """What a machine is asked: by which of its steps, and with what it prepared."""

    item: UUID
    slug: str
    check: ContentCheck
    prepared: Any  # the check's own
    refused: bool = False  # it could not even be asked


class Judge(Remote):
    """The job that asks the machine. Where it stays silent, the sweep hands the item to people."""

    def prepare(self, ctx: Context, payload: ItemJob) -> Question | None:  # type: ignore[override]  # the job's payload
        """Read what is asked; None when nobody needs to know any more."""
        row = MediaItem.scoped(ctx).first(MediaItem.id == payload.item)
        if row is None or row.state != "processing" or row.member is None or row.trace or not row.variants:
            return None
        machine = _machine(ctx)
        if machine is None:
            return Question(row.id, "", ContentCheck("", title=None), None, refused=True)  # type: ignore[arg-type]
        slug, check = machine
        assert check.media is not None
        url = store_for(ctx, row.backend).download_url(row.variants[SHOWN_TO_MACHINES]["key"], ttl=JUDGE_TTL)
        try:
            with savepoint():
                asked = check.media.prepare(ctx.for_plugin(slug), MediaAsked(row.member, url, "image", row.scene))
        except Unavailable:
            raise
        except RoostError:  # the member has no account with it, it is not set up
            return Question(row.id, slug, check, None, refused=True)
        return Question(row.id, slug, check, asked)

    def call(self, prepared: Question | None) -> Any:  # Any: the check's own
        if prepared is None or prepared.refused:
            return None
        assert prepared.check.media is not None
        try:
            return prepared.check.media.call(prepared.prepared)
        except Unavailable:
            raise  # tried again
        except RoostError:
            return None

    def complete(self, ctx: Context, prepared: Question | None, answer: Any) -> None:
        """Act on the verdict, or wait for it."""
        if prepared is None:
            return
        row = MediaItem.scoped(ctx).lock(MediaItem.id == prepared.item)
        if row.state != "processing":
            return
        verdict = Verdict("unknown")
        if answer is not None and prepared.check.media is not None:
            verdict = prepared.check.media.complete(ctx.for_plugin(prepared.slug), prepared.prepared, answer)
        changes = {"machine": prepared.check.name[:30], "trace": verdict.trace[:128] or None}
        MediaItem.scoped(ctx).update(**changes).where(MediaItem.id == row.id).execute()
        if verdict.state != "pending":
            _judged(ctx, row, verdict)


def heard(ctx: Context, check: str, trace: str, verdict: Verdict) -> bool | None:
    """Act on a verdict that came later; None when the trace is not of ours."""
    row = MediaItem.scoped(ctx).first(MediaItem.trace == trace, MediaItem.machine == check) if trace else None
    if row is None:
        return None
    row = MediaItem.scoped(ctx).lock(MediaItem.id == row.id)
    if row.state == "processing" and verdict.state != "pending":
        _judged(ctx, row, verdict)
    elif row.state in ("approved", "review") and row.decided_by is None and verdict.state == "risky":
        # People had not looked yet, or nobody had: what the machine finds late hides it for them.
        _decide(ctx, row, "review", reason="machine", note=verdict.label)
    return True


def _judged(ctx: Context, row: MediaItem, verdict: Verdict | None) -> None:
    """Act on a machine's verdict; None: there is no machine."""
    settings = ctx.settings(MediaSettings)
    passed = verdict.state == "pass" if verdict is not None else settings.without_machine == "approve"
    label = verdict.label if verdict is not None else ""
    if verdict is not None and verdict.state == "risky":
        _decide(ctx, row, "rejected", reason="machine", note=label)
    elif not passed:
        _decide(
            ctx, row, "review", reason="machine" if verdict and verdict.state == "review" else "unjudged", note=label
        )
    elif row.kind == "video" and settings.videos_to_people:
        _decide(ctx, row, "review", reason="video")
    else:
        _decide(ctx, row, "approved", reason="")


# --- people ----------------------------------------------------------------------------------------------------------


def approve(ctx: Context, item: UUID, body: None = None) -> None:
    """Let an item be shown; its reports are dismissed. Raises Conflict for one that cannot be approved."""
    row = _for_people(ctx, item, ("review", "rejected", "processing"))
    if not row.variants:
        raise Conflict("there is nothing to show: it was refused before it was drawn", "文件不合格，无法通过")
    _close_reports(ctx, item, "dismissed")
    _decide(ctx, row, "approved", reason="", by=ctx.actor.id)


def reject(ctx: Context, item: UUID, body: Reason) -> None:
    """Keep an item from being shown. Raises Conflict for one that is not shown anyway."""
    row = _for_people(ctx, item, ("review", "approved", "processing"))
    _close_reports(ctx, item, "upheld")
    _decide(ctx, row, "rejected", reason="people", note=body.note, by=ctx.actor.id)


def _for_people(ctx: Context, item: UUID, states: tuple[str, ...]) -> MediaItem:
    row: MediaItem = MediaItem.scoped(ctx).lock(MediaItem.id == item)
    if row.state not in states:
        raise Conflict(f"it is {row.state}", "当前状态不能执行该操作", code="wrong_state", state=row.state)
    return row


def _close_reports(ctx: Context, item: UUID, state: str) -> None:
    MediaReport.scoped(ctx).update(state=state).where(MediaReport.media == item, MediaReport.state == "open").execute()


def report(ctx: Context, member: UUID, item: UUID, new: NewReport) -> None:
    """Note a member's report, once for each item; enough of them hide it until people have looked.

    Raises NotFound for what the member cannot see.
    """
    row = MediaItem.scoped(ctx).first(MediaItem.id == item)
    if row is None or row.state not in ("approved", "review") or row.member == member:
        raise NotFound("there is no such item to report", "没有可举报的内容")
    row = MediaItem.scoped(ctx).lock(MediaItem.id == item)
    try:
        with savepoint():
            MediaReport.scoped(ctx).create(
                media=item, member=member, reason=new.reason, text=new.text, created_at=ctx.now()
            )
    except peewee.IntegrityError:
        return  # reported before: said once is enough
    count = row.reports + 1
    MediaItem.scoped(ctx).update(reports=count).where(MediaItem.id == item).execute()
    if row.state == "approved" and count >= ctx.settings(MediaSettings).report_hold:
        _decide(ctx, row, "review", reason="reports")


# --- the end of all ways ---------------------------------------------------------------------------------------------


def _decide(ctx: Context, row: MediaItem, state: str, *, reason: str, note: str = "", by: UUID | None = None) -> None:
    """Move an item, and tell of it. The caller holds the row."""
    changes: dict[str, Any] = {"state": state, "reason": reason, "note": note[:NOTE], "judge_by": None}
    if state in ("approved", "rejected"):
        changes |= {"decided_at": ctx.now(), "decided_by": by, "reports": 0}
    MediaItem.scoped(ctx).update(**changes).where(MediaItem.id == row.id).execute()
    if state == "approved":
        ctx.publish(hookspecs.MediaApproved(media=row.id, member=row.member, kind=row.kind))
    elif state == "rejected":
        ctx.publish(hookspecs.MediaRejected(media=row.id, member=row.member, kind=row.kind, reason=reason))


def give_up_waiting(ctx: Context, most: int) -> int:
    """Hand to people what no machine judged in time, give up what could not be processed; return how many."""
    late = (
        MediaItem.scoped(ctx)
        .select(MediaItem.id)
        .where(MediaItem.state == "processing", MediaItem.judge_by <= ctx.now())
    )
    ids = [row.id for row in late.order_by(MediaItem.id).limit(most)]
    for item in ids:
        row = MediaItem.scoped(ctx).lock(MediaItem.id == item)
        if row.state == "processing" and row.judge_by is not None and row.judge_by <= ctx.now():
            if row.variants:
                _decide(ctx, row, "review", reason="unjudged")
            else:
                _decide(ctx, row, "rejected", reason="unprocessable", note="not processed in time")
    return len(ids)
