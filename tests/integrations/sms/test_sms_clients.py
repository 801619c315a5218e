"""Each client against its provider's fake, over real HTTP: what was taken, what was refused, what nobody can say."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from integrations.fake_server import Failure, Running
from integrations.sms import providers
from integrations.sms.aliyun import AliyunSms
from integrations.sms.fake import APP_ID, KEY_ID, KEY_SECRET, AliyunFake, Rules, SmsFake, TencentFake
from integrations.sms.providers import Order, Provider, Refused, SmsError, Unknown
from integrations.sms.tencent import TencentSms

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # 10:00 in Beijing
PHONE = "13800001111"
ORDER = Order("0" * 32, f"+86{PHONE}", "归巢", "T1", {"code": "012345"})
COMPANIES = ("tencent", "aliyun")


class Line:
    """A provider's fake and our client for it, both by one clock."""

    def __init__(self, name: str) -> None:
        self.now = NOW
        self.fake: SmsFake = (TencentFake if name == "tencent" else AliyunFake)(clock=lambda: self.now)
        self.running = Running(self.fake)
        self.name = name
        self.client = self.make()

    def make(self, url: str = "", key_id: str = KEY_ID, secret: str = KEY_SECRET, **more: Any) -> Provider:
        more = {"base_url": url or self.running.url, "clock": lambda: self.now, **more}
        if self.name == "tencent":
            return TencentSms(key_id, secret, more.pop("app_id", APP_ID), **more)
        return AliyunSms(key_id, secret, **more)


@pytest.fixture(params=COMPANIES)
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    made = Line(request.param)
    yield made
    made.running.close()


@pytest.fixture
def tencent_line() -> Iterator[Line]:
    made = Line("tencent")
    yield made
    made.running.close()


@pytest.fixture
def aliyun_line() -> Iterator[Line]:
    made = Line("aliyun")
    yield made
    made.running.close()


def refusal(line: Line, order: Order = ORDER, client: Provider | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        (client or line.client).send(order)
    return caught.value


def test_a_message_is_taken_with_its_values_and_our_key(line: Line) -> None:
    accepted = line.client.send(ORDER)
    taken = line.fake.last(PHONE)
    assert (taken.sign, taken.template, taken.code, taken.key) == ("归巢", "T1", "012345", ORDER.key)
    assert (accepted.receipt, accepted.segments) == (taken.receipt, 1)


def test_a_template_without_values_and_values_of_many_kinds_are_signed_rightly(line: Line) -> None:
    line.client.send(Order("k1", "+8613800000001", "归巢", "T1"))
    odd = "半 价~*+/?&='\"\\{}%20\n"
    line.client.send(Order("k2", "+8613800000002", "归 巢", "T1", {"what": odd}))
    assert line.fake.last("13800000002").code == odd


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (Rules(balance=0), "balance"),
        (Rules(templates=["other"]), "bad_template"),
    ],
)
def test_the_account_s_own_troubles_have_our_names(line: Line, rules: Rules, reason: str) -> None:
    line.fake.rules = rules
    assert refusal(line).reason == reason


def test_a_number_on_the_black_list_and_a_number_that_is_none(tencent_line: Line) -> None:
    tencent_line.fake.rules = Rules(blocked=[PHONE])
    assert refusal(tencent_line).reason == "blocked"
    assert refusal(tencent_line, Order("k", "+86138", "归巢", "T1")).reason == "bad_number"


def test_marketing_outside_its_hours_is_refused_as_such(tencent_line: Line) -> None:
    tencent_line.fake.rules = Rules(marketing=["T1"])
    tencent_line.now = NOW.replace(hour=15)  # 23:00
    told = refusal(tencent_line)
    assert (told.reason, told.code) == ("closed_hours", "FailedOperation.MarketingSendTimeConstraint")


