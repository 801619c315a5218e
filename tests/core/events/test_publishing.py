"""What may be published: facts that somebody could hear, in the transaction of what they tell."""

from uuid import uuid4

import pytest

from core.contract import facts
from core.contract.context import Context
from core.contract.facts import Fact
from core.errors import ConfigurationError, UndeclaredFact
from core.events.models import Event, Job
from tests.hosts.worker.lab import Lab


class DoorOpened(Fact):
    """A fact that no hookspecs.py specifies."""

    door: str = "north"


class LevelUp(Fact):
    """A fact under the name of one of core's."""


def _rows(ctx: Context) -> tuple[int, int]:
    with ctx.transaction():
        return Event.scoped(ctx).select().count(), Job.scoped(ctx).select().count()


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (DoorOpened(), ["faultlab publishes", f"{__name__}.DoorOpened", "hookspecs.py", "door_opened(ctx, fact)"]),
        (LevelUp(), ["faultlab publishes", f"{__name__}.LevelUp", "level_up is core.contract.facts.LevelUp"]),
    ],
)
def test_a_fact_that_nobody_specified_is_refused_by_name_and_nothing_is_written(
    lab: Lab, fact: Fact, says: list[str]
) -> None:
    before = _rows(lab.ctx)
    told = facts.MemberErased(member=uuid4())
    with pytest.raises(UndeclaredFact) as caught, lab.ctx.transaction():
        lab.ctx.for_plugin("faultlab").publish(told, fact)
    assert [part for part in says if part not in caught.value.message] == []
    assert isinstance(caught.value, ConfigurationError)
    assert _rows(lab.ctx) == before


def test_a_fact_of_core_is_published(lab: Lab) -> None:
    events, _ = _rows(lab.ctx)
    with lab.ctx.transaction():
        lab.ctx.publish(facts.MemberErased(member=uuid4()))
    assert _rows(lab.ctx)[0] == events + 1
