"""WeChat's machine for texts, pictures and sounds: the content check `wechat`.

`pass` lets through, `review` holds for people, `risky` refuses. Where the machine cannot look (the person was not in
the mini-program within two hours, WeChat does not answer) the verdict is `unknown`, so that people look. A picture is
`pending` until its verdict is pushed; one that never comes is `unknown` after `PATIENCE`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog

from integrations.wechat import connection, people
from integrations.wechat.client import WechatClient, WechatError
from integrations.wechat.models import WechatCheck
from roost import ContentCheck, Context, MediaAsked, Steps, Text, TextAsked, Verdict, delete_some, hooks

log = structlog.get_logger("roost.wechat")
NAME = "wechat"
SCENES = {"profile": 1, "comment": 2, "forum": 3, "social": 4}
KINDS = {"audio": 1, "image": 2}
LONGEST = 2500  # characters of one call
MOST_PARTS = 8
SUGGESTED: Mapping[str, Literal["pass", "review", "risky"]] = {"pass": "pass", "review": "review", "risky": "risky"}
WORST = ("pass", "unknown", "review", "risky")
NOT_SEEN = 61010  # the open id was not in the mini-program within two hours
RISKY = 87014  # how the first version of the check says it
PATIENCE = timedelta(minutes=45)  # WeChat promises half an hour
SWEEP = 500


@dataclass(frozen=True, slots=True)
class Looked:
    """A look at something of a member's; without a client nobody can look, and `why` says so."""

    member: UUID
    content: str = field(repr=False)
    scene: int
    kind: int = 0
    client: WechatClient | None = field(default=None, repr=False)
    openid: str = field(default="", repr=False)
    why: str = ""


def _prepare(ctx: Context, member: UUID, content: str, scene: str, kind: int = 0) -> Looked:
    ctx = ctx.for_plugin("wechat")
    if not connection.is_ready(ctx):
        return Looked(member, content, SCENES[scene], why="not_configured")
    openid = people.openid_of(ctx, member)
    if openid is None:
        return Looked(member, content, SCENES[scene], why="no_openid")
    return Looked(member, content, SCENES[scene], kind, connection.client_of(ctx), openid)


def _prepare_text(ctx: Context, asked: TextAsked) -> Looked:
    return _prepare(ctx, asked.member, asked.text, asked.scene)


def _prepare_media(ctx: Context, asked: MediaAsked) -> Looked:
    return _prepare(ctx, asked.member, asked.url, asked.scene, KINDS[asked.kind])


def _parts(text: str) -> Sequence[str]:
    """Cut a text into what one call takes, each with a little of the one before: words may lie across the cut."""
    step = LONGEST - 50
    return [text[start : start + LONGEST] for start in range(0, max(len(text) - 50, 1), step)]


def _judge_text(looked: Looked) -> Verdict:
    if looked.client is None:
        return Verdict("unknown", looked.why)
    if not looked.content.strip():
        return Verdict("pass")
    parts = _parts(looked.content)
    worst = Verdict("pass") if len(parts) <= MOST_PARTS else Verdict("unknown", "too_long")
    for part in parts[:MOST_PARTS]:
        try:
            found = looked.client.check_text(looked.openid, part, looked.scene)
            verdict = Verdict(SUGGESTED[found.suggest], found.label)
        except WechatError as ex:
            verdict = _unseen(ex)
        worst = max(worst, verdict, key=lambda v: WORST.index(v.state))
        if worst.state == "risky":
            break
    return worst


def _judge_media(looked: Looked) -> Verdict:
    if looked.client is None:
        return Verdict("unknown", looked.why)
    try:
        trace = looked.client.check_media(looked.openid, looked.content, looked.kind, looked.scene)
    except WechatError as ex:
        return _unseen(ex)
    return Verdict("pending", trace=trace)


def _unseen(ex: WechatError) -> Verdict:
    if ex.code == RISKY:
        return Verdict("risky", str(RISKY))
    if ex.code == NOT_SEEN:
        return Verdict("unknown", "not_seen")
    log.warning("wechat_check_failed", errcode=ex.code, error=str(ex))
    return Verdict("unknown", "unavailable" if ex.code is None else str(ex.code))


def _complete_text(ctx: Context, looked: Looked, verdict: Verdict) -> Verdict:
    return verdict


def _complete_media(ctx: Context, looked: Looked, verdict: Verdict) -> Verdict:
    if verdict.state == "pending":
        WechatCheck.scoped(ctx).insert(
            trace=verdict.trace, member=looked.member, asked_at=ctx.now()
        ).on_conflict_ignore().execute()
    return verdict


check = ContentCheck(
    NAME,
    Text("微信内容安全", "WeChat"),
    Steps(_prepare_text, _judge_text, _complete_text),
    Steps(_prepare_media, _judge_media, _complete_media),
)


# --- verdicts that come later ------------------------------------------------------------------------------------


def judged(ctx: Context, trace: str, verdict: Verdict) -> bool | None:
    """Take over a pushed verdict and tell whoever asked; True once.

    None means that the trace is not known here yet: the verdict may be quicker than the reply to our asking.
    """
    row = WechatCheck.scoped(ctx).first(WechatCheck.trace == trace)
    if row is None:
        return None
    row = WechatCheck.scoped(ctx).lock(WechatCheck.id == row.id)
    if row.state != "pending" and not (row.state == "unknown" and verdict.state != "unknown"):
        return False  # told before
    WechatCheck.scoped(ctx).update(state=verdict.state, reason=verdict.label[:20], judged_at=ctx.now()).where(
        WechatCheck.id == row.id
    ).execute()
    ctx.lifecycle(hooks.content_judged, check=NAME, trace=trace, verdict=verdict)
    return True


def give_up(ctx: Context, slot: str) -> None:
    """Call unknown what WeChat has not judged in `PATIENCE`, so that people look."""
    before = ctx.now() - PATIENCE
    late = WechatCheck.scoped(ctx).select().where(WechatCheck.state == "pending", WechatCheck.asked_at < before)
    for row in list(late.order_by(WechatCheck.asked_at).limit(SWEEP)):
        judged(ctx, row.trace, Verdict("unknown", "no_answer", row.trace))


def clean(ctx: Context, before: timedelta = timedelta(days=90)) -> bool:
    """Forget some looks of long ago; tell whether more may be left."""
    return delete_some(ctx, WechatCheck, WechatCheck.asked_at < ctx.now() - before)
