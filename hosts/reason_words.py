"""Reasons in words: those that the system writes are codes or stand in two languages; those of people stay."""

import re
from collections.abc import Mapping
from typing import Any

from core.contract.console import Column
from core.rewards import ConditionSpec
from core.words import Text

REASONS = {
    code: Text(zh, en)
    for code, zh, en in (
        ("purchase", "消费", "Purchase"),
        ("purchase refunded", "消费退款", "Purchase refunded"),
        ("booked for another member", "改记给其他会员", "Booked for another member"),
        ("withdrawn in the SaaS", "SaaS 已撤销", "Withdrawn in the SaaS"),
        ("visit", "到店", "Visit"),
        ("not_first_of_day", "当日已到店积分", "Not the first visit of the day"),
        ("told_too_late", "补报超过可积分天数", "Told too late to earn"),
        ("state_earns_nothing", "该会员状态不积分", "Members of this state earn nothing"),
        ("reward", "奖励", "Reward"),
        ("revoked", "收回", "Taken back"),
        ("merge", "会员合并", "Merge"),
        ("expired", "到期", "Expired"),
        ("seckill", "秒杀", "Flash sale"),
        ("seckill refund", "秒杀退款", "Flash sale refunded"),
        ("seckill_refund", "秒杀退款", "Flash sale refunded"),
        ("feedback_compensation", "反馈补偿", "Compensation"),
        ("cancelled", "会员取消", "Cancelled"),
        ("rule_not_active", "规则未启用或不在有效期", "The rule is off or not in its time"),
        ("limit_per_member", "已达每人次数上限", "The limit for a member is reached"),
        ("limit_total", "已达总次数上限", "The limit in all is reached"),
        ("budget_used_up", "积分预算已用完", "The budget is used up"),
        ("sold_out", "库存不足", "Sold out"),
        ("birthday_edited_lately", "生日刚修改过，当年不计", "The birthday was edited lately"),
        ("level_taken_back", "等级已收回", "The level was taken back"),
        ("welcomed_before", "已领过新会员礼", "Welcomed before"),
        ("gift_missing", "礼品不存在或已停用", "The gift is gone or off"),
        ("reward_kind_off", "奖励所属功能已停用", "The reward's plugin is off"),
        ("reward_kind_missing", "奖励所属功能已卸载", "The reward's plugin is gone"),
        ("condition_kind_missing", "条件所属功能已停用", "The condition's plugin is off"),
        ("growth", "成长值达标", "Growth reached"),
        ("kept", "保级成功", "Kept"),
        ("requalified", "周期重新定级", "Judged at the period's end"),
        ("manual", "人工设置", "By hand"),
        ("manual_ended", "人工等级到期", "Level by hand ended"),
        ("no_channel", "没有可用渠道", "No channel"),
        ("no_template", "没有服务商模板", "No template"),
        ("no_address", "没有地址", "No address"),
        ("no_consent", "未同意", "No consent"),
        ("no consent", "未同意", "No consent"),
        ("blocked", "已退订", "Opted out"),
        ("erased", "已注销", "Erased"),
        ("member", "等待匹配会员", "Waits for the member"),
        ("venue", "等待匹配门店", "Waits for the venue"),
        ("order", "等待对应订单", "Waits for the order"),
        ("this person was erased here", "该会员已注销", "This person was erased here"),
        ("nobody here", "本系统无此会员", "Nobody here"),
        ("nobody here, and gone there", "双方均无此会员", "Nobody here, and gone there"),
    )
}
CONDITION = Text("不满足条件", "A condition is not met")
EVIDENCE = (
    Column("conditions", Text("条件", "Conditions"), "conditions"),
    Column("limit", Text("上限", "Limit"), "int"),
    Column("budget", Text("积分预算", "Budget"), "points"),
    Column("wanted", Text("需要", "Wanted"), "points"),
    Column("amount_fen", Text("金额", "Amount"), "fen"),
    Column("counted_fen", Text("计分金额", "Counted"), "fen"),
    Column("left_fen", Text("退后剩余", "Left"), "fen"),
    Column("items", Text("件数", "Items"), "int"),
    Column("ordinal", Text("第几笔", "Number"), "int"),
    Column("points", Text("积分", "Points"), "points"),
    Column("points_short", Text("未能收回的积分", "Points short"), "points"),
    Column("growth", Text("成长值", "Growth"), "int"),
    Column("threshold", Text("所需成长值", "Growth needed"), "int"),
    Column("level", Text("等级", "Level"), "choice", source="levels"),
    Column("inviter", Text("推荐人", "Inviter"), "member"),
    Column("invitee", Text("被推荐人", "Invitee"), "member"),
    Column("conversions", Text("转化人数", "Conversions"), "int"),
    Column("birthday_edited_on", Text("生日修改于", "Birthday edited on"), "date"),
    Column("state", Text("会员状态", "State"), "choice", source="states"),
    Column("day", Text("日期", "Day"), "date"),
    Column("version", Text("规则版本", "Version of the rules"), "int"),
)
_CODED = re.compile(r"^([a-z][a-z0-9_]*): (.+)$", re.DOTALL)
_NEWER = re.compile(r"^version (\d+) is here already$")
_ORDER = re.compile(r"^order ([A-Za-z0-9-]+)$")
_LEVELS = re.compile(r"^([a-z_]+): (\S+) → (\S+)(?: \((.*)\))?$", re.DOTALL)


def reason_words(text: str, locale: str, levels: Mapping[str, str] | None = None) -> str:
    """Return a reason in the reader's language; `levels` are the names of levels by code."""
    if text in REASONS:
        return REASONS[text].in_(locale)
    if text.startswith("condition:"):
        return CONDITION.in_(locale)
    if (moved := _LEVELS.match(text)) is not None:
        named = levels or {}
        why = REASONS[moved[1]].in_(locale) if moved[1] in REASONS else moved[1]
        said = f"{why}：{named.get(moved[2], moved[2]).replace('-', '—')} → {named.get(moved[3], moved[3])}"
        return said + (f"（{moved[4]}）" if moved[4] else "")
    if (newer := _NEWER.match(text)) is not None:
        return text if locale == "en" else f"已有更新的版本 {newer[1]}"
    if (order := _ORDER.match(text)) is not None:
        return f"Order {order[1]}" if locale == "en" else f"订单 {order[1]}"
    if (coded := _CODED.match(text)) is not None and any(ord(letter) > 127 for letter in coded[2]):
        return coded[2]
    return text


def evidence_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a decision read as `EVIDENCE` shows them."""
    asked = evidence.get("conditions")
    if not isinstance(asked, list):
        return dict(evidence)
    rules = [
        ConditionSpec(kind=one["condition"], spec=one.get("spec", {}), negate=bool(one.get("negate")))
        for one in asked
        if isinstance(one, Mapping) and "condition" in one
    ]
    return {**evidence, "conditions": rules}
