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


def sealed_with_old_key(ctx: "Context", sealed: bytes | memoryview) -> bool:
    """Tell whether a value should be sealed again because the keys were rotated."""
    return ctx.runtime.keyring.needs_rotation(bytes(sealed))
