"""Who is there and what they may do: sessions, codes, tokens, staff, roles, keys.

- sessions: open_session, revoke_session, revoke_sessions_of, sessions_of, authenticate, presume,
  sign_in_staff, clean
- codes: issue_code, check_code, member_code, resolve_member_code; at a gate: read_code
- tokens: sign_token, read_token
- staff: create_staff, staff_account, all_staff, set_staff_roles, set_staff_active, change_password,
  reset_password, take_allowance
- roles: save_role, roles, known_permissions
- keys: create_key, revoke_key, keys
"""

from core.identity.allowances import take_allowance
from core.identity.codes import check_code, issue_code
from core.identity.gates import read_code
from core.identity.keys import KeyView, create_key, keys, revoke_key
from core.identity.models import AccessKey, OneTimeCode, Session, Staff, StaffAllowance, StaffRole
from core.identity.permissions import CORE_PERMISSIONS, known_permissions
from core.identity.roles import RoleView, roles, save_role
from core.identity.sessions import (
    SessionView,
    Signed,
    authenticate,
    clean,
    open_session,
    presume,
    revoke_session,
    revoke_sessions_of,
    sessions_of,
)
from core.identity.signing import read_token, sign_token
from core.identity.staff import (
    StaffView,
    all_staff,
    change_password,
    create_staff,
    reset_password,
    set_staff_active,
    set_staff_roles,
    sign_in_staff,
)
from core.identity.staff import staff as staff_account
from core.members.codes import member_code, resolve_member_code

__all__ = [
    "CORE_PERMISSIONS",
    "AccessKey",
    "KeyView",
    "OneTimeCode",
    "RoleView",
    "Session",
    "SessionView",
    "Signed",
    "Staff",
    "StaffAllowance",
    "StaffRole",
    "StaffView",
    "all_staff",
    "authenticate",
    "change_password",
    "check_code",
    "clean",
    "create_key",
    "create_staff",
    "issue_code",
    "keys",
    "known_permissions",
    "member_code",
    "open_session",
    "presume",
    "read_token",
    "reset_password",
    "read_code",
    "resolve_member_code",
    "revoke_key",
    "revoke_session",
    "revoke_sessions_of",
    "roles",
    "save_role",
    "sessions_of",
    "set_staff_active",
    "set_staff_roles",
    "sign_in_staff",
    "sign_token",
    "staff_account",
    "take_allowance",
]
