"""Give, refuse and take back, each with its provenance.

A grant's row is inserted first: the unique (tenant, plugin, key) decides who gives. Everything that a grant
does stands in one savepoint, so a limit or an empty stock met half-way leaves nothing but the refusal and its
reason.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core import db, members
from core.content import Content, plainly
from core.contract.context import Context
from core.contract.facts import Asset, RewardGranted, RewardRevoked
from core.errors import Invalid, LimitReached, NotFound, SoldOut
from core.ids import new_id
from core.rewards import kinds, limits
from core.rewards.models import RewardGrant, RewardItem
from core.rewards.specs import GivenReward, GrantView, Note, Revocation, RewardSpec, RuleView
from core.words import Text, Words, kept, said

GRANT = Content("grant", Text("奖励发放", "grant"), ("member", "rule", "rewards", "reason"))
LONGEST_KEY = 200


class _Refused(Exception):
    """A rule says no, half-way: undo what was done for it."""

    def __init__(self, reason: str, evidence: dict[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = evidence


def _digest(rewards: Sequence[RewardSpec]) -> str:
    text = json.dumps([r.model_dump(mode="json") for r in rewards], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid(f"a grant's key has 1 to {LONGEST_KEY} characters, not {len(key)}", "幂等键长度有误")


def _known(
    ctx: Context, key: str, member: UUID, rule: UUID | None, rewards: Sequence[RewardSpec] = (), reason: str = ""
) -> GrantView | None:
    """Return the grant made for a key before. Raises KeyReused when it was for something else.

    Of a rule's grant the rule is the content, and not its version: it may have been changed since.
    """
    row = RewardGrant.scoped(ctx).first(RewardGrant.plugin == ctx.plugin, RewardGrant.key == key)
    if row is None:
        return None
    held = view(ctx, row)
    before = {"member": members.resolve(ctx, row.member), "rule": row.rule, "reason": said(row.reason, "zh")}
    before["rewards"] = row.digest
    sent = {
        "member": member,
        "rule": rule,
        "reason": said(reason, "zh"),
        "rewards": _digest(rewards) if rewards else "",
    }

    def show(name: str, value: Any) -> str:
        if name != "rewards":
            return plainly(name, value)
        return _words([RewardSpec(kind=i.kind, spec=i.spec) for i in held.rewards] if value == row.digest else rewards)

    GRANT.check(key, before, sent, show=show)
    return held


def _words(rewards: Sequence[RewardSpec]) -> str:
    return json.dumps([{one.kind: one.spec} for one in rewards], sort_keys=True, ensure_ascii=False)


def _insert(ctx: Context, **values: Any) -> bool:
    query = RewardGrant.scoped(ctx).insert(**values).on_conflict_ignore().returning(RewardGrant.id)
    return bool(list(query.execute()))


def grant(ctx: Context, rule: RuleView, member: UUID, *, key: str, cause: str | None = None) -> GrantView | None:
    """Give what a rule says, once for a key of `ctx.plugin`; None when the rule says no, which "why" then
    tells.

    Conditions are evaluated now; limits and budgets hold against concurrent grants. What is sold out or
    limited by a kind itself is a refusal too. Raises Conflict when a kind is missing or off, KeyReused when
    the key gave something else before.
    """
    _check_key(key)
    with ctx.transaction():
        ctx = ctx.caused_by(cause) if cause else ctx
        member = members.resolve(ctx, member)
        if (held := _known(ctx, key, member, rule.id)) is not None:
            return held
        evidence: dict[str, Any] = {}
        try:
            evidence = _ask(ctx, rule, member)
            with db.savepoint():
                return _by_rule(ctx, rule, member, key, evidence)
        except _Refused as no:
            _refuse(ctx, rule, member, key, no.reason, no.evidence)
        except (SoldOut, LimitReached) as ex:
            _refuse(ctx, rule, member, key, ex.code, {**evidence, "refusal": ex.message})
        return None


def _ask(ctx: Context, rule: RuleView, member: UUID) -> dict[str, Any]:
    """Evaluate a rule's window and conditions; return the values read, or raise _Refused with them."""
    now, spec = ctx.now(), rule.spec
    if not spec.active or (spec.starts_at and now < spec.starts_at) or (spec.ends_at and now >= spec.ends_at):
        raise _Refused("rule_not_active", {})
    refused, read = kinds.ask(ctx, spec.conditions, member)
    if refused:
        raise _Refused(f"condition:{refused}", {"conditions": read})
    return {"conditions": read} if read else {}