def test_a_number_written_to_too_often_is_refused_for_that(line: Line) -> None:
    line.client.send(ORDER)
    told = refusal(line)
    assert told.reason == "too_often"
    assert told.code in ("LimitExceeded.PhoneNumberThirtySecondLimit", "isv.BUSINESS_LIMIT_CONTROL")
    line.now += timedelta(minutes=1, seconds=1)
    line.client.send(ORDER)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", "too_often"),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", "too_often"),
        ("LimitExceeded.DeliveryFrequencyLimit", "busy"),
        ("LimitExceeded.AppMainlandChinaDailyLimit", "balance"),
        ("RequestLimitExceeded", "busy"),
        ("UnauthorizedOperation.SerivceSuspendDueToArrears", "balance"),
        ("UnauthorizedOperation.RequestIpNotInWhitelist", "credentials"),
        ("FailedOperation.SignatureIncorrectOrUnapproved", "bad_sign"),
        ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "bad_template"),
        ("FailedOperation.ContainSensitiveWord", "bad_content"),
        ("AuthFailure.SignatureFailure", "credentials"),
        ("InternalError.RequestTimeException", "credentials"),
        ("SomethingNew", "refused"),
    ],
)
def test_tencent_s_codes_inside_http_200_are_refusals(tencent_line: Line, code: str, reason: str) -> None:
    tencent_line.fake.fail(Failure(errcode=code, errmsg=f"no: {PHONE}"))
    told = refusal(tencent_line)
    assert (told.reason, told.code) == (reason, code)
    assert tencent_line.fake.sent == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("isv.DAY_LIMIT_CONTROL", "balance"),
        ("isv.OUT_OF_SERVICE", "balance"),
        ("isv.SMS_SIGNATURE_ILLEGAL", "bad_sign"),
        ("isv.TEMPLATE_MISSING_PARAMETERS", "bad_template"),
        ("isv.MOBILE_NUMBER_ILLEGAL", "bad_number"),
        ("isv.BLACK_KEY_CONTROL_LIMIT", "bad_content"),
        ("isp.RAM_PERMISSION_DENY", "credentials"),
        ("Throttling.User", "busy"),
        ("isv.SOMETHING_NEW", "refused"),
    ],
)
def test_aliyun_s_codes_are_refusals(aliyun_line: Line, code: str, reason: str) -> None:
    aliyun_line.fake.fail(Failure(errcode=code, errmsg=f"no: {PHONE}"))
    told = refusal(aliyun_line)
    assert (told.reason, told.code) == (reason, code)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tencent", "InternalError.Timeout"),
        ("tencent", "InternalError.SendAndRecvFail"),
        ("tencent", "InternalError"),
        ("aliyun", "isp.SYSTEM_ERROR"),
        ("aliyun", "ServiceUnavailable"),
        ("aliyun", "InternalError"),
    ],
)
def test_the_provider_s_own_trouble_leaves_it_open(name: str, code: str) -> None:
    line = Line(name)
    line.fake.fail(Failure(errcode=code, after=True))
    with pytest.raises(Unknown) as caught:
        line.client.send(ORDER)
    line.running.close()
    assert caught.value.code == code
    assert len(line.fake.sent) == 1, "it had been sent indeed"


@pytest.mark.parametrize(
    "body", ["<html>", "{}", "[]", '{"Response": {}}', '{"Response": {"SendStatusSet": []}}', "null"]
)
def test_an_answer_that_cannot_be_read_leaves_it_open(line: Line, body: str) -> None:
    line.fake.fail(Failure(body=body, after=True))
    with pytest.raises(Unknown):
        line.client.send(ORDER)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_page_after_the_work_was_done_leaves_it_open(line: Line, status: int) -> None:
    line.fake.fail(Failure(status=status, after=True))
    with pytest.raises(Unknown):
        line.client.send(ORDER)


@pytest.mark.parametrize(("status", "reason"), [(429, "busy"), (403, "refused"), (302, "refused")])
def test_a_call_turned_away_at_the_door_is_a_refusal(line: Line, status: int, reason: str) -> None:
    line.fake.fail(Failure(status=status))
    assert refusal(line).reason == reason
    assert len(line.fake.log) == 1, "a redirection is not followed"


def test_an_answer_that_comes_too_late_leaves_it_open(line: Line) -> None:
    line.fake.fail(Failure(delay=30, after=True))  # closing the fake wakes it
    with pytest.raises(Unknown):
        line.make(timeout=(1.0, 0.05)).send(ORDER)


