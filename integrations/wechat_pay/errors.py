"""What WeChat Pay refuses, as exceptions; each keeps the provider's code."""

from collections.abc import Mapping


class WechatPayError(Exception):
    """Tell that a call was refused, or that nobody knows what became of it.

    ``code`` is WeChat Pay's in its present spelling, "" when there was none; ``status`` is HTTP's, None when there was
    no answer. ``certain`` says that the call has had no effect; without it the same call may be made again, with the
    same numbers, and must be before another is.
    """

    certain = True

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"WeChat Pay answered {self.code}: {self.message}" if self.code else self.message


class NoSuchNumber(WechatPayError):
    """Tell that WeChat Pay knows no charge, or no refund, of that number."""


class AlreadyPaid(WechatPayError):
    """Tell that the charge is paid: it is neither asked for again nor closed."""


class AlreadyClosed(WechatPayError):
    """Tell that the charge is closed."""


class NumberUsed(WechatPayError):
    """Tell that a number came again with other content."""


class NotEnough(WechatPayError):
    """Tell that the merchant's balance does not cover a refund, or the payer's an order."""


class AccountAbnormal(WechatPayError):
    """Tell that the payer's account is closed or blocked."""


class TooOften(WechatPayError):
    """Tell that calls come too fast; the same call may be made in a while."""


class Misconfigured(WechatPayError):
    """Tell that the merchant's number, keys, permissions or our request are wrong: people must look."""


class Unknown(WechatPayError):
    """Tell that nobody knows whether the call had its effect: no answer, HTTP 500, or a reply that is not proved."""

    certain = False


_OLD_SPELLINGS: Mapping[str, str] = {
    "ORDERPAID": "ORDER_PAID",
    "ORDERCLOSED": "ORDER_CLOSED",
    "ORDERNOTEXIST": "ORDER_NOT_EXIST",
    "NOTENOUGH": "NOT_ENOUGH",
    "SYSTEMERROR": "SYSTEM_ERROR",
    "RESOURCE_NOT_EXIST": "RESOURCE_NOT_EXISTS",
    "FREQUENCY_LIMIT_EXCEED": "FREQUENCY_LIMITED",
    "RATELIMIT_EXCEED": "FREQUENCY_LIMITED",
}

_MEANING: Mapping[str, type[WechatPayError]] = {
    "ORDER_NOT_EXIST": NoSuchNumber,
    "RESOURCE_NOT_EXISTS": NoSuchNumber,
    "ORDER_PAID": AlreadyPaid,
    "ORDER_CLOSED": AlreadyClosed,
    "OUT_TRADE_NO_USED": NumberUsed,
    "NOT_ENOUGH": NotEnough,
    "USER_ACCOUNT_ABNORMAL": AccountAbnormal,
    "FREQUENCY_LIMITED": TooOften,
    "PARAM_ERROR": Misconfigured,
    "INVALID_REQUEST": Misconfigured,
    "APPID_MCHID_NOT_MATCH": Misconfigured,
    "MCH_NOT_EXISTS": Misconfigured,
    "SIGN_ERROR": Misconfigured,
    "NO_AUTH": Misconfigured,
    "SYSTEM_ERROR": Unknown,
}


def refusal(status: int, code: str, message: str) -> WechatPayError:
    """Return what an error of WeChat Pay's means, whatever its spelling; what is not known is uncertain from 500 on."""
    code = _OLD_SPELLINGS.get(code, code)
    meaning = _MEANING.get(code, WechatPayError)
    if status >= 500:
        meaning = Unknown
    elif status == 429:
        meaning = TooOften
    return meaning(code, message[:200], status)
