"""The signature, by the vectors of Standard Webhooks and by what a receiver must refuse."""

import base64

import pytest

from integrations.webhooks import signing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def given(signature: str = SIGNATURE, message_id: str = ID, at: str = str(AT)) -> dict[str, str]:
    return {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": signature}


def test_the_vector_of_standard_webhooks() -> None:
    assert signing.sign(SECRET, ID, AT, BODY) == SIGNATURE
    assert signing.headers([SECRET], ID, AT, BODY) == given()
    assert signing.verify(SECRET, given(), BODY, now=AT) == ID


def test_one_good_signature_among_others_is_enough() -> None:
    others = f"v1,{base64.b64encode(bytes(32)).decode()} v1a,abc {SIGNATURE} v2,x"
    assert signing.verify(SECRET, given(others), BODY, now=AT) == ID


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (given(), BODY + b" ", AT),
        (given(message_id="msg_other"), BODY, AT),
        (given(at=str(AT + 1)), BODY, AT),
        (given(), BODY, AT + 301),
        (given(), BODY, AT - 301),
        (given("v2," + SIGNATURE[3:]), BODY, AT),
        (given(SIGNATURE[:-4] + "aaa="), BODY, AT),
        (given(""), BODY, AT),
        (given("v1,ü"), BODY, AT),
        (given(at="١٢"), BODY, AT),
        (given(at=""), BODY, AT),
    ],
)
def test_what_was_changed_is_old_or_is_not_signed_is_refused(headers: dict[str, str], body: bytes, now: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        signing.verify(SECRET, headers, body, now=now)


def test_another_secret_does_not_verify_and_each_new_one_is_another() -> None:
    one, other = signing.new_secret(), signing.new_secret()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32
    with pytest.raises(ValueError, match="no signature"):
        signing.verify(other, signing.headers([one], ID, AT, BODY), BODY, now=AT)
