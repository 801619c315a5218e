"""What an operation is, beside the key that names it.

An operation known by its key is the same only when all of its content is the same. Each door that takes a key declares
its content once, as a `Content`; a repeat is compared with what was kept, field by field, and a difference is refused
with both sides in words. What differs at each repeat by its nature is no content: who asks, when they ask, and what is
reckoned from that moment, such as a deadline.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.errors import KeyReused
from core.words import Text

LONGEST_SHOWN = 80  # characters of one value in a refusal
LABELS: Mapping[str, Text] = {
    "address": Text("地址", "address"),
    "amount": Text("数量", "amount"),
    "amount_fen": Text("金额（分）", "amount in fen"),
    "asset": Text("账户", "asset"),
    "body": Text("内容", "body"),
    "cancellable": Text("可取消", "can be cancelled"),
    "charge": Text("支付单", "charge"),
    "discounts": Text("优惠", "discounts"),
    "event_type": Text("事件", "event"),
    "expires_at": Text("到期时间", "expiry"),
    "grace_days": Text("宽限天数", "days of grace"),
    "hold": Text("冻结", "hold"),
    "item": Text("物品", "item"),
    "items": Text("件数", "items"),
    "kind": Text("类型", "kind"),
    "limits": Text("限购", "limits"),
    "lines": Text("明细", "lines"),
    "member": Text("会员", "member"),
    "note": Text("备注", "note"),
    "number": Text("单号", "number"),
    "occurred_at": Text("发生时间", "time"),
    "operation": Text("原操作", "operation"),
    "order": Text("订单", "order"),
    "points": Text("积分", "points"),
    "quantity": Text("数量", "quantity"),
    "reason": Text("原因", "reason"),
    "receiver": Text("接收会员", "receiver"),
    "refund": Text("退款单", "refund"),
    "rewards": Text("奖励", "rewards"),
    "rule": Text("规则", "rule"),
    "rule_version": Text("规则版本", "version of the rule"),
    "sender": Text("转出会员", "sender"),
    "store_id": Text("门店", "store"),
    "tenders": Text("支付方式", "ways to pay"),
    "told": Text("内容", "what it tells"),
    "title": Text("标题", "title"),
    "total": Text("原金额（分）", "whole amount in fen"),
    "venue": Text("门店", "venue"),
}
NONE = Text("无", "none")
OTHER = Text("另一个", "another")
THIS = Text("这一个", "this one")

Shown = Callable[[str, Any], str]  # Any: a field's value


def plainly(name: str, value: Any) -> str:  # Any: a field's value
    """Return a value as a refusal shows it."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True)
class Content:
    """The content of one kind of operation: its fields, in the order in which a refusal names them.

    Of a `private` field a refusal says only that it is another: whose an operation is, and what was written about
    them, may be nothing that the caller may know.
    """

    name: str
    title: Text
    fields: tuple[str, ...]
    private: frozenset[str] = field(default=frozenset({"member", "sender", "receiver", "address", "note"}))

    def __post_init__(self) -> None:
        unknown = [name for name in self.fields if name not in LABELS]
        if unknown:
            raise ValueError(f"the content {self.name} has fields without a label in core.content: {unknown}")

    def digest(self, values: Sequence[object]) -> str:
        """Return a digest of the values of all fields, in their order: what is kept where the values are not."""
        return _digest((self.name, *map(_plain, values)))

    def digests(self, columns: Sequence[Sequence[object]]) -> list[str]:
        """Return the digests of many, given by column in the order of the fields."""
        count = len(columns[0])
        return list(map(_digest, zip([self.name] * count, *map(_all_plain, columns), strict=True)))

    def differing(self, kept: Mapping[str, Any], sent: Mapping[str, Any]) -> list[str]:
        """Return the fields that are not the same. A field that either side leaves out is not compared."""
        return [name for name in self.fields if name in kept and name in sent and kept[name] != sent[name]]

    def check(
        self,
        key: str,
        kept: Mapping[str, Any],
        sent: Mapping[str, Any],
        *,
        show: Shown = plainly,
        visible: bool = True,
    ) -> None:
        """Raise KeyReused when a field differs; see `conflict`."""
        if differing := self.differing(kept, sent):
            raise self.conflict(key, kept, sent, differing, show=show, visible=visible)

    def conflict(
        self,
        key: str,
        kept: Mapping[str, Any],
        sent: Mapping[str, Any],
        differing: Sequence[str] = (),
        *,
        show: Shown = plainly,
        visible: bool = True,
    ) -> KeyReused:
        """Make the error of a key that came again with other content: it shows what is kept and what was sent.

        Where what is kept is not for the caller's eyes (`visible` False) it says only that there is something.
        """
        if not visible:
            return KeyReused(
                f"{key!r} names another {self.title.en} already, of a venue that is not yours; check the number",
                f"单号 {key} 已用于其他门店的{self.title.zh}，请核对单号",
                key=key,
            )
        said = [(name, *self._sides(name, kept.get(name), sent.get(name), show)) for name in differing]
        en = "; ".join(f"{LABELS[name].en}: {a.en} is kept, {b.en} was sent" for name, a, b in said)
        zh = "；".join(f"{LABELS[name].zh}：已存 {a.zh}，本次 {b.zh}" for name, a, b in said)
        return KeyReused(
            f"{key!r} names another {self.title.en} already{f' ({en})' if en else ''};"
            " take another key, or repeat the first request as it was",
            f"{key} 已用于另一笔{self.title.zh}{f'（{zh}）' if zh else ''}，请更换单号，或按原内容重新提交",
            fields=[{"path": name, "message": f"{a.en} ≠ {b.en}"} for name, a, b in said],
            key=key,
        )

    def _sides(self, name: str, kept: Any, sent: Any, show: Shown) -> tuple[Text, Text]:
        if name in self.private:
            return (NONE if kept is None else OTHER), (NONE if sent is None else THIS)
        return _said(name, kept, show), _said(name, sent, show)


def _digest(texts: Sequence[str]) -> str:
    return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=16).hexdigest()


def _all_plain(values: Sequence[object]) -> list[str]:
    """Return each value as `_plain` does; what stands several times in a row is read once."""
    types = set(map(type, values))
    if types <= {str, int}:
        return list(map(str, values))
    texts, last = [], object()
    text = ""
    for value in values:
        if value is not last:
            last, text = value, _plain(value)
        texts.append(text)
    return texts


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return value.hex
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _said(name: str, value: Any, show: Shown) -> Text:  # Any: a field's value
    if value is None or value == "":
        return NONE
    text = show(name, value)
    text = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return Text(text, text)
