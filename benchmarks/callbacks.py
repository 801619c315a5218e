"""Callbacks of WeChat Pay: how many a second are verified, stored and answered; and that each is settled once.

The signatures are real, and so is the settlement: a till claims every payment and credits points for it with a key of
the moment, so that a payment that is told twice is credited twice.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from benchmarks import load
from benchmarks.deployment import Brand, environment, make_brand, serving
from core import boot, db, members, points, tenants
from core.clock import ManualClock, SystemClock
from core.config import Settings
from core.contract.context import Context
from core.events import jobs, schedules
from core.registry.registry import PluginsFile
from integrations.wechat_pay import payments, reconcile
from integrations.wechat_pay.fake import APPID, MCHID, WechatPayFake, serve
from integrations.wechat_pay.fake_books import Item, Notification, Pay
from integrations.wechat_pay.models import WechatPayTrade
from roost import Charge

TILL = "benchtill"
FEN = 100
PATH = "/callbacks/wechat_pay/bench"
SETTLED_SECONDS = 600
MANIFEST = f"""slug = "{TILL}"
name = {{ zh = "{TILL}", en = "{TILL}" }}
summary = {{ zh = "{TILL}", en = "{TILL}" }}
version = "1.0.0"
api = "1"
"""
HOOKS = '''"""Claims every payment; its number is the payer's id."""

from uuid import UUID

from roost import Context, Settlement, hookimpl, new_id, points


@hookimpl
def payment_settled(ctx: Context, settlement: Settlement) -> bool | None:
    """Credit the payer, as often as a payment is told."""
    if settlement.kind != "paid":
        return None
    points.credit(ctx, UUID(settlement.charge), "points", settlement.amount, key=str(new_id()), reason="paid")
    return True
