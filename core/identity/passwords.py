"""Staff passwords: argon2id, about 50 ms a check; and what a password must be."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from core.errors import Invalid

SHORTEST, LONGEST = 10, 128
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What a check against nobody's password costs: an unknown username takes as long as a known one.
_nobody: list[str] = []


def check_rules(username: str, password: str) -> None:
    """Raise Invalid unless a password has 10 to 128 characters, 4 of them different, and is not the
    username.
    """
    wrong = ""
    if not SHORTEST <= len(password) <= LONGEST:
        wrong = f"a password has {SHORTEST} to {LONGEST} characters"
    elif username.casefold() in password.casefold() and len(password) < len(username) + 6:
        wrong = "a password is not the username with little added"
    elif len(set(password)) < 4:
        wrong = "a password has at least 4 different characters"
    if wrong:
        raise Invalid(
            wrong,
            f"密码需为 {SHORTEST} 位以上，且不能是用户名或重复字符",
            code="weak_password",
            fields=[{"path": "password", "message": wrong}],
        )


def hash_password(password: str) -> str:
    """Return what is stored of a password."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Tell whether a password is the stored one; with None, take as long and say no."""
    if stored is None:
        if not _nobody:
            _nobody.append(hash_password("nobody"))
        stored, password = _nobody[0], ""
    try:
        return _hasher.verify(stored, password[: LONGEST + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)
