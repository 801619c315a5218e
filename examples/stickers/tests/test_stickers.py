"""The stickers plugin as its users meet it."""

import pytest
from roost_stickers import service
from roost_stickers.models import StickersOwned
from roost_stickers.schemas import DesignForm

from roost import LevelUp, NotFound, members, rewards


@pytest.fixture
def star(tenant, enable_plugin):
    enable_plugin("stickers", for_level_up="star")
    with tenant.transaction():
        service.create_design(tenant, DesignForm(code="star", title="Star"))


def owned(ctx, someone):
    return StickersOwned.scoped(ctx).select().where(StickersOwned.member == someone.id).count()


def test_conforms(assert_plugin_conforms):
    assert_plugin_conforms("stickers")


def test_a_level_up_gives_the_sticker_that_the_brand_chose_once(star, tenant, member, drain, api):
    someone = member()
    with tenant.transaction():
        tenant.publish(LevelUp(member=someone.id, old="bronze", new="silver", passed=("silver",)))
    drain()
    mine = api.get("/v1/stickers", token=api.as_member(someone)).json["items"]
    assert [s["design"] for s in mine] == ["star"]


def test_a_member_wears_one_sticker_at_a_time(star, tenant, member, api):
    someone = member()
    with tenant.transaction():
        first, second = (service.give(tenant, someone.id, "star", key) for key in ("a", "b"))
    token = api.as_member(someone)
    api.post(f"/v1/stickers/{first}/wear", token=token)
    api.post(f"/v1/stickers/{second}/wear", token=token)
    worn = {s["id"]: s["worn"] for s in api.get("/v1/stickers", token=token).json["items"]}
    assert worn == {str(first): False, str(second): True}


def test_nobody_wears_another_members_sticker(star, tenant, member, api):
    owner, thief = member(), member()
    with tenant.transaction():
        sticker = service.give(tenant, owner.id, "star", "a")
    reply = api.post(f"/v1/stickers/{sticker}/wear", token=api.as_member(thief))
    assert reply.status_code == 404


def test_any_rule_can_give_a_sticker_and_take_it_back(star, tenant, member):
    someone = member()
    with tenant.transaction():
        spec = rewards.RewardSpec(kind="sticker", spec={"design": "star"})
        grant = rewards.give(tenant, someone.id, [spec], key="welcome", reason="welcome")
        assert owned(tenant, someone) == 1
        rewards.revoke(tenant, grant.id, reason="mistake")
        assert owned(tenant, someone) == 0


def test_a_merged_member_wears_one_and_takes_all_away_until_they_leave(star, tenant, member, api):
    someone, double = member(), member()
    for owner, key in ((someone, "a"), (double, "b")):
        with tenant.transaction():
            sticker = service.give(tenant, owner.id, "star", key)
        api.post(f"/v1/stickers/{sticker}/wear", token=api.as_member(owner))
    with tenant.transaction():
        members.merge(tenant, someone.id, double.id, "one person")
        kept = members.export(tenant, someone.id)["plugins"]["stickers"]["stickers"]
        assert kept == [{"design": "star", "worn": True}, {"design": "star", "worn": False}]
        members.erase(tenant, someone.id, "asked for it")
        assert StickersOwned.scoped(tenant).select().count() == 0


def test_an_unknown_design_is_refused_by_name(star, tenant, member):
    someone = member()
    with tenant.transaction(), pytest.raises(NotFound, match="moon"):
        service.give(tenant, someone.id, "moon", "a")


def test_staff_give_a_sticker_in_the_console_api(star, tenant, member, api):
    someone = member()
    staff = api.as_staff("stickers.view", "stickers.edit")
    design = api.get("/admin/v1/stickers/designs", token=staff).json["items"][0]["id"]
    reply = api.post(f"/admin/v1/stickers/designs/{design}/give", token=staff, json={"member": str(someone.id)})
    assert reply.status_code < 300, reply.text
    assert owned(tenant, someone) == 1
