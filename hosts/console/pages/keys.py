"""Make an integration key: its token is shown this once."""

from core import identity
from core.db import savepoint
from core.errors import RoostError
from hosts.console.core_resources import core_desk
from hosts.console.forms import FormError, FormView, as_sent, form_of, read
from hosts.console.staff_resources import KeyIn
from hosts.console.web import Reply, Route, Visit

PATH = "/console/core/keys"


def _require(visit: Visit) -> None:
    core_desk("keys").require_visible(visit.ctx)
    visit.ctx.require("staff.edit")


def new(visit: Visit) -> Reply:
    """Show the form."""
    _require(visit)
    return _page(visit, form_of(visit.ctx, KeyIn))


def create(visit: Visit) -> Reply:
    """Make the key and show its token."""
    _require(visit)
    try:
        with savepoint():
            body = read(visit.ctx, KeyIn, visit.form)
            _, token = identity.create_key(visit.ctx, body.name, body.permissions, body.venues)
    except (FormError, RoostError) as ex:
        return _page(visit, as_sent(visit.ctx, KeyIn, visit.form).refused(ex, visit.locale), 422)
    return visit.page("key.html", title=body.name, token=token, back=PATH)


def _page(visit: Visit, form: FormView, status: int = 200) -> Reply:
    part_of = core_desk("keys").resource.title.in_(visit.locale)
    return visit.page(
        "form.html",
        status,
        title=visit.say("新增"),
        form=form,
        action=f"{PATH}/new",
        back=PATH,
        base=PATH,
        part_of=part_of,
    )


ROUTES = (Route(PATH + "/new", get=new, post=create),)