'''


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run found."""

    rate: float  # accepted callbacks a second
    p99: float  # milliseconds
    deliveries: int
    distinct: int
    doubled: int  # credited more than once
    missing: int  # not credited
    rounds: int  # of the reconciliation, until a payment was found whose callback was lost; 0: not in ten


def measure(settings: Settings, place: Path, *, callbacks: int, distinct: int, each: int, connections: int) -> Measured:
    """Measure acceptance with `callbacks` callbacks, and settle `distinct` ones that come `each` times, shuffled."""
    listed = _write(place, settings)
    wanted = PluginsFile(load=("wechat", "wechat_pay", TILL), start=())
    sys.path.insert(0, str(place))
    try:
        brand = make_brand(
            settings, count=callbacks + distinct, tokens=0, plugins=["wechat", "wechat_pay", TILL], load=wanted
        )
        clock = ManualClock(SystemClock().now())
        runtime = boot.start(settings, clock=clock, plugins=wanted, strict=True)
    finally:
        sys.path.remove(str(place))
    ctx = runtime.system(brand.ctx.tenant, "bench")
    fake = WechatPayFake()
    with ctx.transaction():
        tenants.save_settings(ctx, "wechat", {"appid": APPID})
        tenants.save_settings(ctx, "wechat_pay", fake.settings("http://127.0.0.1:9"))
    _charge(ctx, brand)
    first, second = brand.members[:callbacks], brand.members[callbacks:]
    with serving(settings, paths=(place,), ROOST_PLUGINS_FILE=str(listed)) as (port, _):
        accepted = load.run(("127.0.0.1", port), _posts(fake, first), connections=connections, warm_up=callbacks // 10)
        _check(accepted)
        storm = _posts(fake, second) * each
        random.Random(7).shuffle(storm)
        with _worker(settings, place, listed):
            _check(load.run(("127.0.0.1", port), storm, connections=connections))
            _wait_settled()
    credited = [points.balance(ctx, member).available for member in second]
    rounds = _lost_callback(ctx, clock)
    db.close_database()
    return Measured(
        rate=accepted.rate,
        p99=accepted.percentile(0.99),
        deliveries=len(storm),
        distinct=distinct,
        doubled=sum(held > FEN for held in credited),
        missing=sum(held < FEN for held in credited),
        rounds=rounds,
    )


def _write(place: Path, settings: Settings) -> Path:
    """Write the till as a third party would; return the file that says what is loaded."""
    info, package = place / "roost_bench_till-1.0.dist-info", place / f"roost_{TILL}"
    info.mkdir(parents=True)
    package.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: roost-bench-till\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[roost.plugins]\n{TILL} = roost_{TILL}\n")
    (package / "__init__.py").write_text("")
    (package / "plugin.toml").write_text(MANIFEST)
    (package / "hooks.py").write_text(HOOKS)
    listed = settings.var / "plugins.toml"
    listed.write_text(f'load = ["wechat", "wechat_pay", "{TILL}"]\nstart = []\n')
    return listed


def _charge(ctx: Context, brand: Brand) -> None:
    """Keep a charge for every member, under their id."""
    now = ctx.now()
    with ctx.transaction():
        for start in range(0, len(brand.members), 500):
            rows = [
                {
                    "number": member.hex, "member": member, "amount": FEN, "title": "bench", "appid": APPID,
                    "mchid": MCHID, "state": "open", "expires_at": now + timedelta(hours=2), "created_at": now,
                    "changed_at": now,
                }
                for member in brand.members[start : start + 500]
            ]  # fmt: skip
            WechatPayTrade.scoped(ctx).insert_many(rows).execute()


def _posts(fake: WechatPayFake, payers: Sequence[UUID]) -> list[bytes]:
    """Return one signed callback for each payer's charge, ready to be sent."""
    posts = []
    for member in payers:
        plain: Item = {
            "appid": APPID, "mchid": MCHID, "out_trade_no": member.hex, "transaction_id": f"42{member.int % 10**24}",
            "trade_state": "SUCCESS", "trade_type": "JSAPI", "attach": "bench", "payer": {"openid": member.hex},
            "amount": {"total": FEN, "payer_total": FEN, "currency": "CNY", "payer_currency": "CNY"},
        }  # fmt: skip
        headers, body = fake.post_of(Notification(f"n-{member.hex}", "", "TRANSACTION.SUCCESS", "transaction", plain))
        del headers["Content-Type"]
        posts.append(load.request("POST", PATH, headers, body))
    return posts


def _check(result: load.Result) -> None:
    """Refuse a figure made of refusals."""
    wrong = {status: n for status, n in result.statuses.items() if status != 204}
    if wrong:
        raise RuntimeError(f"callbacks were not taken: {wrong}")


@contextmanager
def _worker(settings: Settings, place: Path, listed: Path) -> Iterator[None]:
    """Run a worker beside what is measured: it settles while deliveries still come."""
    with (settings.var / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "hosts.cli", "worker", "--threads", "4"],
            env=environment(settings, place, ROOST_PLUGINS_FILE=str(listed)),
            cwd=settings.var,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


def _wait_settled() -> None:
    """Wait until every stored callback is processed."""
    waiting = db.Sql("SELECT count(*) FROM wechat_pay_push WHERE state = 'received'")
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        row = db.fetch_one(db.EVERY_TENANT, waiting)
        if row is not None and row[0] == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"the worker did not settle every callback within {SETTLED_SECONDS} s")


def _lost_callback(ctx: Context, clock: ManualClock) -> int:
    """Pay a charge whose callback never comes; return after how many rounds the reconciliation has found it."""
    clock.set(SystemClock().now())
    with serve(fake=WechatPayFake(clock=clock.now)) as pay:
        with ctx.transaction():
            tenants.save_settings(ctx, "wechat_pay", pay.fake.settings(pay.url))
            payer, _ = members.register(ctx, channel="bench")
            members.link_identity(ctx, payer.id, f"wechat:{APPID}", "oBench")
        now = ctx.services.system(tenants.by_id(ctx.tenant.id), "bench")
        charge = Charge(payer.id.hex, payer.id, FEN, "bench", clock.now() + timedelta(hours=2))
        prepared = now.run(lambda: payments.METHOD.pay.prepare(now, charge))
        answer = payments.METHOD.pay.call(prepared)
        now.run(lambda: payments.METHOD.pay.complete(now, prepared, answer))
        schedules.fire_due(now.services)
        jobs.drain(now.services)
        pay.fake.pay(Pay(number=charge.number, lost=True))
        for passed in range(1, 11):
            clock.advance(seconds=reconcile.EVERY.total_seconds())
            schedules.fire_due(now.services)
            jobs.drain(now.services)
            if points.balance(now, payer.id).available == FEN:
                return passed
    return 0
