"""What other plugins do with media: attach, show, let go."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from core.contract.context import Context
from plugins import media
from roost import Actor, Invalid, Verdict, new_id
from tests.plugins.media.conftest import Uploader, picture


@pytest.fixture
def album(tenant: Context, disk: None) -> Context:
    """Return a context of another plugin."""
    return tenant.for_plugin("album")


def test_items_are_shown_in_their_order_and_replaced_as_a_whole(judge: Any, mine: Uploader, album: Context) -> None:
    first, second, third = (UUID(mine.upload(picture())["id"]) for _ in range(3))
    with album.transaction():
        shown = media.attach(album, [second, first], ref="post:1", member=mine.id)
        assert [one.id for one in shown] == [second, first]
        assert all(one.view for one in shown)
        media.attach(album, [third], ref="post:2", member=mine.id)
        assert media.attached(album, ["post:1", "post:2", "none"]) == {
            "post:1": [second, first], "post:2": [third], "none": []}  # fmt: skip
        media.attach(album, [first], ref="post:1", member=mine.id)
        assert media.attached(album, ["post:1"]) == {"post:1": [first]}
        diary = album.for_plugin("diary")
        assert media.attached(diary, ["post:1"]) == {"post:1": []}


def test_only_ones_own_good_items_can_be_attached(
    judge: Any, uploader: Callable[..., Uploader], brand: Uploader, album: Context
) -> None:
    alice, bob = uploader(), uploader()
    good = UUID(alice.upload(picture())["id"])
    judge.verdicts.append(Verdict("risky"))
    bad = UUID(alice.upload(picture())["id"])
    begun = UUID(alice.begin(10).json["id"])
    theirs = UUID(bob.upload(picture())["id"])
    brands = UUID(brand.upload(picture())["id"])
    with album.transaction():
        for wrong in ([bad], [begun], [theirs], [brands], [new_id()], [good, good], [good, theirs]):
            with pytest.raises(Invalid) as caught:
                media.attach(album, wrong, ref="post:1", member=alice.id)
            assert caught.value.code == "media_unusable"
        assert media.attached(album, ["post:1"]) == {"post:1": []}
        assert len(media.attach(album, [brands], ref="post:2", member=None)) == 1
        with pytest.raises(Invalid):
            media.attach(album, [good], ref="post:2", member=None)


def test_who_sees_what(judge: Any, uploader: Callable[..., Uploader], album: Context) -> None:
    owner, other = uploader(), uploader()
    judge.verdicts.append(Verdict("review"))
    held, shown = UUID(owner.upload(picture())["id"]), UUID(owner.upload(picture())["id"])
    seers = {
        "owner": Actor("member", owner.id),
        "other": Actor("member", other.id),
        "reviewer": Actor("staff", new_id(), permissions=frozenset(("media.review",))),
        "clerk": Actor("staff", new_id()),
        "nobody": Actor("nobody"),
        "system": album.actor,
    }
    with album.transaction():
        seen = {
            name: [one.view is not None for one in media.views(album.acting(actor), [held, shown, new_id()])]
            for name, actor in seers.items()
        }
    assert seen == {
        "owner": [True, True], "other": [False, True], "reviewer": [True, True], "clerk": [False, True],
        "nobody": [False, True], "system": [False, True],
    }  # fmt: skip


def test_letting_go_tells_what_is_shown_nowhere_any_more(judge: Any, mine: Uploader, album: Context) -> None:
    first, second = (UUID(mine.upload(picture())["id"]) for _ in range(2))
    with album.transaction():
        media.attach(album, [first, second], ref="a", member=mine.id)
        media.attach(album, [second], ref="b", member=mine.id)
        assert media.detach(album.for_plugin("diary"), ref="a") == []
        assert media.detach(album, ref="a") == [first]
        assert media.detach(album, ref="a") == []
        assert media.remove(album, [first, new_id()]) == 1
        assert media.detach(album, ref="b") == [second]
    mine.drain()
    assert mine.read(str(first))["state"] == "deleted"
    assert mine.read(str(second))["state"] == "approved"


def test_a_deleted_item_is_shown_nowhere(judge: Any, mine: Uploader, album: Context) -> None:
    item = mine.upload(picture())["id"]
    with album.transaction():
        media.attach(album, [UUID(item)], ref="a", member=mine.id)
    mine.api.delete(f"/v1/media/items/{item}", token=mine.token)
    with album.transaction():
        assert media.attached(album, ["a"]) == {"a": []}
        assert media.views(album, [UUID(item)])[0].view is None
