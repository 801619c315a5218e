"""What was given before there was a row for each occasion still counts as given."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from peewee import Model

from core import db
from core.contract.context import Context
from core.members import MemberView
from core.rewards import RewardGrant
from plugins import gifts as plugin
from plugins.gifts import giving
from plugins.gifts.models import GiftsOnce

MIGRATION = Path(plugin.__file__).parent / "migrations" / "0002_pick_ups_end_once_per_occasion.py"


def test_gifts_of_the_release_before_are_not_given_again(
    gifts: Context, member: Callable[..., MemberView], earn: Callable[[MemberView, int], None]
) -> None:
    li = member()
    earn(li, 150)
    given = GiftsOnce.scoped(gifts).get(GiftsOnce.member == li.id)
    grant = RewardGrant.scoped(gifts).get(RewardGrant.member == li.id, RewardGrant.key.is_null(False))
    with gifts.transaction():  # as the release before left it
        RewardGrant.scoped(gifts).update(key=f"growth:{grant.rule}:silver:{li.id}").where(
            RewardGrant.id == grant.id
        ).execute()
        GiftsOnce.scoped(gifts).delete().execute()
    spec = importlib.util.spec_from_file_location("migration", MIGRATION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fields = {name: type(field)() for name, field in GiftsOnce._meta.fields.items()}
    settings = type("Meta", (), {"database": db.database.obj, "table_name": "gifts_once", "primary_key": False})
    with db.unbounded():
        module._fill(db.database.obj, type("Once", (Model,), {**fields, "Meta": settings}))
    row = GiftsOnce.scoped(gifts).get(GiftsOnce.member == li.id)
    assert (row.occasion, row.grants) == (given.occasion, [str(grant.id)])
    with gifts.transaction():
        giving.grown(gifts, li.id, ("silver",))
        assert GiftsOnce.scoped(gifts).select().count() == 1
        assert [done.taken for done in giving.take_growth_back(gifts, li.id, ["silver"])] == [1]
