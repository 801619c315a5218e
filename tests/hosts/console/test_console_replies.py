"""What a row is over REST follows from its table and its columns."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from peewee import CharField, IntegerField, UUIDField

from core.errors import ConfigurationError
from hosts.console.replies import reply_of
from hosts.console.resources import Desk, Row
from roost import Action, Column, JsonField, Resource, SealedField, TenantModel, Text, rewards
from tests.hosts.console.stalls.hooks import SECRETS, STALLS, SecretOut

TITLE = Text("内容", "Content")


class Crates(TenantModel):
    """A table of this test's own."""

    id = UUIDField(primary_key=True)
    label = SealedField(null=True)
    count = IntegerField(null=True)
    kind = CharField()
    gives = JsonField()


def crates(*columns: Column, **more: Any) -> Resource:
    return Resource(
        "crates", TITLE, Crates, columns=columns, permission="x.view", **{"venue_free": True, "member": None, **more}
    )


def types(resource: Resource) -> dict[str, Any]:
    return {name: field.annotation for name, field in reply_of("x", resource).model_fields.items()}


def test_a_row_has_its_id_and_its_columns_as_the_table_types_them():
    assert types(STALLS) == {
        "id": UUID, "title": str, "venue": UUID, "member": UUID | None, "state": str, "rent_fen": int, "contact": str,
        "covered": bool, "opens_at": datetime, "market_day": date | None, "goods": list[str], "refunded": int,
    }  # fmt: skip
    assert reply_of("stalls", STALLS).__name__ == "StallsStallsRow"


def test_the_page_of_the_api_says_labels_codes_and_money():
    said = {name: field.description for name, field in reply_of("stalls", STALLS).model_fields.items()}
    assert (said["title"], said["rent_fen"]) == ("Title", "Rent, in fen")
    assert said["state"] == "State: open, closed or empty"
    own = reply_of("x", crates(Column("kind", TITLE, choices={"a": TITLE}, says="what is in it")))
    assert own.model_fields["kind"].description == "what is in it"
    assert reply_of("x", crates(Column("kind", TITLE, choices={"a": TITLE}))).model_fields["kind"].description == (
        "Content: a"
    )


def test_what_the_table_does_not_say_comes_from_the_kind_or_is_said():
    assert types(
        crates(
            Column("label", TITLE),
            Column("gives", TITLE, "rewards"),
            Column("lines", TITLE, "table"),
            Column("left", TITLE, "int", type=int | None),
            Column("by", TITLE, "choice"),
            Column("hidden", TITLE, rest=False),
            also=("count", Column("trail", TITLE, type=list[list[str]])),
        )
    ) == {
        "id": UUID, "count": int | None, "label": str, "gives": list[rewards.RewardSpec], "left": int | None,
        "lines": list[dict[str, Any]], "by": str, "trail": list[list[str]],
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match="say what 'gives' is over REST"):
        reply_of("x", crates(Column("gives", TITLE, "time")))


def test_a_reply_of_ones_own_is_taken_as_it_is():
    assert reply_of("stalls", SECRETS) is SecretOut


@pytest.mark.parametrize("shown", [{"left": None}, {"left": None, "kind": "b"}])
def test_what_is_presented_goes_before_the_row_and_nothing_of_it_is_dropped(shown):
    desk = Desk("x", crates(Column("kind", TITLE), Column("left", TITLE, "int", type=int | None)))
    stored = Crates(id=UUID(int=1), kind="a")
    assert desk.reply(Row(stored.id, stored, shown)).model_dump() == {
        "id": UUID(int=1), "kind": shown.get("kind", "a"), "left": None,
    }  # fmt: skip


def test_an_action_needs_what_editing_needs_unless_it_says_otherwise():
    acts = (Action("open", TITLE, print), Action("burn", TITLE, print, "x.burn"))
    assert [one.permission for one in crates(actions=acts).actions] == ["x.view", "x.burn"]
    editable = crates(actions=acts, edit_permission="x.edit")
    assert [one.permission for one in editable.actions] == ["x.edit", "x.burn"]
    assert [one.permission for one in replace(editable, name="again").actions] == ["x.edit", "x.burn"]
