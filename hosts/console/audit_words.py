"""The audit trail in words: what was done, to what, and what is told of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core import members
from core.contract.console import Column, Resource
from core.contract.context import Context
from core.privacy import mask_name
from core.runtime import runtime_of
from core.words import Text
from hosts.console.field_names import FIELD_NAMES

MADE = {
    "created": Text("新增", "added"),
    "edited": Text("修改", "changed"),
    "exported": Text("导出", "exported"),
}
ASKED = Text("（提交审批）", " (asked for approval)")
ACTIONS = {
    action: Text(zh, en)
    for action, zh, en in (
        ("console.viewed", "查看页面", "Page viewed"),
        ("job.replayed", "重新执行任务", "Job replayed"),
        ("key.created", "新建接口密钥", "Key made"),
        ("key.revoked", "吊销接口密钥", "Key revoked"),
        ("keys.rotated", "更换加密密钥", "Encryption keys rotated"),
        ("keys.rotation_started", "开始更换加密密钥", "Rotation of keys begun"),
        ("ledger.faults_found", "积分账目核对发现不符", "Faults found in the ledger"),
        ("member.attribute_defined", "定义会员字段", "Attribute defined"),
        ("member.bar_lifted", "解除限制", "Bar lifted"),
        ("member.barred", "限制参加", "Member barred"),
        ("member.class_set", "更改会员类别", "Class changed"),
        ("member.code_read", "识别会员码", "Member code read"),
        ("member.erased", "注销会员", "Member erased"),
        ("member.exported", "导出会员资料", "Member's data exported"),
        ("member.merged", "合并会员", "Members merged"),
        ("member.phone_changed", "更换手机号", "Phone changed"),
        ("member.phone_revealed", "查看完整手机号", "Phone revealed"),
        ("member.searched", "查找会员", "Member looked for"),
        ("member.unmerged", "撤销合并", "Merge undone"),
        ("member.updated", "修改会员资料", "Profile changed"),
        ("orders.address_revealed", "查看完整地址", "Address revealed"),
        ("orders.addresses_revealed", "打印面单地址", "Addresses printed"),
        ("orders.handover_undone", "撤销交付", "Hand-over undone"),
        ("plugin.disabled", "停用插件", "Plugin switched off"),
        ("plugin.enabled", "启用插件", "Plugin switched on"),
        ("plugin.purged", "清除插件数据", "Plugin's data purged"),
        ("plugin.gives.settings", "修改插件设置", "Plugin's settings changed"),
        ("rewards.batch_approved", "批准批量发放", "Batch approved"),
        ("rewards.batch_drafted", "起草批量发放", "Batch drafted"),
        ("rewards.batch_dropped", "放弃批量发放", "Batch dropped"),
        ("rewards.batch_recalled", "撤回批量发放", "Batch recalled"),
        ("rewards.revoked", "收回奖励", "Reward taken back"),
        ("rewards.rule_saved", "保存奖励规则", "Reward rule saved"),
        ("role.saved", "保存角色", "Role saved"),
        ("staff.created", "新建员工账号", "Staff account made"),
        ("staff.locked", "锁定员工账号", "Staff account locked"),
        ("staff.password_changed", "修改密码", "Password changed"),
        ("staff.password_reset", "重置密码", "Password reset"),
        ("staff.roles_set", "修改员工角色", "Roles changed"),
        ("staff.sign_in_failed", "登录失败", "Sign-in failed"),
        ("staff.signed_in", "登录", "Signed in"),
        ("staff.signed_out", "退出登录", "Signed out"),
        ("staff.switched_off", "停用员工账号", "Staff account switched off"),
        ("staff.switched_on", "启用员工账号", "Staff account switched on"),
        ("venue.added", "新增门店", "Venue added"),
    )
}
OTHER = Text("其他操作", "Other act")
PARTS = (
    Column("reason", Text("原因", "Reason")),
    Column("name", Text("名称", "Name")),
    Column("changed", Text("修改项", "Changed")),
    Column("conditions", Text("条件", "Conditions"), "conditions"),
    Column("rewards", Text("奖励", "Rewards"), "rewards"),
    Column("amount", Text("数量", "Amount"), "int"),
    Column("points", Text("积分", "Points"), "points"),
    Column("heads", Text("人数", "Members"), "int"),
    Column("found", Text("找到", "Found"), "int"),
    Column("version", Text("版本", "Version"), "int"),
    Column("rows", Text("行数", "Rows"), "int"),
    Column("old", Text("原来", "Before"), "choice", source="classes"),
    Column("new", Text("现在", "Now"), "choice", source="classes"),
    Column("format", Text("格式", "Format")),
)
_PATH = re.compile(r"^/console/(\w+)/([\w-]+)")


def resources_of(ctx: Context, core: Sequence[tuple[str, Resource]]) -> dict[str, Resource]:
    """Return every resource by `slug.name`, the beginning of what is done to its rows."""
    plugins = runtime_of(ctx).registry.plugins.values()
    return {
        **{f"{slug}.{resource.name}": resource for slug, resource in core},
        **{f"{p.slug}.{resource.name}": resource for p in plugins for resource in p.gives.resources},
    }


def action_words(action: str, known: Mapping[str, Resource]) -> Text:
    """Return what was done, in both languages."""
    if action in ACTIONS:
        return ACTIONS[action]
    code, _, verb = action.rpartition(".")
    asked = verb == "requested"
    if asked:
        code, _, verb = code.rpartition(".")
    resource = known.get(code)
    if resource is None:
        return OTHER
    done = MADE.get(verb) or next((a.title for a in resource.actions if a.name == verb), None)
    if done is None:
        return resource.title
    after = ASKED if asked else Text("", "")
    return Text(f"{resource.title.zh}：{done.zh}{after.zh}", f"{resource.title.en}: {done.en}{after.en}")


def subjects(ctx: Context, rows: Sequence[Any], known: Mapping[str, Resource]) -> list[str]:
    """Return to what each act was done: a member by name, a page by its title."""
    ids = {key for row in rows if row.action.startswith(("member.", "core.members.")) and (key := _uuid(row.subject))}
    people = members.get_many(ctx, ids) if ids else {}
    said = []
    for row in rows:
        page = _PATH.match(row.subject)
        key = _uuid(row.subject)
        member = people.get(key) if key is not None else None
        if member is not None:
            said.append(" ".join(part for part in (mask_name(member.name), member.phone_masked) if part))
        elif page is not None and f"{page[1]}.{page[2]}" in known:
            said.append(known[f"{page[1]}.{page[2]}"].title.in_(ctx.locale))
        elif row.subject == "/console":
            said.append("Home" if ctx.locale == "en" else "首页")
        elif row.action.startswith("plugin.") and row.subject in runtime_of(ctx).registry.plugins:
            said.append(ctx.services.registry.manifest(row.subject).name.in_(ctx.locale))
        else:
            said.append("")
    return said


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def told(ctx: Context, details: Mapping[str, Any], resource: Resource | None) -> dict[str, Any]:
    """Return the details with the names of fields in words; ids and codes without words are left to REST."""
    shown = dict(details)
    titles = {column.name: column.title for column in resource.columns} if resource is not None else {}
    if isinstance(shown.get("changed"), list):
        names = [titles.get(name) or FIELD_NAMES.get(name) for name in shown["changed"]]
        shown["changed"] = [name.in_(ctx.locale) for name in names if name is not None]
    if "name" in shown and resource is None and not isinstance(shown["name"], str):
        shown.pop("name")
    return shown
