"""The plugin author's one door: everything of Roost that a plugin may use.

A plugin imports this module, third-party libraries, and the package face of a plugin that its `plugin.toml` requires;
nothing else. What is not here is private and may change at any time. The manifest's `api` names the version of this
module that a plugin was written for; the present one is "2".

Begin with `docs/plugins.md`.
"""

from core import egress, identity, inventory, members, points, rewards, risk, tenants
from core.bulk import Same, delete_some, insert_columns, insert_rows, one_of
from core.choices import names_in
from core.clock import add_months, local_date, local_day_end, local_instant, local_midnight, local_time
from core.content import Content
from core.contract import hookspecs as hooks
from core.contract.bodies import Body, Row
from core.contract.console import Action, Choice, Column, Form, Page, Panel, Resource
from core.contract.context import Actor, Context
from core.contract.facts import (
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
from core.contract.plugin import Contribution
from core.contract.ports import (
    Channel,
    Charge,
    ContentCheck,
    Listener,
    MediaAsked,
    Notice,
    Outgoing,
    PaymentMethod,
    PaymentState,
    Refund,
    RiskAsked,
    RiskCheck,
    Sent,
    Settlement,
    StaffTold,
    Stat,
    Storage,
    Store,
    TextAsked,
    Ticket,
    Told,
    Verdict,
)
from core.contract.remote import Remote, Steps
from core.contract.rest import Answer, Callback, Endpoints, Listing, PageQuery, Push, Upload
from core.contract.rewards import ConditionKind, RewardKind
from core.contract.specs import Veto, contribution, decision, fact, hookimpl, lifecycle
from core.contract.work import Job, Next, Schedule, Slot
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
from core.fields import BlindField, JsonField, SealedField, TimeField, WordsField
from core.ids import new_id
from core.inbox import Handled, Inbox
from core.member_rows import BY_PLUGIN, DELETE, KEEP, Blank, MemberRows, Unite
from core.numbers import NumberScope, number_scopes, scope_text
from core.paging import keyset
from core.privacy import ContactPhone, PhoneText, mask_phone, normalise_phone
from core.privacy.sealing import blind, blinds, seal, sealed_with_old_key, unseal
from core.tables import TenantModel
from core.tenants import SentTo
from core.words import Text, Words, kept, said, said_within

API = "2"

__all__ = [
    "RiskAsked",
    "RiskCheck",
    "Words",
    "WordsField",
    "kept",
    "said",
    "said_within",
    "Action",
    "Actor",
    "add_months",
    "Answer",
    "API",
    "Blank",
    "blind",
    "BlindField",
    "blinds",
    "BY_PLUGIN",
    "Body",
    "Callback",
    "Channel",
    "Charge",
    "Choice",
    "Column",
    "ConditionKind",
    "Conflict",
    "connection",
    "Content",
    "ContentCheck",
    "Context",
    "ContactPhone",
    "Contribution",
    "contribution",
    "decision",
    "DELETE",
    "delete_some",
    "egress",
    "Endpoints",
    "fact",
    "Fact",
    "Forbidden",
    "Form",
    "Handled",
    "hookimpl",
    "hooks",
    "identity",
    "Inbox",
    "insert_columns",
    "insert_rows",
    "InsufficientBalance",
    "Invalid",
    "inventory",
    "Job",
    "JsonField",
    "KEEP",
    "KeyReused",
    "keyset",
    "LevelDown",
    "LevelUp",
    "lifecycle",
    "LimitReached",
    "Listener",
    "Listing",
    "local_date",
    "local_day_end",
    "local_instant",
    "local_midnight",
    "local_time",
    "mask_phone",
    "MediaAsked",
    "MemberConverted",
    "MemberErased",
    "MemberMerged",
    "MemberRegistered",
    "MemberRows",
    "members",
    "MemberUpdated",
    "Movement",
    "names_in",
    "new_id",
    "Next",
    "normalise_phone",
    "NotFound",
    "Notice",
    "NumberScope",
    "one_of",
    "Outgoing",
    "Page",
    "PageQuery",
    "Panel",
    "PaymentMethod",
    "PaymentState",
    "PhoneText",
    "number_scopes",
    "points",
    "PointsCredited",
    "PointsDebited",
    "PointsExpired",
    "Push",
    "Refund",
    "Remote",
    "Resource",
    "RewardGranted",
    "RewardKind",
    "RewardRevoked",
    "rewards",
    "risk",
    "RoostError",
    "Same",
    "savepoint",
    "Row",
    "Schedule",
    "scope_text",
    "seal",
    "sealed_with_old_key",
    "SealedField",
    "Sent",
    "SentTo",
    "Settlement",
    "Slot",
    "SoldOut",
    "Stat",
    "Steps",
    "Storage",
    "Store",
    "TenantModel",
    "tenants",
    "Text",
    "TextAsked",
    "Ticket",
    "TimeField",
    "StaffTold",
    "Told",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unite",
    "unseal",
    "Upload",
    "Verdict",
    "Veto",
]
