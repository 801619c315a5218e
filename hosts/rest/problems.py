"""RFC 9457 problem documents: every refusal has a stable code, words in Chinese or English, and the field paths.

What we did not expect is a 500 with the request's id and nothing else: the log has the rest.
"""

import http
import json
from dataclasses import dataclass, field
from typing import Any

import falcon
import peewee
import structlog
from falcon import Request, Response
from playhouse.pool import MaxConnectionsExceeded
from pydantic import BaseModel, ConfigDict, Field

from core import db
from core.errors import Invalid, NotFound, RoostError, Unavailable
from hosts.rest.caller import request_id, wants_english

log = structlog.get_logger("roost.rest")
MEDIA = "application/problem+json"


class TooLarge(RoostError):
    """The body is over the limit (413)."""

    status = 413
    code = "too_large"


class LengthRequired(RoostError):
    """An upload does not say how long it is (411)."""

    status = 411
    code = "length_required"


class BrokenUpload(RoostError):
    """An upload broke off, or its multipart form cannot be read (400)."""

    status = 400
    code = "broken_upload"


class UnsupportedMedia(RoostError):
    """The body is not JSON (415)."""

    status = 415
    code = "unsupported_media"


class BrokenJson(RoostError):
    """The body says it is JSON and is not (400)."""

    status = 400
    code = "broken_json"


class FieldProblem(BaseModel):
    """One thing that is wrong with the request."""

    path: str = Field(description="where: `body.amount`, `query.limit`, `path.member_id`")
    message: str = Field(description="what is wrong, in the caller's language")


class ProblemDocument(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="`urn:roost:problem:` and the code")
    title: str = Field(description="the status in words")
    status: int
    code: str = Field(description="stable: branch on this")
    detail: str = Field(description="what happened and what to do, in Chinese or English by Accept-Language")
    request_id: str = Field(description="quote it when you ask for help")
    fields: list[FieldProblem] = Field(default=[], description="what is wrong where, when the input is")


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal before it is written in a language."""

    status: int
    code: str
    message: str
    message_zh: str
    fields: tuple[dict[str, str], ...] = ()
    retry_after: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()


_HTTP = {
    400: ("bad_request", "the request cannot be read", "请求格式有误"),
    404: ("not_found", "there is nothing at this address", "没有这个地址"),
    405: ("method_not_allowed", "this address does not take that method", "这个地址不支持该方法"),
    406: ("not_acceptable", "this is given as JSON only", "只提供 JSON"),
    413: ("too_large", "the request is too large", "请求内容过大"),
    415: ("unsupported_media", "send JSON, with Content-Type: application/json", "请以 JSON 提交"),
    431: ("too_large", "the request's headers are too large", "请求头过大"),
}
_BUSY = ("the database is busy, try again", "系统繁忙，请稍后再试")
_LOST = ("the database does not answer, try again", "数据库暂时不可用，请稍后再试")
_UNEXPECTED = Problem(
    500,
    "internal",
    "something went wrong on our side; quote the request id",
    "系统出错，请提供请求编号联系我们",
)


def problem_of(ex: BaseException) -> Problem:
    """Return the problem an exception amounts to; 500 without a word of it for what nobody expected."""
    if isinstance(ex, RoostError):
        if ex.status == 500:
            return _UNEXPECTED
        authenticate = (("WWW-Authenticate", "Bearer"),) if ex.status == 401 else ()
        return Problem(
            ex.status,
            ex.code,
            ex.message,
            ex.message_zh,
            ex.fields,
            ex.retry_after,
            dict(ex.details),
            authenticate,
        )
    if isinstance(ex, falcon.HTTPError):
        code, message, message_zh = _HTTP.get(ex.status_code, _HTTP[400])
        return Problem(ex.status_code, code, message, message_zh, headers=tuple(dict(ex.headers or {}).items()))
    if isinstance(ex, peewee.PeeweeException | MaxConnectionsExceeded):
        return _of_database(ex)
    return _UNEXPECTED


def _of_database(ex: Exception) -> Problem:
    if isinstance(ex, MaxConnectionsExceeded) or db.is_transient(ex):
        return Problem(503, Unavailable.code, *_BUSY, retry_after=1)
    if isinstance(ex, peewee.DataError):  # a value that its column cannot hold, and that no model refused
        return Problem(422, Invalid.code, "a value is too large or too long", "有数值超出范围")
    if isinstance(ex, peewee.IntegrityError) and is_duplicate(ex):
        return Problem(
            409,
            "conflict",
            "somebody else did the same at this moment; look again",
            "有并发的相同操作，请刷新后再试",
        )
    if db.is_lost_connection(ex):
        return Problem(503, Unavailable.code, *_LOST, retry_after=2)
    return _UNEXPECTED


def is_duplicate(ex: BaseException) -> bool:
    """Tell whether a unique index refused a row (as against a bug that leaves a column empty)."""
    return getattr(db.cause_of(ex), "sqlstate", None) == "23505" or "UNIQUE constraint failed" in str(ex)


def not_found() -> NotFound:
    """Return the refusal for an address that is not there, or is not there for this tenant."""
    return NotFound("there is nothing at this address", "没有这个地址")


# --- writing it ------------------------------------------------------------------------------------------------------


def write(req: Request, resp: Response, problem: Problem) -> None:
    """Answer with a problem document in the caller's language."""
    english = wants_english(req.env.get("HTTP_ACCEPT_LANGUAGE", ""))
    document: dict[str, Any] = {
        "type": f"urn:roost:problem:{problem.code}",
        "title": http.HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.message if english else problem.message_zh,
        "request_id": request_id(req),
    }
    if problem.fields:
        document["fields"] = [dict(f) for f in problem.fields]
    for name, value in problem.details.items():
        document.setdefault(name, value)
    resp.status = problem.status
    resp.content_type = MEDIA
    resp.data = json.dumps(document, ensure_ascii=False, default=str).encode()
    for name, value in problem.headers:
        resp.set_header(name, value)
    if problem.retry_after is not None:
        resp.set_header("Retry-After", str(problem.retry_after))
    resp.set_header("Content-Language", "en" if english else "zh")


def handle(req: Request, resp: Response, ex: Exception, params: dict[str, Any]) -> None:
    """Answer an exception that a responder raised; falcon calls this."""
    problem = problem_of(ex)
    if problem.status >= 500 or isinstance(ex, peewee.PeeweeException):
        log.error(
            "request_failed",
            request_id=request_id(req),
            route=getattr(req.context, "route", ""),
            status=problem.status,
            error=type(ex).__name__,
            exc_info=problem.status in (422, 500),  # a bug, or a model that lets too much through
        )
    write(req, resp, problem)


def install(app: "falcon.App[Any, Any]") -> None:
    """Make every error of an application a problem document."""
    app.add_error_handler(Exception, handle)
    app.add_error_handler(falcon.HTTPError, handle)
