"""Mini-program codes: pictures that open a page with a `scene` of at most 32 characters.

A code that leads back to something of ours carries a signed token as its scene: `identity.sign_token` with one short
value, or a member's id, valid for a day or more, fits. Two ways to a picture: `request_code` puts it in the table and a
job draws it; `code_steps` draws it within a remote endpoint or job of the caller's.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.wechat import connection
from integrations.wechat.client import TokenRejected, TooOften, WechatClient, WechatError
from integrations.wechat.models import WechatCode
from integrations.wechat.schemas import PAGE, CodeForm, RowJob, WechatSettings
from roost import (
    Answer,
    Conflict,
    Context,
    Invalid,
    Next,
    NotFound,
    Remote,
    RoostError,
    Steps,
    TooManyRequests,
    Unavailable,
)

_SCENE = re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@\-._~]{1,32}")
_PAGE = re.compile(PAGE)
ENVIRONMENTS = {"formal": "release", "trial": "trial", "developer": "develop"}
NOTE_LENGTH = 300
MOST_TRIES = 8
SHOWN = 24  # pictures of one page
FIRST_RETRY = timedelta(seconds=15)

MEANING = {
    40097: ("invalid_argument", "WeChat takes no such code", "小程序码参数有误"),
    40129: ("invalid_scene", "WeChat refuses this scene", "场景值无效"),
    40169: ("invalid_scene", "the scene is too long for WeChat", "场景值过长"),
    41030: ("invalid_page", "the page is not in the published mini-program", "页面不存在或小程序未发布"),
    85096: ("invalid_page", "the page is scancode_time, which WeChat keeps for itself", "页面路径不可用"),
}


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """A code that a plugin wants: the same `key` of the same plugin is the same code, drawn once."""

    key: str  # at most 80 characters
    scene: str  # at most 32: what the page is given
    page: str = ""  # without a leading slash; "" is the front page
    member: UUID | None = None  # whom it leads back to: it is forgotten with them
    width: int = 430  # pixels, 280 to 1280
    transparent: bool = False


@dataclass(frozen=True, slots=True)
class CodeView:
    """A code; `image` is the picture's bytes once it is `ready`."""

    id: UUID
    key: str
    scene: str
    page: str
    state: str  # pending, ready, failed
    error: str = ""
    image: bytes | None = field(default=None, repr=False)


def check(asked: CodeAsked) -> None:
    """Raise Invalid for what WeChat would not draw, naming the field."""
    wrong = None
    if not _SCENE.fullmatch(asked.scene):
        wrong = ("scene", "1 to 32 of 0-9 a-z A-Z !#$&'()*+,/:;=?@-._~", "场景值为 1 至 32 个允许的字符")
    elif not _PAGE.fullmatch(asked.page):
        wrong = ("page", "no slash in front, no query", "页面路径不能以 / 开头，不能带参数")
    elif not 280 <= asked.width <= 1280:
        wrong = ("width", "280 to 1280 pixels", "宽度为 280 至 1280 像素")
    elif not 1 <= len(asked.key) <= 80:
        wrong = ("key", "1 to 80 characters", "名称为 1 至 80 个字符")
    if wrong is not None:
        path, message, message_zh = wrong
        raise Invalid(
            f"this code cannot be drawn: {path} is {message}", message_zh, code="invalid_code",
            fields=[{"path": f"body.{path}", "message": message}],
        )  # fmt: skip


def request_code(ctx: Context, asked: CodeAsked) -> CodeView:
    """Return the code of `ctx.plugin` and a key; one that is new is drawn by a job, within seconds.

    Raises Invalid for what cannot be drawn, Conflict (`code_differs`) when the key stands for another code.
    """
    row, new = _row(ctx, asked)
    if new:
        ctx.enqueue("wechat.code", RowJob(id=row.id))
    return _view(row)


def code_image(ctx: Context, key: str) -> CodeView | None:
    """Return the code of `ctx.plugin` and a key, or None when nobody asked for it."""
    row = WechatCode.scoped(ctx).first(WechatCode.plugin == ctx.plugin, WechatCode.key == key)
    return _view(row) if row is not None else None


def _row(ctx: Context, asked: CodeAsked) -> tuple[Any, bool]:
    check(asked)
    codes, now = WechatCode.scoped(ctx), ctx.now()
    state = ctx.settings(WechatSettings).program_state
    made = codes.insert_once(
            plugin=ctx.plugin, key=asked.key, member=asked.member, scene=asked.scene, page=asked.page,
            env=ENVIRONMENTS[state], width=asked.width, transparent=asked.transparent, created_at=now, changed_at=now,
    )  # fmt: skip
    row = codes.get(WechatCode.plugin == ctx.plugin, WechatCode.key == asked.key)
    if (row.scene, row.page, row.width, row.transparent) != (
        asked.scene, asked.page, asked.width, asked.transparent,
    ):  # fmt: skip
        raise Conflict(
            f"{asked.key!r} stands for another code already: take another key", "该名称已用于其他小程序码",
            code="code_differs",
        )  # fmt: skip
    return row, made is not None


def _view(row: Any) -> CodeView:
    image = bytes(row.image) if row.image is not None else None
    return CodeView(row.id, row.key, row.scene, row.page, row.state, row.error, image)


# --- drawing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawing:
    """A code on its way to WeChat; without a client it was drawn before."""

    row: UUID
    scene: str
    page: str
    env: str
    width: int
    transparent: bool
    client: WechatClient | None = field(default=None, repr=False)


def _drawing(ctx: Context, row: Any) -> Drawing:
    client = None if row.state == "ready" else connection.client_of(ctx)
    return Drawing(row.id, row.scene, row.page, row.env, row.width, row.transparent, client)


