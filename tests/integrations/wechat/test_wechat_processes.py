"""Ten real processes, one access token: fetched once, and once again when it ends between two calls."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any  # JSON

import pytest

from core.contract.context import Context
from core.tenants import save_settings
from integrations.wechat.fake import APPID, SECRET, Failure, Running, WechatFake, serve

PROGRAM = Path(__file__).with_name("token_processes.py")
ROOT = Path(__file__).parents[3]
PROCESSES = 10


@pytest.fixture
def real_time(brand: Context) -> Any:
    """Serve a fake by the machine's clock, which the processes go by, and point the brand at it."""
    with serve(fake=WechatFake()) as running:
        save_settings(brand, "wechat", {"appid": APPID, "secret": SECRET, "base_url": running.url})
        yield running


def two_calls_each(wechat: Running[WechatFake], database_url: str, folder: Path, *options: str) -> list[list[str]]:
    """Let each process make a call, end the token, and let each make another; return what all were told."""
    wechat.fake.fail(Failure(api="stable_token", delay=0.3, times=1000))  # so that all ask while one fetches
    command = [sys.executable, str(PROGRAM), database_url, str(folder), str(PROCESSES), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert _line(process.stdout) == "ready"
        wechat.fake.expire_tokens()
        process.stdin.write("go\n")
        process.stdin.flush()
        told: list[list[str]] = json.loads(_line(process.stdout))
    assert process.returncode == 0
    return told


def _line(said: Any) -> str:
    """Return the next line that is ours: logs go to the same place."""
    for line in said:
        if line.startswith(("ready", "[[")):
            return str(line).strip()
    raise AssertionError("the processes ended early")


def test_a_token_that_ends_between_two_calls_of_ten_processes_is_fetched_once_by_one_of_them(
    real_time: Running[WechatFake], database_url: str, tmp_path: Path
) -> None:
    told = two_calls_each(real_time, database_url, tmp_path)
    numbers = sorted(number for calls in told for number in calls)
    assert numbers == sorted(f"1380000{turn}{n:03d}" for turn in range(2) for n in range(PROCESSES))
    fetches = real_time.fake.calls("stable_token")
    assert len(fetches) == 2, "one at first, one when it had ended"
    assert all("force_refresh" not in str(fetch["body"]) for fetch in fetches)
    refused = [call for call in real_time.fake.calls("phone_number") if call["answer"]["errcode"] == 42001]  # type: ignore[index,call-overload]  # JSON
    assert 1 <= len(refused) <= PROCESSES, "each noticed at most once, and tried once more"


def test_without_the_lease_the_processes_fetch_more(
    real_time: Running[WechatFake], database_url: str, tmp_path: Path
) -> None:
    two_calls_each(real_time, database_url, tmp_path, "no-lease")
    assert len(real_time.fake.calls("stable_token")) > 2
