"""Which provider a message goes to, in which order, and when a provider is left in peace.

The second is asked only when it is certain that the first sent nothing, and when the reason does not lie in the message
itself. What is unknown ends the matter: nothing is sent twice.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import requests
import structlog
from pybreaker import STATE_CLOSED, STATE_OPEN, CircuitBreaker, CircuitBreakerError, CircuitMemoryStorage

from integrations.sms.aliyun import AliyunSms
from integrations.sms.providers import (
    OF_THE_MESSAGE,
    PASSING,
    Order,
    Provider,
    Reason,
    Refused,
    SmsError,
    Unknown,
    kept_session,
)
from integrations.sms.schemas import Company, SmsSettings
from integrations.sms.tencent import TencentSms
from roost import Context, egress

log = structlog.get_logger("roost.sms")
FAILURES = 5  # in a row, before a provider is left in peace
PEACE = timedelta(seconds=30)
NEXT_PARAM = "param{}"  # how values without a name are called


@dataclass(frozen=True, slots=True)
class Route:
    """One way for a message: a provider, and how the message is called there. `price` is fen a segment."""

    provider: Provider
    sign: str
    template: str
    params: Mapping[str, str] = field(repr=False)
    price: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message fared. `code` is what the last provider said, `reason` ours."""

    state: Literal["sent", "refused", "later", "unknown"]
    provider: str = ""
    reason: Reason | Literal[""] = ""
    code: str = ""
    detail: str = ""
    receipt: str = ""
    segments: int = 0
    price: int = 0


class Breaker:
    """Leave a provider in peace after `FAILURES` calls in a row without an answer; after `PEACE` it is tried again.

    pybreaker holds a lock while it calls, so that one slow answer would hold up every thread: it is told afterwards how
    a call went, and makes none.
    """

    def __init__(self, name: str) -> None:
        self._storage = CircuitMemoryStorage(STATE_CLOSED)
        self._circuit = CircuitBreaker(
            fail_max=FAILURES,
            reset_timeout=PEACE.total_seconds(),
            state_storage=self._storage,
            name=name,
            throw_new_error_on_trip=False,
        )

    @property
    def open(self) -> bool:
        """Tell whether the provider is to be left in peace now."""
        since = self._storage.opened_at
        return self._storage.state == STATE_OPEN and since is not None and datetime.now(UTC) < since + PEACE

    def note(self, failed: bool, *, refused: bool = False) -> None:
        """Note how a call went.

        One that was refused for its own sake shows that a provider in peace is back, but does not clear the failures of
        another: a number that is refused now and then says nothing of the calls that had no answer.
        """
        if refused and self._storage.state == STATE_CLOSED:
            return
        try:
            self._circuit.call(_went, failed)
        except (_NoAnswer, CircuitBreakerError):
            return

    def forget(self) -> None:
        self._circuit.close()


class _NoAnswer(Exception):
    """Tell the circuit that a call had no answer."""


def _went(failed: bool) -> None:
    if failed:
        raise _NoAnswer


_breakers: dict[str, Breaker] = {}  # of this process, by provider and address
_guard = threading.Lock()


def breaker_of(provider: Provider) -> Breaker:
    """Return the breaker of a provider: one for all brands that use the same address."""
    name = f"{provider.name} {provider.base_url}"
    with _guard:
        return _breakers.setdefault(name, Breaker(name))


def routes_of(ctx: Context, settings: SmsSettings, template: str, params: Mapping[str, str]) -> tuple[Route, ...]:
    """Return the ways that a message may go, the brand's first choice first; empty where nothing is set up.

    `template` is a name of `settings.templates`, or the id by which the first choice knows a template.
    """
    known = settings.templates.get(template)
    order: list[Company] = ["tencent", "aliyun"] if settings.provider == "tencent" else ["aliyun", "tencent"]
    found = []
    for company in order if settings.fail_over else order[:1]:
        number = known.of(company) if known is not None else template if company == settings.provider else ""
        if not number or not settings.ready(company):
            continue
        values = {name: params.get(name, "") for name in known.params} if known is not None and known.params else params
        found.append(
            Route(
                _provider(ctx, settings, company), settings.sign_of(company), number, values, settings.price_of(company)
            )
        )
    return tuple(found)


def _provider(ctx: Context, settings: SmsSettings, company: Company) -> Provider:
    policy = egress.policy(ctx)  # whoever writes the settings names the address

    def session() -> requests.Session:
        return kept_session(policy)

    if company == "tencent":
        return TencentSms(
            settings.tencent_key_id,
            settings.tencent_key_secret.get_secret_value(),
            settings.tencent_app_id,
            base_url=settings.tencent_url,
            region=settings.tencent_region,
            session=session,
            clock=ctx.now,
        )
    return AliyunSms(
        settings.aliyun_key_id,
        settings.aliyun_key_secret.get_secret_value(),
        base_url=settings.aliyun_url,
        session=session,
        clock=ctx.now,
    )


def deliver(routes: Sequence[Route], key: str, phone: str) -> Outcome:
    """Hand a message to the first provider that takes it. No transaction is open; nothing is raised."""
    last = Outcome("refused", reason="credentials", detail="no provider is set up for this template")
    for route in routes:
        order = Order(key, phone, route.sign, route.template, route.params)
        try:
            return _ask(route, order)
        except Unknown as ex:
            log.warning("sms_outcome_unknown", provider=route.provider.name, code=ex.code, error=ex.message)
            return _after(route, "unknown", "", ex)
        except Refused as ex:
            log.info("sms_refused", provider=route.provider.name, reason=ex.reason, code=ex.code, error=ex.message)
            last = _after(route, "later" if ex.reason in PASSING else "refused", ex.reason, ex)
            if ex.reason in OF_THE_MESSAGE:
                break
    return last


def _ask(route: Route, order: Order) -> Outcome:
    breaker = breaker_of(route.provider)
    if breaker.open:
        raise Refused("unreachable", "", "the provider did not answer several times and is left in peace for a moment")
    try:
        accepted = route.provider.send(order)
    except SmsError as ex:
        failed = isinstance(ex, Unknown) or (isinstance(ex, Refused) and ex.reason == "unreachable")
        breaker.note(failed, refused=not failed)
        raise
    breaker.note(failed=False)
    return Outcome("sent", route.provider.name, receipt=accepted.receipt, segments=accepted.segments, price=route.price)


def _after(
    route: Route, state: Literal["refused", "later", "unknown"], reason: Reason | Literal[""], ex: SmsError
) -> Outcome:
    return Outcome(state, route.provider.name, reason, ex.code, str(ex)[:200], price=route.price)
