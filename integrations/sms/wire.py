"""What the providers push to us, read into one shape: receipts and replies.

Tencent pushes an array of receipts, and each reply as an object; Aliyun pushes arrays of both. Neither signs: the key
in the address is what proves them.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from integrations.sms.providers import Told, printable, without_numbers
from integrations.sms.schemas import Company
from roost import Invalid, normalise_phone

MOST_ITEMS = 1000  # of one push
NUMBER = r"^[\x21-\x7e]{1,100}$"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. `receipt` is the provider's number, `key` ours where the provider gives it back."""

    company: Company
    receipt: str
    key: str
    phone: str = field(repr=False)  # E.164; "" when it cannot be read
    delivered: bool
    code: str
    segments: int  # 0: not told


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody answered. `digest` tells it from others."""

    company: Company
    phone: str = field(repr=False)
    text: str = field(repr=False)
    digest: bytes


class _TencentReceipt(Told):
    sid: str = Field(pattern=NUMBER)
    mobile: str
    report_status: str
    errmsg: str = ""


class _TencentReply(Told):
    mobile: str
    text: str
    time: int


class _AliyunReceipt(Told):
    biz_id: str = Field(pattern=NUMBER)
    phone_number: str
    success: bool
    err_code: str = ""
    sms_size: int = Field(0, ge=0, le=100)
    out_id: str | None = None


class _AliyunReply(Told):
    phone_number: str
    content: str
    send_time: str = ""
    sequence_id: str = ""


_Item = _TencentReceipt | _AliyunReceipt | _AliyunReply
_ITEMS: TypeAdapter[list[_Item]] = TypeAdapter(list[_Item])


def read(body: bytes) -> tuple[Company, Sequence[Receipt | Reply]]:
    """Return who pushed, and what. Raises Invalid for what neither of them pushes."""
    try:
        told: JsonValue = json.loads(body.decode())
        if isinstance(told, dict):
            one = _TencentReply.model_validate(told)
            return "tencent", (_reply("tencent", one.mobile, one.text, one.time),)
        items = _ITEMS.validate_python(told)
    except (ValueError, RecursionError) as ex:  # pydantic's is a ValueError
        wrong = "not JSON"
        if isinstance(ex, ValidationError):
            wrong = ", ".join(sorted({".".join(map(str, e["loc"])) or "body" for e in ex.errors(include_input=False)}))
        raise Invalid(f"this is no push of a provider's: {wrong[:200]}", "推送内容无法识别", code="bad_push") from None
    if not 1 <= len(items) <= MOST_ITEMS:
        raise Invalid(f"a push has 1 to {MOST_ITEMS} items", "推送条数超出范围", code="bad_push")
    company: Company = "tencent" if isinstance(items[0], _TencentReceipt) else "aliyun"
    return company, tuple(_read(items))


def _read(items: Sequence[_Item]) -> Iterator[Receipt | Reply]:
    for item in items:
        if isinstance(item, _TencentReceipt):
            delivered = item.report_status == "SUCCESS"
            yield Receipt("tencent", item.sid, "", _phone(item.mobile), delivered, _code(item.errmsg), 0)
        elif isinstance(item, _AliyunReceipt):
            phone, code = _phone(item.phone_number), _code(item.err_code)
            yield Receipt("aliyun", item.biz_id, item.out_id or "", phone, item.success, code, item.sms_size)
        else:
            yield _reply("aliyun", item.phone_number, item.content, f"{item.send_time} {item.sequence_id}")


def _reply(company: Company, phone: str, text: str, when: int | str) -> Reply:
    digest = hashlib.sha256(json.dumps([company, phone, text, when]).encode()).digest()[:16]
    return Reply(company, _phone(phone), printable(text)[:500], digest)


def _code(said: str) -> str:
    return printable(without_numbers(said))[:80]


def _phone(text: str) -> str:
    try:
        return normalise_phone(text)
    except Invalid:
        return ""