def _by_rule(ctx: Context, rule: RuleView, member: UUID, key: str, evidence: dict[str, Any]) -> GrantView:
    most = rule.spec.limits
    grant_id, minted = new_id(), _minted(ctx, rule.rewards)
    if not _insert(
        ctx,
        id=grant_id,
        plugin=ctx.plugin,
        key=key,
        asked=key,
        member=member,
        rule=rule.id,
        rule_version=rule.version,
        subject=rule.name,
        state="given",
        reason="",
        evidence=evidence,
        points=minted,
        cause=ctx.cause,
        at=ctx.now(),
    ):
        held = _known(ctx, key, member, rule.id)
        assert held is not None, "the insert met a committed row"
        return held
    if most.per_member is not None:  # a member's own limit comes before accounts and stock in the order of locks
        period = limits.period_name(ctx, most.per_member_period)
        left = most.per_member - limits.used_by_merged(ctx, rule.id, member, period)
        if not limits.take(ctx, rule.id, f"member:{member}:{period}", 1, left):
            raise _Refused("limit_per_member", {**evidence, "limit": most.per_member, "period": period})
    items = _give_all(ctx, member, rule.rewards, grant_id, rule.id, rule.version, rule.name)
    if most.total is not None and not limits.take(ctx, rule.id, "total", 1, most.total):
        raise _Refused("limit_total", {**evidence, "limit": most.total})
    if (
        most.budget_points is not None
        and minted
        and not limits.take(ctx, rule.id, "points", minted, most.budget_points)
    ):
        raise _Refused("budget_used_up", {**evidence, "budget": most.budget_points, "wanted": minted})
    return GrantView(
        grant_id, member, ctx.plugin, key, rule.id, rule.version, "given", minted, items, ctx.cause, ctx.now()
    )


def _minted(ctx: Context, rewards: Sequence[RewardSpec]) -> int:
    total = 0
    for place, wanted in enumerate(rewards):
        _, kind = kinds.reward(ctx, wanted.kind)
        total += kind.points(kinds.read_spec(kind.spec, wanted.spec, f"rewards.{place}.spec"))
    return total


def _give_all(
    ctx: Context,
    member: UUID,
    rewards: Sequence[RewardSpec],
    grant_id: UUID,
    rule: UUID | None,
    version: int | None,
    subject: str,
) -> tuple[GivenReward, ...]:
    given: list[GivenReward] = []
    for place, wanted in enumerate(rewards):
        slug, kind = kinds.reward(ctx, wanted.kind)
        spec = kinds.read_spec(kind.spec, wanted.spec, f"rewards.{place}.spec")
        key = f"{grant_id}:{place}"
        if slug == "core":  # the ledger keeps the rule beside the entry
            asset: Asset = "growth" if kind.name == "growth" else "points"
            receipt = kinds.credit(ctx, member, asset, spec.amount, spec.reason or subject, key, rule, version)
        else:
            receipt = kind.grant(ctx.for_plugin(slug), member, spec, key)
        RewardItem.scoped(ctx).insert(
            grant=grant_id, position=place, kind=wanted.kind, plugin=slug, spec=wanted.spec, receipt=receipt
        ).execute()
        ctx.publish(RewardGranted(member=member, grant=grant_id, kind=wanted.kind, plugin=slug))
        given.append(GivenReward(wanted.kind, slug, wanted.spec, receipt, "given"))
    return tuple(given)


def _refuse(ctx: Context, rule: RuleView, member: UUID, key: str, reason: str, evidence: dict[str, Any]) -> None:
    RewardGrant.scoped(ctx).insert(
        plugin=ctx.plugin,
        asked=key,
        member=member,
        rule=rule.id,
        rule_version=rule.version,
        subject=rule.name,
        state="refused",
        reason=reason[:LONGEST_KEY],
        evidence=evidence,
        cause=ctx.cause,
        at=ctx.now(),
    ).execute()