def _draw(drawing: Drawing) -> bytes | None:
    if drawing.client is None:
        return None
    return drawing.client.mini_code(
        drawing.scene, drawing.page, env=drawing.env, width=drawing.width, transparent=drawing.transparent
    )


def _keep(ctx: Context, row_id: UUID, **values: object) -> None:
    WechatCode.scoped(ctx).update(**values, changed_at=ctx.now()).where(WechatCode.id == row_id).execute()


def refusal(ex: WechatError) -> RoostError:
    """Return what WeChat's refusal to draw is to the caller."""
    if ex.code in MEANING:
        code, message, message_zh = MEANING[ex.code]
        return Invalid(f"{message} ({ex.code})", message_zh, code=code)
    if isinstance(ex, TooOften):
        return TooManyRequests(
            "WeChat draws no more codes for now", "小程序码生成过于频繁，请稍后再试", code="wechat_too_often",
            retry_after=60,
        )  # fmt: skip
    return Unavailable(
        "WeChat does not draw the code: try again", "小程序码暂时无法生成，请稍后再试", code="wechat_unavailable",
        retry_after=3,
    )  # fmt: skip


def _prepare(ctx: Context, asked: CodeAsked) -> Drawing:
    row, _ = _row(ctx, asked)
    return _drawing(ctx, row)


def _call(drawing: Drawing) -> bytes | None:
    try:
        return _draw(drawing)
    except WechatError as ex:
        failure = refusal(ex)
    raise failure


def _complete(ctx: Context, drawing: Drawing, image: bytes | None) -> CodeView:
    if image is not None:
        _keep(ctx, drawing.row, state="ready", image=image, error="")
    return _view(WechatCode.scoped(ctx).get(WechatCode.id == drawing.row))


code_steps = Steps(_prepare, _call, _complete)
"""Draw a code now: takes a `CodeAsked`, completes to a `CodeView` that has its image. Drawn once for a key."""


class DrawCode(Remote):
    """The job `wechat.code`: draws what was requested; a code that WeChat refuses is `failed` and says why."""

    def prepare(self, ctx: Context, payload: RowJob) -> tuple[RowJob, Drawing] | None:  # type: ignore[override]
        """Read the code; None when there is nothing (more) to do."""
        row = WechatCode.scoped(ctx).first(WechatCode.id == payload.id)
        if row is None or row.state == "ready":
            return None
        try:
            return payload, _drawing(ctx, row)
        except Unavailable as ex:  # not set up: `retry` takes it up when it is
            _keep(ctx, row.id, state="failed", error=ex.message[:NOTE_LENGTH])
            return None

    def call(self, prepared: tuple[RowJob, Drawing] | None) -> bytes | WechatError | None:
        if prepared is None:
            return None
        try:
            return _draw(prepared[1])
        except WechatError as ex:
            return ex

    def complete(
        self, ctx: Context, prepared: tuple[RowJob, Drawing] | None, answer: bytes | WechatError | None
    ) -> Next | None:
        """Keep the picture; come back for a failure that may pass."""
        if prepared is None or answer is None:
            return None
        job, drawing = prepared
        if isinstance(answer, bytes):
            _keep(ctx, drawing.row, state="ready", image=answer, error="")
            return None
        again = answer.retryable or answer.unknown or isinstance(answer, TokenRejected)
        if again and job.tries + 1 < MOST_TRIES:
            _keep(ctx, drawing.row, error=str(answer)[:NOTE_LENGTH])
            return Next(RowJob(id=job.id, tries=job.tries + 1), after=FIRST_RETRY * (1 << job.tries))
        _keep(ctx, drawing.row, state="failed", error=str(answer)[:NOTE_LENGTH])
        return None


# --- staff -----------------------------------------------------------------------------------------------------------


def add(ctx: Context, body: CodeForm) -> Any:
    """Ask for a code, for staff; without a scene it carries "-", which pages read as none."""
    asked = CodeAsked(body.key, body.scene or "-", body.page, width=body.width, transparent=body.transparent)
    view = request_code(ctx.for_plugin("wechat"), asked)
    return WechatCode.scoped(ctx).get(WechatCode.id == view.id)


def retry(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Draw a code that failed again. Raises Conflict for one that is ready or under way."""
    row = WechatCode.scoped(ctx).lock(WechatCode.id == row_id)
    if row.state != "failed":
        raise Conflict(f"this code is {row.state}: there is nothing to do", "该小程序码无需重试")
    _keep(ctx, row.id, state="pending", error="")
    ctx.enqueue("wechat.code", RowJob(id=row.id))


def picture(ctx: Context, row_id: UUID) -> Answer:
    """Return the picture of a code. Raises NotFound until it is drawn."""
    row = WechatCode.scoped(ctx).get(WechatCode.id == row_id)
    if row.image is None:
        raise NotFound("this code is not drawn yet", "小程序码尚未生成", code="not_ready")
    return picture_of(row)


def picture_of(row: Any) -> Answer:
    """Return the picture of a row that has one, with its type."""
    image = bytes(row.image)
    return Answer(200, image, "image/png" if image.startswith(b"\x89PNG") else "image/jpeg")


def gallery(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the newest pictures for the console's page."""
    rows = WechatCode.scoped(ctx).select().where(WechatCode.state == "ready").order_by(WechatCode.id.desc())
    return {"english": ctx.locale == "en", "codes": [_shown(row) for row in rows.limit(SHOWN)]}


def _shown(row: Any) -> dict[str, str]:
    answer = picture_of(row)
    assert isinstance(answer.body, bytes)
    source = f"data:{answer.content_type};base64,{base64.b64encode(answer.body).decode()}"
    return {"key": row.key, "scene": row.scene, "source": source}
