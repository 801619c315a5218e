"""The keyring: sealed values, blind indexes, rotation, and a clear word when the keys are unusable."""

import base64
import os

import pytest
from pydantic import SecretStr

from core.config import Settings
from core.errors import ConfigurationError, IntegrityFault, Invalid
from core.privacy import Keyring, RootKey, mask_name, mask_phone, new_key, normalise_phone, redact_phones

PHONE = "+8613812345678"


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def settings(encryption: str = f"1:{key('e')}", index: str = f"1:{key('i')}", token: str = key("t")) -> Settings:
    return Settings(
        _env_file=None,
        encryption_keys=SecretStr(encryption),
        index_keys=SecretStr(index),
        token_key=SecretStr(token),
    )


@pytest.fixture
def ring() -> Keyring:
    return Keyring.from_settings(settings())


def test_what_was_sealed_opens_again_and_never_looks_the_same_twice(ring: Keyring) -> None:
    first, second = ring.seal(1, "phone", PHONE), ring.seal(1, "phone", PHONE)

    assert ring.open(1, "phone", first) == ring.open(1, "phone", second) == PHONE
    assert first != second
    assert PHONE[3:].encode() not in first


@pytest.mark.parametrize(("tenant", "purpose"), [(2, "phone"), (1, "name")])
def test_a_sealed_value_opens_only_for_its_tenant_and_purpose(ring: Keyring, tenant: int, purpose: str) -> None:
    sealed = ring.seal(1, "phone", PHONE)

    with pytest.raises(IntegrityFault):
        ring.open(tenant, purpose, sealed)


def test_every_altered_byte_of_a_sealed_value_is_found(ring: Keyring) -> None:
    sealed = ring.seal(1, "phone", PHONE)

    for place in range(1, len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(IntegrityFault) as caught:
            ring.open(1, "phone", bytes(altered))
        assert "138" not in str(caught.value)
    with pytest.raises(IntegrityFault):
        ring.open(1, "phone", sealed[:10])


def test_after_a_rotation_old_values_still_open_and_new_ones_carry_the_new_key(ring: Keyring) -> None:
    old = ring.seal(1, "phone", PHONE)
    rotated = Keyring.from_settings(settings(encryption=f"2:{key('f')},1:{key('e')}"))

    assert rotated.open(1, "phone", old) == PHONE
    assert rotated.needs_rotation(old)
    new = rotated.seal(1, "phone", PHONE)
    assert new[0] == 2
    assert not rotated.needs_rotation(new)
    with pytest.raises(ConfigurationError, match="encryption key 2"):
        ring.open(1, "phone", new)


def test_a_blind_index_finds_the_same_value_of_the_same_brand_only(ring: Keyring) -> None:
    blind = ring.blind(1, "phone", PHONE)

    assert len(blind) == 16
    assert blind == ring.blind(1, "phone", PHONE)
    assert blind != ring.blind(2, "phone", PHONE)
    assert blind != ring.blind(1, "phone_last_four", PHONE)


def test_lookups_try_every_index_key_newest_first(ring: Keyring) -> None:
    rotated = Keyring.from_settings(settings(index=f"2:{key('j')},1:{key('i')}"))

    blinds = rotated.blinds(1, "phone", PHONE)
    assert blinds == [rotated.blind(1, "phone", PHONE), ring.blind(1, "phone", PHONE)]


def test_the_index_does_not_depend_on_the_encryption_keys(ring: Keyring) -> None:
    other = Keyring.from_settings(settings(encryption=f"1:{key('g')}"))

    assert other.blind(1, "phone", PHONE) == ring.blind(1, "phone", PHONE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"encryption": ""}, "ROOST_ENCRYPTION_KEYS is not set"),
        ({"index": " "}, "ROOST_INDEX_KEYS is not set"),
        ({"token": ""}, "ROOST_TOKEN_KEY is not set"),
        ({"encryption": "1:" + base64.b64encode(b"short").decode()}, "has 5 bytes, it needs 32"),
        ({"token": "not base64!"}, "ROOST_TOKEN_KEY: a key is not BASE64"),
        ({"encryption": key("e")}, "VERSION:BASE64"),
        ({"encryption": f"0:{key('e')}"}, "version from 1 to 255"),
        ({"encryption": f"256:{key('e')}"}, "version from 1 to 255"),
        ({"encryption": f"1:{key('e')},1:{key('f')}"}, "same version"),
        ({"encryption": f"2:{key('e')},1:{key('e')}"}, "two versions have the same key"),
        ({"index": f"1:{key('e')}"}, "share a key"),
        ({"token": key("i")}, "share a key"),
    ],
)
def test_unusable_keys_stop_the_start_with_the_name_of_the_variable(values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring.from_settings(settings(**values))

    assert said in str(caught.value)
    for secret in (key("e"), key("i"), key("t")):
        assert secret not in str(caught.value)


def test_a_root_key_does_not_show_itself() -> None:
    assert "secret" not in repr(RootKey(1, os.urandom(32)))
    assert len(base64.b64decode(new_key())) == 32


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        " 138-1234-5678 ",
        "+86 138 1234 5678",
        "008613812345678",
        "8613812345678",
        "１３８１２３４５６７８",
    ],
)
def test_a_phone_may_be_written_in_every_usual_way(written: str) -> None:
    assert normalise_phone(written) == PHONE


@pytest.mark.parametrize(
    "written", ["", "1381234567", "138123456789", "12812345678", "+1 202 555 0100", "phone", "²" * 11]
)
def test_what_is_no_phone_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalise_phone(written)

    assert not written or written not in caught.value.message


@pytest.mark.parametrize("phone", [PHONE, "13812345678", "138-1234-5678"])
def test_a_masked_phone_shows_three_and_four_digits(phone: str) -> None:
    assert mask_phone(phone) == "138****5678"


def test_masking_short_and_missing_values_reveals_next_to_nothing() -> None:
    assert mask_phone("") == ""
    assert mask_phone("4006") == "****06"
    assert mask_name("王") == "王*"
    assert mask_name("欧阳娜娜") == "欧***"
    assert mask_name(" ") == ""


def test_phones_that_people_type_into_a_text_are_masked() -> None:
    assert redact_phones("call 13812345678 or +86 139-1234-5678, order 2026112200001") == (
        "call 138****5678 or 139****5678, order 2026112200001"
    )


def test_an_id_is_not_taken_for_a_phone() -> None:
    text = "019ab138-1234-5678-8abc-a13812345678 and 13812345-6781-7000-8000-138123456789"
    assert redact_phones(text) == text
