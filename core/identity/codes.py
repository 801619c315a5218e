"""One-time codes: proof of a phone, or of a second look. Hashed, used once, five tries."""

import secrets
from datetime import timedelta

from peewee import EXCLUDED

from core.contract.context import Context
from core.db import dialect
from core.errors import Invalid, TooManyRequests
from core.identity.models import OneTimeCode
from core.ids import new_id
from core.privacy.provider import equal

TRIES = 5
AGAIN_AFTER = timedelta(seconds=60)  # a code costs an SMS


def _subject(ctx: Context, purpose: str, subject: str) -> bytes:
    return ctx.services.keyring.signature(ctx.tenant.id, f"code subject {purpose}", subject.encode())[:16]


def _hash(ctx: Context, purpose: str, subject: str, code: str) -> bytes:
    """Keyed, for six digits would be guessed from a plain hash in a blink."""
    return ctx.services.keyring.signature(ctx.tenant.id, f"code {purpose}", f"{subject}\x1f{code}".encode())


def issue_code(ctx: Context, purpose: str, subject: str, *, digits: int = 6, ttl: int = 300) -> str:
    """Return a fresh code for a subject (a normalised phone, an id), good for `ttl` seconds.

    The one before is dead.
    Raises TooManyRequests within 60 seconds of the one before.
    """
    now, code = ctx.now(), f"{secrets.randbelow(10**digits):0{digits}d}"
    found = _subject(ctx, purpose, subject)
    held = OneTimeCode.scoped(ctx).first(OneTimeCode.purpose == purpose, OneTimeCode.subject == found)
    if held is not None and now - held.issued_at < AGAIN_AFTER:
        wait = int((held.issued_at + AGAIN_AFTER - now).total_seconds()) + 1
        raise TooManyRequests(
            f"a code was sent less than a minute ago: try again in {wait} s",
            f"验证码已发送，请 {wait} 秒后再试",
            retry_after=wait,
        )
    fresh = {
        "code": _hash(ctx, purpose, subject, code),
        "tries": 0,
        "issued_at": now,
        "expires_at": now + timedelta(seconds=ttl),
        "used_at": None,
    }
    OneTimeCode.scoped(ctx).insert(id=new_id(), purpose=purpose, subject=found, **fresh).on_conflict(
        conflict_target=[OneTimeCode.tenant, OneTimeCode.purpose, OneTimeCode.subject],
        update={getattr(OneTimeCode, name): getattr(EXCLUDED, name) for name in fresh},
    ).execute()
    return code


def check_code(ctx: Context, purpose: str, subject: str, code: str) -> None:
    """Accept the code that was issued for this purpose and subject, once.

    Raises Invalid for a wrong, dead, used or never issued one, and after five tries for the right one too.
    The try is counted even though the caller's transaction is refused (the error is `kept`), so call this
    before writing anything.
    """
    query = (
        OneTimeCode.scoped(ctx)
        .select()
        .where(OneTimeCode.purpose == purpose, OneTimeCode.subject == _subject(ctx, purpose, subject))
    )
    row = (query.for_update() if dialect() == "postgresql" else query).first()  # guesses queue here, one by one
    if row is None or row.used_at is not None or row.expires_at <= ctx.now() or row.tries >= TRIES:
        raise _wrong()
    mine = OneTimeCode.scoped(ctx).update
    if not equal(bytes(row.code), _hash(ctx, purpose, subject, code.strip()[:20])):
        mine(tries=OneTimeCode.tries + 1).where(OneTimeCode.id == row.id).execute()
        raise _wrong(left=TRIES - row.tries - 1)
    mine(used_at=ctx.now()).where(OneTimeCode.id == row.id).execute()


def _wrong(left: int = 0) -> Invalid:
    error = Invalid(
        f"the code is wrong or has expired; {f'{left} tries left' if left else 'ask for a new one'}",
        f"验证码错误或已过期，{f'还可尝试 {left} 次' if left else '请重新获取'}",
        code="bad_code",
        tries_left=left,
    )
    error.kept = True
    return error