def test_nobody_there_is_a_refusal(line: Line) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"  # bound, and not listening
        assert refusal(line, client=line.make(url)).reason == "unreachable"
    assert refusal(line, client=line.make("http://no-such-host.invalid")).reason == "unreachable"


def test_a_connection_that_breaks_after_the_request_leaves_it_open(line: Line) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(100)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unknown):
            line.make(f"http://127.0.0.1:{server.getsockname()[1]}").send(ORDER)
        thread.join()


def test_a_wrong_secret_an_unknown_key_and_a_wrong_clock_are_refused(line: Line) -> None:
    assert refusal(line, client=line.make(secret="wrong")).reason == "credentials"
    assert refusal(line, client=line.make(key_id="nobody")).reason == "credentials"
    late = line.make(clock=lambda: NOW - timedelta(minutes=20))
    assert refusal(line, client=late).reason == "credentials"


def test_a_call_changed_on_the_way_is_not_taken(aliyun_line: Line, tencent_line: Line) -> None:
    """The fakes themselves: they would not notice a client that signs something else than it sends."""
    for line, change in ((aliyun_line, _other_phone_in_query), (tencent_line, _other_phone_in_body)):
        session = requests.Session()
        session.send = change(session.send)  # type: ignore[method-assign]
        client = line.make(session=lambda session=session: session)
        assert refusal(line, client=client).reason == "credentials"
        assert line.fake.sent == []


def _other_phone_in_query(send: Callable[..., Any]) -> Callable[..., Any]:
    def changed(request: requests.PreparedRequest, **options: Any) -> Any:
        request.url = str(request.url).replace(PHONE, "13800009999")
        return send(request, **options)

    return changed


def _other_phone_in_body(send: Callable[..., Any]) -> Callable[..., Any]:
    def changed(request: requests.PreparedRequest, **options: Any) -> Any:
        assert isinstance(request.body, bytes)
        request.body = request.body.replace(PHONE.encode(), b"13800009999")
        return send(request, **options)

    return changed


def test_a_connection_is_kept_between_messages_and_not_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(providers, "time", SimpleNamespace(monotonic=lambda: now[0]))
    first = providers.kept_session()
    now[0] += providers.LONGEST_PAUSE
    assert providers.kept_session() is first
    now[0] += providers.LONGEST_PAUSE + 1
    assert providers.kept_session() is not first


def test_a_proxy_that_cannot_be_reached_is_a_refusal(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        assert refusal(line, client=line.make("https://sms.example")).reason == "unreachable"


def test_a_request_of_aliyun_s_cannot_be_replayed(aliyun_line: Line) -> None:
    held: list[requests.PreparedRequest] = []
    session = requests.Session()
    send = session.send

    def keep(request: requests.PreparedRequest, **options: Any) -> Any:
        held.append(request.copy())
        return send(request, **options)

    session.send = keep  # type: ignore[method-assign]
    aliyun_line.make(session=lambda: session).send(ORDER)
    again = requests.Session().send(held[0])
    assert again.json()["Code"] == "SignatureNonceUsed"
    assert len(aliyun_line.fake.sent) == 1


def test_a_netrc_does_not_take_the_signature_s_place(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    line.client.send(ORDER)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(errcode="InternalError.Timeout", errmsg=f"+86{PHONE} timed out"),
        Failure(errcode="isv.BUSINESS_LIMIT_CONTROL", errmsg=f"{PHONE} Permits:1"),
        Failure(status=502),
        Failure(body=f'{{"Response": {{"SendStatusSet": [{{"PhoneNumber": "+86{PHONE}"}}]}}}}'),
        Failure(delay=30),
    ],
)
def test_no_error_shows_the_phone_the_values_or_the_secret(line: Line, failure: Failure) -> None:
    line.fake.fail(failure)
    with pytest.raises(SmsError) as caught:
        line.make(timeout=(1.0, 0.05)).send(ORDER)
    shown = [repr(line.client), repr(ORDER)]
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    for secret in (PHONE, "012345", KEY_SECRET):
        assert secret not in " ".join(shown)
