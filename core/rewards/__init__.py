"""Rewards and conditions: rules as data, grants with provenance, "why", batches and their recall.

Plugins contribute kinds; any rule of any plugin may name them. Core's own: rewards `points` and `growth`;
conditions `state`, `level`, `class`, `venue`, `registered_within_days`.

- rules: save_rule, rule, rules, all_rules, rule_versions, check_rewards, check_conditions
- kinds: rewards_on, conditions_on, describe, describe_condition, ask
- give: grant, give, revoke, find_grant
- why: why, note
- many at once: audience, preview_batch, approve_batch, drop_batch, run_batch, recall_batch
  batch, batches, batch_heads
"""

from collections.abc import Callable
from typing import Any

from core.contract.context import Context
from core.rewards.audience import Audience, audience
from core.rewards.batching import (
    RECALL,
    RUN,
    approve_batch,
    batch,
    batch_heads,
    batches,
    drop_batch,
    preview_batch,
    recall_batch,
    run_batch,
    run_recall,
)
from core.rewards.grants import find_grant, give, grant, note, revoke
from core.rewards.kinds import CONDITIONS, REWARDS, ask, check_conditions, conditions_on, rewards_on
from core.rewards.models import RewardBatch, RewardBatchMember, RewardGrant, RewardItem, RewardRule
from core.rewards.rules import all_rules, check_rewards, rule, rule_versions, rules, save_rule
from core.rewards.specs import (
    BatchView,
    ConditionSpec,
    GivenReward,
    GrantView,
    Limits,
    Note,
    Revocation,
    RewardSpec,
    RuleSpec,
    RuleView,
    WhyRow,
)
from core.rewards.why import describe, describe_condition, why

# Kinds of job that core.boot adds to `runtime.core_jobs`.
JOBS: dict[str, Callable[[Context, dict[str, Any]], Any]] = {RUN: run_batch, RECALL: run_recall}

__all__ = [
    "CONDITIONS",
    "JOBS",
    "REWARDS",
    "Audience",
    "BatchView",
    "ConditionSpec",
    "GivenReward",
    "GrantView",
    "Limits",
    "Note",
    "Revocation",
    "RewardBatch",
    "RewardBatchMember",
    "RewardGrant",
    "RewardItem",
    "RewardRule",
    "RewardSpec",
    "RuleSpec",
    "RuleView",
    "WhyRow",
    "all_rules",
    "approve_batch",
    "ask",
    "audience",
    "batch",
    "batch_heads",
    "batches",
    "check_conditions",
    "check_rewards",
    "conditions_on",
    "describe",
    "describe_condition",
    "rewards_on",
    "drop_batch",
    "find_grant",
    "give",
    "grant",
    "note",
    "preview_batch",
    "recall_batch",
    "revoke",
    "rule",
    "rule_versions",
    "rules",
    "run_batch",
    "save_rule",
    "why",
]
