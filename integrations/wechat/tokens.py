"""Keep the access token in the database: of all processes that need the next one, one fetches it."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from integrations.wechat.client import Token, WechatUnavailable
from integrations.wechat.models import WechatToken
from roost import Context, connection, new_id, seal, unseal

LEASE = timedelta(seconds=20)  # longer than a fetch may take; a process that died holds the others up no longer
PATIENCE_SECONDS = 10.0  # how long a process waits for another's fetch
POLL_SECONDS = 0.05


class DatabaseTokenStore:
    """A `TokenStore` over the table `wechat_token`, for one tenant and one `server`: another one's token is not given.

    The lease is a row, taken and given back in short transactions: none is open while `fetch` is on the
    network. Not to be called inside a transaction.
    """

    def __init__(
        self,
        ctx: Context,
        server: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._ctx = ctx.for_plugin("wechat")
        self._server = server
        self._sleep = sleep
        self._patience = patience

    def get(self, appid: str) -> Token | None:
        with connection():
            return self._fresh(WechatToken.scoped(self._ctx).first(WechatToken.appid == appid))

    def fetch_once(self, appid: str, fetch: Callable[[], Token], stale: str | None) -> Token:
        """Return a fresh token that is not `stale`; fetch it when no other process does.

        Raises WechatUnavailable when another process is at it for too long, and what `fetch` raises.
        """
        me, give_up_at = new_id(), time.monotonic() + self._patience
        while True:
            with connection():
                token, mine = self._ctx.run(lambda: self._look(appid, me, stale))
            if token is not None:
                return token
            if mine:
                break
            if time.monotonic() > give_up_at:
                raise WechatUnavailable(None, "another process is still fetching the access token", retryable=True)
            self._sleep(POLL_SECONDS)
        try:
            token = fetch()
        except BaseException:
            self._give_back(appid, me)
            raise
        self._give_back(appid, me, token)
        return token

    def _look(self, appid: str, me: UUID, stale: str | None) -> tuple[Token | None, bool]:
        """Return the token when there is a good one, else whether the lease is now ours."""
        tokens, now = WechatToken.scoped(self._ctx), self._ctx.now()
        tokens.insert(appid=appid).on_conflict_ignore().execute()
        row = tokens.lock(WechatToken.appid == appid)
        token = self._fresh(row)
        if token is not None and token.value != stale:
            return token, False
        if row.lease_until is not None and row.lease_until > now:
            return None, False
        tokens.update(lease_owner=me, lease_until=now + LEASE).where(WechatToken.id == row.id).execute()
        return None, True

    def _give_back(self, appid: str, me: UUID, token: Token | None = None) -> None:
        """End our lease, keeping what it brought; one that ran out and is another's now is left alone."""
        values: dict[str, object] = {"lease_owner": None, "lease_until": None}
        if token is not None:
            sealed = seal(self._ctx, "token", token.value)
            values |= {"value": sealed, "expires_at": token.expires_at, "server": self._server}
        mine = (WechatToken.appid == appid) & (WechatToken.lease_owner == me)
        with connection():
            self._ctx.run(lambda: WechatToken.scoped(self._ctx).update(**values).where(mine).execute())

    def _fresh(self, row: WechatToken | None) -> Token | None:
        if row is None or row.value is None or row.expires_at is None or row.server != self._server:
            return None
        token = Token(unseal(self._ctx, "token", row.value), row.expires_at)
        return token if token.is_fresh(self._ctx.now()) else None
