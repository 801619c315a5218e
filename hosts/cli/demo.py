"""`roost demo`: a whole deployment on this machine, and the story of a new member played through it over HTTP.

REST with the console, a worker, and the fakes of WeChat and the SaaS run as processes and threads of this command, on
a fresh SQLite database. The story (J1) checks its own numbers. Then all of it stays up.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import requests
import typer

from core.clock import Clock
from core.config import Settings
from core.errors import RoostError
from core.set_clock import clock_of
from hosts.cli import demo_story
from hosts.cli.session import note
from integrations.qinniao import fake as qinniao_fake
from integrations.wechat import fake as wechat_fake

START_SECONDS = 30
STOP_SECONDS = 20
# What the story needs; the other bundled plugins would only take memory of a small box.
PLUGINS = [
    "levels",
    "purchases",
    "visits",
    "gifts",
    "bulk_grants",
    "referrals",
    "orders",
    "seckill",
    "wechat",
    "qinniao",
]


class DemoFailed(RoostError):
    """A step of the story did not come out as it should."""

    code = "demo_failed"


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story, check its numbers, and exit.")] = False,
    port: Annotated[int, typer.Option(help="The port of the API and the console; 0: any that is free.")] = 0,
) -> None:
    """Play the new-member journey on a fresh deployment; then stay up, until ctrl-C."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop by a supervisor: its processes stop too
    folder = Path("var") / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = port or (8000 if _is_free(8000) else _free_port())
    with ExitStack() as stack:
        environment = _environment(folder, port)
        clock = _clock(folder)
        wechat = stack.enter_context(wechat_fake.serve(fake=wechat_fake.WechatFake(clock=clock.now)))
        qinniao = stack.enter_context(qinniao_fake.serve(fake=qinniao_fake.QinniaoFake(clock=clock.now)))
        base = f"http://127.0.0.1:{port}"
        _run(environment, "hosts.cli.demo_brand", wechat.url, qinniao.url)
        processes = [stack.enter_context(_child(environment, folder, verb)) for verb in ("serve", "worker")]
        _wait_until_ready(base, processes, folder)
        started = time.monotonic()
        print(f"启动 started in {started - began:.1f} s: {base}  (logs: {folder})\n")
        story = demo_story.Story(base, wechat.url, qinniao.url, clock=clock)
        try:
            story.play()
        except (demo_story.Unexpected, requests.RequestException) as ex:
            raise DemoFailed(f"{ex}; the processes' logs are in {folder}") from None
        now = time.monotonic()
        megabytes = sum(_pss(pid) for pid in (os.getpid(), *_family([p.pid for p in processes]))) / 1024
        print(f"\n故事 story in {now - started:.1f} s, all in {now - began:.1f} s, {megabytes:.0f} MB (sum of PSS)")
        if once:
            return
        _say_where(story)
        try:
            while all(p.poll() is None for p in processes):
                time.sleep(0.5)
        except KeyboardInterrupt:
            note("stopping")
            return
        raise DemoFailed(f"a process ended by itself; its log is in {folder}")


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment of a deployment that has nothing to do with one that may be set here."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    listed = folder / "plugins.toml"
    listed.write_text(f"load = {json.dumps(PLUGINS)}\nstart = {json.dumps(PLUGINS)}\n", "utf-8")
    return clean | {
        "ROOST_DATABASE_URL": f"sqlite:///{(folder / 'roost.db').resolve()}",
        "ROOST_VAR": str(folder.resolve()),
        "ROOST_PORT": str(port),
        "ROOST_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ROOST_EGRESS_ALLOW": "127.0.0.1/32",  # where the fakes are
        "ROOST_SWEEP_SECONDS": "0.5",
        "ROOST_THREADS": "2",  # one person's story
        "MALLOC_ARENA_MAX": "1",  # glibc keeps memory for each thread else
        "MALLOC_TRIM_THRESHOLD_": "65536",  # and what was freed of it, such as start-up used
        **{name: os.environ[name] for name in ("ROOST_CLOCK",) if name in os.environ},
        "ROOST_PLUGINS_FILE": os.environ.get("ROOST_PLUGINS_FILE", str(listed.resolve())),
        **_keys(),
    }


def _clock(folder: Path) -> Clock:
    """Return the clock of the story and the fakes: the deployment's, as it stands in `folder` once it was set."""
    return clock_of(Settings().model_copy(update={"var": folder}), lambda: False)


def _keys() -> dict[str, str]:
    from core.privacy import new_key

    return {
        "ROOST_ENCRYPTION_KEYS": f"1:{new_key()}",
        "ROOST_INDEX_KEYS": f"1:{new_key()}",
        "ROOST_TOKEN_KEY": new_key(),
    }


def _run(environment: dict[str, str], module: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoFailed(f"the demonstration brand could not be made: {(done.stderr or done.stdout).strip()[-600:]}")


@contextmanager
def _child(environment: dict[str, str], folder: Path, verb: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a host as a process of its own until the end of the block."""
    with (folder / f"{verb}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hosts.cli", verb], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(base: str, processes: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(p.poll() is not None for p in processes):
            raise DemoFailed(f"a process ended as it started; its log is in {folder}")
        try:
            if requests.get(f"{base}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise DemoFailed(f"the API did not answer within {START_SECONDS} s; its log is in {folder}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _family(pids: list[int]) -> list[int]:
    """Return processes with all their descendants."""
    import psutil

    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            found += [pid, *(child.pid for child in process.children(recursive=True))]
        except psutil.NoSuchProcess:
            continue
    return found


def _pss(pid: int) -> int:
    """Return the kilobytes that a process holds, shared pages counted in proportion; 0 where the system cannot say."""
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open() as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def _say_where(story: demo_story.Story) -> None:
    print(
        f"""
接口 API       {story.base}/docs
控制台 console {story.base}/console   brand {demo_story.BRAND}, user {demo_story.STAFF}, password {demo_story.PASSWORD}
会员令牌 member token
  {story.alice.token}
试一试 try
  curl -s {story.base}/v1/me -H 'Authorization: Bearer {story.alice.token}'

ctrl-C stops."""
    )
