"""`make bench`: each figure beside its floor, in one run, with the same clients and server.

It prints what it does, and writes `benchmarks/latest.json`: `{name: {value, unit, floor, ratio, p95_ms?}}`.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import psycopg

from benchmarks import bare, callbacks, deliveries, earlier, floor, importing, load, peers, profile, subscribers
from benchmarks.deployment import Brand, make_brand, serving, settings_for
from core.config import Settings
from core.registry.registry import PluginsFile
from hosts.testkit.servers import PostgresServer

LATEST = Path(__file__).parent / "latest.json"
CLIENTS = 16
ROUNDS = 3  # of a figure and its floor in turn
MEMBERS = 10_000
WANTED = {"credit": 0.33, "credits": 2.0, "me": 0.5, "plugins": 0.8, "deliveries": 0.3}
WANTED_OVER = {
    ("credit", "earlier"): 1.6,
    ("me", "earlier"): 1.8,
    ("credit", "django"): 6.0,
    ("credit", "fastapi"): 6.0,
}
AT_ONCE = 1000  # credits of one call
MOST_MEGABYTES = 110
IMPORT_TIMES = 5.0  # the earlier build's pace, wanted of an import
IMPORT_ROUNDS = 3
FLAT = 1.15  # of the memory that a quarter of the data needs
CALLBACKS = 500  # of WeChat Pay: accepted a second, wanted
CALLBACK_MS = 1000  # their p99, at most
Measure = Callable[[], load.Result]


class Bench:
    """One run of all measures."""

    def __init__(self, folder: Path, *, quick: bool, beside: bool, profiled: bool) -> None:
        self.folder = folder
        self.profiled = profiled
        self.earlier = earlier.build(folder / "earlier") if beside else None
        self.peers = peers.build(folder / "peers") if beside else None
        self.quick = quick
        self.seconds = 2 if quick else 6
        self.requests = 2_000 if quick else 8_000
        self.facts = 1_000 if quick else 6_000
        self.results: dict[str, dict[str, Any]] = {}
        self.server = PostgresServer(durable=True)

    def fresh(self, name: str) -> Settings:
        """Return settings for a new database."""
        folder = self.folder / name
        folder.mkdir()
        return settings_for(self.server.url(self.server.create()), folder)

    def keep(
        self, name: str, value: float, unit: str, over: float, *, p95: float | None = None, ratio: float | None = None
    ) -> None:
        """Note a figure and print it beside its floor."""
        share = value / over if ratio is None else ratio
        self.results[name] = {"value": round(value, 1), "unit": unit, "floor": round(over, 1), "ratio": round(share, 3)}
        if p95 is not None:
            self.results[name]["p95_ms"] = round(p95, 1)
        wanted = WANTED.get(name)
        verdict = "" if wanted is None else f" (wanted {wanted:.2f}: {'reached' if share >= wanted else 'NOT reached'})"
        tail = f", p95 {p95:.1f} ms" if p95 is not None else ""
        print(f"{name:<11} {value:>9,.0f} {unit:<13} floor {over:>9,.0f}  ratio {share:.2f}{verdict}{tail}", flush=True)

    # --- the measures

    def beside(
        self, name: str, unit: str, ours: Measure, over: Callable[[], float], others: dict[str, Measure] | None = None,
        *, each: int = 1,
    ) -> None:  # fmt: skip
        """Measure a figure, its floor and its rivals in turn; keep the round in the middle: the machine's pace changes.

        `each` is what one request counts for.
        """
        rounds = []
        for _ in range(ROUNDS):
            result = ours()
            self.check(result)
            rivals = {}
            for rival, measure in (others or {}).items():
                theirs = measure()
                self.check(theirs)
                rivals[rival] = theirs.rate
            rounds.append((result.rate * each / (beneath := over()), result, beneath, rivals))
        _, result, beneath, _ = sorted(rounds, key=lambda one: one[0])[ROUNDS // 2]
        self.keep(name, result.rate * each, unit, beneath, p95=result.percentile(0.95))
        for rival in others or {}:
            times = sorted(one.rate * each / theirs[rival] for _, one, _, theirs in rounds)[ROUNDS // 2]
            rate = sorted(theirs[rival] for _, _, _, theirs in rounds)[ROUNDS // 2]
            self.results[name][rival] = {"value": round(rate, 1), "times": round(times, 2)}
            wanted = WANTED_OVER.get((name, rival))
            verdict = (
                "" if wanted is None else f" (wanted {wanted:.1f}: {'reached' if times >= wanted else 'NOT reached'})"
            )
            print(f"{'':<11} {times:>9.2f} times {rival}'s {rate:,.0f}{verdict}", flush=True)

    def credit(self) -> None:
        """Measure a credit over HTTP against the same writes by pgbench, an earlier build, and other frameworks."""
        settings = self.fresh("credit")
        brand = make_brand(settings, count=MEMBERS, tokens=MEMBERS)
        floor.prepare(settings.database_url)

        def beneath() -> float:
            return floor.credits(settings.database_url, settings.var, clients=CLIENTS, seconds=self.seconds)

        def ask(port: int, calls: Callable[[], Iterable[bytes]]) -> Measure:
            return lambda: load.run(("127.0.0.1", port), calls(), connections=CLIENTS, warm_up=200)

        with ExitStack() as running:
            port, _ = running.enter_context(serving(settings))
            others = {}
            if self.earlier is not None:
                then, _ = running.enter_context(earlier.serving_earlier(settings, self.earlier))
                others["earlier"] = ask(then, lambda: self.credits(brand))
            if self.peers is not None:
                for peer, address, key in running.enter_context(
                    peers.serving_peers(self.fresh("peers-data"), self.peers, accounts=MEMBERS)
                ):
                    others[peer] = ask(address, lambda key=key: peers.credits(key, self.requests // 4, MEMBERS))  # type: ignore[misc]
            self.beside("credit", "credits/s", ask(port, lambda: self.credits(brand)), beneath, others)
            self.beside("credits", "credits/s", ask_many(port, brand, self.requests), beneath, each=AT_ONCE)
        self.me(settings, brand)
        if self.profiled:
            for name, our_ms, their_ms, trips, parts in profile.measure(settings, brand, calls=3000):
                print(f"{name}: {our_ms:.3f} ms here, {their_ms:.3f} ms in PostgreSQL, {trips:.1f} round trips a call")
                print("\n".join(f"  {part}" for part in parts), flush=True)

    def credits(self, brand: Brand) -> Iterator[bytes]:
        """Yield credits of points to members in turn."""
        body = json.dumps({"asset": "points", "amount": 10, "reason": "bench"}).encode()
        for number in range(self.requests):
            headers = {"Authorization": f"Bearer {brand.key}", "Idempotency-Key": uuid.uuid4().hex}
            member = brand.members[(number * 7919) % len(brand.members)]
            yield load.request("POST", f"/admin/v1/members/{member}/points", headers, body)

    @staticmethod
    def check(result: load.Result) -> None:
        """Refuse a figure made of refusals."""
        wrong = {status: n for status, n in result.statuses.items() if status >= 300}
        if wrong:
            raise RuntimeError(f"the measured calls were refused: {wrong}")

    def me(self, settings: Settings, brand: Brand) -> None:
        """Measure `GET /v1/me` against a bare route that reads one row."""
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE bench_row (id int PRIMARY KEY, name text, balance bigint)")
            connection.execute(f"INSERT INTO bench_row SELECT n, 'Li Lei', n FROM generate_series(0, {MEMBERS}) n")
        wanted = [
            load.request("GET", "/v1/me", {"Authorization": f"Bearer {brand.tokens[(n * 7919) % MEMBERS]}"})
            for n in range(self.requests)
        ]
        rows = [load.request("GET", f"/row/{(n * 7919) % MEMBERS}", {}) for n in range(self.requests)]
        before = [
            load.request("GET", "/v1/me", {"Authorization": f"Bearer {brand.earlier_tokens[(n * 7919) % MEMBERS]}"})
            for n in range(self.requests)
        ]
        with ExitStack() as running:
            port, _ = running.enter_context(serving(settings))
            bare_port, _ = running.enter_context(serving(settings, target=f"{bare.__name__}:build"))

            def ask(where: int, asked: list[bytes]) -> load.Result:
                return load.run(("127.0.0.1", where), asked, connections=CLIENTS, warm_up=500)

            def beneath() -> float:
                result = ask(bare_port, rows)
                self.check(result)
                return result.rate

            others: dict[str, Measure] = {}
            if self.earlier is not None:
                then, _ = running.enter_context(earlier.serving_earlier(settings, self.earlier))
                others["earlier"] = lambda: ask(then, before)
            self.beside("me", "requests/s", lambda: ask(port, wanted), beneath, others)

    def plugins(self) -> None:
        """Measure the credit with 25 plugins on, eight of them subscribed to its fact, against none."""
        place = self.folder / "plugins-path"
        slugs = subscribers.write(place, count=25, subscribed=8)
        rates = []
        for on in ([], slugs):
            settings = self.fresh(f"plugins-{len(on)}")
            sys.path.insert(0, str(place))
            try:
                wanted = PluginsFile(load=tuple(slugs) if on else (), start=())
                brand = make_brand(settings, count=MEMBERS, tokens=0, plugins=on, load=wanted)
            finally:
                sys.path.remove(str(place))
            listed = settings.var / "plugins.toml"
            listed.write_text(f"load = {json.dumps(list(wanted.load))}\n")
            with serving(settings, paths=(place,), ROOST_PLUGINS_FILE=str(listed)) as (port, _):
                result = load.run(("127.0.0.1", port), self.credits(brand), connections=CLIENTS, warm_up=200)
            self.check(result)
            rates.append(result.rate)
        self.keep("plugins", rates[1], "credits/s", rates[0])

    def deliveries(self) -> None:
        """Measure deliveries of facts against Huey's own no-op tasks on the same storage."""
        place = self.folder / "deliveries-path"
        slugs = subscribers.write(place, count=1, subscribed=1)
        settings = self.fresh("deliveries")
        rate, over = deliveries.measure(settings, place, slugs[0], facts=self.facts)
        self.keep("deliveries", rate, "deliveries/s", over)

    def callbacks(self) -> None:
        """Measure callbacks of payments: accepted a second, settled once whatever the order, found when lost."""
        settings = self.fresh("callbacks")
        count, distinct, each = (1_000, 200, 5) if self.quick else (6_000, 1_000, 10)
        found = callbacks.measure(
            settings, self.folder / "callbacks-path", callbacks=count, distinct=distinct, each=each, connections=CLIENTS
        )
        share = found.rate / CALLBACKS
        self.results["callbacks"] = {
            "value": round(found.rate, 1), "unit": "callbacks/s", "floor": CALLBACKS, "ratio": round(share, 3),
            "p99_ms": round(found.p99, 1), "doubled": found.doubled, "rounds": found.rounds,
        }  # fmt: skip
        fast = "reached" if share >= 1 and found.p99 < CALLBACK_MS else "NOT reached"
        print(
            f"{'callbacks':<11} {found.rate:>9,.0f} {'callbacks/s':<13} p99 {found.p99:.1f} ms"
            f" (wanted {CALLBACKS}/s, p99 under {CALLBACK_MS} ms: {fast})"
        )
        once = "reached" if found.doubled == found.missing == 0 else "NOT reached"
        print(
            f"{'':<11} {found.deliveries:,} deliveries of {found.distinct:,}, shuffled: {found.doubled} settled twice,"
            f" {found.missing} never (wanted none: {once})"
        )
        lost = "reached" if found.rounds == 1 else "NOT reached"
        print(f"{'':<11} a lost callback found after {found.rounds} round(s) (wanted 1: {lost})", flush=True)

    def imports(self) -> None:
        """Measure an import of purchases beside an earlier build and the floor, and whether its memory is flat."""
        count, rounds = (4_000, 1) if self.quick else (70_000, IMPORT_ROUNDS)
        then = self.earlier or earlier.unpack(self.folder / "earlier")  # with our environment: only its code differs
        file, large = self.folder / "purchases.csv", self.folder / "large.csv"
        count, more = importing.write(file, count), importing.write(large, 4 * count)
        for engine in ("postgresql", "sqlite"):

            def fresh(label: str, engine: str = engine) -> Settings:
                settings = self.fresh(f"import-{engine}-{label}")
                if engine == "sqlite":
                    settings = settings_for(f"sqlite:///{settings.var}/roost.db", settings.var)
                return settings

            turns = []
            for turn in range(rounds):
                old = importing.run(fresh(f"old-{turn}"), file, then)
                here = fresh(f"new-{turn}")
                new = importing.run(here, file)
                turns.append((new.rate / old.rate, new, old, importing.floor(here, count)))
            times, new, old, beneath = sorted(turns, key=lambda one: one[0])[rounds // 2]
            grown = importing.run(fresh("large"), large)
            name = f"import-{engine}"
            self.keep(name, new.rate, "purchases/s", beneath)
            self.results[name] |= {
                "earlier": {"value": old.rate, "times": round(times, 2)},
                "processor_times": round(old.processor / new.processor, 2),
                "megabytes": [round(new.megabytes), round(grown.megabytes)],
            }
            verdict = "reached" if times >= IMPORT_TIMES else "NOT reached"
            print(
                f"{'':<11} {times:>9.2f} times the earlier build's {old.rate:,.0f} (wanted {IMPORT_TIMES}: {verdict});"
                f" {new.processor:.1f} s of processor in its process, the earlier one {old.processor:.1f} s"
            )
            flat = "reached" if grown.megabytes <= new.megabytes * FLAT else "NOT reached"
            print(
                f"{'':<11} {new.megabytes:>9,.0f} MB at most, {grown.megabytes:,.0f} MB for {more:,} purchases at"
                f" {grown.rate:,.0f}/s (wanted flat: {flat}); the earlier build {old.megabytes:,.0f} MB",
                flush=True,
            )

    def rss(self) -> None:
        """Measure the memory of one REST process after 10,000 requests, and whether it grew."""
        settings = self.fresh("rss")
        brand = make_brand(settings, count=1000, tokens=1000, plugins=self.started())
        wanted = [
            load.request("GET", "/v1/me", {"Authorization": f"Bearer {brand.tokens[n % 1000]}"}) for n in range(10_000)
        ]
        with serving(settings, workers=1) as (port, process):
            load.run(("127.0.0.1", port), wanted[:2000], connections=CLIENTS)
            worker = max(psutil.Process(process.pid).children(recursive=True), key=lambda p: p.memory_info().rss)
            early = worker.memory_info().rss / 1e6
            load.run(("127.0.0.1", port), wanted, connections=CLIENTS)
            late = worker.memory_info().rss / 1e6
        self.results["rss"] = {
            "value": round(late, 1), "unit": "MB", "floor": MOST_MEGABYTES, "ratio": round(late / MOST_MEGABYTES, 3),
            "growth": round(late - early, 1),
        }  # fmt: skip
        verdict = "reached" if late <= MOST_MEGABYTES and late - early < 5 else "NOT reached"
        print(
            f"{'rss':<11} {late:>9,.0f} MB after 10,000 requests; {late - early:+.1f} MB since 2,000"
            f" (wanted at most {MOST_MEGABYTES}, flat: {verdict})"
        )

    @staticmethod
    def started() -> list[str]:
        """Return what a new tenant starts with."""
        return [
            "levels",
            "purchases",
            "visits",
            "gifts",
            "referrals",
            "storage",
            "media",
            "feedback",
            "orders",
            "seckill",
        ]


def ask_many(port: int, brand: Brand, requests: int) -> Measure:
    """Return what measures calls of a thousand credits each."""

    def calls() -> Iterator[bytes]:
        for number in range(max(24, requests // 100)):
            items = [
                {"key": uuid.uuid4().hex, "member": str(member), "amount": 10, "reason": "bench"}
                for member in (
                    brand.members[(number * AT_ONCE + n) * 7919 % len(brand.members)] for n in range(AT_ONCE)
                )
            ]
            headers = {"Authorization": f"Bearer {brand.key}"}
            yield load.request("POST", "/admin/v1/points/credits", headers, json.dumps({"items": items}).encode())

    return lambda: load.run(("127.0.0.1", port), list(calls()), connections=4, warm_up=8)


def main(*, only: str = "", quick: bool = False, beside: bool = False, profiled: bool = False) -> int:
    """Run the measures, or one of them, and write the results."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="roost-bench-") as folder:
        bench = Bench(Path(folder), quick=quick, beside=beside, profiled=profiled)
        measures: dict[str, Callable[[], None]] = {
            "credit": bench.credit, "plugins": bench.plugins, "deliveries": bench.deliveries,
            "callbacks": bench.callbacks, "rss": bench.rss, "import": bench.imports,
        }  # fmt: skip
        for name, measure in measures.items():
            if not only or only == name or (only in ("me", "credits") and name == "credit"):
                measure()
    if not only and not quick:
        LATEST.write_text(json.dumps(bench.results, indent=1) + "\n")
    print(f"{time.monotonic() - began:.0f} s; {psutil.cpu_count()} cores, {CLIENTS} clients")
    return 0
