"""Do a write once for one Idempotency-Key, and give every repeat the reply of the first.

The row goes in *first*, in the transaction of the effect: the primary key makes a repeat that comes meanwhile
wait for the first to commit (then it gets the stored reply) or to roll back (then it is the first). Written
last instead, one statement would be saved, but a repeat could meet the half-done effect and be told "sold
out" by its own twin. A remote endpoint cannot hold a transaction open over its call: it commits the row as
`started`, a repeat polls for the reply, and a row whose process died is taken over after a while.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import peewee
from falcon import Request

from core import db, presuming
from core.contract.context import Context
from core.errors import Conflict, Invalid, KeyReused, RoostError
from core.fields import as_time
from hosts.rest.models import Idempotency
from hosts.rest.upkeep import KEPT

TAKEN_OVER_AFTER = timedelta(minutes=2)  # a started row this old belongs to a process that died
WAIT_SECONDS = 10.0  # how long a repeat waits for a remote call that is still running
_POLL_SECONDS = (0.02, 0.05, 0.1, 0.2)
_KEY_LENGTH = 200
_LOOKS = 3  # a row may come and go between two statements, hardly thrice
_PURPOSE = "idempotency"

_BEGIN = db.Sql(
    "INSERT INTO idempotency (tenant, slot, digest, state, status, started_at) VALUES (%s, %s, %s, 'started', 0, %s)"
    " ON CONFLICT DO NOTHING RETURNING status"
)
_FINISH = db.Sql("UPDATE idempotency SET state = 'done', status = %s, reply = %s WHERE tenant = %s AND slot = %s")
_FIND = db.Sql("SELECT digest, state, status, reply, started_at FROM idempotency WHERE tenant = %s AND slot = %s")
_FORGET = db.Sql("DELETE FROM idempotency WHERE tenant = %s AND slot = %s AND started_at = %s")


class KeyMissing(RoostError):
    """A call that moves points, money or stock came without an Idempotency-Key (400)."""

    status = 400
    code = "key_missing"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked under which key: `slot` names actor, route and key, `digest` the content."""

    slot: bytes
    digest: bytes

    @property
    def key(self) -> str:
        """Return a text that stands for actor, route and key: what a ledger may keep as its own key for the act."""
        return f"rest:{self.slot.hex()[:40]}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out, and as it is kept."""

    status: int
    body: bytes


def read_key(req: Request, *, required: bool) -> str | None:
    """Return the Idempotency-Key, or None where it is absent and may be; raise KeyMissing or Invalid."""
    key = req.env.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or key == "":
        if required:
            raise KeyMissing(
                "send an Idempotency-Key: a fresh random value for each act, the same one for a repeat",
                "缺少 Idempotency-Key：每次操作用一个新的随机值，重试时用同一个",
            )
        return None
    if len(key) > _KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid(
            f"an Idempotency-Key has at most {_KEY_LENGTH} printable ASCII characters",
            f"Idempotency-Key 最多 {_KEY_LENGTH} 个可见 ASCII 字符",
            fields=[
                {
                    "path": "header.Idempotency-Key",
                    "message": f"at most {_KEY_LENGTH} printable ASCII characters",
                }
            ],
        )
    return str(key)


def asked(ctx: Context, route: str, key: str, req: Request, body: bytes) -> Asked:
    """Return what a request asks under its key."""
    slot = hashlib.sha256(f"{ctx.actor}\n{route}\n{key}".encode()).digest()
    content = hashlib.sha256(f"{req.method}\n{req.path}\n{req.query_string}\n".encode(errors="replace"))
    content.update(body)
    return Asked(slot, content.digest())


def once(ctx: Context, what: Asked, work: Callable[[], Reply]) -> Reply:
    """Run `work` in a transaction with its key, or return what the first run answered.

    Raises KeyReused when the key came with other content, Conflict when the first is still at work after the
    database's time limit.
    """

    def attempt() -> Reply:
        if not _begin(ctx, what):
            stored = _stored(ctx, what)
            if isinstance(stored, Reply):
                return stored
            if not stored:
                raise _still_running()
        return _finished(ctx, what, work)

    return ctx.run(attempt)


def _finished(ctx: Context, what: Asked, work: Callable[[], Reply]) -> Reply:
    """Run `work` under a key that is begun, and keep its reply in the same transaction."""
    try:
        reply = work()
    except RoostError as ex:
        if ex.kept:  # the transaction commits; the key must not stay behind without a reply
            _give_back(ctx, what)
        raise
    _finish(ctx, what, reply)
    return reply


