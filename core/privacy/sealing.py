"""Seal what a plugin keeps of a person: addresses, names. The tenant and the plugin are part of the seal."""

from core.contract.context import Context
from core.errors import ConfigurationError
from core.fields import BlindField, SealedField


def _require_column(ctx: Context, kind: type[SealedField | BlindField], purpose: str) -> None:
    """Raise ConfigurationError when no column of the plugin is declared for a purpose: a rotation would miss it."""
    tables = ctx.services.registry.tables().get(ctx.plugin)
    if tables is None:
        return
    for model in tables:
        for field in model._meta.sorted_fields:
            if isinstance(field, kind) and field.purpose == purpose:
                return
    raise ConfigurationError(
        f"{ctx.plugin}: no column is declared for what is sealed as {purpose!r}, and a key rotation would lose it:"
        f' write {kind.__name__}("{purpose}") for its column in models.py, in place of BlobField',
        f"{ctx.plugin}：没有为 {purpose} 声明 {kind.__name__}，更换密钥时会丢失",
    )


def seal(ctx: Context, purpose: str, plaintext: str) -> bytes:
    """Encrypt personal data of `ctx.plugin` for its own table; `purpose` says which `SealedField`.

    Raises ConfigurationError when no column of the plugin declares that purpose.
    """
    _require_column(ctx, SealedField, purpose)
    return ctx.services.keyring.seal(ctx.tenant.id, f"{ctx.plugin}.{purpose}", plaintext)


def unseal(ctx: Context, purpose: str, sealed: bytes | memoryview) -> str:
    """Decrypt what `seal` made for the same tenant, plugin and purpose."""
    return ctx.services.keyring.open(ctx.tenant.id, f"{ctx.plugin}.{purpose}", bytes(sealed))


def blind(ctx: Context, purpose: str, value: str) -> bytes:
    """Return the 16 bytes by which a sealed value of `ctx.plugin` is found again; kept in a `BlindField`.

    Raises ConfigurationError when no column of the plugin declares that purpose.
    """
    _require_column(ctx, BlindField, purpose)
    return ctx.services.keyring.blind(ctx.tenant.id, f"{ctx.plugin}.{purpose}", value)


def blinds(ctx: Context, purpose: str, value: str) -> list[bytes]:
    """Return what to look for: a value's index by every key in use, for rows of an unfinished rotation."""
    return ctx.services.keyring.blinds(ctx.tenant.id, f"{ctx.plugin}.{purpose}", value)


def sealed_with_old_key(ctx: Context, sealed: bytes | memoryview) -> bool:
    """Tell whether a value should be sealed again because the keys were rotated."""
    return ctx.services.keyring.needs_rotation(bytes(sealed))
