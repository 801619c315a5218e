"""Secret settings of a plugin: sealed in their row, opened for the plugin, never shown."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr

from core import members, tenants
from core.contract.context import Context
from core.errors import ConfigurationError, Invalid
from core.privacy import Keyring
from core.tenants import SentTo, TenantPlugin
from core.tenants.settings import _secret_fields
from hosts.testkit.plugin import test_settings as settings_for
from integrations.qinniao.schemas import QinniaoSettings

SECRET = "a secret of the brand's"


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    enable_plugin("qinniao", app_id="app", secret=SECRET, page=50)
    return tenant


def stored(ctx: Context) -> str:
    return str(TenantPlugin.scoped(ctx).get(TenantPlugin.slug == "qinniao").settings)


def test_a_secret_is_sealed_in_its_row_and_not_among_the_values_that_are_shown(brand: Context) -> None:
    assert SECRET not in stored(brand)
    assert tenants.settings_values(brand, "qinniao") == {"app_id": "app", "page": 50}


def test_the_plugin_reads_it_in_clear_and_its_repr_does_not_tell(brand: Context) -> None:
    settings = brand.settings(QinniaoSettings)
    assert settings.secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_saving_without_it_keeps_it_and_saving_it_empty_takes_it_away(brand: Context) -> None:
    tenants.save_settings(brand, "qinniao", {"page": 60})
    assert tenants.settings_with_secrets(brand, "qinniao") == {"page": 60, "secret": SECRET}
    tenants.save_settings(brand, "qinniao", {"page": 60, "secret": ""})
    assert tenants.settings_with_secrets(brand, "qinniao") == {"page": 60}


HOME = {"appid": "wx1", "base_url": "https://api.example.com"}


def test_it_is_entered_again_when_the_server_that_it_is_sent_to_changes(
    tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("wechat", **HOME, secret=SECRET)
    away = {**HOME, "base_url": "https://elsewhere.example.com"}
    for moved in (away, {"appid": "wx1"}):  # also back to the address that is there by default
        with pytest.raises(Invalid) as refused:
            tenants.save_settings(tenant, "wechat", moved)
        assert [field["path"] for field in refused.value.fields] == ["secret"]
        assert tenants.settings_with_secrets(tenant, "wechat") == {**HOME, "secret": SECRET}
    tenants.save_settings(tenant, "wechat", {**HOME, "appid": "wx2"})
    tenants.save_settings(tenant, "wechat", {**away, "secret": "a newer one"})
    assert tenants.settings_with_secrets(tenant, "wechat") == {**away, "secret": "a newer one"}
    tenants.save_settings(tenant, "wechat", {**HOME, "secret": ""})
    assert tenants.settings_with_secrets(tenant, "wechat") == HOME


def test_a_secret_that_names_no_setting_as_its_server_is_refused() -> None:
    class Misspelt(BaseModel):
        base_url: str = ""
        secret: Annotated[SecretStr, SentTo("base_uri")] = SecretStr("")

    with pytest.raises(ConfigurationError, match="base_uri"):
        list(_secret_fields(Misspelt))


def test_what_was_set_is_forgotten_with_its_secrets(brand: Context) -> None:
    tenants.forget_settings(brand, "qinniao")
    assert tenants.settings_with_secrets(brand, "qinniao") == {}
    assert brand.settings(QinniaoSettings).secret.get_secret_value() == ""


def test_another_tenants_secret_cannot_be_put_in_its_place(brand: Context, new_tenant: Callable[..., Context]) -> None:
    other = new_tenant("other", plugins=("purchases", "visits", "qinniao"))
    row = TenantPlugin.scoped(brand).get(TenantPlugin.slug == "qinniao")
    TenantPlugin.scoped(other).update(settings=row.settings).where(TenantPlugin.slug == "qinniao").execute()
    with pytest.raises(Exception, match="altered or belongs elsewhere"):
        tenants.settings_with_secrets(other, "qinniao")


def test_a_rotation_brings_it_to_the_newest_key(brand: Context, tmp_path: Path) -> None:
    old = brand.services.keyring
    keys = settings_for("sqlite:///unused", tmp_path)
    two = base64.b64encode(b"n" * 32).decode()
    rotated = keys.model_copy(
        update={"encryption_keys": SecretStr(f"2:{two},{keys.encryption_keys.get_secret_value()}")}
    )
    brand.services.keyring = Keyring.from_settings(rotated)
    with brand.transaction():
        members.start_rotation(brand)
    assert tenants.settings_with_secrets(brand, "qinniao")["secret"] == SECRET
    brand.services.keyring = old
    with pytest.raises(ConfigurationError, match="encryption key 2"):
        tenants.settings_with_secrets(brand, "qinniao")


def test_a_secret_deeper_in_a_model_is_refused_instead_of_stored_as_asterisks() -> None:
    class Nested(BaseModel):
        keys: list[SecretStr] = []

    with pytest.raises(ConfigurationError, match=r"Nested\.keys"):
        list(_secret_fields(Nested))
