"""Seal what a plugin keeps of a person: addresses, names. The tenant and the plugin are part of the seal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for the type checker only: a context is made by a runtime, which imports this package
    from core.context import Context


def seal(ctx: "Context", purpose: str, plaintext: str) -> bytes:
    """Encrypt personal data of `ctx.plugin` for its own table; `purpose` says which column."""
    return ctx.runtime.keyring.seal(ctx.tenant.id, f"{ctx.plugin}.{purpose}", plaintext)


def unseal(ctx: "Context", purpose: str, sealed: bytes | memoryview) -> str:
    """Decrypt what `seal` made for the same tenant, plugin and purpose."""
    return ctx.runtime.keyring.open(ctx.tenant.id, f"{ctx.plugin}.{purpose}", bytes(sealed))


def blind(ctx: "Context", purpose: str, value: str) -> bytes:
    """Return the 16 bytes by which a sealed value of `ctx.plugin` is found again."""
    return ctx.runtime.keyring.blind(ctx.tenant.id, f"{ctx.plugin}.{purpose}", value)


def blinds(ctx: "Context", purpose: str, value: str) -> list[bytes]:
    """Return what to look for: a value's index by every key in use, for rows of an unfinished rotation."""
    return ctx.runtime.keyring.blinds(ctx.tenant.id, f"{ctx.plugin}.{purpose}", value)


def sealed_with_old_key(ctx: "Context", sealed: bytes | memoryview) -> bool:
    """Tell whether a value should be sealed again because the keys were rotated."""
    return ctx.runtime.keyring.needs_rotation(bytes(sealed))