def _begin(ctx: Context, what: Asked) -> bool:
    """Write the row; False when there is one, after waiting for whoever is writing it."""
    values = (ctx.tenant.id, what.slot, what.digest, ctx.now())
    if presuming.presume(ctx.scope, _BEGIN, values, bool):  # most keys are new
        return True
    try:
        return bool(db.fetch_all(ctx.scope, _BEGIN, values))
    except peewee.OperationalError as ex:
        if db.is_timeout(ex):
            raise _still_running() from None
        raise


def _finish(ctx: Context, what: Asked, reply: Reply) -> None:
    sealed = ctx.services.keyring.seal(ctx.tenant.id, _PURPOSE, reply.body.decode())
    db.run_later(ctx.scope, _FINISH, (reply.status, sealed, ctx.tenant.id, what.slot))


def _stored(ctx: Context, what: Asked) -> Reply | bool:
    """Return the stored reply; True when the key is free now, and written; False while a remote call runs."""
    for _ in range(_LOOKS):
        row = db.fetch_one(ctx.scope, _FIND, (ctx.tenant.id, what.slot))
        if row is not None:
            digest, state, status, reply, started_at = row
            started = as_time(started_at)
            assert started is not None
            age = ctx.now() - started
            if age <= KEPT and not (state == "started" and age > TAKEN_OVER_AFTER):
                if bytes(digest) != what.digest:
                    raise KeyReused(
                        "this Idempotency-Key was used for another request; use a fresh one for each act",
                        "该 Idempotency-Key 已用于另一请求，请换一个",
                    )
                if state != "done":
                    return False
                return Reply(status, ctx.services.keyring.open(ctx.tenant.id, _PURPOSE, reply).encode())
            db.run(ctx.scope, _FORGET, (ctx.tenant.id, what.slot, started))
        if _begin(ctx, what):  # the first rolled back, or its row was past its keeping
            return True
    return False


def _still_running() -> Conflict:
    return Conflict(
        "a request with this Idempotency-Key is still running; repeat it in a moment",
        "相同 Idempotency-Key 的请求仍在处理，请稍后重试",
        code="still_running",
        retry_after=2,
    )


# --- remote endpoints ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteWork:
    """The steps of one call of a remote endpoint; see `Remote`."""

    prepare: Callable[[], Any]
    waits: Callable[[Any], bool]
    call: Callable[[Any], Any]
    complete: Callable[[Any, Any], Reply]


def remotely(
    ctx: Context,
    what: Asked | None,
    hold: Callable[[], None],
    steps: RemoteWork,
) -> Reply:
    """Run the three steps of a remote endpoint: transaction, no transaction, transaction; once for one key.

    When a step fails the key is given back, so that a repeat runs again: what the call moved outside carries
    a key of the plugin's own. `hold` takes a place for waiting, or refuses: before a call, and for a repeat that waits
    for another's; what is known, or waits for nobody, is told without one.
    """

    def start() -> tuple[Any, Reply | None] | None:
        if what is not None and not _begin(ctx, what):
            stored = _stored(ctx, what)
            if isinstance(stored, Reply):
                return None, stored
            if not stored:
                hold()
                return None
        prepared = steps.prepare()
        if not steps.waits(prepared):
            return None, finish(prepared, steps.call(prepared))
        hold()
        return prepared, None

    def finish(prepared: Any, answer: Any) -> Reply:
        if what is None:
            return steps.complete(prepared, answer)
        return _finished(ctx, what, lambda: steps.complete(prepared, answer))

    until = time.monotonic() + WAIT_SECONDS
    for pause in _pauses():
        with db.connection():
            started = ctx.run(start)
        if started is not None:
            break
        if time.monotonic() > until:
            raise _still_running()
        threading.Event().wait(pause)
    else:
        raise AssertionError("unreachable")
    prepared, reply = started
    if reply is not None:
        return reply
    try:
        answer = steps.call(prepared)
        with db.connection():
            return ctx.run(lambda: finish(prepared, answer))
    except BaseException:
        if what is not None:
            with db.connection():
                ctx.run(lambda: _give_back(ctx, what))
        raise


def _pauses() -> Any:
    """Yield how long to wait between looks: short at first, then steady, without end."""
    yield from _POLL_SECONDS
    while True:
        yield _POLL_SECONDS[-1]


def _give_back(ctx: Context, what: Asked) -> None:
    Idempotency.scoped(ctx).delete().where(Idempotency.slot == what.slot, Idempotency.state == "started").execute()
