"""Members: who they are, the lifecycle, the level as a state, merge, export, erasure.

- come: register, register_many, link_identity
- find: get, get_many, get_in_scope, resolve, resolve_many, find, find_by_phone, find_by_last_four, find_by_identity,
  check_scope, born_on, ending
- code: member_code, resolve_member_code
- profile: update_profile, set_class, phone_of, reveal_phone, change_phone, attributes, define_attribute
- membership: set_membership, lapse, in_states, set_level, set_levels, levels_of, without_level
- lists of other systems: put_on_list, take_off_list
- consent: give_consent, withdraw_consent, has_consent, consents, answers
- keep out: bar, lift_bar, bars, require_not_barred, barred
- join: merge_preview, merge, unmerge, merged_into
- leave: export, erase
- keys: start_rotation
"""

from core.members.attributes import Attribute, attributes, define_attribute
from core.members.bars import BarView, bar, barred, bars, lift_bar, require_not_barred
from core.members.birthdays import born_on
from core.members.bulk import NewMember, register_many
from core.members.class_lists import put_on_list, take_off_list
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
from core.members.lapsing import in_states, lapse
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
    "barred",
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
    "in_states",
    "lapse",
    "levels_of",
    "lift_bar",
    "link_identity",
    "member_code",
    "merge",
    "merge_preview",
    "merged_into",
    "phone_of",
    "put_on_list",
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
    "take_off_list",
    "unmerge",
    "update_profile",
    "withdraw_consent",
    "without_level",
]
