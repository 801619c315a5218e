"""Signatures and resources of API v3, without any HTTP."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from integrations.wechat_pay import signing
from integrations.wechat_pay.fake_keys import PUBLIC_KEY_ID, Keys, make_keys
from integrations.wechat_pay.signing import BadResource, BadSignature, Credentials

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
BODY = '{"name":"年卡"}'.encode()


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture(scope="module")
def credentials(keys: Keys) -> Credentials:
    known = {PUBLIC_KEY_ID: keys.platform.public_key(), **signing.certificate_keys_of(keys.certificate)}
    return Credentials("1900000109", "5F0A", keys.merchant, b"k" * 32, known, PUBLIC_KEY_ID)


def signed(key: rsa.RSAPrivateKey, serial: str, *, body: bytes = BODY, at: datetime = NOW) -> dict[str, str]:
    timestamp, nonce = str(int(at.timestamp())), "nonce"
    return {
        "wechatpay-serial": serial,
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": nonce,
        "wechatpay-signature": signing.sign(key, timestamp, nonce, body),
    }


def test_a_request_is_signed_over_method_target_timestamp_nonce_and_body(keys: Keys, credentials: Credentials) -> None:
    target = "/v3/pay/transactions/id/1?mchid=1900000109"
    header = signing.authorization(credentials, "GET", target, b"", now=NOW, nonce="abc")
    scheme, _, rest = header.partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert {k: v.strip('"') for k, v in parts.items() if k != "signature"} == {
        "mchid": "1900000109",
        "nonce_str": "abc",
        "timestamp": "1795312800",
        "serial_no": "5F0A",
    }
    text = f"GET\n{target}\n1795312800\nabc\n\n".encode()
    keys.merchant.public_key().verify(
        base64.b64decode(parts["signature"].strip('"')), text, padding.PKCS1v15(), hashes.SHA256()
    )


class TestVerifying:
    def test_either_serial_is_good_while_a_merchant_migrates(self, keys: Keys, credentials: Credentials) -> None:
        for key, serial in ((keys.platform, PUBLIC_KEY_ID), (keys.certified, keys.certificate_serial)):
            assert signing.verify(credentials.platform, signed(key, serial), BODY, now=NOW) == serial

    def test_the_serial_picks_the_key(self, keys: Keys, credentials: Credentials) -> None:
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, signed(keys.certified, PUBLIC_KEY_ID), BODY, now=NOW)
        assert caught.value.reason == "wrong_signature"

    def test_a_certificates_serial_is_read_whatever_its_case_and_noughts(
        self, keys: Keys, credentials: Credentials
    ) -> None:
        headers = signed(keys.certified, "00" + keys.certificate_serial.lower())
        assert signing.verify(credentials.platform, headers, BODY, now=NOW)

    def test_a_foreign_serial_is_refused(self, keys: Keys, credentials: Credentials) -> None:
        for serial in ("7132D72A03E93CDDF8C03BBD1F37EEDF00000000", f"{PUBLIC_KEY_ID}9", "0", "nobody"):
            with pytest.raises(BadSignature) as caught:
                signing.verify(credentials.platform, signed(keys.platform, serial), BODY, now=NOW)
            assert caught.value.reason == "unknown_serial"

    @pytest.mark.parametrize("seconds", [-3600, -300, 300, 3600])
    def test_five_minutes_from_our_clock_is_outside(self, keys: Keys, credentials: Credentials, seconds: int) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID, at=NOW + timedelta(seconds=seconds))
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, headers, BODY, now=NOW)
        assert caught.value.reason == "outside_window"

    @pytest.mark.parametrize("seconds", [-299, 299])
    def test_a_little_less_is_inside(self, keys: Keys, credentials: Credentials, seconds: int) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID, at=NOW + timedelta(seconds=seconds))
        assert signing.verify(credentials.platform, headers, BODY, now=NOW)

    def test_a_probe_is_refused(self, keys: Keys, credentials: Credentials) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID)
        headers["wechatpay-signature"] = "WECHATPAY/SIGNTEST/" + headers["wechatpay-signature"]
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, headers, BODY, now=NOW)
        assert caught.value.reason == "probe"

    @pytest.mark.parametrize("name", ["serial", "timestamp", "nonce", "signature"])
    def test_each_header_is_needed(self, keys: Keys, credentials: Credentials, name: str) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID)
        del headers[f"wechatpay-{name}"]
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, headers, BODY, now=NOW)
        assert caught.value.reason == "missing_header"

    @pytest.mark.parametrize(
        "changed",
        [{"wechatpay-nonce": "other"}, {"wechatpay-timestamp": "1795312801"}, {"wechatpay-signature": "bm90IGl0"},
         {"wechatpay-signature": "?"}, {"wechatpay-signature": "签名"}],
    )  # fmt: skip
    def test_what_was_altered_is_refused(self, keys: Keys, credentials: Credentials, changed: dict[str, str]) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID) | changed
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, headers, BODY, now=NOW)
        assert caught.value.reason == "wrong_signature"
        with pytest.raises(BadSignature):
            signing.verify(credentials.platform, signed(keys.platform, PUBLIC_KEY_ID), BODY + b" ", now=NOW)

    @pytest.mark.parametrize("timestamp", ["１７９５３１２８００", "-1", "1e9", "9" * 30])
    def test_a_timestamp_is_whole_seconds(self, keys: Keys, credentials: Credentials, timestamp: str) -> None:
        headers = signed(keys.platform, PUBLIC_KEY_ID) | {"wechatpay-timestamp": timestamp}
        with pytest.raises(BadSignature) as caught:
            signing.verify(credentials.platform, headers, BODY, now=NOW)
        assert caught.value.reason == "malformed_header"


class TestResources:
    def test_what_is_sealed_is_opened(self) -> None:
        sealed = signing.seal_resource(b"k" * 32, BODY, original_type="transaction", associated_data="交易")
        assert len(sealed["nonce"]) == 12
        assert signing.open_resource(b"k" * 32, sealed) == BODY

    @pytest.mark.parametrize(
        "changed",
        [{"nonce": "000000000000"}, {"nonce": ""}, {"nonce": None}, {"associated_data": "refund"}, {"ciphertext": "?"},
         {"ciphertext": ""}, {"ciphertext": 7}, {"algorithm": "AEAD_SM4_GCM"}, {"algorithm": None}],
    )  # fmt: skip
    def test_what_was_altered_is_not(self, changed: dict[str, object]) -> None:
        sealed = signing.seal_resource(b"k" * 32, BODY, original_type="transaction", associated_data="transaction")
        with pytest.raises(BadResource):
            signing.open_resource(b"k" * 32, {**sealed, **changed})

    def test_another_merchants_key_does_not_open_it(self) -> None:
        sealed = signing.seal_resource(b"k" * 32, BODY, original_type="transaction", associated_data="transaction")
        with pytest.raises(BadResource):
            signing.open_resource(b"j" * 32, sealed)

    def test_without_associated_data_it_may_be_left_out(self) -> None:
        sealed: dict[str, object] = {
            **signing.seal_resource(b"k" * 32, BODY, original_type="transaction", associated_data="")
        }
        del sealed["associated_data"]
        assert signing.open_resource(b"k" * 32, sealed) == BODY


class TestKeys:
    def test_a_pem_is_read_without_its_line_breaks_and_without_its_frame(self, keys: Keys) -> None:
        whole = keys.merchant_pem
        one_line = whole.replace("\n", "")
        bare = "".join(whole.splitlines()[1:-1])
        numbers = keys.merchant.private_numbers()
        for text in (whole, one_line, bare, f"\r\n{whole}\r\n", whole.replace("\n", " ")):
            assert signing.private_key_of(text).private_numbers() == numbers
        public = keys.public_pem
        for text in (public, public.replace("\n", ""), "".join(public.splitlines()[1:-1])):
            assert signing.public_key_of(text).public_numbers() == keys.platform.public_key().public_numbers()

    def test_an_older_form_of_private_key_is_read_too(self, keys: Keys) -> None:
        text = keys.merchant.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ).decode()
        assert signing.private_key_of(text).private_numbers() == keys.merchant.private_numbers()

    def test_several_certificates_in_a_row_are_a_map(self, keys: Keys) -> None:
        other = make_keys("other")
        found = signing.certificate_keys_of(keys.certificate + "\n" + other.certificate)
        assert set(found) == {keys.certificate_serial, other.certificate_serial}

    def test_what_is_no_key_is_refused_without_being_shown(self, keys: Keys) -> None:
        curve = ec.generate_private_key(ec.SECP256R1())
        pem = curve.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        for read in (signing.private_key_of, signing.public_key_of, signing.certificate_keys_of):
            for text in ("secret words", "MIIBAAAA", pem, keys.merchant_pem.replace("MII", "AII")):
                with pytest.raises(ValueError, match=r"PEM|RSA key") as caught:
                    read(text)  # type: ignore[operator]
                assert text not in str(caught.value)

    def test_no_key_is_in_the_repr(self, credentials: Credentials) -> None:
        assert "kkkk" not in repr(credentials)
        assert "RSAPrivateKey" not in repr(credentials)
