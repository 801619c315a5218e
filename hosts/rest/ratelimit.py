"""How often somebody may call: counted in Redis where there is one, else in the database; for all processes."""

import hashlib
from collections.abc import Callable
from typing import Any

import limits
import structlog
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from peewee import PeeweeException

from core import db
from core.contract.context import Context
from core.errors import ConfigurationError, TooManyRequests
from core.runtime import Runtime
from hosts.rest.upkeep import forget_counts

log = structlog.get_logger("roost.rest")
Rate = tuple[limits.RateLimitItem, ...]  # all of them hold; the shortest window first

_HIT = db.Sql(
    "INSERT INTO rate_count (key, hits, ends_at) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE SET"
    " hits = CASE WHEN rate_count.ends_at <= %s THEN excluded.hits ELSE rate_count.hits + excluded.hits END,"
    " ends_at = CASE WHEN rate_count.ends_at <= %s THEN excluded.ends_at ELSE rate_count.ends_at END"
    " RETURNING hits"
)
_READ = db.Sql("SELECT hits, ends_at FROM rate_count WHERE key = %s")
_CLEAR = db.Sql("DELETE FROM rate_count WHERE key = %s")
_CLEAR_ALL = db.Sql("DELETE FROM rate_count")


class SqlStorage(Storage):
    """Counts hits in the table `rate_count`: one statement a hit, outside any transaction."""

    STORAGE_SCHEME = ["roost-sql"]

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now  # seconds since 1970

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what a broken storage raises."""
        return PeeweeException

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` hits; return those of the present window, which ends `expiry` seconds after its first."""
        now = self._milliseconds()
        row = _send(_HIT, (_short(key), amount, now + expiry * 1000, now, now)).fetchone()
        assert row is not None
        return int(row[0])

    def get(self, key: str) -> int:
        """Return the hits of the present window."""
        row = _send(_READ, (_short(key),)).fetchone()
        return int(row[0]) if row is not None and row[1] > self._milliseconds() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the present window ends, in seconds since 1970."""
        row = _send(_READ, (_short(key),)).fetchone()
        return max(float(row[1]) / 1000, self._now()) if row is not None else self._now()

    def check(self) -> bool:
        """Tell whether the table answers."""
        try:
            _send(_READ, ("",))
        except PeeweeException:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every count; return how many there were."""
        return int(_send(_CLEAR_ALL, ()).rowcount)

    def clear(self, key: str) -> None:
        """Forget one count."""
        _send(_CLEAR, (_short(key),))

    def clean(self) -> int:
        """Delete the counts of windows that have ended; return how many went."""
        return forget_counts(self._milliseconds())


def _send(statement: db.Sql, params: tuple[Any, ...]) -> Any:  # Any: a driver's cursor
    """Send a statement whatever the connection's scope is: the table belongs to no tenant, so none need be set."""
    text = statement.postgres if db.dialect() == "postgresql" else statement.sqlite
    return db.database.execute_sql(text, params)


def _short(key: str) -> str:
    """Return a digest: keys hold addresses, which are nobody's business in a table."""
    return hashlib.sha256(key.encode()).hexdigest()


class RateLimits:
    """Refuses callers that call too often. One per process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._sql = FixedWindowRateLimiter(SqlStorage(lambda: runtime.clock.now().timestamp()))
        self._redis: FixedWindowRateLimiter | None = None
        if runtime.settings.redis_url:
            options: Any = {"wrap_exceptions": True, "socket_timeout": 1, "socket_connect_timeout": 1}
            self._redis = FixedWindowRateLimiter(storage_from_string(runtime.settings.redis_url, **options))

    def check(self, ctx: Context, rate: Rate, route: str, address: str) -> None:
        """Count a call; raise TooManyRequests with the seconds to wait when it is one too many.

        Whoever is signed in counts for themselves, the others by their address. What a short window refuses does not
        count in a longer one.
        """
        who = address if ctx.actor.kind == "nobody" else str(ctx.actor)
        for item in rate:
            self._count(item, (str(ctx.tenant.id), route, who))

    def _count(self, item: limits.RateLimitItem, identifiers: tuple[str, str, str]) -> None:
        limiter = self._redis or self._sql
        try:
            allowed = limiter.hit(item, *identifiers)
        except StorageError as ex:  # Redis is away: the database counts meanwhile
            log.warning("rate_storage_lost", error=type(ex.storage_error).__name__)
            limiter = self._sql
            allowed = limiter.hit(item, *identifiers)
        if allowed:
            return
        now = self.runtime.clock.now().timestamp()
        wait = max(1, round(limiter.get_window_stats(item, *identifiers).reset_time - now))
        raise TooManyRequests(
            f"too many calls; try again in {wait} s", f"操作过于频繁，请 {wait} 秒后再试", retry_after=wait
        )


def parse(rate: str, where: str) -> Rate:
    """Read a rate such as `5/minute`, or `100/hour;10/minute` of which both hold, shortest window first.

    Raises ConfigurationError naming `where`. Months and years are refused: the library's have 30 and 360 days.
    """
    try:
        items = limits.parse_many(rate)
    except ValueError:
        raise ConfigurationError(f"{where}: the rate {rate!r} is not written like 5/minute") from None
    for item in items:
        if item.GRANULARITY.name in ("month", "year"):
            raise ConfigurationError(
                f"{where}: the rate {rate!r} counts by the {item.GRANULARITY.name}, whose days differ;"
                " write days, as in 10/30 days"
            )
        if item.amount < 1:
            raise ConfigurationError(f"{where}: the rate {rate!r} lets nobody call; it must allow 1 at least")
    return tuple(sorted(items, key=lambda item: item.get_expiry()))