def give(
    ctx: Context,
    member: UUID,
    rewards: Sequence[RewardSpec],
    *,
    key: str,
    cause: str | None = None,
    reason: Words,
    evidence: dict[str, Any] | None = None,
) -> GrantView:
    """Give rewards that the plugin's own logic decided, once for a key of `ctx.plugin`; `reason` is what
    "why" tells.

    Raises Conflict when a kind is missing, off or sold out, Invalid for a kind's wrong spec, KeyReused when
    the key gave something else before.
    """
    _check_key(key)
    with ctx.transaction():
        ctx = ctx.caused_by(cause) if cause else ctx
        member, digest = members.resolve(ctx, member), _digest(rewards)
        if (held := _known(ctx, key, member, None, rewards, kept(reason, LONGEST_KEY))) is not None:
            return held
        grant_id, minted = new_id(), _minted(ctx, rewards)
        fresh = _insert(
            ctx,
            id=grant_id,
            plugin=ctx.plugin,
            key=key,
            asked=key,
            digest=digest,
            member=member,
            subject=kept(reason, 100),
            state="given",
            reason=kept(reason, LONGEST_KEY),
            evidence=evidence or {},
            points=minted,
            cause=ctx.cause,
            at=ctx.now(),
        )
        if not fresh:
            held = _known(ctx, key, member, None, rewards, kept(reason, LONGEST_KEY))
            assert held is not None, "the insert met a committed row"
            return held
        items = _give_all(ctx, member, rewards, grant_id, None, None, kept(reason, 60))
        return GrantView(grant_id, member, ctx.plugin, key, None, None, "given", minted, items, ctx.cause, ctx.now())


def revoke(ctx: Context, grant_id: UUID, *, reason: Words) -> Revocation:
    """Take back what is left of a grant; what was used already is listed in words. Repeating it changes
    nothing more.

    The rule's total and budget are given back; the member's own count stays, so that buying and refunding in
    turn earns nothing twice. A plugin that is off since still takes back what it gave. Raises NotFound for
    another plugin's grant; core (the console) may revoke any.
    """
    with ctx.transaction():
        row = RewardGrant.scoped(ctx).lock(RewardGrant.id == grant_id, RewardGrant.key.is_null(False))
        if ctx.plugin not in ("core", row.plugin):
            raise NotFound(f"no such grant of {ctx.plugin}", "找不到该奖励")
        items = list(RewardItem.scoped(ctx).select().where(RewardItem.grant == grant_id).order_by(RewardItem.position))
        if row.state != "given":
            return Revocation(
                grant_id,
                sum(i.state == "revoked" for i in items),
                [i.remark for i in items if i.state == "spent"],
            )
        member = members.resolve(ctx, row.member)
        spent: list[str] = []
        for item in reversed(items):
            slug, kind = kinds.installed_reward(ctx, item.kind)
            spec = kinds.read_spec(kind.spec, item.spec, f"rewards.{item.position}.spec")
            left = kind.revoke(ctx.for_plugin(slug), member, spec, item.receipt)
            state = "spent" if left else "revoked"
            RewardItem.scoped(ctx).update(state=state, remark=left or "").where(RewardItem.id == item.id).execute()
            ctx.publish(RewardRevoked(member=member, grant=grant_id, kind=item.kind, plugin=slug))
            if left:
                spent.insert(0, left)
        RewardGrant.scoped(ctx).update(
            state="partly" if spent else "revoked", revoked_at=ctx.now(), revoke_reason=kept(reason, LONGEST_KEY)
        ).where(RewardGrant.id == grant_id).execute()
        if row.rule is not None:
            limits.give_back(ctx, row.rule, "total", 1)
            limits.give_back(ctx, row.rule, "points", row.points)
        ctx.audit("rewards.revoked", str(grant_id), {"reason": kept(reason), "spent": len(spent)})
        return Revocation(grant_id, len(items) - len(spent), spent)


def note(ctx: Context, notes: Sequence[Note]) -> None:
    """Keep decisions that no rule made, so that "why" can tell them: a referral refused, a level moved."""
    rows = [
        {
            "plugin": ctx.plugin,
            "asked": "",
            "member": n.member,
            "subject": kept(n.subject, 100),
            "state": "refused" if n.refused else "noted",
            "reason": kept(n.reason, LONGEST_KEY),
            "evidence": n.evidence,
            "cause": ctx.cause,
            "at": ctx.now(),
        }
        for n in notes
    ]
    for start in range(0, len(rows), 500):
        RewardGrant.scoped(ctx).insert_many(rows[start : start + 500]).execute()


def find_grant(ctx: Context, key: str) -> GrantView | None:
    """Return what was given for a key of `ctx.plugin`, or None."""
    row = RewardGrant.scoped(ctx).first(RewardGrant.plugin == ctx.plugin, RewardGrant.key == key)
    return view(ctx, row) if row else None


def view(ctx: Context, row: RewardGrant) -> GrantView:
    """Return a stored grant as a value."""
    items = RewardItem.scoped(ctx).select().where(RewardItem.grant == row.id).order_by(RewardItem.position)
    return GrantView(
        row.id,
        row.member,
        row.plugin,
        row.asked,
        row.rule,
        row.rule_version,
        row.state,
        row.points,
        tuple(GivenReward(i.kind, i.plugin, i.spec, i.receipt, i.state) for i in items),
        row.cause,
        row.at,
    )
