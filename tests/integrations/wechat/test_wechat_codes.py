"""Mini-program codes: drawn once, with a scene that leads back."""

from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core import identity
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict, Invalid, RoostError
from hosts.testkit.plugin import Api
from integrations import wechat as face
from integrations.wechat import codes
from integrations.wechat.codes import CodeAsked
from integrations.wechat.fake import Failure, Running, WechatFake
from integrations.wechat.models import WechatCode
from roost import members

CODES = "/admin/v1/wechat/codes"
DAY = 86_400


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def staff(api: Api) -> str:
    return api.as_staff("wechat.view", "wechat.edit")


class TestForPlugins:
    def test_a_signed_token_fits_and_the_picture_is_drawn_within_the_call(
        self, brand: Context, run_steps: Callable[..., Any], fake: WechatFake, member: Callable[..., Any]
    ) -> None:
        someone = member()
        scene = identity.sign_token(brand, "invite", {"member": someone.id}, ttl=30 * DAY)
        view = run_steps(face.code_steps, CodeAsked(f"invite:{someone.id}", scene, "pages/join", someone.id))
        assert (view.state, view.image[:4]) == ("ready", b"\x89PNG")
        body: Any = fake.calls("mini_code")[0]["body"]
        assert (body["scene"], body["page"], body["env_version"]) == (scene, "pages/join", "release")
        assert identity.read_token(brand, "invite", body["scene"]) == {"member": someone.id}

    def test_the_same_key_is_drawn_once_and_gives_the_same_picture(
        self, brand: Context, run_steps: Callable[..., Any], fake: WechatFake
    ) -> None:
        asked = CodeAsked("door", "v=1")
        assert run_steps(face.code_steps, asked) == run_steps(face.code_steps, asked)
        assert len(fake.calls("mini_code")) == 1
        with pytest.raises(Conflict):
            run_steps(face.code_steps, CodeAsked("door", "v=2"))

    def test_two_plugins_keys_are_apart(self, brand: Context, run_steps: Callable[..., Any]) -> None:
        for slug, scene in (("referrals", "a"), ("checkin", "b")):
            run_steps(face.code_steps, CodeAsked("main", scene), brand.for_plugin(slug))
        found = [face.code_image(brand.for_plugin(slug), "main") for slug in ("referrals", "checkin", "gifts")]
        assert [view.scene if view else None for view in found] == ["a", "b", None]

    def test_a_requested_code_is_drawn_by_a_job(
        self, brand: Context, drain: Callable[[], int], fake: WechatFake
    ) -> None:
        for _ in range(2):
            with brand.transaction():
                assert face.request_code(brand, CodeAsked("door", "v=1")).state == "pending"
        drain()
        view = face.code_image(brand, "door")
        assert view is not None
        assert (view.state, bool(view.image)) == ("ready", True)
        assert len(fake.calls("mini_code")) == 1

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            (CodeAsked("k", ""), "scene"),
            (CodeAsked("k", "x" * 33), "scene"),
            (CodeAsked("k", "含中文"), "scene"),
            (CodeAsked("k", "a b"), "scene"),
            (CodeAsked("k", "a%20"), "scene"),
            (CodeAsked("k", "a", "/pages/x"), "page"),
            (CodeAsked("k", "a", "pages/x?y=1"), "page"),
            (CodeAsked("k", "a", width=100), "width"),
            (CodeAsked("", "a"), "key"),
        ],
    )
    def test_what_wechat_would_not_draw_is_refused_by_name(
        self, brand: Context, fake: WechatFake, asked: CodeAsked, field: str
    ) -> None:
        with pytest.raises(Invalid) as refused, brand.transaction():
            face.request_code(brand, asked)
        assert refused.value.fields[0]["path"] == f"body.{field}"

    def test_every_character_that_is_allowed_is(self, run_steps: Callable[..., Any]) -> None:
        for number, scene in enumerate(
            ("0123456789abcdefghijklmnopqrstuv", "wxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "!#$&'()*+,/:;=?@-._~")
        ):
            assert run_steps(face.code_steps, CodeAsked(f"k{number}", scene)).state == "ready"

    @pytest.mark.parametrize(
        ("errcode", "status", "code"),
        [
            (40097, 422, "invalid_argument"),
            (40129, 422, "invalid_scene"),
            (40169, 422, "invalid_scene"),
            (41030, 422, "invalid_page"),
            (85096, 422, "invalid_page"),
            (45009, 429, "wechat_too_often"),
            (-1, 503, "wechat_unavailable"),
        ],
    )
    def test_each_refusal_has_its_status_and_code(
        self, run_steps: Callable[..., Any], fake: WechatFake, errcode: int, status: int, code: str
    ) -> None:
        fake.fail(Failure(api="mini_code", errcode=errcode))
        with pytest.raises(RoostError) as refused:
            run_steps(face.code_steps, CodeAsked("k", "a"))
        assert (refused.value.status, refused.value.code) == (status, code)
        assert run_steps(face.code_steps, CodeAsked("k", "a")).state == "ready", "the next try draws it"

    def test_a_token_that_ended_is_replaced_for_pictures_too(
        self, run_steps: Callable[..., Any], fake: WechatFake
    ) -> None:
        run_steps(face.code_steps, CodeAsked("k1", "a"))
        fake.expire_tokens()
        assert run_steps(face.code_steps, CodeAsked("k2", "a")).state == "ready"
        assert len(fake.calls("stable_token")) == 2

    @pytest.mark.parametrize("body", ["<html>", '{"errcode":0}', "[]"])
    def test_an_answer_that_is_no_picture_is_not_kept_as_one(
        self, brand: Context, run_steps: Callable[..., Any], fake: WechatFake, body: str
    ) -> None:
        fake.fail(Failure(api="mini_code", body=body))
        with pytest.raises(RoostError):
            run_steps(face.code_steps, CodeAsked("k", "a"))
        assert WechatCode.scoped(brand).get().image is None


class TestForStaff:
    def test_staff_ask_for_a_code_and_fetch_its_picture(
        self, brand: Context, api: Api, staff: str, drain: Callable[[], int]
    ) -> None:
        made = api.post(CODES, token=staff, json={"key": "前台", "scene": "desk=1", "page": "pages/in"})
        assert (made.status_code, made.json["state"]) == (201, "pending")
        path = f"{CODES}/{made.json['id']}/image"
        assert api.get(path, token=staff).status_code == 404
        drain()
        picture = api.get(path, token=staff)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        assert picture.content[:4] == b"\x89PNG"
        assert api.get(path, token=api.as_staff("members.view")).status_code == 403

    def test_a_page_shows_the_pictures_to_print(
        self, brand: Context, api: Api, staff: str, drain: Callable[[], int]
    ) -> None:
        for n in range(2):
            api.post(CODES, token=staff, json={"key": f"desk {n}", "scene": f"d={n}"})
        drain()
        shown = codes.gallery(brand, {})
        assert [one["key"] for one in shown["codes"]] == ["desk 1", "desk 0"]
        assert all(one["source"].startswith("data:image/png;base64,") for one in shown["codes"])

    def test_what_wechat_refuses_is_failed_says_why_and_can_be_tried_again(
        self, brand: Context, api: Api, staff: str, drain: Callable[[], int], fake: WechatFake
    ) -> None:
        fake.fail(Failure(api="mini_code", errcode=41030))
        made = api.post(CODES, token=staff, json={"key": "k", "scene": "a"}).json
        drain()
        row = api.get(f"{CODES}/{made['id']}", token=staff).json
        assert row["state"] == "failed"
        assert "41030" in row["error"]
        assert api.post(f"{CODES}/{made['id']}/retry", token=staff).status_code == 200
        drain()
        assert api.get(f"{CODES}/{made['id']}", token=staff).json["state"] == "ready"
        assert api.post(f"{CODES}/{made['id']}/retry", token=staff).status_code == 409

    def test_trouble_that_passes_is_waited_out(
        self, brand: Context, api: Api, staff: str, drain: Callable[[], int], fake: WechatFake, clock: ManualClock
    ) -> None:
        fake.fail(Failure(api="mini_code", status=502, times=3))
        made = api.post(CODES, token=staff, json={"key": "k", "scene": "a"}).json
        for _ in range(4):
            drain()
            clock.advance(minutes=5)
        assert api.get(f"{CODES}/{made['id']}", token=staff).json["state"] == "ready"
        assert len(fake.calls("mini_code")) == 4

    def test_the_version_it_opens_is_the_settings(
        self, api: Api, staff: str, drain: Callable[[], int], fake: WechatFake, change: Callable[..., None]
    ) -> None:
        change(program_state="trial")
        api.post(CODES, token=staff, json={"key": "k", "scene": "a"})
        drain()
        body: Any = fake.calls("mini_code")[0]["body"]
        assert body["env_version"] == "trial"


def test_a_code_that_leads_to_a_member_is_forgotten_with_them(
    brand: Context, run_steps: Callable[..., Any], member: Callable[..., Any]
) -> None:
    gone, stays = member(), member()
    for number, owner in enumerate((gone, stays)):
        run_steps(face.code_steps, CodeAsked(f"k{number}", "a", member=owner.id))
    with brand.transaction():
        members.erase(brand, gone.id, "asked")
    owners: list[UUID] = [row.member for row in WechatCode.scoped(brand).select()]
    assert owners == [stays.id]
