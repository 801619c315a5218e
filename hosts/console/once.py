"""A form acts once, however often the browser sends it."""

from datetime import timedelta

from core.contract.context import Context
from core.errors import Conflict
from core.ids import new_id
from hosts.console.models import SentForm

KEPT = timedelta(days=2)
NONCE = "once"


def nonce() -> str:
    """Return a fresh value for a form's hidden field."""
    return new_id().hex


def use(ctx: Context, given: str) -> None:
    """Remember a form's value in the open transaction; raise Conflict when it was used or is none of ours."""
    if not (len(given) == 32 and given.isalnum()):
        raise Conflict("open the form anew and send it again", "请重新打开表单后再提交", code="form_used")
    SentForm.scoped(ctx).delete().where(SentForm.sent_at < ctx.now() - KEPT).execute()
    fresh = SentForm.scoped(ctx).insert(nonce=given, sent_at=ctx.now()).on_conflict_ignore().returning(SentForm.nonce)
    if not list(fresh.execute()):
        raise Conflict("this form was sent already; it acted once", "该表单已提交过，请勿重复操作", code="form_used")
