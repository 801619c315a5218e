"""The plugin author's one door: everything of Roost that a plugin may use.

A plugin imports this module, third-party libraries, and the package face of a plugin that its `plugin.toml` requires;
nothing else. What is not here is private and may change at any time. The manifest's `api` names the version of this
module that a plugin was written for; the present one is "1".

Begin with `docs/plugins.md`.
"""

from core import identity, inventory, members, points, rewards, tenants
from core.bulk import insert_rows, one_of
from core.clock import local_date, local_midnight
from core.context import Actor, Context
from core.db import connection, savepoint
from core.errors import (
    Conflict,
    Forbidden,
    InsufficientBalance,
    Invalid,
    KeyReused,
    LimitReached,
    NotFound,
    RoostError,
    SoldOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from core.events.facts import (
    Fact,
    LevelDown,
    LevelUp,
    MemberConverted,
    MemberErased,
    MemberMerged,
    MemberRegistered,
    MemberUpdated,
    Movement,
    PointsCredited,
    PointsDebited,
    PointsExpired,
    RewardGranted,
    RewardRevoked,
)
from core.fields import JsonField, TimeField
from core.ids import new_id
from core.paging import keyset
from core.privacy import mask_phone, normalise_phone
from core.privacy.sealing import blind, blinds, seal, sealed_with_old_key, unseal
from core.runtime.declarations import (
    Action,
    Answer,
    Callback,
    Column,
    ConditionKind,
    Endpoints,
    Form,
    Job,
    Listing,
    Next,
    Page,
    PageQuery,
    Panel,
    Push,
    Remote,
    Resource,
    RewardKind,
    Schedule,
)
from core.runtime.manifest import Text
from core.runtime.specs import Veto, contribution, decision, duty, fact, hookimpl
from core.tables import TenantModel

API = "1"

__all__ = [
    "Action",
    "Actor",
    "Answer",
    "API",
    "blind",
    "blinds",
    "Callback",
    "Column",
    "ConditionKind",
    "Conflict",
    "connection",
    "Context",
    "contribution",
    "decision",
    "duty",
    "Endpoints",
    "Fact",
    "fact",
    "Forbidden",
    "Form",
    "hookimpl",
    "identity",
    "insert_rows",
    "InsufficientBalance",
    "Invalid",
    "inventory",
    "Job",
    "JsonField",
    "KeyReused",
    "keyset",
    "LevelDown",
    "LevelUp",
    "LimitReached",
    "Listing",
    "local_date",
    "local_midnight",
    "mask_phone",
    "MemberConverted",
    "MemberErased",
    "MemberMerged",
    "MemberRegistered",
    "members",
    "MemberUpdated",
    "Movement",
    "new_id",
    "Next",
    "normalise_phone",
    "NotFound",
    "one_of",
    "Page",
    "PageQuery",
    "Panel",
    "points",
    "PointsCredited",
    "PointsDebited",
    "PointsExpired",
    "Push",
    "Remote",
    "Resource",
    "RewardGranted",
    "RewardKind",
    "RewardRevoked",
    "rewards",
    "RoostError",
    "savepoint",
    "Schedule",
    "seal",
    "sealed_with_old_key",
    "SoldOut",
    "TenantModel",
    "tenants",
    "Text",
    "TimeField",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "unseal",
    "Veto",
]
