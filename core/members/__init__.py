"""Members: who they are, the lifecycle, the level as a state, merge, export, erasure."""

from core.members.attributes import Attribute, attributes, define_attribute
from core.members.bars import BarView, bar, bars, lift_bar, require_not_barred
from core.members.birthdays import born_on
from core.members.bulk import NewMember, register_many
from core.members.codes import member_code, resolve_member_code
from core.members.consents import (
    ConsentView,
    answers,
    consents,
    give_consent,
    has_consent,
    withdraw_consent,
)
from core.members.ending import ending
from core.members.finding import (
    MemberFilter,
    check_scope,
    find,
    find_by_identity,
    find_by_last_four,
    find_by_phone,
    get,
    get_in_scope,
    get_many,
    resolve,
    resolve_many,
)
from core.members.leaving import erase, export
from core.members.level_batches import LevelChange, levels_of, merged_into, set_levels, without_level
from core.members.membership import set_level, set_membership
from core.members.merging import MergePreview, merge, merge_preview
from core.members.models import AttributeDefinition, Consent, Member, MemberBar, MemberIdentity, MemberMerge
from core.members.profile import phone_of, reveal_phone, set_class, update_profile
from core.members.registration import change_phone, link_identity, register
from core.members.rotation import CORE_JOBS, start_rotation
from core.members.unmerging import Unmerged, unmerge
from core.members.views import MemberPage, MemberView

__all__ = [
    "CORE_JOBS",
    "Attribute",
    "AttributeDefinition",
    "BarView",
    "Consent",
    "ConsentView",
    "LevelChange",
    "Member",
    "MemberBar",
    "MemberFilter",
    "MemberIdentity",
    "MemberMerge",
    "MemberPage",
    "MemberView",
    "MergePreview",
    "NewMember",
    "Unmerged",
    "answers",
    "attributes",
    "bar",
    "bars",
    "born_on",
    "change_phone",
    "check_scope",
    "consents",
    "define_attribute",
    "ending",
    "erase",
    "export",
    "find",
    "find_by_identity",
    "find_by_last_four",
    "find_by_phone",
    "get",
    "get_in_scope",
    "get_many",
    "give_consent",
    "has_consent",
    "levels_of",
    "lift_bar",
    "link_identity",
    "member_code",
    "merge",
    "merge_preview",
    "merged_into",
    "phone_of",
    "register",
    "register_many",
    "require_not_barred",
    "resolve",
    "resolve_many",
    "resolve_member_code",
    "reveal_phone",
    "set_class",
    "set_level",
    "set_levels",
    "set_membership",
    "start_rotation",
    "unmerge",
    "update_profile",
    "withdraw_consent",
    "without_level",
]
