"""The tutorial's code is run: a page that no longer works fails here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.cli.scaffold import write_plugin

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n# (\S+\.py)\b[^\n]*\n(.*?)```", re.DOTALL)


def as_installed(root: Path, slug: str) -> None:
    """Make Python's metadata see the plugin's entry point, as an installation would."""
    info = root / f"roost_{slug}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: roost-{slug}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[roost.plugins]\n{slug} = roost_{slug}\n")


def own_tests(root: Path, slug: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin's own tests in a process of their own."""
    as_installed(root, slug)
    environment = {**os.environ, "PYTHONPATH": f"{root}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(root), str(root / "tests")],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["cheers", "race_cup"])
def test_a_new_plugin_passes_its_own_tests_as_it_was_written(name, tmp_path):
    write_plugin(name, tmp_path)
    done = own_tests(tmp_path / f"roost-{name}", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def tutorial(folder: Path) -> Path:
    """Write the plugin of the tutorial, as a reader of it would; return its folder."""
    write_plugin("cheers", folder)
    blocks = BLOCK.findall((ROOT / "docs" / "plugins.md").read_text("utf-8"))
    assert len(blocks) == 8
    for name, code in blocks:
        (folder / "roost-cheers" / name).write_text(code, encoding="utf-8")
    return folder / "roost-cheers"


def test_the_tutorial_works_from_its_first_line_to_its_last(tmp_path):
    done = own_tests(tutorial(tmp_path), "cheers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout  # one test, on two databases


# What a reader does not see: the tutorial's plugin does what its text says.
MORE = '''
import threading
from collections import Counter
from contextlib import suppress

import pytest

from roost import Actor, Conflict, connection, members, points, rewards, tenants
from roost_cheers import service
from roost_cheers.models import CheersCheer
from roost_cheers.schemas import NewCheer

CALLS, A_DAY = 8, 2


@pytest.fixture(autouse=True)
def _on(enable_plugin):
    enable_plugin("cheers", a_day=A_DAY)


@pytest.fixture
def cheer(api):
    def send(giver, friend, key="k1"):
        body = {"member": str(friend.id), "words": "Go!"}
        return api.post("/v1/cheers/cheers", token=api.as_member(giver), key=key, json=body)

    return send


def race(tenant, giver, friend, monkeypatch):
    """Cheer in threads that meet between count and create, or go on alone once the others are seen to be kept out."""
    ctx = tenant.for_plugin("cheers").acting(Actor("member", giver))
    meeting, results = threading.Barrier(CALLS), [None] * CALLS

    class Watched(type(CheersCheer.scoped(ctx))):
        def create(self, **values):
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=2)
            return super().create(**values)

    monkeypatch.setattr(CheersCheer, "scoped", classmethod(lambda cls, ctx: Watched(cls, ctx.scope)))

    def run(n):
        with connection():
            try:
                results[n] = ctx.run(lambda: service.cheer(ctx, NewCheer(member=friend, words=f"Go {n}!")))
            except Exception as ex:
                results[n] = ex

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CALLS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(type(one) for one in results)


def test_the_limit_holds_for_eight_calls_at_once(tenant, member, monkeypatch):
    giver, friend = member(), member()
    assert race(tenant, giver.id, friend.id, monkeypatch) == {CheersCheer: A_DAY, Conflict: CALLS - A_DAY}
    assert points.balance(tenant, friend.id).available == 5 * A_DAY


@pytest.mark.engines("postgresql")  # SQLite has one writer: its transactions wait for each other from their beginning
def test_without_the_lock_the_same_calls_all_pass(tenant, member, monkeypatch):
    giver, friend = member(), member()
    get = members.get
    monkeypatch.setattr(members, "get", lambda ctx, member, lock=False: get(ctx, member))
    assert race(tenant, giver.id, friend.id, monkeypatch) == {CheersCheer: CALLS}


def test_nobody_cheers_for_themselves(member, cheer):
    someone = member()
    assert cheer(someone, someone).status_code == 422


def test_the_night_deletes_what_is_old_and_says_so(tenant, member, cheer, api, clock, tick):
    giver, friend = member(), member()
    cheer(giver, friend)
    tick()
    clock.advance(days=200)
    tick()
    mine = lambda: len(api.get("/v1/cheers/cheers", token=api.as_member(friend)).json["items"])
    assert mine() == 1
    clock.advance(days=200)
    tick()
    assert mine() == 0
    audit = api.get("/admin/v1/audit?limit=50", token=api.as_staff("audit.view")).json["items"]
    assert "cheers.cleaned" in {row["action"] for row in audit}


def test_a_venue_sees_its_own(tenant, member, cheer, api):
    with tenant.transaction():
        here, there = (tenants.add_venue(tenant, code, code) for code in ("north", "south"))
    cheer(member(), member(venue=here.id))
    tokens = [api.as_staff("cheers.view", venues=(venue.id,)) for venue in (here, there)]
    assert [len(api.get("/admin/v1/cheers/cheers", token=token).json["items"]) for token in tokens] == [1, 0]


def test_a_rule_may_ask_how_often_a_member_was_cheered_for(tenant, member, cheer):
    giver, friend = member(), member()
    cheer(giver, friend)
    asked = lambda least: [rewards.ConditionSpec(kind="cheered", spec={"least": least})]
    with tenant.transaction():
        assert rewards.ask(tenant, asked(1), friend.id)[0] == ""
        assert rewards.ask(tenant, asked(2), friend.id)[0] == "cheered"


def test_a_member_is_told(enable_plugin, tenant, member, cheer, api, drain):
    enable_plugin("notify")
    giver, friend = member(), member()
    cheer(giver, friend)
    drain()
    (message,) = api.get("/v1/notify/messages", token=api.as_member(friend)).json["items"]
    assert "5 积分" in message["text"]


def test_settings_are_put_over_rest(api):
    path, token = "/admin/v1/plugins/cheers/settings", api.as_staff("plugins.view", "plugins.edit")
    assert api.put(path, token=token, json={"values": {"points": 7, "a_day": 2}}).status_code == 200
    values = api.get(path, token=token).json["values"]
    assert values == {"points": 7, "a_day": 2, "keep_days": 365}


def test_rows_go_with_their_members(tenant, member, cheer):
    giver, friend, twin = member(), member(), member()
    cheer(giver, friend)
    with tenant.transaction():
        assert [row["words"] for row in members.export(tenant, friend.id)["plugins"]["cheers"]["got"]] == ["Go!"]
        members.erase(tenant, giver.id, reason="asked")
    assert CheersCheer.scoped(tenant).select().count() == 0
'''


def test_the_tutorials_plugin_does_what_its_text_says_and_its_limit_holds_in_a_race(tmp_path):
    root = tutorial(tmp_path)
    (root / "tests" / "test_more.py").write_text(MORE, encoding="utf-8")
    done = own_tests(root, "cheers")
    assert done.returncode == 0, done.stdout + done.stderr
