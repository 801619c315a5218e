"""Rewards and conditions: rules as data, grants with provenance, "why".

Plugins contribute kinds; any rule of any plugin may name them. Core's own: rewards `points` and `growth`;
conditions `state`, `level`, `class`, `venue`, `registered_within_days`.

- rules: save_rule, rule, rules, all_rules, rule_versions, check_rewards, check_conditions
- kinds: rewards_on, conditions_on, describe, describe_condition, ask
- give: grant, give, revoke, find_grant
- why: why, note
"""

from core.rewards.grants import find_grant, give, grant, note, revoke
from core.rewards.kinds import CONDITIONS, REWARDS, ask, check_conditions, conditions_on, rewards_on
from core.rewards.models import RewardGrant, RewardItem, RewardRule
from core.rewards.rules import all_rules, check_rewards, rule, rule_versions, rules, save_rule
from core.rewards.specs import (
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

__all__ = [
    "CONDITIONS",
    "REWARDS",
    "ConditionSpec",
    "GivenReward",
    "GrantView",
    "Limits",
    "Note",
    "Revocation",
    "RewardGrant",
    "RewardItem",
    "RewardRule",
    "RewardSpec",
    "RuleSpec",
    "RuleView",
    "WhyRow",
    "all_rules",
    "ask",
    "check_conditions",
    "check_rewards",
    "conditions_on",
    "describe",
    "describe_condition",
    "rewards_on",
    "find_grant",
    "give",
    "grant",
    "note",
    "revoke",
    "rule",
    "rule_versions",
    "rules",
    "save_rule",
    "why",
]
